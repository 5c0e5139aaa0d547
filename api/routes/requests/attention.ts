import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { retryProcessors, skipProcessor } from '../../../db/attention/retry.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, body, problemResponsesWithBody } from '../../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { reason, requestParams, text } from '../../schemas.ts';

const processor = text(200);

const retryRoute = createRoute({
  operationId: 'retryRequest',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/requests/{id}/retry',
  summary: 'Try again what waits for an operator: of one processor, or of all.',
  request: {
    params: requestParams,
    ...body(z.strictObject({ processor: processor.optional(), reason }).openapi('Retry')),
  },
  responses: {
    202: jsonResponse(
      z.strictObject({ id: z.string(), processors: z.array(z.string()) }),
      'Written; the work begins anew.',
    ),
    ...problemResponsesWithBody('request_not_found', 'not_in_attention'),
  },
});

const skipRoute = createRoute({
  operationId: 'skipProcessor',
  ...requirePermission({ access: 'write', kind: 'deletion', role: 'owner' }),
  method: 'post',
  path: '/requests/{id}/skip',
  summary: 'End the request without a processor that waits for an operator.',
  description:
    'Lethe forgets what remains there. The request ends as partially_completed, with the reason in its receipt.',
  request: { params: requestParams, ...body(z.strictObject({ processor, reason }).openapi('Skip')) },
  responses: {
    202: jsonResponse(z.strictObject({ id: z.string(), processor: z.string() }), 'Written.'),
    ...problemResponsesWithBody('request_not_found', 'wrong_kind', 'not_in_attention'),
  },
});

export const attention = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(retryRoute, async (c) => {
      const { id: requestId } = c.req.valid('param');
      const { processor: named = null, reason: why } = c.req.valid('json');
      const retry = { requestId, processor: named, reason: why, actor: c.get('caller').memberId, at: deps.now() };
      const { processors, wake } = await retryProcessors(deps.database, retry);
      await deps.orchestrator.wake(wake);
      return c.json({ id: requestId, processors: [...processors] }, 202);
    })
    .openapi(skipRoute, async (c) => {
      const { id: requestId } = c.req.valid('param');
      const { processor: named, reason: why } = c.req.valid('json');
      const skip = { requestId, processor: named, reason: why, actor: c.get('caller').memberId, at: deps.now() };
      const { wake } = await skipProcessor(deps.database, skip);
      await deps.orchestrator.wake(wake);
      return c.json({ id: requestId, processor: named }, 202);
    });
