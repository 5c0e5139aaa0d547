import type { AfterActivity } from '../../db/audit/activity.ts';
import type { AfterDelivery } from '../../db/notifications/list.ts';
import type { After } from '../../db/requests/list.ts';
import { DELIVERY_ID, REQUEST_ID } from '../../domain/ids.ts';
import { invalidRequest } from '../http/validation-errors.ts';

/** Cursors are opaque to callers. Each encodes the last item of a page. */
export const encodeRequestCursor = ({ receivedAt, id }: After): string => encode(`${receivedAt.getTime()} ${id}`);

export function parseRequestCursor(cursor: string | undefined): After | null {
  const place = parseTimestampAndId(cursor, REQUEST_ID);
  return place === null ? null : { receivedAt: place.at, id: place.id };
}

export const encodeActivityCursor = ({ at, id }: AfterActivity): string => encode(`${at.getTime()} ${id}`);

export function parseActivityCursor(cursor: string | undefined): AfterActivity | null {
  const place = parseTimestampAndId(cursor, EVENT_ID);
  return place === null ? null : { at: place.at, id: Number(place.id) };
}

export const encodeDeliveryCursor = ({ at, id }: AfterDelivery): string => encode(`${at.getTime()} ${id}`);

export const parseDeliveryCursor = (cursor: string | undefined): AfterDelivery | null =>
  parseTimestampAndId(cursor, DELIVERY_ID);

function parseTimestampAndId(
  cursor: string | undefined,
  pattern: RegExp,
): { readonly at: Date; readonly id: string } | null {
  if (cursor === undefined) return null;
  const [millis = '', id = ''] = decode(cursor).split(' ');
  if (!MILLIS.test(millis) || !pattern.test(id)) throw invalidCursor();
  return { at: new Date(Number(millis)), id };
}

/** For lists ordered by ID, which is the order of creation. */
export const encodeIdCursor = ({ id }: { readonly id: string }): string => encode(id);

export function parseIdCursor(cursor: string | undefined, pattern: RegExp): string | null {
  if (cursor === undefined) return null;
  const id = decode(cursor);
  if (!pattern.test(id)) throw invalidCursor();
  return id;
}

export const encodePositionCursor = (position: number): string => encode(`p${position}`);

export function parsePositionCursor(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const position = /^p(\d{1,9})$/.exec(decode(cursor))?.[1];
  if (position === undefined) throw invalidCursor();
  return Number(position);
}

const MILLIS = /^\d{1,14}$/;
const EVENT_ID = /^\d{1,15}$/;
const encode = (place: string): string => Buffer.from(place).toString('base64url');
const decode = (cursor: string): string => Buffer.from(cursor, 'base64url').toString('utf8');

const invalidCursor = () =>
  invalidRequest([
    { in: 'query', pointer: '/cursor', code: 'unknown_cursor', detail: 'must be the nextCursor of a previous page' },
  ]);
