import { and, eq, inArray, isNull, sql } from 'drizzle-orm';
import { type BlockedSubject, earliestWait, type NextStep } from '../../domain/batch.ts';
import { DAY_MS } from '../../domain/calendar.ts';
import type { BatchKey } from '../../domain/ids.ts';
import { clearAttentionIn, raiseAttention } from '../attention/raise.ts';
import { reportEvent } from '../audit/events.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { subjects } from '../schema/subjects.ts';
import { batchWork, blockedSubjects } from '../schema/work.ts';
import { transaction } from '../transaction.ts';
import { DELETING, nextStep, ofBatch, readBatchWork } from './batches.ts';

/** What one attempt deletes. */
export interface DeletionAttempt {
  /** 1 as long as subjects are blocked in the first pass, so that their rows are counted as in that pass. */
  readonly pass: number;
  /** Subjects to leave out, in ascending order. */
  readonly except: readonly number[];
}

/**
 * Starts an attempt to delete a batch: from now on rows may be deleted, and until its result is recorded no subject of
 * the batch can be cancelled. Returns null if there is nothing to delete.
 */
export async function startAttempt(
  database: Database,
  key: BatchKey,
  attempt: string,
): Promise<DeletionAttempt | null> {
  return transaction(database, async (tx) => {
    const [work] = await tx
      .update(batchWork)
      .set({ started: true, attempt })
      .where(and(ofBatch(key), inArray(batchWork.state, [...DELETING])))
      .returning({ state: batchWork.state, pass: batchWork.pass });
    if (work === undefined) return null;
    // Outside the pass that follows survivors, every blocked subject is tried again.
    if (work.state !== 'deleting')
      await tx.delete(blockedSubjects).where(and(isOpen(key), sql`${blockedSubjects.pass} > 1`));
    const rows = await readBlocked(tx, key);
    const isFirstPass = work.state !== 'deleting' && rows.some(({ cancelledAt }) => cancelledAt === null);
    const except = rows.filter(({ cancelledAt }) => cancelledAt !== null || !isFirstPass).map(({ seq }) => seq);
    return { pass: isFirstPass ? 1 : work.pass, except };
  });
}

/** The result of an attempt. `verifyAt`: the system still shows what it has deleted until then. */
export type AttemptResult =
  | {
      readonly blocked: readonly BlockedSubject[];
      readonly attestedAt?: Date | undefined;
      readonly verifyAt?: Date | undefined;
    }
  | { readonly continueAt: Date };

/**
 * Records the result of an attempt and returns the next step. A result of an attempt that another one has replaced
 * changes nothing. Idempotent.
 */
export async function recordAttempt(
  database: Database,
  key: BatchKey & { readonly project: string },
  { attempt, pass, at }: { readonly attempt: string | null; readonly pass: number; readonly at: Date },
  result: AttemptResult,
): Promise<NextStep> {
  return transaction(database, async (tx) => {
    await tx.select({ state: batchWork.state }).from(batchWork).where(ofBatch(key)).for('update');
    const work = await readBatchWork(tx, key);
    if (work.attempt !== attempt || !DELETING.includes(work.state)) return nextStep(work, at.getTime(), 0);
    if ('continueAt' in result) {
      const dueAt = earliestWait(result.continueAt.getTime(), at.getTime());
      // The next attempt tries the same subjects: `deleting` leaves blocked ones out.
      const triesBlocked = work.state !== 'deleting' && (await countMembers(tx, key)).blocked > 0;
      const state = triesBlocked ? 'pending' : 'deleting';
      await tx
        .update(batchWork)
        .set({ state, dueAt: new Date(dueAt), attempt: null })
        .where(ofBatch(key));
      return { step: 'delete', at: dueAt };
    }
    const { blocked, others, deleted } = await storeBlocked(tx, key, pass, result.blocked);
    await updateBlockedAttention(tx, key, blocked, at);
    // Without newly deleted subjects, the verification of the others still stands.
    const isVerified = work.verifiedAt !== null && deleted === 0;
    const state = blocked > 0 && (others === 0 || isVerified) ? 'attention' : 'verifying';
    await tx
      .update(batchWork)
      .set({
        state,
        attempt: null,
        dueAt: state === 'attention' ? null : (result.verifyAt ?? null),
        ...(result.attestedAt === undefined ? {} : { attestedAt: result.attestedAt }),
        ...(deleted > 0 ? { emptiedAt: null, verifiedAt: null } : {}),
      })
      .where(ofBatch(key));
    const { project, requestId, system, batch } = key;
    const detail = { system, batch, pass, subjects: others, blocked };
    reportEvent(tx, { action: 'batch.deleted', project, requestId, kind: 'deletion', detail });
    return state === 'attention'
      ? { step: 'ended', end: 'attention' }
      : { step: 'verify', at: (result.verifyAt ?? at).getTime() };
  });
}

