import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Logger } from 'pino';
import type { Caller } from '../../db/members/authenticate.ts';
import { ANY_ID } from '../../domain/ids.ts';
import type { AppEnv } from '../deps.ts';
import type { Call } from './metrics.ts';

/** Logs and observes each call by the pattern of its route and by Lethe's own ids, without its path, query, body or token. */
export const accessLog = (logger: Logger, observe: (call: Call) => void = () => {}): MiddlewareHandler<AppEnv> =>
  async function accessLog(c, next) {
    const startedAt = performance.now();
    await next();
    const ms = performance.now() - startedAt;
    const call = { method: c.req.method, route: routeOf(c), status: c.res.status };
    // Undefined when the call was rejected before its token was checked.
    const caller: Caller | undefined = c.get('caller');
    const ids = { id: ANY_ID.exec(c.req.path)?.[0], member: caller?.memberId, token: caller?.tokenId };
    logger.info({ requestId: c.get('requestId'), ...call, ...ids, ms: Math.round(ms) }, 'request completed');
    observe({ ...call, seconds: ms / 1_000 });
  };

/** The pattern of the handler of the path, even when a middleware responded in its place. */
const routeOf = (c: Context<AppEnv>): string | null =>
  matchedRoutes(c).find(({ method }) => method !== 'ALL')?.path ?? null;
