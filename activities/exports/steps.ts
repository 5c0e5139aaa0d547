import { expireArchive } from '../../db/exports/archive.ts';
import { concludeExport } from '../../db/exports/conclude.ts';
import { lookAtExport } from '../../db/exports/reconcile.ts';
import { readRequestRow } from '../../db/requests/row.ts';
import { processorsFor } from '../../domain/catalog.ts';
import type { ExportView } from '../../domain/request-state.ts';
import { type ActivityDeps, projectOf } from '../deps.ts';
import type { At } from '../ledger.ts';

/** Steps of an export that speak to Lethe's own database alone. */
export const exportActivities = (deps: ActivityDeps) => ({
  async lookAtExport({ requestId, asOf }: At): Promise<ExportView> {
    const { project, subjectKind } = await readRequestRow(deps.database, requestId);
    const handOutNothing = processorsFor(projectOf(deps, project), subjectKind)
      .filter((processor) => !processor.exports)
      .map(({ name }) => name);
    return lookAtExport(deps.database, { requestId, asOf: new Date(asOf), handOutNothing });
  },

  /** Its time is over: the key goes, and with it whatever can be read. */
  async expireArchive({ requestId, asOf }: At): Promise<void> {
    const { project } = await readRequestRow(deps.database, requestId);
    const { exportsKeptMs: keptMs } = projectOf(deps, project).policy;
    await expireArchive(deps.database, { requestId, at: new Date(asOf), keptMs });
  },

  /** Returns the requests to wake. */
  async concludeExport({ requestId, asOf }: At): Promise<readonly string[]> {
    const { project } = await readRequestRow(deps.database, requestId);
    const { window } = projectOf(deps, project).policy;
    return concludeExport(deps.database, { requestId, at: new Date(asOf), window });
  },
});