/** Replaces the blocked subjects of a pass. `deleted`: subjects that were blocked and are deleted now. */
async function storeBlocked(
  tx: Transaction,
  key: BatchKey,
  pass: number,
  blocked: readonly BlockedSubject[],
): Promise<{ readonly blocked: number; readonly others: number; readonly deleted: number }> {
  const { requestId, batch, system } = key;
  const before = await tx
    .delete(blockedSubjects)
    .where(and(isOpen(key), eq(blockedSubjects.pass, pass)))
    .returning({ seq: blockedSubjects.seq });
  const stored = await tx.execute<{ seq: number }>(sql`
    INSERT INTO ${blockedSubjects} (request_id, batch, system, seq, pass, blocking_table, blocking_constraint)
    SELECT ${requestId}, ${batch}, ${system}, seq, ${pass}, "table", "constraint"
    FROM jsonb_to_recordset(${sql.param(blocked)}::jsonb) AS given (seq integer, "table" text, "constraint" text)
    WHERE seq IN (SELECT seq FROM ${subjects} WHERE request_id = ${requestId} AND subjects.batch = ${batch})
    ON CONFLICT DO NOTHING RETURNING seq`);
  const still = new Set(stored.map(({ seq }) => seq));
  return { ...(await countMembers(tx, key)), deleted: before.filter(({ seq }) => !still.has(seq)).length };
}

/** Counts the blocked subjects of a batch in a system, and the others. */
async function countMembers(
  tx: Transaction,
  key: BatchKey,
): Promise<{ readonly blocked: number; readonly others: number }> {
  const { requestId, batch } = key;
  const [row] = await tx.execute<{ blocked: number; others: number }>(sql`
    SELECT count(*) FILTER (WHERE is_blocked) AS blocked, count(*) FILTER (WHERE NOT is_blocked) AS others
    FROM (SELECT EXISTS (SELECT FROM ${blockedSubjects} WHERE ${isOpen(key)} AND blocked_subjects.seq = subjects.seq) AS is_blocked
          FROM ${subjects} WHERE request_id = ${requestId} AND batch = ${batch}) member`);
  return row ?? { blocked: 0, others: 0 };
}

/** Raises or clears the attention for the blocked subjects of a batch. They are tried again after a day. */
async function updateBlockedAttention(
  tx: Transaction,
  key: BatchKey & { readonly project: string },
  blocked: number,
  at: Date,
): Promise<void> {
  const code = 'blocked_by_other_rows';
  const step = { ...key, step: 'delete' } as const;
  if (blocked === 0) return clearAttentionIn(tx, step, at, [code]);
  await raiseAttention(tx, step, { code, at, retryAt: new Date(at.getTime() + DAY_MS) });
}

/** The rows of subjects that are blocked and not cancelled. */
const isOpen = (key: BatchKey) => and(blockedOf(key), isNull(blockedSubjects.cancelledAt));

const blockedOf = ({ requestId, batch, system }: BatchKey) =>
  and(eq(blockedSubjects.requestId, requestId), eq(blockedSubjects.batch, batch), eq(blockedSubjects.system, system));

/** Reads the blocked and cancelled subjects of a batch in a system, in the order of `seq`. */
export const readBlocked = (queries: Queries, key: BatchKey) =>
  queries
    .select({ seq: blockedSubjects.seq, cancelledAt: blockedSubjects.cancelledAt })
    .from(blockedSubjects)
    .where(blockedOf(key))
    .orderBy(blockedSubjects.seq);
