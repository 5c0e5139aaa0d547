import { and, eq, type InferColumnsDataTypes, sql } from 'drizzle-orm';
import { type NextStep, nextStepAfterVerification, type VerificationResult } from '../../domain/batch.ts';
import type { BatchKey } from '../../domain/ids.ts';
import type { WorkState } from '../../domain/vocabulary.ts';
import { raiseAttention } from '../attention/raise.ts';
import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database, Queries, Transaction } from '../client.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { batchWork, blockedSubjects } from '../schema/work.ts';
import { transaction } from '../transaction.ts';

/** States of a batch whose system still has to delete. */
export const DELETING: readonly WorkState[] = ['pending', 'deleting', 'attention'];

/** Selects the work of a system on a batch. */
export const ofBatch = ({ requestId, system, batch }: BatchKey) =>
  and(eq(batchWork.requestId, requestId), eq(batchWork.system, system), eq(batchWork.batch, batch));

const columns = {
  requestId: batchWork.requestId,
  system: batchWork.system,
  batch: batchWork.batch,
  project: requests.project,
  kind: requests.subjectKind,
  scope: requests.scope,
  suppress: requests.suppress,
  state: batchWork.state,
  firstSeq: batchWork.firstSeq,
  lastSeq: batchWork.lastSeq,
  size: batchWork.size,
  pass: batchWork.pass,
  dueAt: batchWork.dueAt,
  attestedAt: batchWork.attestedAt,
  emptiedAt: batchWork.emptiedAt,
  verifiedAt: batchWork.verifiedAt,
  attempt: batchWork.attempt,
};

/** The work of one system on one claimed batch, with columns of the request. */
export type BatchWork = Readonly<InferColumnsDataTypes<typeof columns>>;

/** Reads the work of a system on a batch. Throws if the batch does not exist. */
export async function readBatchWork(queries: Queries, key: BatchKey): Promise<BatchWork> {
  const [row] = await queries
    .select(columns)
    .from(batchWork)
    .innerJoin(requests, eq(requests.id, batchWork.requestId))
    .where(ofBatch(key));
  if (row === undefined) throw new Error('the batch does not exist');
  return row;
}

/** The next step of a batch according to its row, so that a restarted workflow continues there. */
export function nextStep(work: BatchWork, now: number, settleMs: number): NextStep {
  switch (work.state) {
    case 'pending':
    case 'deleting':
    case 'attention':
      return { step: 'delete', at: Math.max(now, work.dueAt?.getTime() ?? 0) };
    case 'verifying': {
      const settledAt = work.emptiedAt === null ? now : work.emptiedAt.getTime() + settleMs;
      return { step: 'verify', at: Math.max(settledAt, work.dueAt?.getTime() ?? 0) };
    }
    default:
      return { step: 'ended', end: work.state };
  }
}

/**
 * Records a verification and returns the next step. While subjects are blocked, the batch needs attention after the
 * others are verified. Idempotent, also after a crash.
 */
export async function recordVerification(
  database: Database,
  key: BatchKey,
  result: VerificationResult,
  at: { readonly now: number; readonly settleMs: number },
): Promise<NextStep> {
  return transaction(database, async (tx) => {
    await tx.select({ state: batchWork.state }).from(batchWork).where(ofBatch(key)).for('update');
    const work = await readBatchWork(tx, key);
    if (work.state !== 'verifying') return nextStep(work, at.now, at.settleMs);
    const firstEmptyAt = work.emptiedAt?.getTime() ?? null;
    const decided = nextStepAfterVerification({ result, pass: work.pass, emptiedAt: firstEmptyAt, ...at });
    const isVerified = decided.step === 'ended' && decided.end !== 'attention';
    const next: NextStep = isVerified && (await hasBlocked(tx, key)) ? { step: 'ended', end: 'attention' } : decided;
    const survivors = 'survivors' in result ? result.survivors : null;
    const proof = proofOf(result);
    const emptiedAt = survivors === 0 ? (work.emptiedAt ?? new Date(at.now)) : work.emptiedAt;
    const state: WorkState = next.step === 'ended' ? next.end : next.step === 'delete' ? 'deleting' : 'verifying';
    const verifiedAt = isVerified
      ? new Date('survivors' in result || !('attestedAt' in result) ? at.now : result.attestedAt)
      : null;
    const isNewPass = survivors !== null && survivors > 0;
    const pass = sql`${batchWork.pass} + ${isNewPass ? 1 : 0}`;
    const dueAt = 'verifyAgainAt' in result && next.step === 'verify' ? new Date(next.at) : null;
    await tx
      .update(batchWork)
      .set({
        state,
        survivors,
        emptiedAt,
        verifiedAt,
        pass,
        dueAt,
        ...proof,
        ...(isNewPass ? { attestedAt: null } : {}),
      })
      .where(ofBatch(key));
    // The system was only asked whether it has acted.
    if (dueAt !== null) return next;
    const { project } = work;
    const detail = { system: key.system, batch: key.batch, pass: work.pass, state, survivors };
    await recordAudit(tx, {
      at: new Date(at.now),
      project,
      requestId: key.requestId,
      actor: LETHE,
      action: 'batch.verified',
      detail,
    });
    if (next.step === 'ended' && next.code !== undefined) {
      await raiseAttention(
        tx,
        { ...key, project, step: 'verify' },
        { code: next.code, at: new Date(at.now), retryAt: null },
      );
    }
    return next;
  });
}

