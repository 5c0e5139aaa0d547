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
  summary: 'Destroy an archive',
  description:
    'Destroys the key of the archive immediately, so that no copy of the archive can be read, aborts running downloads, and deletes the file asynchronously. The status of the export changes to `expired`. A deletion that waits for the archive needs attention (`backup_missing`).',
  request: { params: exportParams },
  responses: {
    204: { description: 'The archive key is destroyed. The file is deleted asynchronously.' },
    ...problemResponses('request_not_found', 'wrong_kind', 'archive_not_ready'),
  },
});

export const archive = (deps: ApiDeps) =>
  new OpenAPIHono<AppEnv>().openapi(route, async (c) => {
    const { id: requestId } = c.req.valid('param');
    await readExportRow(deps.database, requestId);
    const actor = c.get('caller').memberId;
    const { wake } = await destroyArchive(deps.database, { requestId, actor, at: deps.now() });
    await deps.orchestrator.signalRequests(wake);
    return c.body(null, 204);
  });
