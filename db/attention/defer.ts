import { and, eq, inArray } from 'drizzle-orm';
import { DAY_MS, HOUR_MS } from '../../domain/calendar.ts';
import type { AttentionKey, BatchKey } from '../../domain/ids.ts';
import { deferralMs } from '../../domain/retry/back-off.ts';
import { type AttentionCode, OUTAGE_CODES } from '../../domain/vocabulary.ts';
import { LETHE } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { attention, batchWork } from '../schema/work.ts';
import { transaction } from '../transaction.ts';
import { matches, raiseAttention } from './raise.ts';
import { isWaiting, recordStopped } from './waits.ts';

/**
 * Raises attention for a step whose attempts are used up. It is retried automatically: while its system does not answer
 * after seconds that double, if the system refuses after an hour. Raises none if the step waits, which is no failure.
 */
export async function deferStep(database: Database, key: AttentionKey, at: Date): Promise<void> {
  await transaction(database, async (tx) => {
    const current = await readCurrent(tx, key);
    if (!(await waits(tx, key, current, at))) await raise(tx, key, current, at, HOUR_MS);
  });
}

/**
 * Raises attention for the deletion or the verification of a claimed batch whose attempts are used up. It is retried like
 * a step, but after a day if the system refuses.
 */
export async function deferBatch(database: Database, key: BatchKey, at: Date): Promise<void> {
  await transaction(database, async (tx) => {
    const ofBatch = and(
      eq(batchWork.requestId, key.requestId),
      eq(batchWork.system, key.system),
      eq(batchWork.batch, key.batch),
      inArray(batchWork.state, ['pending', 'deleting', 'verifying', 'attention']),
    );
    const [work] = await tx.select({ state: batchWork.state }).from(batchWork).where(ofBatch).for('update');
    if (work === undefined) return;
    const step = { ...key, step: work.state === 'verifying' ? 'verify' : 'delete' } as const;
    const current = await readCurrent(tx, step);
    if (await waits(tx, step, current, at)) return;
    // After an outage the batch continues with the same step.
    if (!isUnavailable(current.code)) await tx.update(batchWork).set({ state: 'attention' }).where(ofBatch);
    await raise(tx, step, current, at, DAY_MS);
  });
}

/** Whether the step waits, also because its system has been stopped since the attempt failed. */
async function waits(tx: Transaction, key: AttentionKey, { code }: Current, at: Date): Promise<boolean> {
  if (await isWaiting(tx, key, at)) return true;
  return isOutageCode(code) && recordStopped(tx, key, code === 'storage_unavailable' ? LETHE : key.system, at);
}
const isOutageCode = (code: AttentionCode): boolean => OUTAGE_CODES.some((known) => known === code);

/** The codes of failures that can end without an operator. */
export const UNAVAILABLE_CODES: readonly AttentionCode[] = ['system_unavailable', 'storage_unavailable'];

const isUnavailable = (code: AttentionCode): boolean => UNAVAILABLE_CODES.includes(code);

type Current = Readonly<Pick<typeof attention.$inferSelect, 'code' | 'retryAt' | 'deferrals'>>;

/** What the failed attempt recorded. An attempt that no worker finished has recorded nothing. */
async function readCurrent(tx: Transaction, key: AttentionKey): Promise<Current> {
  const { code, retryAt, deferrals } = attention;
  const [current] = await tx.select({ code, retryAt, deferrals }).from(attention).where(matches(attention, key));
  const unknown = key.system === LETHE ? 'storage_unavailable' : 'system_unavailable';
  return current ?? { code: unknown, retryAt: null, deferrals: 0 };
}

/** `refusedMs`: the delay for codes that need an operator. */
async function raise(
  tx: Transaction,
  key: AttentionKey,
  { code, retryAt: requested, deferrals }: Current,
  at: Date,
  refusedMs: number,
): Promise<void> {
  const waitMs = isUnavailable(code) ? deferralMs(deferrals, Math.random()) : refusedMs;
  // A system that asks for more time gets it.
  const earliest = isUnavailable(code) ? (requested?.getTime() ?? 0) : 0;
  const retryAt = new Date(Math.max(at.getTime() + waitMs, earliest));
  await raiseAttention(tx, key, { code, at, retryAt, deferrals: deferrals + 1 });
}
