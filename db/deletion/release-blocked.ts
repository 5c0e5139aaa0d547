import { and, eq, isNotNull, sql, type SQL } from 'drizzle-orm';
import { ATTENTION_CODES } from '../../domain/vocabulary.ts';
import { clearAttentionIn } from '../attention/raise.ts';
import type { Transaction } from '../client.ts';
import { subjectIdentities, subjects } from '../schema/subjects.ts';
import { batchWork, blockedSubjects, systemRanges } from '../schema/work.ts';
import { intArray } from '../sql.ts';
import { closeTasks, dropFromTasks } from '../tasks/answer.ts';

interface Release {
  readonly project: string;
  readonly requestId: string;
  /** Selects the `seq` of the subjects to release. */
  readonly chosen: SQL;
  readonly at: Date;
}

/**
 * Takes blocked subjects out of their batch, back to the state before the claim, if no row of them is deleted in any
 * system. Their systems leave them out from now on. Returns the systems that prevent it for the others: they have deleted
 * data of them, or may be deleting it now. Runs under the project lock.
 */
export async function releaseBlocked(
  tx: Transaction,
  release: Release,
): Promise<{ readonly keptBy: readonly string[] }> {
  const { requestId, chosen, at } = release;
  // Waits for an attempt that is about to start or to record its result.
  await tx.select({ batch: batchWork.batch }).from(batchWork).where(eq(batchWork.requestId, requestId)).for('update');
  const candidates = await readCandidates(tx, requestId, chosen);
  const free = candidates.filter(({ keptBy }) => keptBy.length === 0).map(({ seq }) => seq);
  if (free.length > 0) {
    const works = await leaveBatches(tx, requestId, free, at);
    await dropFromTasks(tx, { requestId, seqs: free, at });
    for (const work of works) await settleWork(tx, release, work);
  }
  return { keptBy: [...new Set(candidates.flatMap(({ keptBy }) => keptBy))].toSorted() };
}

/**
 * A system keeps a subject if its deletion has started and the subject is not blocked there, has finished ranges, or is
 * tried again by an attempt that runs or continues later. A
 * subject also stays if it shares an identity with a subject that stays, because a system deletes by that identity.
 */
const readCandidates = (tx: Transaction, requestId: string, chosen: SQL) =>
  tx.execute<{ seq: number; keptBy: readonly string[] }>(sql`
    WITH RECURSIVE candidate AS MATERIALIZED (
      SELECT seq, batch FROM ${subjects}
      WHERE request_id = ${requestId} AND state = 'claimed' AND seq IN (${chosen})
        AND EXISTS (SELECT FROM ${blockedSubjects} blocked WHERE blocked.request_id = ${requestId}
                    AND blocked.batch = subjects.batch AND blocked.seq = subjects.seq AND cancelled_at IS NULL)),
    finished AS MATERIALIZED (
      SELECT DISTINCT batch, system, seq
      FROM (SELECT DISTINCT batch, system, first_seq, last_seq FROM ${systemRanges} WHERE request_id = ${requestId}) ranges,
           generate_series(first_seq, last_seq) seq),
    kept AS MATERIALIZED (
      SELECT candidate.seq, work.system FROM candidate JOIN ${batchWork} work ON work.request_id = ${requestId} AND work.batch = candidate.batch
      LEFT JOIN ${blockedSubjects} blocked ON blocked.request_id = ${requestId} AND blocked.batch = work.batch
        AND blocked.system = work.system AND blocked.seq = candidate.seq AND cancelled_at IS NULL
      LEFT JOIN finished ON finished.batch = work.batch AND finished.system = work.system AND finished.seq = candidate.seq
      WHERE work.started AND (work.attempt IS NOT NULL OR (work.due_at IS NOT NULL AND work.state IN ('pending', 'deleting'))
        OR blocked.seq IS NULL OR finished.seq IS NOT NULL)),
    pair AS MATERIALIZED (
      SELECT own.seq, other.seq AS other_seq FROM candidate
      JOIN ${subjectIdentities} own ON own.request_id = ${requestId} AND own.seq = candidate.seq AND NOT own.shared
      JOIN ${subjectIdentities} other ON other.request_id = ${requestId} AND other.digest = own.digest AND other.seq <> own.seq
      JOIN ${subjects} sharer ON sharer.request_id = ${requestId} AND sharer.seq = other.seq
      WHERE sharer.state IN ('claimed', 'deleted', 'partially_deleted')),
    staying (seq, system) AS (
      (SELECT seq, system FROM kept
       UNION SELECT pair.seq, work.system FROM pair JOIN candidate USING (seq)
             JOIN ${batchWork} work ON work.request_id = ${requestId} AND work.batch = candidate.batch AND work.started
             WHERE NOT EXISTS (SELECT FROM candidate known WHERE known.seq = other_seq))
      UNION SELECT pair.seq, staying.system FROM pair JOIN staying ON pair.other_seq = staying.seq)
    SELECT seq, coalesce(kept_by, '{}') AS kept_by
    FROM candidate LEFT JOIN (SELECT seq, array_agg(system ORDER BY system) AS kept_by FROM staying GROUP BY seq) kept_subject USING (seq)
    ORDER BY seq`);

