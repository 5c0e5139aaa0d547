import { raiseWake } from '../audit/audit.ts';
import type { Fragment, Transaction } from '../client.ts';
import type { RequestRow } from '../requests/row.ts';
import { backupMissing } from './missing.ts';

/** Of deletions, those who are in one of these archives and not claimed yet, and the run for which each of them waits. */
const waitingIn = (tx: Transaction, backups: readonly string[]): Fragment => tx`
  SELECT mine.request_id, mine.seq, greatest(mine.hard_delete_at, owner.hard_delete_at) AS hard_delete_at
  FROM lethe.requests backup
  JOIN lethe.subjects twin ON twin.request_id = backup.id AND twin.state = 'exported'
  JOIN lethe.subjects mine ON mine.request_id = backup.backup_of AND mine.seq = twin.seq AND mine.backed_up
  LEFT JOIN lethe.subjects owner ON owner.request_id = mine.owner_request AND owner.seq = mine.owner_seq
  WHERE backup.id = ANY(${backups as string[]}::text[])
    AND (mine.state IN ('resolved', 'soft_deleted', 'scheduled') OR (mine.state = 'attached' AND owner.state IN ('resolved', 'soft_deleted')))`;

/**
 * A backup outlives the claim that it is made for (rule 18): its time is counted from the last run that anybody in it waits
 * for. Asked when it is ready, and once more when that time is over, since a hold or the quota may have kept somebody back.
 * Returns whether anybody waits.
 */
export async function keepForClaim(
  tx: Transaction,
  backup: RequestRow,
  { at, keptMs }: { readonly at: Date; readonly keptMs: number },
): Promise<boolean> {
  if (backup.backupOf === null) return false;
  const kept = await tx`
    UPDATE lethe.archives SET expires_at = last.run_at + ${keptMs} * interval '1 millisecond'
    FROM (SELECT greatest(max(hard_delete_at), ${at}) AS run_at FROM (${waitingIn(tx, [backup.id])}) waiting HAVING count(*) > 0) last
    WHERE request_id = ${backup.id} AND destroyed_at IS NULL`;
  return kept.count > 0;
}

/**
 * Archives that cannot be had any more: whoever was in one and is not claimed yet is in none, and their deletion makes
 * another one. Returns the requests to wake.
 */
export async function backupsLost(tx: Transaction, backups: readonly string[]): Promise<readonly string[]> {
  if (backups.length === 0) return [];
  const lost = await tx<{ requestId: string }[]>`
    UPDATE lethe.subjects SET backed_up = false FROM (${waitingIn(tx, backups)}) waiting
    WHERE subjects.request_id = waiting.request_id AND subjects.seq = waiting.seq RETURNING subjects.request_id`;
  const deletions = [...new Set(lost.map(({ requestId }) => requestId))];
  await raiseWake(tx, deletions);
  return deletions;
}

/** The same at a member's word: another one is made when an operator says so, as after a cancellation. */
export async function backupDestroyed(
  tx: Transaction,
  { id, project }: RequestRow,
  at: Date,
): Promise<readonly string[]> {
  const deletions = await backupsLost(tx, [id]);
  for (const requestId of deletions) await backupMissing(tx, { project, requestId }, at);
  return deletions;
}