/** What the receipt says about the verification. Nothing changes while the system has not acted. */
function proofOf(result: VerificationResult) {
  if ('verifyAgainAt' in result) return {};
  const none = { readTables: [], attestedTables: [], attestedBy: null };
  if ('survivors' in result) {
    const { read = [], attested = [], attestedAt = null } = result;
    const statement = attestedAt === null ? {} : { attestedAt: new Date(attestedAt) };
    return { ...none, readTables: [...read], attestedTables: [...attested], ...statement };
  }
  if ('attestedAt' in result)
    return { ...none, attestedAt: new Date(result.attestedAt), attestedBy: result.by ?? 'system' };
  return none;
}

async function hasBlocked(tx: Transaction, { requestId, batch, system }: BatchKey): Promise<boolean> {
  const found = await tx.execute<never>(sql`
    SELECT FROM ${blockedSubjects}
    WHERE request_id = ${requestId} AND batch = ${batch} AND system = ${system} AND cancelled_at IS NULL LIMIT 1`);
  return found.count > 0;
}

/**
 * Marks claimed subjects as `deleted` once every system has verified, attested or finished unverified, and as
 * `partially_deleted` if an operator skipped a system. A subject that a system could not delete stays claimed. Attached requests share the outcome (rule 7). Returns the
 * requests to signal.
 */
export async function closeBatches(
  tx: Transaction,
  project: string,
  requestId: string,
  at: Date,
): Promise<readonly string[]> {
  const closed = await tx.execute<{ batch: number; state: 'deleted' | 'partially_deleted'; count: number }>(sql`
    WITH finished AS (
      SELECT batch, bool_or(state = 'skipped') AS has_skipped FROM ${batchWork} WHERE request_id = ${requestId}
      GROUP BY batch
      HAVING bool_and(state IN ('verified', 'attested', 'unverified', 'skipped') OR (state = 'attention' AND verified_at IS NOT NULL))),
    closed AS (
      UPDATE ${subjects} SET state = CASE WHEN has_skipped THEN 'partially_deleted' ELSE 'deleted' END
      FROM finished WHERE request_id = ${requestId} AND subjects.batch = finished.batch AND subjects.state = 'claimed'
        AND NOT EXISTS (
          SELECT FROM ${blockedSubjects} blocked JOIN ${batchWork} work USING (request_id, batch, system)
          WHERE blocked.request_id = ${requestId} AND blocked.batch = subjects.batch AND blocked.seq = subjects.seq
            AND blocked.cancelled_at IS NULL AND work.state <> 'skipped')
      RETURNING subjects.batch, state)
    SELECT batch, state, count(*) FROM closed GROUP BY batch, state`);
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
  const attached = await tx.execute<{ requestId: string }>(sql`
    UPDATE ${subjects} attached SET state = owner.state
    FROM ${subjects} owner
    WHERE attached.owner_request = ${requestId} AND attached.state = 'attached' AND owner.request_id = ${requestId}
      AND owner.seq = attached.owner_seq AND owner.state IN ('deleted', 'partially_deleted')
    RETURNING attached.request_id`);
  const wake = [...new Set(attached.map((row) => row.requestId))];
  await raiseWake(tx, wake);
  return wake;
}
