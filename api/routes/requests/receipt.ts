import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { readReceipt } from '../../../db/deletion/read-receipt.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { Receipt } from './receipt-response.ts';
import { requestParams } from '../../schemas.ts';

const route = createRoute({
  operationId: 'readReceipt',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/requests/{id}/receipt',
  summary: 'The evidence: what was removed or is in the archive, what is kept and why, and what nobody could look at.',
  request: { params: requestParams },
  responses: {
    200: jsonResponse(
      Receipt,
      'Of a deletion final once it has ended, before that an interim one. Of an export its manifest.',
    ),
    ...problemResponses('request_not_found', 'no_receipt_yet'),
  },
});

export const receipt = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    return c.json(await readReceipt(deps.database, c.req.valid('param').id), 200);
  });
