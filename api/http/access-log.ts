import type { MiddlewareHandler } from 'hono';
import type { Logger } from 'pino';
import type { Caller } from '../../db/members/authenticate.ts';
import { ANY_ID } from '../../domain/ids.ts';
import type { AppEnv } from '../deps.ts';
import type { Call } from './metrics.ts';
import { routeOf } from './route.ts';

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
    const fields = { requestId: c.get('requestId'), ...call, ...ids, ms: Math.round(ms) };
    logger.info(fields, 'request completed');
    // What the call changed stays changed. The caller does not know it.
    if (isCutOff(c.env?.outgoing))
      logger.warn({ ...fields, code: 'caller_disconnected' }, 'caller disconnected before the response');
    observe({ ...call, seconds: ms / 1_000 });
  };

/** Whether the caller closed the connection before the response was written. */
const isCutOff = (outgoing: AppEnv['Bindings']['outgoing']): boolean =>
  outgoing?.destroyed === true && !outgoing.writableFinished;
