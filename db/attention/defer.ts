import { DAY_MS, HOUR_MS } from '../../domain/calendar.ts';
import type { AttentionCode } from '../../domain/vocabulary.ts';
import { LETHE } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { transaction } from '../transaction.ts';
import { type AttentionKey, raiseAttention } from './raise.ts';

/** Gives a step up for now: an operator is asked, and within the hour it is tried again without one. */
export async function parkStep(database: Database, key: AttentionKey, at: Date): Promise<void> {
  await transaction(database, (tx) => park(tx, key, at, new Date(at.getTime() + HOUR_MS)));
}

/** The same for a claimed batch, whose attempts took days already: tried again in a day. */
export async function parkBatch(database: Database, key: AttentionKey, at: Date): Promise<void> {
  await transaction(database, async (tx) => {
    const parked = await tx`UPDATE lethe.batch_work SET state = 'attention'
      WHERE request_id = ${key.requestId} AND processor = ${key.processor} AND batch = ${key.batch}
        AND state IN ('pending', 'deleting', 'verifying', 'attention')`;
    if (parked.count > 0) await park(tx, key, at, new Date(at.getTime() + DAY_MS));
  });
}

async function park(tx: Transaction, key: AttentionKey, at: Date, retryAt: Date): Promise<void> {
  const [known] = await tx<{ code: AttentionCode }[]>`
    SELECT code FROM lethe.attention
    WHERE request_id = ${key.requestId} AND processor = ${key.processor} AND step = ${key.step} AND batch = ${key.batch}`;
  await raiseAttention(tx, key, {
    code: known?.code ?? (key.processor === LETHE ? 'storage_unavailable' : 'processor_unavailable'),
    at,
    retryAt,
  });
}
