import { nextRunAfter, runAtOrBefore } from '../../domain/calendar.ts';
import type { Policy } from '../../domain/policy.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import { waitsForBackup } from '../backups/pending.ts';
import type { Database, Transaction } from '../client.ts';
import { leaveExports } from '../exports/remove-claimed.ts';
import { heldSubjects } from '../holds/held-subjects.ts';
import { withProjectLock } from '../project-lock.ts';
import { readRequestRow } from '../requests/row.ts';

export interface Claim {
  readonly claimed: number;
  readonly leftForNextRun: number;
  /** Exports that have to do without those who were claimed (rule 17). */
  readonly wake: readonly string[];
}

/**
 * The point of no return. Takes what is due at `asOf`, soft-deleted everywhere (or, of a part-deletion, found), not held, and
 * in an archive where one is made first, as far as the run's quota goes. All requests of the project are ranked together
 * (expedited, then by due date), and each takes only its own: so the order holds whichever workflow comes first. A retry
 * finds nothing due and takes nothing again (rules 2, 6, 12).
 */
export async function claim(
  database: Database,
  policy: Policy,
  input: { readonly requestId: string; readonly asOf: Date },
): Promise<Claim> {
  const { requestId, asOf } = input;
  const { project } = await readRequestRow(database, requestId);
  const runAt = new Date(runAtOrBefore(asOf.getTime(), policy.window));
  return withProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (request.concludedAt !== null || request.processors === null || (await blocked(tx, requestId, asOf)))
      return { claimed: 0, leftForNextRun: 0, wake: [] };
    const quota = policy.quotaPerRun === null ? null : policy.quotaPerRun - (await booked(tx, project, runAt));
    const [{ batch } = { batch: 1 }] = await tx<{ batch: number }[]>`
      SELECT coalesce(max(batch), 0) + 1 AS batch FROM lethe.subjects WHERE request_id = ${requestId}`;
    const taken = await tx<{ claimed: number; firstSeq: number; lastSeq: number }[]>`
      WITH due AS (
        SELECT subjects.request_id, seq,
               row_number() OVER (ORDER BY expedited DESC, requests.due_at, subjects.request_id, seq) AS place
        FROM lethe.subjects JOIN lethe.requests ON requests.id = subjects.request_id
        WHERE subjects.project = ${project} AND state IN ('soft_deleted', 'scheduled') AND subjects.hard_delete_at <= ${asOf}
          AND (subjects.request_id, seq) NOT IN (${heldSubjects(project)}) AND NOT ${waitsForBackup(project)}),
      taken AS (
        UPDATE lethe.subjects SET state = 'claimed', batch = ${batch}, claimed_at = ${asOf}
        FROM due WHERE subjects.request_id = ${requestId} AND due.request_id = ${requestId} AND subjects.seq = due.seq
          AND (${quota}::bigint IS NULL OR due.place <= ${quota}::bigint)
        RETURNING subjects.seq)
      SELECT count(*) AS claimed, min(seq) AS first_seq, max(seq) AS last_seq FROM taken`;
    const [{ claimed, firstSeq, lastSeq } = { claimed: 0, firstSeq: 0, lastSeq: 0 }] = taken;
    const leftForNextRun = await moveToNextRun(tx, project, { requestId, asOf, policy });
    if (claimed === 0) return { claimed, leftForNextRun, wake: [] };
    await tx`INSERT INTO lethe.runs (project, run_at, booked) VALUES (${project}, ${runAt}, ${claimed})
      ON CONFLICT (project, run_at) DO UPDATE SET booked = runs.booked + excluded.booked`;
    await tx`INSERT INTO lethe.batch_work (request_id, batch, processor, state, first_seq, last_seq, size, skip_reason, skipped_by)
      SELECT ${requestId}, ${batch}, processor, CASE WHEN skipped_at IS NULL THEN 'pending' ELSE 'skipped' END,
             ${firstSeq}, ${lastSeq}, ${claimed}, skip_reason, skipped_by
      FROM lethe.processor_visibility WHERE request_id = ${requestId}`;
    const detail = { batch, count: claimed, firstSeq, lastSeq, run: runAt.toISOString(), leftForNextRun };
    await recordAudit(tx, { at: asOf, project, requestId, actor: LETHE, action: 'subjects.claimed', detail });
    const wake = await leaveExports(tx, { project, requestId, batch, whole: request.scope === 'data', at: asOf });
    return { claimed, leftForNextRun, wake };
  });
}

/** Coverage that is broken, subjects that grew, a directory that cannot be asked: nothing is deleted before that is settled (rule 5). */
async function blocked(tx: Transaction, requestId: string, asOf: Date): Promise<boolean> {
  const rows = await tx`SELECT FROM lethe.attention
    WHERE request_id = ${requestId} AND step IN ('resolve', 'inspect') AND coalesce(retry_at > ${asOf}, true) LIMIT 1`;
  return rows.length > 0;
}

async function booked(tx: Transaction, project: string, runAt: Date): Promise<number> {
  const [row] = await tx<
    { booked: number }[]
  >`SELECT booked FROM lethe.runs WHERE project = ${project} AND run_at = ${runAt}`;
  return row?.booked ?? 0;
}

/** What a run leaves behind belongs to the next: `hard_delete_at` always names the run that may claim. */
async function moveToNextRun(
  tx: Transaction,
  project: string,
  { requestId, asOf, policy }: { readonly requestId: string; readonly asOf: Date; readonly policy: Policy },
): Promise<number> {
  if (policy.window === null) return 0;
  const nextRun = new Date(nextRunAfter(asOf.getTime(), policy.window));
  const moved = await tx`UPDATE lethe.subjects SET hard_delete_at = ${nextRun}
    WHERE request_id = ${requestId} AND state IN ('soft_deleted', 'scheduled') AND hard_delete_at <= ${asOf}
      AND (request_id, seq) NOT IN (${heldSubjects(project)}) AND NOT ${waitsForBackup(project)}`;
  if (moved.count > 0) {
    await tx`UPDATE lethe.requests SET estimated_completion_at = greatest(estimated_completion_at, ${new Date(nextRun.getTime() + policy.settleMs)})
      WHERE id = ${requestId}`;
  }
  return moved.count;
}
