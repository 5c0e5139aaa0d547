import { firstRunAtOrAfter, type RunWindow } from '../domain/calendar.ts';
import type { Transaction } from './client.ts';

/**
 * Takes subjects back from their request: cancelled, or no longer whom the request named. Only what is not claimed can
 * be taken; the caller holds the project's lock. A subject that another request waits for is handed to it, still hidden
 * (rule 7); the others are to be shown again, and are `cancelled` once they are shown everywhere (rule 9).
 * Returns how many were taken, and the requests to wake.
 */
export async function withdrawSubjects(
  tx: Transaction,
  withdrawal: {
    readonly requestId: string;
    readonly seqs: readonly number[];
    readonly at: Date;
    readonly window: RunWindow;
  },
): Promise<{ readonly withdrawn: number; readonly wake: readonly string[] }> {
  const { requestId, at, window } = withdrawal;
  const seqs = withdrawal.seqs as number[];
  const [{ generation } = { generation: 0 }] = await tx<{ generation: number }[]>`
    SELECT nextval('lethe.visibility_generation') AS generation`;
  await tx`CREATE TEMPORARY TABLE handover ON COMMIT DROP AS
    SELECT DISTINCT ON (heir.owner_seq) heir.request_id, heir.seq, heir.owner_seq
    FROM lethe.subjects heir JOIN lethe.subjects mine ON mine.request_id = ${requestId} AND mine.seq = heir.owner_seq
    WHERE heir.owner_request = ${requestId} AND heir.owner_seq = ANY(${seqs}::integer[]) AND heir.state = 'attached'
      AND mine.state IN ('resolved', 'soft_deleted')
    ORDER BY heir.owner_seq, heir.request_id`;
  const withdrawn = await tx`
    UPDATE lethe.subjects mine
    SET state = CASE WHEN state = 'attached' OR EXISTS (SELECT FROM handover WHERE owner_seq = mine.seq) THEN 'cancelled' ELSE 'cancelling' END,
        hidden = false, generation = CASE WHEN state = 'attached' THEN generation ELSE ${generation} END
    WHERE request_id = ${requestId} AND seq = ANY(${seqs}::integer[]) AND state IN ('resolved', 'soft_deleted', 'attached')`;
  await tx`
    UPDATE lethe.subjects other SET owner_request = handover.request_id, owner_seq = handover.seq
    FROM handover WHERE other.owner_request = ${requestId} AND other.owner_seq = handover.owner_seq AND other.state = 'attached'
      AND (other.request_id, other.seq) <> (handover.request_id, handover.seq)`;
  const heirs = await tx<{ requestId: string }[]>`
    UPDATE lethe.subjects heir
    SET state = 'resolved', owner_request = NULL, owner_seq = NULL, hidden = true, generation = ${generation},
        hard_delete_at = greatest(heir.hard_delete_at, ${new Date(firstRunAtOrAfter(at.getTime(), window))})
    FROM handover WHERE heir.request_id = handover.request_id AND heir.seq = handover.seq
    RETURNING heir.request_id`;
  await tx`DROP TABLE handover`;
  const wake = [...new Set(heirs.map((heir) => heir.requestId))];
  return { withdrawn: withdrawn.count, wake };
}
