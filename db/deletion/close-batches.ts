import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';

/**
 * A claimed subject is `deleted` once every processor's last look was empty (or is known to be no look at all), and
 * only `partially_deleted` where an operator skipped one. Requests that waited for it share the outcome (rule 7).
 * Returns the requests to wake.
 */
export async function closeBatches(
  tx: Transaction,
  project: string,
  requestId: string,
  at: Date,
): Promise<readonly string[]> {
  const closed = await tx<{ batch: number; state: string; count: number }[]>`
    WITH finished AS (
      SELECT batch, bool_or(state = 'skipped') AS partially FROM lethe.batch_work WHERE request_id = ${requestId}
      GROUP BY batch HAVING bool_and(state IN ('verified', 'attested', 'unverified', 'skipped'))),
    closed AS (
      UPDATE lethe.subjects SET state = CASE WHEN partially THEN 'partially_deleted' ELSE 'deleted' END
      FROM finished WHERE request_id = ${requestId} AND subjects.batch = finished.batch AND subjects.state = 'claimed'
      RETURNING subjects.batch, state)
    SELECT batch, state, count(*) FROM closed GROUP BY batch, state`;
  for (const { batch, state, count } of closed) {
    await recordAudit(tx, {
      at,
      project,
      requestId,
      actor: LETHE,
      action: `subjects.${state}`,
      detail: { batch, count },
    });
  }
  if (closed.length === 0) return [];
  const sharing = await tx<{ requestId: string }[]>`
    UPDATE lethe.subjects heir SET state = mine.state, retained = mine.retained
    FROM lethe.subjects mine
    WHERE heir.owner_request = ${requestId} AND heir.state = 'attached' AND mine.request_id = ${requestId}
      AND mine.seq = heir.owner_seq AND mine.state IN ('deleted', 'partially_deleted')
    RETURNING heir.request_id`;
  const wake = [...new Set(sharing.map((row) => row.requestId))];
  await raiseWake(tx, wake);
  return wake;
}
