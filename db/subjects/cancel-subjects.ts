import type { SQL } from 'drizzle-orm';
import { firstRunAtOrAfter, type RunWindow } from '../../domain/calendar.ts';
import { releaseBackups } from '../backups/pending.ts';
import type { Transaction } from '../client.ts';
import { handOver } from './transfer-ownership.ts';

/**
 * Takes subjects back from their request, as far as they are not claimed; the caller holds the project's lock. One that
 * another request waits for is handed to it, still hidden (rule 7); the others are to be shown again, and are `cancelled`
 * once they are (rule 9), or at once where there is nothing to show. `chosen` selects their `seq`. Whoever calls raises the
 * wake of the requests that are returned.
 */
export async function withdrawSubjects(
  tx: Transaction,
  withdrawal: {
    readonly requestId: string;
    readonly chosen: SQL;
    readonly at: Date;
    readonly window: RunWindow;
  },
): Promise<{ readonly withdrawn: number; readonly wake: readonly string[] }> {
  const { requestId, chosen, at, window } = withdrawal;
  const firstRun = new Date(firstRunAtOrAfter(at.getTime(), window));
  const [{ withdrawn, changed } = { withdrawn: 0, changed: [] }] = await tx<{ withdrawn: number; changed: string[] }[]>`
    WITH withdrawn AS (UPDATE lethe.subjects mine
    SET state = CASE WHEN NOT hidden OR state = 'attached' OR present IS NOT TRUE OR EXISTS (
                  SELECT FROM lethe.subjects heir
                  WHERE heir.owner_request = ${requestId} AND heir.owner_seq = mine.seq AND heir.state = 'attached')
                THEN 'cancelled' ELSE 'cancelling' END,
        hidden = false,
        generation = CASE WHEN NOT hidden OR state = 'attached' THEN generation ELSE (SELECT nextval('lethe.visibility_generation')) END
    WHERE request_id = ${requestId} AND seq IN (${chosen})
      AND state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'attached', 'wanted')
    RETURNING seq, owner_request, owner_seq, backed_up),
    ${releaseBackups(requestId, firstRun)}
    SELECT (SELECT count(*) FROM withdrawn) AS withdrawn, ARRAY(SELECT id FROM changed) AS changed`;
  return { withdrawn, wake: withdrawn === 0 ? [] : [...changed, ...(await handOver(tx, withdrawal))] };
}
