import { and, eq, inArray } from 'drizzle-orm';
import { DAY_MS, HOUR_MS } from '../../domain/calendar.ts';
import type { AttentionKey, BatchKey } from '../../domain/ids.ts';
import { LETHE } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { attention, batchWork } from '../schema/work.ts';
import { transaction } from '../transaction.ts';
import { matchesKey, raiseAttention } from './raise.ts';

/** Raises attention for a step whose retries are exhausted. The step is retried automatically after an hour. */
export async function deferStep(database: Database, key: AttentionKey, at: Date): Promise<void> {
  await transaction(database, (tx) => raise(tx, key, at, new Date(at.getTime() + HOUR_MS)));
}

/**
 * Raises attention for the deletion or the verification of a claimed batch whose retries are exhausted. It is retried
 * automatically after a day.
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
    await tx.update(batchWork).set({ state: 'attention' }).where(ofBatch);
    const step = work.state === 'verifying' ? 'verify' : 'delete';
    await raise(tx, { ...key, step }, at, new Date(at.getTime() + DAY_MS));
  });
}

async function raise(tx: Transaction, key: AttentionKey, at: Date, retryAt: Date): Promise<void> {
  const [current] = await tx.select({ code: attention.code }).from(attention).where(matchesKey(key));
  await raiseAttention(tx, key, {
    code: current?.code ?? (key.system === LETHE ? 'storage_unavailable' : 'system_unavailable'),
    at,
    retryAt,
  });
}
