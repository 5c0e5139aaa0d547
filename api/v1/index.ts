import { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { createRequest } from './create-request.ts';

/** Every route under /v1, in the order of the document. */
export function v1(deps: ApiDeps): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>();
  for (const resource of [createRequest]) app.route('/', resource(deps));
  return app;
}
