import type { AfterActivity } from '../../db/audit/activity.ts';
import type { AfterDelivery } from '../../db/notifications/list.ts';
import type { After } from '../../db/requests/list.ts';
import { DELIVERY_ID, REQUEST_ID } from '../../domain/ids.ts';
import { invalidRequest } from '../http/validation-errors.ts';

/** Opaque to callers: where the last page ended. */
export const requestCursor = ({ receivedAt, id }: After): string => written(`${receivedAt.getTime()} ${id}`);

export function parseRequestCursor(cursor: string | undefined): After | null {
  const place = parseTimestampAndId(cursor, REQUEST_ID);
  return place === null ? null : { receivedAt: place.at, id: place.id };
}

export const activityCursor = ({ at, id }: AfterActivity): string => written(`${at.getTime()} ${id}`);

export function parseActivityCursor(cursor: string | undefined): AfterActivity | null {
  const place = parseTimestampAndId(cursor, EVENT_ID);
  return place === null ? null : { at: place.at, id: Number(place.id) };
}

export const deliveryCursor = ({ at, id }: AfterDelivery): string => written(`${at.getTime()} ${id}`);

export const parseDeliveryCursor = (cursor: string | undefined): AfterDelivery | null =>
  parseTimestampAndId(cursor, DELIVERY_ID);

function parseTimestampAndId(
  cursor: string | undefined,
  pattern: RegExp,
): { readonly at: Date; readonly id: string } | null {
  if (cursor === undefined) return null;
  const [millis = '', id = ''] = read(cursor).split(' ');
  if (!MILLIS.test(millis) || !pattern.test(id)) throw badCursor();
  return { at: new Date(Number(millis)), id };
}

/** For lists in the order of their ids, which is the order of creation. */
export const idCursor = ({ id }: { readonly id: string }): string => written(id);

export function parseIdCursor(cursor: string | undefined, pattern: RegExp): string | null {
  if (cursor === undefined) return null;
  const id = read(cursor);
  if (!pattern.test(id)) throw badCursor();
  return id;
}

export const positionCursor = (position: number): string => written(`p${position}`);

export function parsePositionCursor(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const position = /^p(\d{1,9})$/.exec(read(cursor))?.[1];
  if (position === undefined) throw badCursor();
  return Number(position);
}

const MILLIS = /^\d{1,14}$/;
const EVENT_ID = /^\d{1,15}$/;
const written = (place: string): string => Buffer.from(place).toString('base64url');
const read = (cursor: string): string => Buffer.from(cursor, 'base64url').toString('utf8');

const badCursor = () =>
  invalidRequest([
    { in: 'query', pointer: '/cursor', code: 'unknown_cursor', detail: 'is not the nextCursor of a page' },
  ]);
