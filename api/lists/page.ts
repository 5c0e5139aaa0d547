import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { AppEnv } from '../deps.ts';
import { SAMPLE } from '../openapi/samples.ts';

/** The response of every list. `exampleCursor` is the `nextCursor` in the document's example. */
export const pageSchema = <Item extends z.ZodType>(item: Item, exampleCursor: string | null = SAMPLE.cursor) =>
  z.strictObject({
    items: z.array(item).openapi({ description: 'Items of the page.' }),
    nextCursor: z
      .string()
      .nullable()
      .openapi({ description: 'Cursor of the next page. Null on the last page.', 'x-example': exampleCursor }),
  });

/** Expects one row more than the page holds if there is a next page; `Link` then repeats the query with its cursor. */
export function createPage<Row>(
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
