import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { type DeliveryRow, listDeliveries, retryDelivery } from '../../db/notifications/list.ts';
import { typeOf } from '../../db/notifications/due.ts';
import { requireWebhook } from '../../db/notifications/webhooks.ts';
import { DELIVERY_ID, MAX_ID_LENGTH } from '../../domain/ids.ts';
import { requirePermission } from '../auth.ts';
import { jsonResponse, problemResponses } from '../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { encodeDeliveryCursor, parseDeliveryCursor } from '../lists/cursor.ts';
import { SAMPLE } from '../openapi/samples.ts';
import { createPage, pageSchema } from '../lists/page.ts';
import { cursor, timestamp, limit } from '../schemas.ts';
import { webhookPermission, requireEveryKind, webhookParams } from './webhooks.ts';

const DELIVERY = 'evt_6f9619ff8b86d011b42d00c04fc964ff';

const Delivery = z
  .strictObject({
    id: z
      .string()
      .openapi({ description: 'ID of the delivery, sent as the header `webhook-id`.', 'x-example': DELIVERY }),
    requestId: z.string().openapi({ description: 'ID of the request.', 'x-example': SAMPLE.request }),
    type: z.string().openapi({
      description: 'Type of the notification: `request.` and the new status, `task.opened` or `task.overdue`.',
      'x-example': 'request.grace',
    }),
    taskId: z.string().nullable().openapi({
      description: 'ID of the task that the notification is about. Null for a change of a status.',
      'x-example': null,
    }),
    at: timestamp.openapi({ description: 'Time of the change.', 'x-example': SAMPLE.receivedAt }),
    attempts: z.int().openapi({ description: 'Number of attempts so far.', 'x-example': 2 }),
    nextAt: timestamp.nullable().openapi({
      description: 'Time of the next attempt. Null if no attempt is planned.',
      'x-example': '2026-11-23T10:05:12.000Z',
    }),
    outcome: z.enum(['delivered', 'given_up']).nullable().openapi({
      description:
        '`delivered`: your endpoint returned a 2xx status. `given_up`: Lethe abandoned the delivery after the last attempt. Null while it is pending.',
      'x-example': null,
    }),
    lastCode: z.string().nullable().openapi({
      description:
        'Why the latest attempt failed: `http_` and a status, `timeout`, `connection`, `dns`, `tls` or `address_refused`; or `removed` if the webhook was removed. Null otherwise.',
      'x-example': 'http_503',
    }),
  })
  .openapi('Delivery');

const listRoute = createRoute({
  operationId: 'listDeliveries',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/webhooks/{id}/deliveries',
  summary: 'List the deliveries of a webhook',
  description:
    'Returns the pending, delivered and abandoned deliveries of the webhook, newest first. A token that is limited to some kinds of request sees deliveries about requests of these kinds only.',
  request: { params: webhookParams, query: z.strictObject({ limit, cursor }) },
  responses: {
    200: jsonResponse(pageSchema(Delivery), 'One page of deliveries.', ['Link']),
    ...problemResponses('webhook_not_found', 'invalid_request'),
  },
});

const retryRoute = createRoute({
  operationId: 'retryDelivery',
  ...webhookPermission,
  method: 'post',
  path: '/webhooks/{id}/deliveries/{deliveryId}/retry',
  summary: 'Retry a delivery',
  description:
    'Sends the notification again immediately, with the same `webhook-id`, even if it was delivered. A failed attempt is retried on the same schedule as a new delivery. A disabled webhook receives the notification once it is enabled. Returns `forbidden` if the token is limited to some kinds of request.',
  request: {
    params: webhookParams.extend({
      deliveryId: z.string().openapi({
        param: { name: 'deliveryId', in: 'path', description: 'ID of the delivery.' },
        pattern: DELIVERY_ID.source,
        maxLength: MAX_ID_LENGTH,
        'x-example': DELIVERY,
      }),
    }),
  },
  responses: {
    204: { description: 'The notification is sent asynchronously.' },
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
      const { items, nextCursor } = createPage(c, rows, size, encodeDeliveryCursor);
      return c.json({ items: items.map(deliveryResponse), nextCursor }, 200);
    })
    .openapi(retryRoute, async (c) => {
      const { id: webhookId, deliveryId: id } = c.req.valid('param');
      const caller = requireEveryKind(c);
      await requireWebhook(deps.database, caller.project, webhookId);
      await retryDelivery(deps.database, caller, { webhookId, id, at: deps.now() });
      await deps.orchestrator.startNotifications(caller.project, webhookId);
      return c.body(null, 204);
    });

const deliveryResponse = ({ kind: _kind, status, taskEvent, ...row }: DeliveryRow) => ({
  ...row,
  type: typeOf({ status, taskEvent }),
});
