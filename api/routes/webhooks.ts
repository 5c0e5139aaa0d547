import { BlockList, isIP } from 'node:net';
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Caller } from '../../db/members/authenticate.ts';
import {
  addWebhook,
  enableWebhook,
  listWebhooks,
  removeWebhook,
  rotateSecret,
} from '../../db/notifications/webhooks.ts';
import { hostOf, isPublicAddress } from '../../domain/network/address.ts';
import { WEBHOOK_ID } from '../../domain/ids.ts';
import { REQUEST_KINDS } from '../../domain/vocabulary.ts';
import { createOnce } from './create-once.ts';
import { idempotencyHeaders } from './requests/create/schema.ts';
import { requirePermission, requireAccess } from '../auth.ts';
import { body, jsonResponse, problemResponses, problemResponsesWithBody } from '../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { bodyError, invalidRequest, type ValidationError } from '../http/validation-errors.ts';
import { SAMPLE } from '../openapi/samples.ts';
import { pageSchema } from '../lists/page.ts';
import { exactText, timestamp, pathId } from '../schemas.ts';

const DAY_S = 86_400;

const WEBHOOK = 'wh_01a207e0c3307000865f1d9ab3e27c40';
const URL_EXAMPLE = 'https://hooks.example.com/lethe';

export const webhookParams = pathId(WEBHOOK_ID, 'the webhook', WEBHOOK);

const NewWebhook = z
  .strictObject({
    url: exactText(2_000).openapi({
      description: 'HTTPS URL of your endpoint. Lethe checks the address of its host at each connection.',
      example: URL_EXAMPLE,
    }),
  })
  .openapi('NewWebhook');

const secret = z.string().openapi({
  description: 'Secret that signs the notifications, according to Standard Webhooks. Shown only in this response.',
  'x-example': `whsec_${Buffer.alloc(32, 'lethe').toString('base64')}`,
});
const id = z.string().openapi({ description: 'ID of the webhook.', 'x-example': WEBHOOK });
const url = z.string().openapi({ description: 'URL of your endpoint.', 'x-example': URL_EXAMPLE });
const AddedWebhook = z
  .strictObject({
    id,
    url,
    secret: secret.nullable().openapi({
      description:
        'Secret that signs the notifications, according to Standard Webhooks. Shown only in the response to the first call; null if the call repeats an `Idempotency-Key`.',
    }),
  })
  .openapi('AddedWebhook');

const Webhook = z
  .strictObject({
    id,
    url,
    createdAt: timestamp.openapi({ description: 'Time of the creation.', 'x-example': SAMPLE.addedAt }),
    createdBy: z
      .string()
      .openapi({ description: 'ID of the member who added the webhook.', 'x-example': SAMPLE.member }),
    disabledAt: timestamp.nullable().openapi({
      description: 'Time at which your endpoint returned 410 and Lethe disabled the webhook. Null while it is enabled.',
      'x-example': null,
    }),
  })
  .openapi('Webhook');

const Rotation = z
  .strictObject({
    overlap: z
      .int()
      .min(0)
      .max(7 * DAY_S)
      .default(DAY_S)
      .openapi({ description: 'Seconds for which the previous secret also signs.' }),
  })
  .openapi('Rotation');
const Rotated = z
  .strictObject({
    secret,
    previousUntil: timestamp.openapi({
      description: 'Time until which the previous secret also signs.',
      'x-example': '2026-11-24T10:05:00.000Z',
    }),
  })
  .openapi('RotatedSecret');

export const webhookPermission = requirePermission({ access: 'write', role: 'owner' });
/** A webhook receives notifications of every kind of request, so a token that is limited to some kinds cannot change it. */
export function requireEveryKind(c: Context<AppEnv>): Caller {
  const caller = c.get('caller');
  requireAccess(caller, ...REQUEST_KINDS.map((kind) => ({ access: 'write', kind }) as const));
  return caller;
}

const addRoute = createRoute({
  operationId: 'addWebhook',
  ...webhookPermission,
  method: 'post',
  path: '/webhooks',
  summary: 'Add a webhook',
  description:
    'Adds a webhook. From now on, Lethe sends a signed POST request to the URL for every status change of a request, according to Standard Webhooks. A notification names the request and its status and contains no personal data. Returns `forbidden` if the token is limited to some kinds of request. A project has at most 10 webhooks.',
  request: { headers: idempotencyHeaders, ...body(NewWebhook) },
  responses: {
    201: jsonResponse(AddedWebhook, 'Created. Status changes from now on are sent.', [
      'Location',
      'Idempotency-Replayed',
    ]),
    ...problemResponsesWithBody('too_many_webhooks', 'idempotency_key_in_use', 'idempotency_key_reused'),
  },
});

const listRoute = createRoute({
  operationId: 'listWebhooks',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/webhooks',
  summary: 'List webhooks',
  description: 'Returns all webhooks of the project, newest first, in one page. Removed webhooks are not returned.',
  responses: { 200: jsonResponse(pageSchema(Webhook, null), 'All webhooks of the project.'), ...problemResponses() },
});

