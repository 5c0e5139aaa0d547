import { OpenAPIHono } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { secureHeaders } from 'hono/secure-headers';
import { DomainError } from '../domain/errors.ts';
import { accessLog } from './access-log.ts';
import type { ApiDeps, AppEnv } from './deps.ts';
import { documentOf } from './document.ts';
import { onError, problem } from './errors.ts';
import { refuseInvalid } from './faults.ts';
import { health } from './health.ts';
import { problemsPage } from './problems.ts';
import { v1 } from './v1/index.ts';

const BODY_LIMIT_BYTES = 10_000_000;

/** The whole API as one function from request to answer; `app.request('/path')` needs no port. */
export function createApp(deps: ApiDeps): OpenAPIHono<AppEnv> {
  const limit = deps.bodyLimitBytes ?? BODY_LIMIT_BYTES;
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid });

  app.use(async function requestId(c, next) {
    // Ours alone: one that a caller chose could carry anything into the log.
    c.set('requestId', crypto.randomUUID());
    c.header('X-Request-Id', c.get('requestId'));
    c.header('Cache-Control', 'no-store');
    await next();
  });
  app.use(accessLog(deps.logger));
  app.use(secureHeaders());
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        c.header('Allow', methods.join(', '));
        return problem(c, 'method_not_allowed', `the path takes ${methods.join(', ')}`);
      },
    }),
  );
  app.use(
    bodyLimit({
      maxSize: limit,
      onError: () => {
        throw new DomainError('body_too_large', `a body may have ${limit} bytes`, { limit });
      },
    }),
  );

  app.route('/', health(deps));
  app.route('/v1', v1(deps));
  app.get('/openapi.json', (c) => c.json(documentOf(app)));
  app.get('/docs/problems', (c) => c.text(problemsPage(), 200, { 'Content-Type': 'text/markdown; charset=utf-8' }));

  app.notFound((c) => problem(c, 'not_found', 'there is nothing at this path'));
  app.onError(onError(deps.logger));
  return app;
}
