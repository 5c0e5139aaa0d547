import { OpenAPIHono } from '@hono/zod-openapi';
import { authenticated } from '../auth.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { ownRequest } from './requests/own-request.ts';
import { requireHttps } from '../http/require-https.ts';
import { activity } from './activity.ts';
import { attention } from './requests/attention.ts';
import { cancel } from './requests/cancel.ts';
import { confirm } from './requests/confirm.ts';
import { createRequest } from './requests/create/create.ts';
import { deliveries } from './deliveries.ts';
import { downloads } from './exports/links.ts';
import { expedite } from './requests/expedite.ts';
import { holds } from './holds.ts';
import { listRequests } from './requests/list.ts';
import { listSubjects } from './requests/subjects.ts';
import { log } from './requests/log.ts';
import { lookup } from './lookup.ts';
import { members } from './members.ts';
import { progress } from './requests/progress.ts';
import { readRequest } from './requests/read.ts';
import { receipt } from './requests/receipt.ts';
import { suppressions } from './suppressions.ts';
import { tokens } from './tokens.ts';
import { uploads } from './uploads.ts';
import { webhooks } from './webhooks.ts';

/** In the order of the document. */
const RESOURCES = [
  createRequest,
  uploads,
  listRequests,
  readRequest,
  listSubjects,
  progress,
  confirm,
  cancel,
  expedite,
  attention,
  receipt,
  downloads,
  log,
  lookup,
  holds,
  suppressions,
  activity,
  members,
  tokens,
  webhooks,
  deliveries,
];

export function v1(deps: ApiDeps): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>();
  app.use(requireHttps(deps.trustedProxies));
  app.use(authenticated(deps));
  // Matches `/requests/:id` itself as well.
  app.use('/requests/:id/*', ownRequest(deps));
  for (const resource of RESOURCES) app.route('/', resource(deps));
  return app;
}
