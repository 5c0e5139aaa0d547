import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { cancelRequest } from '../../../db/requests/cancel.ts';
import { requirePermission } from '../../auth.ts';
import { body, jsonResponse, problemResponsesWithBody } from '../../openapi/contract.ts';
import { type ApiDeps, type AppEnv, ownProject } from '../../deps.ts';
import { listOf, requestParams } from '../../schemas.ts';
import { fields } from './fields.ts';

const Cancellation = z
  .strictObject({
    positions: listOf(z.int().min(1).max(1_000_000_000), 100_000)
      .optional()
      .openapi({ description: 'Of the submitted list, from 1; without it, all.', 'x-example': [2] }),
  })
  .openapi('Cancellation');

const Cancelled = z.strictObject({
  id: fields.id,
  cancelled: z.int().openapi({ 'x-example': 1 }),
  tooLate: z.array(z.int()).openapi({
    description: 'The first thousand of the positions whose subjects are claimed or deleted.',
    'x-example': [],
  }),
  tooLateCount: z.int().openapi({ description: 'How many such positions there are.' }),
});

const route = createRoute({
  operationId: 'cancelRequest',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/requests/{id}/cancel',
  summary: 'Take back all subjects, or some: until the claim each is shown again where it was hidden.',
  request: { params: requestParams, ...body(Cancellation) },
  responses: {
    202: jsonResponse(Cancelled, 'Written; restoring follows.'),
    ...problemResponsesWithBody('request_not_found', 'too_late'),
  },
});

export const cancel = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { id: requestId } = c.req.valid('param');
    const { policy } = ownProject(deps, c.get('caller'));
    const positions = c.req.valid('json').positions ?? 'all';
    const { cancelled, tooLate, tooLateCount, wake } = await cancelRequest(deps.database, policy.window, {
      requestId,
      positions,
      actor: c.get('caller').memberId,
      at: deps.now(),
    });
    await deps.orchestrator.wake(wake);
    return c.json({ id: requestId, cancelled, tooLate: [...tooLate], tooLateCount }, 202);
  });
