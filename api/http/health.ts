import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { requireMigrated } from '../../db/migrate.ts';
import { isStorageUnavailable } from '../../db/errors.ts';
import { jsonResponse } from '../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';

const Liveness = z.strictObject({ status: z.literal('ok').openapi({ 'x-example': 'ok' }) });
const Readiness = z
  .strictObject({
    ready: z.boolean().openapi({ description: 'Whether requests can be accepted.', 'x-example': true }),
    database: z.enum(['reachable', 'away']).openapi({ description: 'Whether the database can be reached.' }),
    schema: z
      .enum(['current', 'other', 'unknown'])
      .openapi({ description: 'Whether the database has the schema of this version. Unknown if it is unreachable.' }),
    temporal: z.enum(['reachable', 'away']).openapi({ description: 'Whether Temporal can be reached.' }),
  })
  .openapi('Readiness');

const livenessRoute = createRoute({
  operationId: 'checkLiveness',
  method: 'get',
  path: '/healthz',
  summary: 'Check liveness',
  description: 'Returns 200 while the process runs. Does not check the database or Temporal.',
  security: [],
  responses: { 200: jsonResponse(Liveness, 'The process is running.') },
});

const readinessRoute = createRoute({
  operationId: 'checkReadiness',
  method: 'get',
  path: '/readyz',
  summary: 'Check readiness',
  description:
    'Returns 200 when requests can be accepted: the database is reachable and has the schema of this version. A Temporal outage is reported but does not fail readiness, because stored requests are started later.',
  security: [],
  responses: {
    200: jsonResponse(Readiness, 'Requests can be accepted.'),
    503: jsonResponse(Readiness, 'Requests cannot be accepted.'),
  },
});

export const health = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(livenessRoute, (c) => c.json({ status: 'ok' as const }, 200))
    .openapi(readinessRoute, async (c) => {
      const [database, reachable] = await Promise.all([databaseState(deps), deps.orchestrator.isReachable()]);
      const ready = database.schema === 'current' && deps.isStarted?.() !== false;
      return c.json({ ready, ...database, temporal: reachable ? 'reachable' : 'away' } as const, ready ? 200 : 503);
    });

async function databaseState(deps: ApiDeps) {
  try {
    await requireMigrated(deps.database);
    return { database: 'reachable', schema: 'current' } as const;
  } catch (error) {
    if (isStorageUnavailable(error)) return { database: 'away', schema: 'unknown' } as const;
    return { database: 'reachable', schema: 'other' } as const;
  }
}
