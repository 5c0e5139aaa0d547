import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { ACCEPTED_HEADERS, accepted, acceptedResponse } from './response.ts';
import { requirePermission, type Permission, requireAccess } from '../../../auth.ts';
import { jsonResponse, body, problemResponsesWithBody } from '../../../openapi/contract.ts';
import { type ApiDeps, type AppEnv, ownProject } from '../../../deps.ts';
import { idempotencyHeaders, replayable } from './idempotency.ts';
import { NewRequest, sentRequest } from './schema.ts';
import { startRequest } from './start.ts';
import { submissionOf } from './parse.ts';

const AcceptedRequest = z.strictObject(accepted).openapi('AcceptedRequest');

const route = createRoute({
  operationId: 'createRequest',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/requests',
  summary: 'Delete subjects, or export what is held on them.',
  description:
    'A deletion hides them at once, deletes when it is due, and looks again. An export collects from every processor into one archive, which is ready for a while and then destroyed.',
  request: { headers: idempotencyHeaders, ...body(NewRequest) },
  responses: {
    202: jsonResponse(AcceptedRequest, 'Stored; `Location` is its status.', ACCEPTED_HEADERS),
    ...problemResponsesWithBody(
      'project_not_found',
      'too_many_subjects',
      'subject_conflict',
      'idempotency_key_in_use',
      'idempotency_key_reused',
    ),
  },
});

export const createRequest = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const sent = c.req.valid('json');
    const caller = c.get('caller');
    requireAccess(caller, { access: 'write', kind: sent.kind }, ...neededFor(sent));
    const submission = submissionOf(ownProject(deps, caller, sent.project), sentRequest(sent));
    const call = replayable(c.req.valid('header'), 'createRequest', sent);
    return c.json(acceptedResponse(c, await startRequest(deps, caller, submission, call)), 202);
  });

/** All that is held on everybody is an owner's to ask for; of a deletion, another owner confirms it. */
const neededFor = ({ kind, subjects }: z.output<typeof NewRequest>): readonly Permission[] =>
  kind === 'export' && subjects.everyone === true ? [{ access: 'write', kind, role: 'owner' }] : [];
