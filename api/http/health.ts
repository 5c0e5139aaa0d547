import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { requireMigrated } from '../../db/migrate.ts';
import { isStorageUnavailable } from '../../db/errors.ts';
import { jsonResponse } from '../openapi/contract.ts';
import type { ApiDeps, AppEnv } from '../deps.ts';

const Alive = z.strictObject({ status: z.literal('ok').openapi({ 'x-example': 'ok' }) });
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

const healthz = createRoute({
  operationId: 'healthz',
  method: 'get',
  path: '/healthz',
  summary: 'The process answers.',
  description: 'It asks nothing of the ledger, nor of Temporal.',
  security: [],
  responses: { 200: jsonResponse(Alive, 'It does.') },
});

const readyz = createRoute({
  operationId: 'readyz',
  method: 'get',
  path: '/readyz',
  summary: 'Requests can be accepted: the ledger is there, with this schema.',
  description:
    'Temporal away is told, and is no reason to turn callers away: what is stored meanwhile is started later.',
  security: [],
  responses: { 200: jsonResponse(Readiness, 'Ready.'), 503: jsonResponse(Readiness, 'Not ready.') },
});

export const health = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>()
    .openapi(healthz, (c) => c.json({ status: 'ok' as const }, 200))
    .openapi(readyz, async (c) => {
      const [ledger, reachable] = await Promise.all([ledgerState(deps), deps.orchestrator.reachable()]);
      const ready = ledger.schema === 'current';
      return c.json({ ready, ...ledger, temporal: reachable ? 'reachable' : 'away' } as const, ready ? 200 : 503);
    });

async function ledgerState(deps: ApiDeps) {
  try {
    await requireMigrated(deps.database);
    return { database: 'reachable', schema: 'current' } as const;
  } catch (error) {
    if (isStorageUnavailable(error)) return { database: 'away', schema: 'unknown' } as const;
    return { database: 'reachable', schema: 'other' } as const;
  }
}
