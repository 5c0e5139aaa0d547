import { type SQL, sql } from 'drizzle-orm';
import { raiseAttention } from '../attention/raise.ts';
import { LETHE, raiseWake } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import type { RequestRow } from '../requests/row.ts';
import { archives } from '../schema/exports.ts';
import { probeRows } from '../project-lock.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { textArray } from '../sql.ts';

/**
 * The unclaimed subjects in these archives, each with the run that may claim it. `copied` is the subject's row in the
 * export.
 */
const waitingIn = (backups: readonly string[]): SQL => sql`
  SELECT subject.request_id, subject.seq, greatest(subject.hard_delete_at, owner.hard_delete_at) AS hard_delete_at
  FROM ${requests} backup
  CROSS JOIN LATERAL (SELECT seq FROM ${subjects} WHERE subjects.request_id = backup.id AND state = 'exported' OFFSET 0) copied
  CROSS JOIN LATERAL (
    SELECT * FROM ${subjects} WHERE subjects.request_id = backup.backup_of AND subjects.seq = copied.seq AND backed_up OFFSET 0) subject
  LEFT JOIN LATERAL (
    SELECT state, hard_delete_at FROM ${subjects}
    WHERE subjects.request_id = subject.owner_request AND subjects.seq = subject.owner_seq OFFSET 0) owner ON true
  WHERE backup.id = ANY(${textArray(backups)})
    AND (subject.state IN ('resolved', 'soft_deleted', 'scheduled') OR (subject.state = 'attached' AND owner.state IN ('resolved', 'soft_deleted')))`;

/**
 * Keeps a backup for `keptMs` after the last run that a subject in it waits for. Called when it is ready and when it
 * would expire, because a hold or the quota may have delayed a claim. Returns whether a subject still waits.
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
 * Marks the unclaimed subjects in destroyed archives as not backed up, so that their deletions start another export.
 * Returns the requests to signal.
 */
export async function invalidateBackups(tx: Transaction, backups: readonly string[]): Promise<readonly string[]> {
  if (backups.length === 0) return [];
  const lost = await probeRows(tx, () =>
    tx.execute<Pick<typeof subjects.$inferSelect, 'requestId'>>(sql`
      WITH waiting AS MATERIALIZED (${waitingIn(backups)})
      UPDATE ${subjects} SET backed_up = false FROM waiting
      WHERE subjects.request_id = waiting.request_id AND subjects.seq = waiting.seq RETURNING subjects.request_id`),
  );
  const deletions = [...new Set(lost.map(({ requestId }) => requestId))];
  await raiseWake(tx, deletions);
  return deletions;
}

/** As `invalidateBackups`, for an archive that a member destroyed. An operator has to start another export. */
export async function invalidateDestroyedBackup(
  tx: Transaction,
  { id, project }: RequestRow,
  at: Date,
): Promise<readonly string[]> {
  const deletions = await invalidateBackups(tx, [id]);
  for (const requestId of deletions) await raiseBackupMissing(tx, { project, requestId }, at);
  return deletions;
}

/**
 * Raises attention for a deletion whose backup was cancelled or destroyed. Only an operator's retry starts another
 * export.
 */
export const raiseBackupMissing = (
  tx: Transaction,
  deletion: { readonly project: string; readonly requestId: string },
  at: Date,
): Promise<boolean> =>
  raiseAttention(
    tx,
    { ...deletion, system: LETHE, step: 'backup', batch: 0 },
    { code: 'backup_missing', at, retryAt: null },
  );