interface LeftWork {
  readonly batch: number;
  readonly system: string;
  /** Subjects of the batch that the system could not delete, and all others. */
  readonly blocked: number;
  readonly others: number;
}

/** Marks the subjects as cancelled in their systems and returns the work of every system on their batches. */
async function leaveBatches(
  tx: Transaction,
  requestId: string,
  seqs: readonly number[],
  at: Date,
): Promise<readonly LeftWork[]> {
  await tx
    .update(blockedSubjects)
    .set({ cancelledAt: at })
    .where(and(eq(blockedSubjects.requestId, requestId), sql`${blockedSubjects.seq} = ANY (${intArray(seqs)})`));
  return tx.execute<LeftWork & Record<string, unknown>>(sql`
    WITH before AS (SELECT seq, batch FROM ${subjects} WHERE request_id = ${requestId} AND seq = ANY (${intArray(seqs)})),
    released AS (
      UPDATE ${subjects} SET state = CASE WHEN scope = 'data' THEN 'soft_deleted' ELSE 'scheduled' END, batch = NULL, claimed_at = NULL
      FROM before WHERE request_id = ${requestId} AND subjects.seq = before.seq RETURNING before.batch),
    resized AS (
      UPDATE ${batchWork} work SET size = size - gone.count
      FROM (SELECT batch, count(*) FROM released GROUP BY batch) gone
      WHERE request_id = ${requestId} AND work.batch = gone.batch RETURNING work.batch, work.system)
    SELECT batch, system, count(member.seq) FILTER (WHERE is_blocked) AS blocked, count(member.seq) FILTER (WHERE NOT is_blocked) AS others
    FROM resized LEFT JOIN LATERAL (
      SELECT seq, EXISTS (SELECT FROM ${blockedSubjects} blocked WHERE blocked.request_id = ${requestId} AND blocked.batch = resized.batch
                          AND blocked.system = resized.system AND blocked.seq = subjects.seq AND cancelled_at IS NULL OFFSET 0) AS is_blocked
      FROM ${subjects} WHERE request_id = ${requestId} AND subjects.batch = resized.batch AND seq <> ALL (${intArray(seqs)})) member ON true
    GROUP BY batch, system`);
}

/** Ends the work on an empty batch. Verifies the others again when no subject is blocked any more. */
async function settleWork(
  tx: Transaction,
  { project, requestId, at }: Release,
  { batch, system, blocked, others }: LeftWork,
): Promise<void> {
  if (blocked > 0) return;
  const key = { project, requestId, system, batch } as const;
  const ofWork = and(eq(batchWork.requestId, requestId), eq(batchWork.system, system), eq(batchWork.batch, batch));
  for (const step of ['delete', 'verify'] as const)
    if (step === 'delete' || others === 0)
      await clearAttentionIn(tx, { ...key, step }, at, others === 0 ? ATTENTION_CODES : ['blocked_by_other_rows']);
  if (others === 0) {
    await closeTasks(tx, { requestId, system, batch }, at);
    await tx.delete(batchWork).where(ofWork);
  } else
    await tx
      .update(batchWork)
      .set({ state: 'verifying' })
      .where(and(ofWork, eq(batchWork.state, 'attention'), isNotNull(batchWork.verifiedAt)));
}
