import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { readCollections } from '../../../db/exports/read-collections.ts';
import { readProgress } from '../../../db/deletion/progress.ts';
import { readRequestRow } from '../../../db/requests/row.ts';
import { STATUSES, WORK_STATES } from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { instant, requestParams } from '../../schemas.ts';

const Batch = z.strictObject({
  processor: z.string(),
  batch: z.int(),
  state: z.enum(WORK_STATES),
  pass: z.int().openapi({ description: 'One more for each time that survivors were found.' }),
  subjects: z.int(),
  finished: z.int().openapi({ description: 'Subjects of the ranges that this pass has finished.' }),
  removed: z.int().openapi({ description: 'Rows, in all passes.' }),
  blanked: z
    .int()
    .openapi({ description: 'Of scope `categories` or `sources`: rows that were emptied, in all passes.' }),
});

const Collection = z.strictObject({
  processor: z.string(),
  epoch: z.int().openapi({ description: 'One more for each time that it has changed who belongs in the archive.' }),
  state: z.enum(['pending', 'collected']),
  rows: z.int(),
  bytes: z.int().openapi({ description: 'Of the rows as they will lie in the archive.' }),
});

const Live = z.strictObject({
  waitingFor: z.string().nullable(),
  activities: z.array(
    z.strictObject({
      processor: z.string().nullable(),
      activity: z.string(),
      attempt: z.int(),
      nextAttemptAt: instant.nullable(),
    }),
  ),
});

const Progress = z
  .strictObject({
    id: z.string(),
    status: z.enum(STATUSES),
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
