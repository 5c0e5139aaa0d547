import { firstRunAtOrAfter, type RunWindow } from '../../domain/calendar.ts';
import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import { readDeletionRow, type RequestRow } from '../requests/row.ts';
import { copyBackupAttention } from './attention.ts';
import { backupMissing } from './missing.ts';
import { notBackedUp } from './pending.ts';

/**
 * What an export's end means to the deletion that waits for it (rule 18); called in the transaction of the end (ready, not
 * found, cancelled or failed), after the export's rows say so, by whoever holds the project's lock. Those in the archive,
 * and those on whom nothing was held, may be claimed from the next run on; of others an operator hears. Returns the requests
 * to wake.
 */
export async function backupEnded(
  tx: Transaction,
  { id, backupOf, project }: RequestRow,
  { window, at }: { readonly window: RunWindow; readonly at: Date },
): Promise<readonly string[]> {
  if (backupOf === null) return [];
  const deletion = await readDeletionRow(tx, backupOf);
  const run = new Date(firstRunAtOrAfter(at.getTime(), window));
  const saved = await tx`
    UPDATE lethe.subjects mine
    SET backed_up = true,
        hard_delete_at = CASE WHEN mine.state = 'attached' THEN mine.hard_delete_at
          ELSE greatest(mine.hard_delete_at, ${deletion.expedite === 'now' ? at : run}) END
    FROM lethe.subjects twin
    WHERE mine.request_id = ${backupOf} AND twin.request_id = ${id} AND twin.seq = mine.seq AND twin.state IN ('exported', 'not_found')
      AND NOT mine.backed_up AND mine.state IN ('resolved', 'soft_deleted', 'scheduled', 'attached')`;
  const owners = await tx<{ requestId: string }[]>`
    UPDATE lethe.subjects owner SET hard_delete_at = greatest(owner.hard_delete_at, CASE requests.expedite WHEN 'now' THEN ${at} ELSE ${run} END)
    FROM lethe.subjects mine, lethe.subjects twin, lethe.requests
    WHERE mine.request_id = ${backupOf} AND mine.state = 'attached' AND twin.request_id = ${id} AND twin.seq = mine.seq
      AND twin.state IN ('exported', 'not_found') AND owner.request_id = mine.owner_request AND owner.seq = mine.owner_seq
      AND owner.state IN ('resolved', 'soft_deleted', 'scheduled') AND requests.id = owner.request_id
    RETURNING owner.request_id`;
  const detail = { export: id, subjects: saved.count };
  if (saved.count > 0)
    await recordAudit(tx, { at, project, requestId: backupOf, actor: LETHE, action: 'backup.made', detail });
  if (await anyLeft(tx, backupOf, id)) await backupMissing(tx, { project, requestId: backupOf }, at);
  await copyBackupAttention(tx, backupOf, at);
  const wake = [...new Set([backupOf, ...owners.map(({ requestId }) => requestId)])];
  await raiseWake(tx, wake);
  return wake;
}

/** Of those who were in it: some are still waiting for an archive, and no other export will make it. */
async function anyLeft(tx: Transaction, deletion: string, id: string): Promise<boolean> {
  const left = await tx`
    SELECT FROM lethe.subjects WHERE request_id = ${id} AND seq IN (${notBackedUp(deletion)}) LIMIT 1`;
  return left.count > 0;
}
