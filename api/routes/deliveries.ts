import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { type DeliveryRow, listDeliveries, retryDelivery } from '../../db/notifications/list.ts';
import { requireWebhook } from '../../db/notifications/webhooks.ts';
import { DELIVERY_ID } from '../../domain/ids.ts';
import { requirePermission } from '../auth.ts';
import { jsonResponse, problemResponses } from '../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { deliveryCursor, parseDeliveryCursor } from '../lists/cursor.ts';
import { SAMPLE } from '../openapi/samples.ts';
import { pageOf, pageWith } from '../lists/page.ts';
import { cursor, timestamp, limit } from '../schemas.ts';
import { changesWebhooks, requireEveryKind, webhookParams } from './webhooks.ts';

const DELIVERY = 'evt_6f9619ff8b86d011b42d00c04fc964ff';

const Delivery = z
  .strictObject({
    id: z.string().openapi({ description: 'Also the `webhook-id` of what is sent.', 'x-example': DELIVERY }),
    requestId: z.string().openapi({ 'x-example': SAMPLE.request }),
    type: z.string().openapi({
      description: '`request.` and the status that it has changed to.',
      'x-example': 'request.grace',
    }),
    at: timestamp.openapi({ description: 'When it changed.', 'x-example': SAMPLE.receivedAt }),
    attempts: z.int().openapi({ 'x-example': 2 }),
    nextAt: timestamp.nullable().openapi({
      description: 'Of the next attempt; null when there is none.',
      'x-example': '2026-11-23T10:05:12.000Z',
    }),
    outcome: z.enum(['delivered', 'given_up']).nullable().openapi({ 'x-example': null }),
    lastCode: z.string().nullable().openapi({
      description:
        'Why the last attempt failed: `http_` and a status, `timeout`, `connection`, `dns`, `tls`, `address_refused`; or why there was none: `removed`.',
      'x-example': 'http_503',
    }),
  })
  .openapi('Delivery');

const listRoute = createRoute({
  operationId: 'listDeliveries',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/webhooks/{id}/deliveries',
  summary: 'What a webhook was told, or is still to be told, newest first.',
  description: 'A token that is limited to some kinds of request sees nothing of the others.',
  request: { params: webhookParams, query: z.strictObject({ limit, cursor }) },
  responses: {
    200: jsonResponse(pageWith(Delivery), 'One page.', ['Link']),
    ...problemResponses('webhook_not_found', 'invalid_request'),
  },
});

const retryRoute = createRoute({
  operationId: 'retryDelivery',
  ...changesWebhooks,
  method: 'post',
  path: '/webhooks/{id}/deliveries/{deliveryId}/retry',
  summary: 'Send it again at once, under the same id, also where it was delivered.',
  description: 'What fails is tried again as at first. One that is disabled is told once it is enabled.',
  request: {
    params: webhookParams.extend({
      deliveryId: z.string().openapi({
        param: { name: 'deliveryId', in: 'path', description: 'Of the delivery.' },
        pattern: DELIVERY_ID.source,
        'x-example': DELIVERY,
      }),
    }),
  },
  responses: {
    204: { description: 'It is being sent.' },
    ...problemResponses('webhook_not_found', 'delivery_not_found'),
  },
});

export const deliveries = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(listRoute, async (c) => {
      const { id: webhookId } = c.req.valid('param');
      const { limit: size, cursor: from } = c.req.valid('query');
      const { project, kinds } = c.get('caller');
      const after = parseDeliveryCursor(from);
      await requireWebhook(deps.database, project, webhookId);
      const rows = await listDeliveries(deps.database, { webhookId, kinds, after, limit: size + 1 });
      const { items, nextCursor } = pageOf(c, rows, size, deliveryCursor);
      return c.json({ items: items.map(listed), nextCursor }, 200);
    })
    .openapi(retryRoute, async (c) => {
      const { id: webhookId, deliveryId: id } = c.req.valid('param');
      const caller = requireEveryKind(c);
      await requireWebhook(deps.database, caller.project, webhookId);
      await retryDelivery(deps.database, caller, { webhookId, id, at: deps.now() });
      await deps.orchestrator.startNotifications(caller.project, webhookId);
      return c.body(null, 204);
    });

const listed = ({ kind: _kind, status, ...row }: DeliveryRow) => ({ ...row, type: `request.${status}` });
