import { OpenAPIHono } from '@hono/zod-openapi';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { secureHeaders } from 'hono/secure-headers';
import { accessLog } from './http/access-log.ts';
import type { ApiDeps, AppEnv } from './deps.ts';
import { docs } from './openapi/pages.ts';
import { buildDocument } from './openapi/document.ts';
import type { OpenApi } from './openapi/shape.ts';
import { download } from './download/download.ts';
import { STYLE_HASH } from './download/pages.ts';
import { onError, problem } from './http/errors.ts';
import { onValidationError } from './http/validation-errors.ts';
import { health } from './http/health.ts';
import { V1, v1 } from './routes/index.ts';

const NONE = ["'none'"];
const SELF = ["'self'"];
/** For responses of the API, which are data: a browser that opens one loads and runs nothing. */
const API_HEADERS = secureHeaders({ contentSecurityPolicy: { defaultSrc: NONE, frameAncestors: NONE } });
/** For the pages of /docs, which load from Lethe only. The style sheet of Swagger UI contains its icons as data URLs. */
const DOCS_HEADERS = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: NONE,
    scriptSrc: SELF,
    styleSrc: SELF,
    imgSrc: [...SELF, 'data:'],
    connectSrc: SELF,
    baseUri: NONE,
    formAction: NONE,
    frameAncestors: NONE,
  },
});

/** For the download page, whose button posts to its own address. */
const DOWNLOAD_HEADERS = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: NONE,
    styleSrc: [STYLE_HASH],
    formAction: SELF,
    baseUri: NONE,
    frameAncestors: NONE,
  },
});

const headersFor = (path: string) => {
  if (path.startsWith('/docs')) return DOCS_HEADERS;
  return path.startsWith('/download/') ? DOWNLOAD_HEADERS : API_HEADERS;
};

/** The paths that use the database, and do not report themselves that it is away. */
const USES_DATABASE = /^\/(v1|download)\//;
const NOT_STARTED =
  'The database of Lethe has not been reachable since the API started. Nothing was changed; retry the call later.';

/** Creates the API. `app.request('/path')` calls it without a port. */
export function createApp(deps: ApiDeps): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: onValidationError });

  app.use(async function requestId(c, next) {
    // Always generated: an id that a caller chose could put any text into the log.
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
        return problem(c, 'method_not_allowed', `The path accepts ${methods.join(', ')}. Nothing was changed.`);
      },
    }),
  );
  app.use(async (c, next) => {
    const isStarted = deps.isStarted?.() !== false;
    return isStarted || !USES_DATABASE.test(c.req.path) ? next() : problem(c, 'storage_unavailable', NOT_STARTED);
  });

  app.get('/', (c) => c.redirect('/docs'));
  app.route('/', health(deps));
  app.route(V1, v1(deps));
  let document: OpenApi | undefined;
  app.get('/openapi.json', (c) => c.json((document ??= buildDocument(app))));
  app.route('/docs', docs());
  app.route('/download', download(deps));

  app.notFound((c) => problem(c, 'not_found', 'The API has no such path. See /docs for all paths.'));
  app.onError(onError(deps.logger));
  return app;
}
