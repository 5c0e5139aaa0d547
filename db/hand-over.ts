import { firstRunAtOrAfter, type RunWindow } from '../domain/calendar.ts';
import { raiseWake } from './audit.ts';
import type { Transaction } from './client.ts';

/**
 * Subjects that their request has just let go of pass to the earliest request that waits for them, to be hidden (or to
 * stay hidden) for its sake; those that wait behind it now wait for that one (rule 7). The caller holds the project's
 * lock and has moved its own rows out of the owning states. Returns the requests to wake.
 */
export async function handOver(
  tx: Transaction,
  letGo: {
    readonly requestId: string;
    readonly seqs: readonly number[];
    readonly at: Date;
    readonly window: RunWindow;
  },
): Promise<readonly string[]> {
  const { requestId, at, window } = letGo;
  const seqs = letGo.seqs as number[];
  const firstRun = new Date(firstRunAtOrAfter(at.getTime(), window));
  const heirs = await tx<{ requestId: string; seq: number; ownerSeq: number }[]>`
    WITH heir AS (
      SELECT DISTINCT ON (owner_seq) request_id, seq, owner_seq FROM lethe.subjects
      WHERE owner_request = ${requestId} AND owner_seq = ANY(${seqs}::integer[]) AND state = 'attached'
      ORDER BY owner_seq, request_id, seq)
    UPDATE lethe.subjects subject
    SET state = 'resolved', owner_request = NULL, owner_seq = NULL, hidden = true,
        generation = (SELECT nextval('lethe.visibility_generation')), hard_delete_at = greatest(subject.hard_delete_at, ${firstRun})
    FROM heir WHERE subject.request_id = heir.request_id AND subject.seq = heir.seq
    RETURNING heir.request_id, heir.seq, heir.owner_seq`;
  if (heirs.length === 0) return [];
  await tx`
    UPDATE lethe.subjects SET owner_request = heir.request_id, owner_seq = heir.seq
    FROM unnest(${heirs.map((heir) => heir.requestId)}::text[], ${heirs.map((heir) => heir.seq)}::integer[],
                ${heirs.map((heir) => heir.ownerSeq)}::integer[]) AS heir (request_id, seq, owner_seq)
    WHERE subjects.owner_request = ${requestId} AND subjects.owner_seq = heir.owner_seq AND state = 'attached'`;
  const wake = [...new Set(heirs.map((heir) => heir.requestId))];
  await raiseWake(tx, wake);
  return wake;
}
