import { LETHE, raiseWake } from '../audit.ts';
import type { Fragment, Transaction } from '../client.ts';
import { raiseAttention } from '../raise-attention.ts';
import type { RequestRow } from '../request-row.ts';

/** Of the deletion, those who are in the archive and not claimed yet, and the run for which each of them waits. */
const waitingIn = (tx: Transaction, { id, backupOf }: Pick<RequestRow, 'id' | 'backupOf'>): Fragment => tx`
  SELECT mine.seq, greatest(mine.hard_delete_at, owner.hard_delete_at) AS hard_delete_at
  FROM lethe.subjects mine
  JOIN lethe.subjects twin ON twin.request_id = ${id} AND twin.seq = mine.seq AND twin.state = 'exported'
  LEFT JOIN lethe.subjects owner ON owner.request_id = mine.owner_request AND owner.seq = mine.owner_seq
  WHERE mine.request_id = ${backupOf} AND mine.backed_up
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
    FROM (SELECT greatest(max(hard_delete_at), ${at}) AS run_at FROM (${waitingIn(tx, backup)}) waiting HAVING count(*) > 0) last
    WHERE request_id = ${backup.id} AND destroyed_at IS NULL`;
  return kept.count > 0;
}

/**
 * A member destroyed the archive: whoever is not claimed yet is in none any more. Another one is made when an operator says
 * so, as after a cancellation. Returns the requests to wake.
 */
export async function backupDestroyed(tx: Transaction, backup: RequestRow, at: Date): Promise<readonly string[]> {
  const { backupOf, project } = backup;
  if (backupOf === null) return [];
  const lost = await tx`UPDATE lethe.subjects SET backed_up = false
    WHERE request_id = ${backupOf} AND seq IN (SELECT seq FROM (${waitingIn(tx, backup)}) waiting)`;
  if (lost.count === 0) return [];
  const key = { project, requestId: backupOf, processor: LETHE, step: 'backup', batch: 0 } as const;
  await raiseAttention(tx, key, { code: 'backup_missing', at, retryAt: null });
  await raiseWake(tx, [backupOf]);
  return [backupOf];
}
