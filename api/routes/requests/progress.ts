import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { readCollections } from '../../../db/exports/collections.ts';
import { readProgress } from '../../../db/deletion/progress.ts';
import { readRequestRow } from '../../../db/requests/row.ts';
import { COLLECTION_STATES, STATUSES, WORK_STATES } from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { timestamp, requestParams } from '../../schemas.ts';
import { fields } from './fields.ts';

const Batch = z.strictObject({
  system: fields.system,
  batch: z.int().openapi({ 'x-example': 1 }),
  state: z.enum(WORK_STATES).openapi({ 'x-example': 'deleting' }),
  pass: z.int().openapi({ description: 'One more for each time that survivors were found.', 'x-example': 1 }),
  subjects: z.int().openapi({ 'x-example': 2 }),
  finished: z.int().openapi({ description: 'Subjects of the ranges that this pass has finished.', 'x-example': 1 }),
  removed: z.int().openapi({ description: 'Rows, in all passes.', 'x-example': 14 }),
  blanked: z
    .int()
    .openapi({ description: 'Of scope `categories` or `sources`: rows that were emptied, in all passes.' }),
});

const Collection = z.strictObject({
  system: fields.system,
  epoch: z.int().openapi({
    description: 'One more for each time that it has changed who belongs in the archive.',
    'x-example': 1,
  }),
  state: z.enum(COLLECTION_STATES).openapi({ 'x-example': 'collected' }),
  rows: z.int().openapi({ 'x-example': 12 }),
  bytes: z.int().openapi({ description: 'Of the rows as they will lie in the archive.', 'x-example': 4_096 }),
});

const Live = z.strictObject({
  waitingFor: z.string().nullable().openapi({ 'x-example': 'deletion' }),
  activities: z.array(
    z.strictObject({
      system: fields.system.nullable(),
      activity: z.string().openapi({ 'x-example': 'deleteBatch' }),
      attempt: z.int().openapi({ 'x-example': 1 }),
      nextAttemptAt: timestamp.nullable().openapi({ 'x-example': null }),
    }),
  ),
});

const Progress = z
  .strictObject({
    id: fields.id,
    status: z.enum(STATUSES).openapi({ 'x-example': 'deleting' }),
    batches: z.array(Batch).openapi({ description: 'Of a deletion.' }),
    collections: z.array(Collection).openapi({ description: 'Of an export.' }),
    live: Live.nullable().openapi({
      description: 'What only Temporal knows; null when it is away, or does not run the request now.',
    }),
  })
  .openapi('Progress');

const route = createRoute({
  operationId: 'readProgress',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/requests/{id}/progress',
  summary: 'What is being done at the moment.',
  request: { params: requestParams },
  responses: {
    200: jsonResponse(Progress, 'From the ledger, and from Temporal as far as it answers.'),
    ...problemResponses('request_not_found'),
  },
});

export const progress = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { id } = c.req.valid('param');
    const { status, concludedAt } = await readRequestRow(deps.database, id);
    const [batches, collections, live] = await Promise.all([
      readProgress(deps.database, id),
      readCollections(deps.database, id),
      concludedAt === null ? deps.orchestrator.progress(id) : null,
    ]);
    return c.json(
      {
        id,
        status,
        batches: [...batches],
        collections: [...collections],
        live:
          live === null ? null : { waitingFor: live.workflow?.waitingFor ?? null, activities: [...live.activities] },
      },
      200,
    );
  });
