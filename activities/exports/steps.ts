import { expireArchive } from '../../db/exports/archive.ts';
import { concludeExport } from '../../db/exports/conclude.ts';
import { reconcileExport } from '../../db/exports/reconcile.ts';
import { readRequestRow } from '../../db/requests/row.ts';
import { systemsFor } from '../../domain/catalog.ts';
import type { ExportState } from '../../domain/request-state.ts';
import type { AsOf, RequestKey } from '../../domain/ids.ts';
import { type ActivityDeps, configuredFor, projectOf } from '../deps.ts';

/** Steps of an export that use only Lethe's own database. */
export const exportActivities = (deps: ActivityDeps) => ({
  async reconcileExport({ requestId, asOf }: RequestKey & AsOf): Promise<ExportState> {
    const request = await readRequestRow(deps.database, requestId);
    const withoutExport = systemsFor(projectOf(deps, request.project), request.subjectKind)
      .filter((system) => !system.exports)
      .map(({ name }) => name);
    const input = { requestId, asOf: new Date(asOf), withoutExport, ...configuredFor(deps, request) };
    return reconcileExport(deps.database, input);
  },

  /** Destroys the key, so that the archive cannot be read any more. */
  async expireArchive({ requestId, asOf }: RequestKey & AsOf): Promise<void> {
    const { project } = await readRequestRow(deps.database, requestId);
    const { exportsKeptMs: keptMs } = projectOf(deps, project).policy;
    await expireArchive(deps.database, { requestId, at: new Date(asOf), keptMs });
  },

  /** Returns the requests to signal. */
  async concludeExport({ requestId, asOf }: RequestKey & AsOf): Promise<readonly string[]> {
    const { project } = await readRequestRow(deps.database, requestId);
    const { window } = projectOf(deps, project).policy;
    return concludeExport(deps.database, { requestId, at: new Date(asOf), window });
  },
});
