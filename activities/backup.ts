import { beginBackup } from '../db/backups/start.ts';
import type { ActivityDeps } from './deps.ts';
import type { At } from './ledger.ts';

export const backupActivities = (deps: ActivityDeps) => ({
  /** The export that a deletion waits for is a request like any other: housekeeping finds one whose start is lost (rule 1). */
  async beginBackup({ requestId, asOf }: At): Promise<void> {
    const begun = await beginBackup(deps.database, requestId, new Date(asOf));
    if (begun !== null) await deps.starter.start(begun);
  },
});
