import { OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { readRequestRow } from '../../db/requests/row.ts';
import { DomainError } from '../../domain/errors.ts';
import { REQUEST_ID } from '../../domain/ids.ts';
import { requireToken, requireAccess } from '../auth.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { readBody } from '../http/body/read-body.ts';
import { requireHttps } from '../http/require-https.ts';
import { activity } from './activity.ts';
import { attention } from './requests/attention.ts';
import { cancel } from './requests/cancel.ts';
import { confirm } from './requests/confirm.ts';
import { createRequest } from './requests/create/create.ts';
import { deliveries } from './deliveries.ts';
import { archive } from './exports/archive.ts';
import { links } from './exports/links.ts';
import { expedite } from './requests/expedite.ts';
import { holds } from './holds.ts';
import { listRequests } from './requests/list.ts';
import { listFailures, listSubjects } from './requests/subjects.ts';
import { log } from './requests/log.ts';
import { lookup } from './lookup.ts';
import { members } from './members.ts';
import { progress } from './requests/progress.ts';
import { readRequest } from './requests/read.ts';
import { receipt } from './requests/receipt.ts';
import { suppressions } from './suppressions.ts';
import { systems } from './systems/systems.ts';
import { tasks } from './tasks/tasks.ts';
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
  listFailures,
  progress,
  confirm,
  cancel,
  expedite,
  attention,
  receipt,
  links,
  archive,
  log,
  lookup,
  holds,
  suppressions,
  systems,
  tasks,
  activity,
  members,
  tokens,
  webhooks,
  deliveries,
];

/** The path at which these routes are mounted. */
export const V1 = '/v1';

export function v1(deps: ApiDeps): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>();
  app.use(requireHttps(deps.trustedProxies));
  app.use(requireToken(deps));
  // Matches `/requests/:id` itself as well.
  app.use('/requests/:id/*', requireOwnRequest(deps));
  app.use(readBody(deps, app, V1));
  for (const resource of RESOURCES) app.route('/', resource(deps));
  return app;
}

/**
 * Guards everything below `/requests/{id}`. A malformed ID, an unknown request and a request of another project return the
 * same `request_not_found`. Throws `forbidden` for a token that is limited to other kinds of request.
 */
const requireOwnRequest = (deps: ApiDeps): MiddlewareHandler<AppEnv> =>
  async function requireOwnRequest(c, next) {
    const id = c.req.param('id') ?? '';
    const caller = c.get('caller');
    const request = REQUEST_ID.test(id) ? await readRequestRow(deps.database, id) : null;
    if (request?.project !== caller.project)
      throw new DomainError(
        'request_not_found',
        'The project has no request with this id. Nothing was changed; check the id.',
      );
    requireAccess(caller, { access: 'read', kind: request.kind });
    c.set('request', request);
    await next();
  };
