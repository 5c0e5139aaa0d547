import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { requirePermission } from '../../auth.ts';
import { body, jsonResponse, problemResponsesWithBody } from '../../openapi/contract.ts';
import { type ApiDeps, type AppEnv, requireOwnProject } from '../../deps.ts';
import { listOf, requestParams } from '../../schemas.ts';
import { fields } from './fields.ts';

const Cancellation = z
  .strictObject({
    positions: listOf(z.int().min(1).max(1_000_000_000), 100_000)
      .optional()
      .openapi({
        description: 'Positions in the submitted list, from 1. Omit it to cancel all subjects.',
        'x-example': [2],
      }),
  })
  .openapi('Cancellation');

const Cancelled = z.strictObject({
  id: fields.id,
  cancelled: z.int().openapi({ description: 'Number of cancelled subjects.', 'x-example': 1 }),
  tooLate: z.array(z.int()).openapi({
    description: 'First 1000 positions whose subjects are claimed or deleted.',
    'x-example': [],
  }),
  tooLateCount: z.int().openapi({ description: 'Number of positions whose subjects are claimed or deleted.' }),
});

const route = createRoute({
  operationId: 'cancelRequest',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/requests/{id}/cancel',
  summary: 'Cancel a request',
  description:
    'Cancels all subjects, or the subjects at `positions`, and restores them in every system where Lethe hid them. Claimed and deleted subjects are not cancelled; `tooLate` lists their positions. A claimed subject that `attention` lists as blocked is cancelled as long as no system has deleted a row of it. If another open deletion shares a subject, it becomes the owner and the subject stays hidden. The archive of an export excludes cancelled subjects; an export that is ready cannot be cancelled. When no subject is left and all are restored, the status changes to `cancelled`, at once if no step has read the request. Returns `too_late` if no subject can be cancelled; for blocked subjects it names the systems that have deleted data.',
  request: { params: requestParams, ...body(Cancellation) },
  responses: {
    202: jsonResponse(Cancelled, 'Accepted. Restoring runs asynchronously.'),
    ...problemResponsesWithBody('request_not_found', 'too_late'),
  },
});

export const cancel = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { id: requestId } = c.req.valid('param');
    const { policy } = requireOwnProject(deps, c.get('caller'));
    const positions = c.req.valid('json').positions ?? 'all';
    const { cancelled, tooLate, tooLateCount, wake } = await cancelRequest(deps.database, policy.window, {
      requestId,
      positions,
      actor: c.get('caller').memberId,
      at: deps.now(),
    });
    await deps.orchestrator.signalRequests(wake);
    return c.json({ id: requestId, cancelled, tooLate: [...tooLate], tooLateCount }, 202);
  });
