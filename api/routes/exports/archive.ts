import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { destroyArchive } from '../../../db/exports/archive.ts';
import { readExportRow } from '../../../db/requests/row.ts';
import { requirePermission } from '../../auth.ts';
import type { ApiDeps, AppEnv } from '../../deps.ts';
import { problemResponses } from '../../openapi/contract.ts';
import { exportParams } from './links.ts';

const route = createRoute({
  operationId: 'destroyArchive',
  ...requirePermission({ access: 'write' }),
  method: 'delete',
  path: '/requests/{id}/archive',
  summary: 'Destroy an archive before its time: its key at once, what it opened as soon as that is reached.',
  description: 'Nobody can read it from then on, whatever was kept of the storage. Downloads under way are cut.',
  request: { params: exportParams },
  responses: {
    204: { description: 'The key is destroyed.' },
    ...problemResponses('request_not_found', 'wrong_kind', 'archive_not_ready'),
  },
});

export const archive = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { id: requestId } = c.req.valid('param');
    await readExportRow(deps.database, requestId);
    const actor = c.get('caller').memberId;
    const { wake } = await destroyArchive(deps.database, { requestId, actor, at: deps.now() });
    await deps.orchestrator.wake(wake);
    return c.body(null, 204);
  });
