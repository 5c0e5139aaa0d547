import { type SQL, sql } from 'drizzle-orm';
import { raiseAttention } from '../attention/raise.ts';
import { LETHE, raiseWake } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import type { RequestRow } from '../requests/row.ts';
import { archives } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { textArray } from '../sql.ts';

/** The subjects of deletions that are in one of these archives and not claimed yet, each with the run that it waits for. */
const waitingIn = (backups: readonly string[]): SQL => sql`
  SELECT mine.request_id, mine.seq, greatest(mine.hard_delete_at, owner.hard_delete_at) AS hard_delete_at
  FROM ${requests} backup
  JOIN ${subjects} twin ON twin.request_id = backup.id AND twin.state = 'exported'
  JOIN ${subjects} mine ON mine.request_id = backup.backup_of AND mine.seq = twin.seq AND mine.backed_up
  LEFT JOIN ${subjects} owner ON owner.request_id = mine.owner_request AND owner.seq = mine.owner_seq
  WHERE backup.id = ANY(${textArray(backups)})
    AND (mine.state IN ('resolved', 'soft_deleted', 'scheduled') OR (mine.state = 'attached' AND owner.state IN ('resolved', 'soft_deleted')))`;

/**
 * A backup outlives the claim that it is made for (rule 18): it is kept for `keptMs` after the last run that a subject in it
 * waits for. Called when it is ready, and when it would expire, since a hold or the quota may have delayed a claim. Returns
 * whether a subject waits.
 */
export async function extendBackup(
  tx: Transaction,
  backup: RequestRow,
  { at, keptMs }: { readonly at: Date; readonly keptMs: number },
): Promise<boolean> {
  if (backup.backupOf === null) return false;
  const kept = await tx.execute<never>(sql`
    UPDATE ${archives} SET expires_at = last.run_at + ${keptMs} * interval '1 millisecond'
    FROM (SELECT greatest(max(hard_delete_at), ${at}) AS run_at FROM (${waitingIn([backup.id])}) waiting HAVING count(*) > 0) last
    WHERE request_id = ${backup.id} AND destroyed_at IS NULL`);
  return kept.count > 0;
}

/**
 * These archives cannot be read any more: their subjects that are not claimed yet are not backed up, and their deletion makes
 * another archive. Returns the requests to wake.
 */
export async function invalidateBackups(tx: Transaction, backups: readonly string[]): Promise<readonly string[]> {
  if (backups.length === 0) return [];
  const lost = await tx.execute<Pick<typeof subjects.$inferSelect, 'requestId'>>(sql`
    UPDATE ${subjects} SET backed_up = false FROM (${waitingIn(backups)}) waiting
    WHERE subjects.request_id = waiting.request_id AND subjects.seq = waiting.seq RETURNING subjects.request_id`);
  const deletions = [...new Set(lost.map(({ requestId }) => requestId))];
  await raiseWake(tx, deletions);
  return deletions;
}

/** The same when a member destroyed the archive: as after a cancellation, another one is made when an operator asks. */
export async function invalidateDestroyedBackup(
  tx: Transaction,
  { id, project }: RequestRow,
  at: Date,
): Promise<readonly string[]> {
  const deletions = await invalidateBackups(tx, [id]);
  for (const requestId of deletions) await raiseBackupMissing(tx, { project, requestId }, at);
  return deletions;
}

/** A person ended the archive that this deletion waits for, or its making: no other is made until an operator asks. */
export const raiseBackupMissing = (
  tx: Transaction,
  deletion: { readonly project: string; readonly requestId: string },
  at: Date,
): Promise<void> =>
  raiseAttention(
    tx,
    { ...deletion, system: LETHE, step: 'backup', batch: 0 },
    { code: 'backup_missing', at, retryAt: null },
  );
