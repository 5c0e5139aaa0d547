import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { confirmRequest } from '../../../db/requests/confirm.ts';
import { underStanding } from '../../../db/members/authorized-transaction.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, body, problemResponsesWithBody } from '../../openapi/contract.ts';
import { type ApiDeps, type AppEnv, ownProject } from '../../deps.ts';
import { instant, requestParams } from '../../schemas.ts';

const NewConfirmation = z
  .strictObject({
    expectedCount: z
      .int()
      .min(1)
      .max(2_147_483_647)
      .openapi({ description: '`confirmation.subjects` of the request, as you saw it.' }),
    acceptUnmatched: z
      .boolean()
      .default(false)
      .openapi({ description: 'Needed where an exception matched nobody, and so spares nobody.' }),
  })
  .openapi('NewConfirmation');

const Confirmed = z
  .strictObject({
    id: z.string(),
    subjects: z.int(),
    attached: z.int().openapi({ description: 'Of them, those that another open deletion has come to own meanwhile.' }),
    hardDeleteAt: instant.openapi({ description: 'The grace period runs from the confirmation.' }),
    cancellableUntil: instant,
    estimatedCompletionAt: instant,
  })
  .openapi('Confirmed');

const route = createRoute({
  operationId: 'confirmRequest',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/requests/{id}/confirm',
  summary: 'Say that so many subjects are meant: only then are they hidden and deleted.',
  request: { params: requestParams, ...body(NewConfirmation) },
  responses: {
    202: jsonResponse(Confirmed, 'Written; hiding follows.'),
    ...problemResponsesWithBody(
      'request_not_found',
      'wrong_kind',
      'needs_another_owner',
      'not_awaiting_confirmation',
      'confirmation_expired',
      'count_moved',
      'unmatched_exceptions',
      'subject_conflict',
    ),
  },
});

export const confirm = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { id: requestId } = c.req.valid('param');
    const caller = c.get('caller');
    const project = ownProject(deps, caller);
    const confirmation = { requestId, ...c.req.valid('json'), by: caller, at: deps.now() };
    const { subjects, attached, hardDeleteAt, estimatedCompletionAt, wake } = await underStanding(
      deps.database,
      caller,
      (tx) => confirmRequest(tx, project, confirmation),
    );
    await deps.orchestrator.wake(wake);
    return c.json(
      {
        id: requestId,
        subjects,
        attached,
        hardDeleteAt,
        cancellableUntil: hardDeleteAt,
        estimatedCompletionAt,
      },
      202,
    );
  });
