import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { readCollections } from '../../../db/exports/collections.ts';
import { readProgress } from '../../../db/deletion/progress.ts';
import { readRequestRow } from '../../../db/requests/row.ts';
import { COLLECTION_STATES, STATUSES, WORK_STATES } from '../../../domain/vocabulary.ts';
import { requirePermission } from '../../auth.ts';
import { jsonResponse, problemResponses } from '../../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { WORK_DESCRIPTION } from '../../openapi/descriptions.ts';
import { timestamp, requestParams } from '../../schemas.ts';
import { fields } from './fields.ts';

const Batch = z.strictObject({
  system: fields.system,
  batch: z.int().openapi({ description: 'Number of the batch in the request, from 1.', 'x-example': 1 }),
  state: z.enum(WORK_STATES).openapi({ description: WORK_DESCRIPTION, 'x-example': 'deleting' }),
  pass: z.int().openapi({
    description: 'Number of the deletion attempt, from 1. Verification that finds survivors starts the next one.',
    'x-example': 1,
  }),
  subjects: z.int().openapi({ description: 'Number of subjects in the batch.', 'x-example': 2 }),
  blocked: z.int().openapi({ description: 'Number of subjects that the system could not delete.', 'x-example': 0 }),
  finished: z.int().openapi({ description: 'Number of subjects that this pass has processed.', 'x-example': 1 }),
  removed: z.int().nullable().openapi({
    description: 'Number of rows deleted in all passes. Null if the system does not report it.',
    'x-example': 14,
  }),
  blanked: z.int().openapi({ description: 'Part deletion: number of rows whose columns were cleared in all passes.' }),
  detached: z.int().openapi({
    description:
      'Number of rows that belong to no subject and whose reference to one was removed or replaced in all passes.',
  }),
  anonymised: z.int().openapi({
    description: 'Number of own rows of the subjects that were kept with replaced values in all passes.',
  }),
});

const Collection = z.strictObject({
  system: fields.system,
  epoch: z.int().openapi({
    description: 'Version of the subjects in the archive, from 1. A change of the subjects starts the next one.',
    'x-example': 1,
  }),
  state: z
    .enum(COLLECTION_STATES)
    .openapi({ description: 'Whether the system has been read for this version.', 'x-example': 'collected' }),
  rows: z.int().openapi({ description: 'Number of rows read so far.', 'x-example': 12 }),
  bytes: z.int().openapi({ description: 'Uncompressed size of the rows in the archive.', 'x-example': 4_096 }),
});

const PendingActivity = z.strictObject({
  system: fields.system
    .nullable()
    .openapi({ description: 'Name of the system. Null for a step of the request itself.' }),
  activity: z.string().openapi({ description: 'Name of the activity in Temporal.', 'x-example': 'deleteBatch' }),
  attempt: z.int().openapi({ description: 'Number of the attempt, from 1.', 'x-example': 1 }),
  nextAttemptAt: timestamp
    .nullable()
    .openapi({ description: 'Time of the next attempt. Null while an attempt is running.', 'x-example': null }),
});

const Live = z.strictObject({
  waitingFor: z.string().nullable().openapi({
    description: 'What the workflow waits for, in words. Null if no worker answers.',
    'x-example': 'Steps in progress: batch 1 in app',
  }),
  activities: z.array(PendingActivity).openapi({ description: 'Activities that run or wait for a retry.' }),
});

const Progress = z
  .strictObject({
    id: fields.id,
    status: z.enum(STATUSES).openapi({ description: 'Status of the request.', 'x-example': 'deleting' }),
    batches: z.array(Batch).openapi({ description: 'Claimed batches per system. Empty for exports.' }),
    collections: z.array(Collection).openapi({ description: 'Progress per system. Empty for deletions.' }),
    live: Live.nullable().openapi({
      description: 'State from Temporal. Null if Temporal is unavailable or the request has ended.',
    }),
  })
  .openapi('Progress');

const route = createRoute({
  operationId: 'getProgress',
  ...requirePermission({ access: 'read' }),
  method: 'get',
  path: '/requests/{id}/progress',
  summary: 'Get the progress of a request',
  description:
    'Returns the work per system from the database of Lethe, and the running activities from Temporal. The response is complete without Temporal except for `live`.',
  request: { params: requestParams },
  responses: {
    200: jsonResponse(Progress, 'Progress of the request.'),
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
      concludedAt === null ? deps.orchestrator.readProgress(id) : null,
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
