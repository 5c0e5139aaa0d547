import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { Logger } from 'pino';
import type { AppEnv } from './deps.ts';

const OUR_ID = /\b(?:req|hold)_[0-9a-f]{32}\b/;

/** One line per request: the route's pattern and our own id, never the path as it came, a query, a body or a token. */
export const accessLog = (logger: Logger): MiddlewareHandler<AppEnv> =>
  async function accessLog(c, next) {
    const startedAt = performance.now();
    await next();
    logger.info(
      {
        requestId: c.get('requestId'),
        method: c.req.method,
        route: c.res.status === 404 ? null : routePath(c, -1),
        id: OUR_ID.exec(c.req.path)?.[0],
        status: c.res.status,
        ms: Math.round(performance.now() - startedAt),
      },
      'answered',
    );
  };