const removeRoute = createRoute({
  operationId: 'removeWebhook',
  ...webhookPermission,
  method: 'delete',
  path: '/webhooks/{id}',
  summary: 'Remove a webhook',
  description:
    'Removes the webhook and its secrets, and abandons its pending deliveries. Returns `forbidden` if the token is limited to some kinds of request.',
  request: { params: webhookParams },
  responses: {
    204: { description: 'Removed. Pending deliveries are abandoned.' },
    ...problemResponses('webhook_not_found'),
  },
});

const rotateRoute = createRoute({
  operationId: 'rotateWebhookSecret',
  ...webhookPermission,
  method: 'post',
  path: '/webhooks/{id}/rotate',
  summary: 'Rotate the secret of a webhook',
  description:
    'Creates a new secret. The previous secret also signs until `overlap` has passed, so that your endpoint can switch without rejecting a notification. Send `overlap: 0` if a secret has leaked. At most three secrets sign at a time. Returns `forbidden` if the token is limited to some kinds of request.',
  request: { params: webhookParams, ...body(Rotation) },
  responses: {
    200: jsonResponse(Rotated, 'Rotated. The new secret signs immediately.'),
    ...problemResponsesWithBody('webhook_not_found'),
  },
});

const enableRoute = createRoute({
  operationId: 'enableWebhook',
  ...webhookPermission,
  method: 'post',
  path: '/webhooks/{id}/enable',
  summary: 'Re-enable a disabled webhook',
  description:
    'Enables a webhook that Lethe disabled because your endpoint returned 410. Status changes from now on are sent. Retry earlier deliveries individually. Returns `forbidden` if the token is limited to some kinds of request.',
  request: { params: webhookParams },
  responses: {
    204: { description: 'Enabled. Status changes from now on are sent.' },
    ...problemResponses('webhook_not_found'),
  },
});

export const webhooks = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(addRoute, async (c) => {
      const sent = c.req.valid('json');
      const url = webhookUrl(sent.url, deps.webhookNetworks);
      const caller = requireEveryKind(c);
      const call = {
        headers: c.req.valid('header'),
        operation: 'addWebhook',
        parameters: sent,
        schema: AddedWebhook,
        stored: (added: z.output<typeof AddedWebhook>) => ({ ...added, secret: null }),
      };
      const added = await createOnce(c, deps, call, async (queries) => {
        const created = await addWebhook(queries, deps.keys, caller, { url, at: deps.now() });
        return { id: created.id, url, secret: created.secret };
      });
      c.header('Location', `/v1/webhooks/${added.id}`);
      return c.json(added, 201);
    })
    .openapi(listRoute, async (c) => {
      const items = await listWebhooks(deps.database, c.get('caller').project);
      return c.json({ items: [...items], nextCursor: null }, 200);
    })
    .openapi(removeRoute, async (c) => {
      const { id } = c.req.valid('param');
      await removeWebhook(deps.database, requireEveryKind(c), { id, at: deps.now() });
      return c.body(null, 204);
    })
    .openapi(rotateRoute, async (c) => {
      const { id } = c.req.valid('param');
      const overlapMs = c.req.valid('json').overlap * 1_000;
      const change = { id, overlapMs, at: deps.now() };
      const { secret: fresh, endsAt } = await rotateSecret(deps.database, deps.keys, requireEveryKind(c), change);
      return c.json({ secret: fresh, previousUntil: endsAt }, 200);
    })
    .openapi(enableRoute, async (c) => {
      const { id } = c.req.valid('param');
      const caller = requireEveryKind(c);
      await enableWebhook(deps.database, caller, { id, at: deps.now() });
      // Deliveries may have been retried while the webhook was disabled.
      await deps.orchestrator.startNotifications(caller.project, id);
      return c.body(null, 204);
    });

/**
 * Checks the URL itself. The address of a host name is checked at each connection, because it can change at any time.
 * `networks` are the private networks that are allowed. Only they may use plain HTTP.
 */
function webhookUrl(text: string, networks = new BlockList()): string {
  const error = URL.canParse(text) ? urlError(new URL(text), networks) : invalidUrl('invalid_url', 'must be a URL');
  if (error !== null) throw invalidRequest([error]);
  return new URL(text).href;
}

function urlError(url: URL, networks: BlockList): ValidationError | null {
  const host = hostOf(url);
  const version = isIP(host);
  const isAllowed = version !== 0 && networks.check(host, version === 6 ? 'ipv6' : 'ipv4');
  const isNameInNetworks = version === 0 && networks.rules.length > 0;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && (isAllowed || isNameInNetworks)))
    return invalidUrl('not_https', 'must start with https://; only networks in LETHE_WEBHOOK_NETWORKS may use http://');
  if (url.username !== '' || url.password !== '')
    return invalidUrl('credentials', 'must not contain a user name or password; verify the signature instead');
  if (version !== 0 && !isAllowed && !isPublicAddress(host))
    return invalidUrl(
      'private_address',
      'must not be in a private network that LETHE_WEBHOOK_NETWORKS does not contain',
    );
  return null;
}

const invalidUrl = (code: string, detail: string): ValidationError => bodyError('/url', code, detail);
