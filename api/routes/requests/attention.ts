import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { retrySystems, skipSystem } from '../../../db/attention/retry.ts';
import type { Attention as AttentionRow } from '../../../db/requests/read.ts';
import { ATTENTION_CODES, STEPS } from '../../../domain/vocabulary.ts';
import { REMEDIES } from '../../../domain/wording/remedies.ts';
import { requirePermission } from '../../auth.ts';
import { body, jsonResponse, problemResponsesWithBody } from '../../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { ATTENTION_DESCRIPTION, STEP_DESCRIPTION } from '../../openapi/descriptions.ts';
import { exactText, timestamp, reason, requestParams } from '../../schemas.ts';
import { fields } from './fields.ts';

const BlockedBy = z
  .strictObject({
    table: z.string().nullable().openapi({
      description:
        'Table of the system whose rows or constraint prevent the deletion, name of objects, or ID of a task. Null if the system names none, as with an error of a trigger.',
      'x-example': 'public.invoice',
    }),
    constraint: z.string().nullable().openapi({
      description:
        'Name of the constraint. `object_lock`, `immutable` or `identity_without_key` for files, and `not_possible` for a task.',
      'x-example': 'invoice_customer_id_fkey',
    }),
    subjects: z.int().openapi({ description: 'Number of subjects that are blocked by it.', 'x-example': 1 }),
    positions: z
      .array(z.int())
      .readonly()
      .openapi({
        description: 'First 1000 positions of these subjects in the submitted list.',
        'x-example': [2],
      }),
  })
  .openapi('BlockedBy');

export const Attention = z
  .strictObject({
    system: fields.system,
    step: z.enum(STEPS).openapi({ description: STEP_DESCRIPTION }),
    code: z.enum(ATTENTION_CODES).openapi({ description: ATTENTION_DESCRIPTION }),
    since: timestamp.openapi({ description: 'Time of the first failure.' }),
    retryAt: timestamp
      .nullable()
      .openapi({ description: 'Time of the next automatic retry. Null if only an operator can retry.' }),
    remedy: z.string().openapi({ description: 'What an operator can do.' }),
    blocked: z.array(BlockedBy).readonly().openapi({
      description: 'For `blocked_by_other_rows`: what prevents the deletion of which subjects. Otherwise empty.',
      'x-example': [],
    }),
  })
  .openapi('Attention');

export const attentionResponse = ({ since, retryAt, ...row }: AttentionRow) => ({
  ...row,
  since: new Date(since),
  retryAt: retryAt === null ? null : new Date(retryAt),
  remedy: REMEDIES[row.code],
});

const system = exactText(200).openapi({ description: 'Name of the system.', 'x-example': 'app' });

const retryRoute = createRoute({
  operationId: 'retryRequest',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/requests/{id}/retry',
  summary: 'Retry systems that need attention',
  description:
    'Retries every step of one system, or of all systems, that is listed in `attention` or `waits`. With `resolution_grew`, it also accepts the additional subjects. Blocked subjects are tried again, also while the others are verified. The status does not change. Returns `not_in_attention` if no step of the named systems needs an operator.',
  request: {
    params: requestParams,
    ...body(
      z
        .strictObject({
          system: system.optional().openapi({ description: 'Name of the system. Omit it to retry all systems.' }),
          reason,
        })
        .openapi('Retry'),
    ),
  },
  responses: {
    202: jsonResponse(
      z.strictObject({
        id: fields.id,
        systems: z.array(fields.system).openapi({ description: 'Systems that are retried.' }),
      }),
      'Accepted. The retry runs asynchronously.',
    ),
    ...problemResponsesWithBody('request_not_found', 'not_in_attention'),
  },
});

const skipRoute = createRoute({
  operationId: 'skipSystem',
  ...requirePermission({ access: 'write', kind: 'deletion', role: 'owner' }),
  method: 'post',
  path: '/requests/{id}/skip',
  summary: 'Skip a system that needs attention',
  description:
    'Continues the deletion without the system. Lethe stops tracking the data that remains there, and a skip cannot be undone. The request ends with status `partially_completed`; its receipt names the system and the reason. A system cannot be skipped for an export, nor while a deletion waits for an export of it (`wrong_kind`), nor before the request is resolved (`not_in_attention`).',
  request: { params: requestParams, ...body(z.strictObject({ system, reason }).openapi('Skip')) },
  responses: {
    202: jsonResponse(
      z.strictObject({ id: fields.id, system: fields.system }),
      'Accepted. The request continues without the system.',
    ),
    ...problemResponsesWithBody('request_not_found', 'wrong_kind', 'not_in_attention'),
  },
});

export const attention = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(retryRoute, async (c) => {
      const { id: requestId } = c.req.valid('param');
      const { system: name = null, reason: given } = c.req.valid('json');
      const retry = { requestId, system: name, reason: given, actor: c.get('caller').memberId, at: deps.now() };
      const { systems, stopped, wake } = await retrySystems(deps.database, retry);
      await Promise.all(stopped.map((name) => deps.orchestrator.watchSystem(c.get('caller').project, name)));
      await deps.orchestrator.signalRequests(wake);
      return c.json({ id: requestId, systems: [...systems] }, 202);
    })
    .openapi(skipRoute, async (c) => {
      const { id: requestId } = c.req.valid('param');
      const { system: name, reason: given } = c.req.valid('json');
      const skip = { requestId, system: name, reason: given, actor: c.get('caller').memberId, at: deps.now() };
      const { wake } = await skipSystem(deps.database, skip);
      await deps.orchestrator.signalRequests(wake);
      return c.json({ id: requestId, system: name }, 202);
    });
