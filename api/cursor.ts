import type { After } from '../db/list-requests.ts';
import { REQUEST_ID } from '../domain/ids.ts';
import { invalidRequest } from './faults.ts';

/** Opaque to callers: where the last page ended. */
export const requestCursor = ({ receivedAt, id }: After): string =>
  Buffer.from(`${receivedAt.getTime()} ${id}`).toString('base64url');

export function parseRequestCursor(cursor: string | undefined): After | null {
  if (cursor === undefined) return null;
  const [millis = '', id = ''] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ');
  if (!/^\d{1,15}$/.test(millis) || !REQUEST_ID.test(id)) throw badCursor();
  return { receivedAt: new Date(Number(millis)), id };
}

export const positionCursor = (position: number): string => Buffer.from(`p${position}`).toString('base64url');

export function parsePositionCursor(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const position = /^p(\d{1,9})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'))?.[1];
  if (position === undefined) throw badCursor();
  return Number(position);
}

const badCursor = () =>
  invalidRequest([
    { in: 'query', pointer: '/cursor', code: 'unknown_cursor', detail: 'is not the nextCursor of a page' },
  ]);
