import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { AppEnv } from '../deps.ts';
import { SAMPLE } from '../openapi/samples.ts';

/** The answer of every list. `exampleCursor`: what the document shows as `nextCursor`. */
export const pageWith = <Item extends z.ZodType>(item: Item, exampleCursor: string | null = SAMPLE.cursor) =>
  z.strictObject({ items: z.array(item), nextCursor: z.string().nullable().openapi({ 'x-example': exampleCursor }) });

/** `rows` are one more than the page takes, where there are more: then `Link` asks the same question for those behind it. */
export function pageOf<Row>(
  c: Context<AppEnv>,
  rows: readonly Row[],
  limit: number,
  cursorOf: (last: Row) => string,
): { readonly items: Row[]; readonly nextCursor: string | null } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  if (rows.length <= limit || last === undefined) return { items, nextCursor: null };
  const nextCursor = cursorOf(last);
  const { pathname, searchParams } = new URL(c.req.url);
  searchParams.set('cursor', nextCursor);
  c.header('Link', `<${pathname}?${searchParams.toString()}>; rel="next"`);
  return { items, nextCursor };
}
