import { type SQL, sql } from 'drizzle-orm';
import type { AttentionKey } from '../../domain/ids.ts';
import type { DeletionState } from '../../domain/request-state.ts';
import type { WaitCode } from '../../domain/vocabulary.ts';
import type { Transaction } from '../client.ts';
import { waits } from '../schema/systems.ts';
import { manualTasks } from '../schema/tasks.ts';
import { attention } from '../schema/work.ts';
import { clearAttentionIn, FAILURE_CODES, matches } from './raise.ts';

/**
 * Records that a step continues by itself: at `until`, or when its system is called again. It needs no operator, so this
 * clears the attention of an earlier failure.
 */
export async function recordWait(
  tx: Transaction,
  key: AttentionKey,
  { code, at, until }: { readonly code: WaitCode; readonly at: Date; readonly until: Date | null },
): Promise<void> {
  const { requestId, system, step, batch } = key;
  await clearAttentionIn(tx, key, at, FAILURE_CODES);
  await tx
    .insert(waits)
    .values({ requestId, system, step, batch, code, since: at, until })
    .onConflictDoUpdate({
      target: [waits.requestId, waits.system, waits.step, waits.batch],
      set: { code, until },
    });
}

/** Whether the step waits at `at`. */
export async function isWaiting(tx: Transaction, key: AttentionKey, at: Date): Promise<boolean> {
  const found = await tx
    .select({ found: sql`1` })
    .from(waits)
    .where(sql`${matches(waits, key)} AND coalesce(${waits.until} > ${at}, true)`);
  return found.length > 0;
}

/** Selects every step that has failed or waits, as `attention`. `code` is null for one that only waits. */
export const blockedSteps: SQL = sql`(
  SELECT request_id, system, step, batch, code, retry_at FROM ${attention}
  UNION ALL SELECT request_id, system, step, batch, NULL, until FROM ${waits}) AS attention`;

/**
 * What a request waits for, with the time at which the first of these steps continues, or a task of a person is due. Empty
 * if it waits for nothing.
 */
export async function describeWaits(tx: Transaction, requestId: string): Promise<Pick<DeletionState, 'waits'>> {
  const rows = await tx.execute<{ system: string; code: WaitCode | 'task'; until: Date | null }>(sql`
    SELECT system, code, min(until) AS until FROM ${waits} WHERE request_id = ${requestId} GROUP BY system, code
    UNION ALL
    SELECT system, 'task', min(due_at) FROM ${manualTasks} WHERE request_id = ${requestId} AND state = 'open' GROUP BY system
    ORDER BY system, code`);
  if (rows.length === 0) return {};
  return { waits: rows.map(({ until, ...wait }) => ({ ...wait, until: until?.getTime() ?? null })) };
}
