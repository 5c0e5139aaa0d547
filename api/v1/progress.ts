import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { readProgress } from '../../db/read-progress.ts';
import { readRequestRow } from '../../db/request-row.ts';
import { STATUSES, WORK_STATES } from '../../domain/vocabulary.ts';
import { allows } from '../auth.ts';
import { answer, problems } from '../contract.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';
import { instant, requestParams } from '../schemas.ts';

const Batch = z.strictObject({
  processor: z.string(),
  batch: z.int(),
  state: z.enum(WORK_STATES),
  pass: z.int().openapi({ description: 'One more for each time that survivors were found.' }),
  subjects: z.int(),
  finished: z.int().openapi({ description: 'Subjects of the ranges that this pass has finished.' }),
  removed: z.int().openapi({ description: 'Rows, in all passes.' }),
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
    batches: z.array(Batch),
    live: Live.nullable().openapi({
      description: 'What only Temporal knows; null when it is away, or does not run the request now.',
    }),
  })
  .openapi('Progress');

const route = createRoute({
  operationId: 'readProgress',
  ...allows({ access: 'read' }),
  method: 'get',
  path: '/requests/{id}/progress',
  summary: 'What is being done at the moment.',
  request: { params: requestParams },
  responses: {
    200: answer(Progress, 'From the ledger, and from Temporal as far as it answers.'),
    ...problems('request_not_found'),
  },
});

export const progress = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { id } = c.req.valid('param');
    const { status, concludedAt } = await readRequestRow(deps.database, id);
    const [batches, live] = await Promise.all([
      readProgress(deps.database, id),
      concludedAt === null ? deps.orchestrator.progress(id) : null,
    ]);
    return c.json(
      {
        id,
        status,
        batches: [...batches],
        live:
          live === null ? null : { waitingFor: live.workflow?.waitingFor ?? null, activities: [...live.activities] },
      },
      200,
    );
  });
