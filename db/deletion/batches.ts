import { type NextStep, nextStepAfterVerification, type VerificationResult } from '../../domain/batch.ts';
import type { BatchKey } from '../../domain/step-keys.ts';
import type { Scope, SubjectKind, WorkState } from '../../domain/vocabulary.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { transaction } from '../transaction.ts';
import { raiseAttention } from '../attention/raise.ts';

/** One claimed batch in one processor, with what its work needs of the request. */
export interface BatchWork extends BatchKey {
  readonly kind: SubjectKind;
  readonly scope: Scope;
  readonly suppress: boolean;
  readonly state: WorkState;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly size: number;
  readonly pass: number;
  readonly ticket: string | null;
  readonly emptiedAt: Date | null;
}

export async function readBatchWork(queries: Database | Transaction, key: BatchKey): Promise<BatchWork> {
  const [row] = await queries<BatchWork[]>`
    SELECT request_id, processor, batch, project, subject_kind AS kind, scope, suppress, state, first_seq, last_seq, size, pass, ticket, emptied_at
    FROM lethe.batch_work JOIN lethe.requests ON requests.id = batch_work.request_id
    WHERE request_id = ${key.requestId} AND processor = ${key.processor} AND batch = ${key.batch}`;
  if (row === undefined) throw new Error('no such batch');
  return row;
}

/** Where the work stands by its rows: a child that begins anew goes on from there. */
export function nextStep(work: BatchWork, now: number, settleMs: number): NextStep {
  switch (work.state) {
    case 'pending':
    case 'deleting':
    case 'attention':
      return { step: 'delete', at: now };
    case 'verifying':
      return { step: 'verify', at: work.emptiedAt === null ? now : work.emptiedAt.getTime() + settleMs };
    default:
      return { step: 'ended', end: work.state };
  }
}

/** Every range of the pass is finished, or the processor is to be asked again with its ticket. */
export async function batchDeleted(database: Database, key: BatchKey, ticket: string | null): Promise<void> {
  const state = ticket === null ? 'verifying' : 'deleting';
  await database`UPDATE lethe.batch_work SET state = ${state}, ticket = ${ticket}
    WHERE request_id = ${key.requestId} AND processor = ${key.processor} AND batch = ${key.batch} AND state IN ('pending', 'deleting', 'attention')`;
}

/** Records a verification and what follows from it. Idempotent: a verification repeated after a crash writes the same. */
export async function recordVerification(
  database: Database,
  key: BatchKey,
  result: VerificationResult,
  at: { readonly now: number; readonly settleMs: number },
): Promise<NextStep> {
  return transaction(database, async (tx) => {
    const work = await readBatchWork(tx, key);
    if (work.state !== 'verifying') return nextStep(work, at.now, at.settleMs);
    const firstEmptyAt = work.emptiedAt?.getTime() ?? null;
    const next = nextStepAfterVerification({ result, pass: work.pass, emptiedAt: firstEmptyAt, ...at });
    const survivors = 'survivors' in result ? result.survivors : null;
    const emptiedAt = survivors === 0 ? (work.emptiedAt ?? new Date(at.now)) : work.emptiedAt;
    const state: WorkState = next.step === 'ended' ? next.end : next.step === 'delete' ? 'deleting' : 'verifying';
    const verifiedAt =
      next.step === 'ended' && next.end !== 'attention'
        ? new Date('attestedAt' in result ? result.attestedAt : at.now)
        : null;
    await tx`UPDATE lethe.batch_work
      SET state = ${state}, survivors = ${survivors}, emptied_at = ${emptiedAt}, verified_at = ${verifiedAt},
          pass = pass + ${survivors !== null && survivors > 0 ? 1 : 0}
      WHERE request_id = ${key.requestId} AND processor = ${key.processor} AND batch = ${key.batch}`;
    const { project } = work;
    const detail = { processor: key.processor, batch: key.batch, pass: work.pass, state, survivors };
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
