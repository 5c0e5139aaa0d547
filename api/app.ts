import { OpenAPIHono } from '@hono/zod-openapi';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { secureHeaders } from 'hono/secure-headers';
import { accessLog } from './http/access-log.ts';
import { limitBodies } from './http/body-limit.ts';
import type { ApiDeps, AppEnv } from './deps.ts';
import { docs } from './openapi/pages.ts';
import { documentOf } from './openapi/document.ts';
import type { OpenApi } from './openapi/shape.ts';
import { download } from './download/download.ts';
import { STYLE_HASH } from './download/pages.ts';
import { onError, problem } from './http/errors.ts';
import { onValidationError } from './http/validation-errors.ts';
import { health } from './http/health.ts';
import { v1 } from './routes/index.ts';

const NONE = ["'none'"];
const OWN = ["'self'"];
/** An answer is data: a browser that is led to one loads and runs nothing. */
const ANSWERS = secureHeaders({ contentSecurityPolicy: { defaultSrc: NONE, frameAncestors: NONE } });
/** The pages of /docs load what Lethe serves, and nothing else. The style sheet of Swagger UI has its icons inside. */
const PAGES = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: NONE,
    scriptSrc: OWN,
    styleSrc: OWN,
    imgSrc: [...OWN, 'data:'],
    connectSrc: OWN,
    baseUri: NONE,
    formAction: NONE,
    frameAncestors: NONE,
  },
});

/** A page for people, whose button calls its own address. */
const DOWNLOADS = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: NONE,
    styleSrc: [STYLE_HASH],
    formAction: OWN,
    baseUri: NONE,
    frameAncestors: NONE,
  },
});

const headersFor = (path: string) => {
  if (path.startsWith('/docs')) return PAGES;
  return path.startsWith('/download/') ? DOWNLOADS : ANSWERS;
};

/** The whole API as one function from request to answer; `app.request('/path')` needs no port. */
export function createApp(deps: ApiDeps): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: onValidationError });

  app.use(async function requestId(c, next) {
    // Ours alone: one that a caller chose could carry anything into the log.
    c.set('requestId', crypto.randomUUID());
    c.header('X-Request-Id', c.get('requestId'));
    c.header('Cache-Control', 'no-store');
    await next();
  });
  app.use(accessLog(deps.logger, deps.observe));
  app.use((c, next) => headersFor(c.req.path)(c, next));
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        c.header('Allow', methods.join(', '));
        return problem(c, 'method_not_allowed', `the path takes ${methods.join(', ')}`);
      },
    }),
  );
  app.use(limitBodies(deps));

  app.route('/', health(deps));
  app.route('/v1', v1(deps));
  let document: OpenApi | undefined;
  app.get('/openapi.json', (c) => c.json((document ??= documentOf(app))));
  app.route('/docs', docs());
  app.route('/download', download(deps));

  app.notFound((c) => problem(c, 'not_found', 'there is nothing at this path'));
  app.onError(onError(deps.logger));
  return app;
}
