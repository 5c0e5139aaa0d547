import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { AppEnv } from '../deps.ts';

/** The pattern of the handler of the path, even when a middleware responded in its place. */
export const routeOf = (c: Context<AppEnv>): string | null =>
  matchedRoutes(c).find(({ method }) => method !== 'ALL')?.path ?? null;
