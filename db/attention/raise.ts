import { and, asc, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { AttentionKey } from '../../domain/ids.ts';
import type { AttentionCode } from '../../domain/vocabulary.ts';
import { LETHE, recordAudit } from '../audit/audit.ts';
import { copyBackupAttention } from '../backups/attention.ts';
import type { Database, Transaction } from '../client.ts';
import { requests } from '../schema/requests.ts';
import { waits } from '../schema/systems.ts';
import { attention } from '../schema/work.ts';
import { transaction } from '../transaction.ts';

const backupOf = sql<string | null>`(SELECT backup_of FROM ${requests} WHERE id = request_id)`;

interface Raised {
  readonly code: AttentionCode;
  readonly at: Date;
  readonly retryAt: Date | null;
  /** Unchanged if absent. */
  readonly deferrals?: number;
}

/**
 * Records that a step needs an operator. Raised again, it keeps its first `since`. The attention of a backup is copied
 * to its deletion. Returns whether the step needed none before.
 */
export async function raiseAttention(
  tx: Transaction,
  key: AttentionKey,
  { code, at, retryAt, deferrals }: Raised,
): Promise<boolean> {
  const { project, requestId, system, step, batch } = key;
  await tx.delete(waits).where(matches(waits, key));
  const [raised] = await tx
    .insert(attention)
    .values({ requestId, system, step, batch, code, since: at, retryAt, deferrals: deferrals ?? 0 })
    .onConflictDoUpdate({
      target: [attention.requestId, attention.system, attention.step, attention.batch],
      set: { code, retryAt, ...(deferrals === undefined ? {} : { deferrals }) },
    })
    .returning({ fresh: sql<boolean>`(xmax = 0)`, backupOf });
  if (raised === undefined) return false;
  if (raised.backupOf !== null) await copyBackupAttention(tx, raised.backupOf, at);
  if (!raised.fresh) return false;
  const detail = { system, step, batch, code };
  await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'attention.raised', detail });
  return true;
}

/** The codes of failed attempts, which the next successful attempt clears. */
export const FAILURE_CODES: readonly AttentionCode[] = [
  'system_unavailable',
  'system_refused',
  'system_missing',
  'coverage_broken',
  'storage_unavailable',
];

/** Clears the attention of a step if it has one of the codes, and ends its wait. */
export async function clearAttention(
  database: Database,
  key: AttentionKey,
  at: Date,
  codes: readonly AttentionCode[] = FAILURE_CODES,
): Promise<void> {
  await transaction(database, async (tx) => {
    await clearAttentionIn(tx, key, at, codes);
    await tx.delete(waits).where(matches(waits, key));
  });
}

/** Like `clearAttention`, in a transaction of the caller. */
export async function clearAttentionIn(
  tx: Transaction,
  key: AttentionKey,
  at: Date,
  codes: readonly AttentionCode[],
): Promise<void> {
  const { project, requestId, system, step, batch } = key;
  const [cleared] = await tx
    .delete(attention)
    .where(and(matches(attention, key), inArray(attention.code, [...codes])))
    .returning({ backupOf });
  if (cleared === undefined) return;
  if (cleared.backupOf !== null) await copyBackupAttention(tx, cleared.backupOf, at);
  const detail = { system, step, batch };
  await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'attention.cleared', detail });
}

/** A condition that selects the row of a step. */
export const matches = (
  table: typeof attention | typeof waits,
  { requestId, system, step, batch }: AttentionKey,
): SQL | undefined =>
  and(eq(table.requestId, requestId), eq(table.system, system), eq(table.step, step), eq(table.batch, batch));

/** Reads a request's open attention. `blocking` contains the steps that may not run at `asOf`, also those that only wait. */
export async function readAttention(tx: Transaction, requestId: string, asOf: Date) {
  const rows = await tx
    .select({
      system: attention.system,
      code: attention.code,
      step: attention.step,
      retryAt: attention.retryAt,
    })
    .from(attention)
    .where(eq(attention.requestId, requestId))
    .orderBy(asc(attention.system), asc(attention.step), asc(attention.batch));
  const waiting = await tx
    .select({ system: waits.system, step: waits.step, retryAt: waits.until })
    .from(waits)
    .where(eq(waits.requestId, requestId));
  return { rows, blocking: [...rows, ...waiting].filter(({ retryAt }) => retryAt === null || retryAt > asOf) };
}
