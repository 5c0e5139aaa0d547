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
import { hostOf, isPublicAddress } from '../../domain/address.ts';
import { WEBHOOK_ID } from '../../domain/ids.ts';
import { REQUEST_KINDS } from '../../domain/vocabulary.ts';
import { requirePermission, requireAccess } from '../auth.ts';
import { body, jsonResponse, problemResponses, problemResponsesWithBody } from '../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { bodyError, invalidRequest, type ValidationError } from '../http/validation-errors.ts';
import { SAMPLE } from '../openapi/samples.ts';
import { pageWith } from '../lists/page.ts';
import { timestamp, pathId, text } from '../schemas.ts';

const DAY_S = 86_400;

const WEBHOOK = 'wh_01a207e0c3307000865f1d9ab3e27c40';
const URL_EXAMPLE = 'https://hooks.example.com/lethe';

export const webhookParams = pathId(WEBHOOK_ID, 'the webhook', WEBHOOK);

const NewWebhook = z
  .strictObject({
    url: text(2_000).openapi({
      description: 'Begins with https://. Where its name leads is judged at each connection.',
      example: URL_EXAMPLE,
    }),
  })
  .openapi('NewWebhook');

const secret = z.string().openapi({
  description: 'Signs what is sent, after Standard Webhooks. Shown now and never again.',
  'x-example': `whsec_${Buffer.alloc(32, 'lethe').toString('base64')}`,
});
const id = z.string().openapi({ 'x-example': WEBHOOK });
const url = z.string().openapi({ 'x-example': URL_EXAMPLE });
const AddedWebhook = z.strictObject({ id, url, secret }).openapi('AddedWebhook');

const Webhook = z
  .strictObject({
    id,
    url,
    createdAt: timestamp.openapi({ 'x-example': SAMPLE.addedAt }),
    createdBy: z.string().openapi({ description: 'Id of a member.', 'x-example': SAMPLE.member }),
    disabledAt: timestamp
      .nullable()
      .openapi({ description: 'When it answered 410; it is told nothing since.', 'x-example': null }),
  })
  .openapi('Webhook');

const Rotation = z
  .strictObject({
    overlap: z
      .int()
      .min(0)
      .max(7 * DAY_S)
      .default(DAY_S)
      .openapi({ description: 'Seconds for which the secret so far signs beside the new one.' }),
  })
  .openapi('Rotation');
const Rotated = z
  .strictObject({ secret, previousUntil: timestamp.openapi({ 'x-example': '2026-11-24T10:05:00.000Z' }) })
  .openapi('RotatedSecret');

/** A webhook gets notifications of every kind of request, so a token that is limited to some kinds cannot change it. */
export const changesWebhooks = requirePermission({ access: 'write', role: 'owner' });
export function requireEveryKind(c: Context<AppEnv>): Caller {
  const caller = c.get('caller');
  requireAccess(caller, ...REQUEST_KINDS.map((kind) => ({ access: 'write', kind }) as const));
  return caller;
}

const addRoute = createRoute({
  operationId: 'addWebhook',
  ...changesWebhooks,
  method: 'post',
  path: '/webhooks',
  summary: 'Be told of every change of a request’s status, by a POST that is signed (Standard Webhooks).',
  request: body(NewWebhook),
  responses: {
    201: jsonResponse(AddedWebhook, 'Told of what happens from now on.', ['Location']),
    ...problemResponsesWithBody('too_many_webhooks'),
  },
});

const listRoute = createRoute({
  operationId: 'listWebhooks',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/webhooks',
  summary: 'The webhooks of the project, newest first. They are few: all are one page.',
  responses: { 200: jsonResponse(pageWith(Webhook, null), 'All of them.'), ...problemResponses() },
});

const removeRoute = createRoute({
  operationId: 'removeWebhook',
  ...changesWebhooks,
  method: 'delete',
  path: '/webhooks/{id}',
  summary: 'Tell it nothing any more, nor what is still to be told.',
  request: { params: webhookParams },
  responses: {
    204: { description: 'It is removed, and its secrets with it.' },
    ...problemResponses('webhook_not_found'),
  },
});

const rotateRoute = createRoute({
  operationId: 'rotateWebhookSecret',
  ...changesWebhooks,
  method: 'post',
  path: '/webhooks/{id}/rotate',
  summary: 'A new secret; the one so far signs beside it for a while.',
  description: 'One that has leaked is ended at once with `overlap: 0`. At most three sign at a time.',
  request: { params: webhookParams, ...body(Rotation) },
  responses: { 200: jsonResponse(Rotated, 'Both sign from now on.'), ...problemResponsesWithBody('webhook_not_found') },
});

const enableRoute = createRoute({
  operationId: 'enableWebhook',
  ...changesWebhooks,
  method: 'post',
  path: '/webhooks/{id}/enable',
  summary: 'Tell one again that answered 410, from now on.',
  description: 'What it missed is in its deliveries and can be retried one by one.',
  request: { params: webhookParams },
  responses: { 204: { description: 'It is told again.' }, ...problemResponses('webhook_not_found') },
});

export const webhooks = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(addRoute, async (c) => {
      const url = webhookUrl(c.req.valid('json').url, deps.webhookNetworks);
      const added = await addWebhook(deps.database, deps.keys, requireEveryKind(c), { url, at: deps.now() });
      c.header('Location', `/v1/webhooks/${added.id}`);
      return c.json({ id: added.id, url, secret: added.secret }, 201);
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
      // What was retried while it was disabled.
      await deps.orchestrator.startNotifications(caller.project, id);
      return c.body(null, 204);
    });

/**
 * Checks what a URL itself shows. The address of its name is checked at each connection, because it can change any time.
 * `networks`: those that are allowed though they are private, the only ones that are spoken to in clear.
 */
function webhookUrl(text: string, networks = new BlockList()): string {
  const error = URL.canParse(text) ? urlError(new URL(text), networks) : invalidUrl('invalid_url', 'is no URL');
  if (error !== null) throw invalidRequest([error]);
  return new URL(text).href;
}

function urlError(url: URL, networks: BlockList): ValidationError | null {
  const host = hostOf(url);
  const version = isIP(host);
  const allowed = version !== 0 && networks.check(host, version === 6 ? 'ipv6' : 'ipv4');
  const named = version === 0 && networks.rules.length > 0;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && (allowed || named)))
    return invalidUrl('not_https', 'must begin with https://, but in a network that LETHE_WEBHOOK_NETWORKS names');
  if (url.username !== '' || url.password !== '')
    return invalidUrl('credentials', 'must hold neither a name nor a password: what is sent is signed');
  if (version !== 0 && !allowed && !isPublicAddress(host))
    return invalidUrl('private_address', 'leads into a private network that LETHE_WEBHOOK_NETWORKS does not name');
  return null;
}

const invalidUrl = (code: string, detail: string): ValidationError => bodyError('/url', code, detail);
