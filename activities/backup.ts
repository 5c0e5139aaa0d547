import { beginBackup } from '../db/backups/begin.ts';
import { readRequestRow } from '../db/request-row.ts';
import type { ActivityDeps } from './deps.ts';
import type { At } from './ledger.ts';

export const backupActivities = (deps: ActivityDeps) => ({
  /** The export that a deletion waits for is a request like any other; one whose start is lost is found by housekeeping (rule 1). */
  async beginBackup({ requestId, asOf }: At): Promise<void> {
    const { project } = await readRequestRow(deps.database, requestId);
    const begun = await beginBackup(deps.database, project, { requestId, at: new Date(asOf) });
    if (begun !== null) await deps.starter.start(begun);
  },
});
