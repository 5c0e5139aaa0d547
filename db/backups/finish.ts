import { sql } from 'drizzle-orm';
import { firstRunAtOrAfter, type RunWindow } from '../../domain/calendar.ts';
import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import { readDeletionRow, type RequestRow } from '../requests/row.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { copyBackupAttention } from './attention.ts';
import { raiseBackupMissing } from './keep.ts';
import { notBackedUp } from './pending.ts';

/**
 * What the end of an export (ready, not found, cancelled or failed) means to the deletion that waits for it (rule 18). Runs in
 * the transaction of the end, after the export's rows show it, under the project lock. Subjects in the archive, and subjects
 * without data, may be claimed from the next run on; the others need an operator. Returns the requests to wake.
 */
export async function finishBackup(
  tx: Transaction,
  { id, backupOf, project }: RequestRow,
  { window, at }: { readonly window: RunWindow; readonly at: Date },
): Promise<readonly string[]> {
  if (backupOf === null) return [];
  const deletion = await readDeletionRow(tx, backupOf);
  const run = new Date(firstRunAtOrAfter(at.getTime(), window));
  const saved = await tx.execute<never>(sql`
    UPDATE ${subjects} mine
    SET backed_up = true,
        hard_delete_at = CASE WHEN mine.state = 'attached' THEN mine.hard_delete_at
          ELSE greatest(mine.hard_delete_at, ${deletion.expedite === 'now' ? at : run}) END
    FROM ${subjects} twin
    WHERE mine.request_id = ${backupOf} AND twin.request_id = ${id} AND twin.seq = mine.seq AND twin.state IN ('exported', 'not_found')
      AND NOT mine.backed_up AND mine.state IN ('resolved', 'soft_deleted', 'scheduled', 'attached')`);
  const owners = await tx.execute<Pick<typeof subjects.$inferSelect, 'requestId'>>(sql`
    UPDATE ${subjects} owner SET hard_delete_at = greatest(owner.hard_delete_at, CASE requests.expedite WHEN 'now' THEN ${at} ELSE ${run} END)
    FROM ${subjects} mine, ${subjects} twin, ${requests}
    WHERE mine.request_id = ${backupOf} AND mine.state = 'attached' AND twin.request_id = ${id} AND twin.seq = mine.seq
      AND twin.state IN ('exported', 'not_found') AND owner.request_id = mine.owner_request AND owner.seq = mine.owner_seq
      AND owner.state IN ('resolved', 'soft_deleted', 'scheduled') AND requests.id = owner.request_id
    RETURNING owner.request_id`);
  const detail = { export: id, subjects: saved.count };
  if (saved.count > 0)
    await recordAudit(tx, { at, project, requestId: backupOf, actor: LETHE, action: 'backup.made', detail });
  if (await leavesUnsaved(tx, backupOf, id)) await raiseBackupMissing(tx, { project, requestId: backupOf }, at);
  await copyBackupAttention(tx, backupOf, at);
  const wake = [...new Set([backupOf, ...owners.map(({ requestId }) => requestId)])];
  await raiseWake(tx, wake);
  return wake;
}

/** Whether a subject of this export is in no archive, and in no export that may still become one. */
async function leavesUnsaved(tx: Transaction, deletion: string, id: string): Promise<boolean> {
  const left = await tx.execute<never>(sql`
    SELECT FROM ${subjects} WHERE request_id = ${id} AND seq IN (${notBackedUp(deletion)}) LIMIT 1`);
  return left.count > 0;
}
