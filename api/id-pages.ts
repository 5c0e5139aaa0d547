import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { AppEnv } from './deps.ts';

/** Where a page goes on: ids are in order of time, so the last one seen says it all. */
export const idCursor = (id: RegExp) =>
  z.string().regex(id).optional().openapi({ description: '`nextCursor` of the page before; without it, the first.' });

/** Of one row more than was asked for, if there is one: then there is a next page, and `Link` leads to it. */
export function pageOf<Row extends { readonly id: string }>(
  c: Context<AppEnv>,
  rows: readonly Row[],
  limit: number,
): { readonly page: Row[]; readonly nextCursor: string | null } {
  const page = rows.slice(0, limit);
  const nextCursor = rows.length > limit ? (page.at(-1)?.id ?? null) : null;
  if (nextCursor !== null) {
    const next = new URL(c.req.url);
    next.searchParams.set('cursor', nextCursor);
    c.header('Link', `<${next.pathname}${next.search}>; rel="next"`);
  }
  return { page, nextCursor };
}
