import { OpenAPIHono } from '@hono/zod-openapi';
import { authenticated } from '../auth.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { ownRequest } from '../own-request.ts';
import { unreadOnTheWay } from '../transport.ts';
import { activity } from './activity.ts';
import { attention } from './attention.ts';
import { cancel } from './cancel.ts';
import { confirm } from './confirm.ts';
import { createRequest } from './create-request.ts';
import { deliveries } from './deliveries.ts';
import { downloads } from './downloads.ts';
import { expedite } from './expedite.ts';
import { holds } from './holds.ts';
import { listRequests } from './list-requests.ts';
import { listSubjects } from './list-subjects.ts';
import { log } from './log.ts';
import { lookup } from './lookup.ts';
import { members } from './members.ts';
import { progress } from './progress.ts';
import { readRequest } from './read-request.ts';
import { receipt } from './receipt.ts';
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
  app.use(unreadOnTheWay(deps.trustedProxies));
  app.use(authenticated(deps));
  // Matches `/requests/:id` itself as well.
  app.use('/requests/:id/*', ownRequest(deps));
  for (const resource of RESOURCES) app.route('/', resource(deps));
  return app;
}
