import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { retrySystems, skipSystem } from '../../../db/attention/retry.ts';
import type { Attention as AttentionRow } from '../../../db/requests/read.ts';
import { ATTENTION_CODES, type AttentionCode, STEPS } from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import { body, jsonResponse, problemResponsesWithBody } from '../../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { timestamp, reason, requestParams, text } from '../../schemas.ts';
import { fields } from './fields.ts';

export const Attention = z
  .strictObject({
    system: z.string(),
    step: z.enum(STEPS),
    code: z.enum(ATTENTION_CODES),
    since: timestamp,
    retryAt: timestamp.nullable().openapi({ description: 'When it is tried again without an operator.' }),
    remedy: z.string().openapi({ description: 'What an operator can do.' }),
  })
  .openapi('Attention');

/** What an operator can do, one sentence per code; docs/operations.md has the long form. */
const REMEDIES: Readonly<Record<AttentionCode, string>> = {
  system_unavailable: 'Bring the system back; it is tried again by itself, or at once by retry.',
  system_refused: 'Give back the rights or settings that the system refused for, then retry.',
  system_missing: 'Put the system back into lethe.config.ts and retry, or skip it.',
  coverage_broken: 'Run `npm run check`, map or ignore what it names, then retry.',
  resolution_grew: 'Far more subjects match than at first: cancel those that are not meant, or accept all by retry.',
  survivors_remain: 'Find out what writes these rows again, stop it, then retry.',
  verification_unknown: 'Make the system readable again, then retry; unknown is never taken as empty.',
  blocked_by_other_rows: 'Rows outside the data map refer to these: map or remove them, then retry.',
  storage_unavailable: 'Bring the storage of the archives back; it is tried again by itself, or at once by retry.',
  backup_failing: 'Look at the export that is made first (`backups`): once it is ready, the deletion goes on.',
  backup_missing: 'The export that was to be made first has ended without an archive: retry makes another one.',
};

export const attentionResponse = ({ since, retryAt, ...one }: AttentionRow) => ({
  ...one,
  since: new Date(since),
  retryAt: retryAt === null ? null : new Date(retryAt),
  remedy: REMEDIES[one.code],
});

const system = text(200).openapi({ 'x-example': 'app' });

const retryRoute = createRoute({
  operationId: 'retryRequest',
  ...requirePermission({ access: 'write' }),
  method: 'post',
  path: '/requests/{id}/retry',
  summary: 'Try again what waits for an operator: of one system, or of all.',
  request: {
    params: requestParams,
    ...body(z.strictObject({ system: system.optional(), reason }).openapi('Retry')),
  },
  responses: {
    202: jsonResponse(
      z.strictObject({ id: fields.id, systems: z.array(fields.system) }),
      'Written; the work begins anew.',
    ),
    ...problemResponsesWithBody('request_not_found', 'not_in_attention'),
  },
});

const skipRoute = createRoute({
  operationId: 'skipSystem',
  ...requirePermission({ access: 'write', kind: 'deletion', role: 'owner' }),
  method: 'post',
  path: '/requests/{id}/skip',
  summary: 'End the request without a system that waits for an operator.',
  description:
    'Lethe forgets what remains there. The request ends as partially_completed, with the reason in its receipt.',
  request: { params: requestParams, ...body(z.strictObject({ system, reason }).openapi('Skip')) },
  responses: {
    202: jsonResponse(z.strictObject({ id: fields.id, system: fields.system }), 'Written.'),
    ...problemResponsesWithBody('request_not_found', 'wrong_kind', 'not_in_attention'),
  },
});

export const attention = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(retryRoute, async (c) => {
      const { id: requestId } = c.req.valid('param');
      const { system: named = null, reason: why } = c.req.valid('json');
      const retry = { requestId, system: named, reason: why, actor: c.get('caller').memberId, at: deps.now() };
      const { systems, wake } = await retrySystems(deps.database, retry);
      await deps.orchestrator.wake(wake);
      return c.json({ id: requestId, systems: [...systems] }, 202);
    })
    .openapi(skipRoute, async (c) => {
      const { id: requestId } = c.req.valid('param');
      const { system: named, reason: why } = c.req.valid('json');
      const skip = { requestId, system: named, reason: why, actor: c.get('caller').memberId, at: deps.now() };
      const { wake } = await skipSystem(deps.database, skip);
      await deps.orchestrator.wake(wake);
      return c.json({ id: requestId, system: named }, 202);
    });
