import { sql } from 'drizzle-orm';
import { firstRunAtOrAfter, type RunWindow } from '../../domain/calendar.ts';
import { LETHE, raiseWake, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';
import { readDeletionRow, type RequestRow } from '../requests/row.ts';
import { probeRows } from '../project-lock.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { copyBackupAttention } from './attention.ts';
import { raiseBackupMissing } from './keep.ts';
import { notBackedUp } from './pending.ts';

/**
 * Updates the deletion that waits for an ended export: its subjects in the archive, and those without data, may be
 * claimed from the next run on; the others need an operator (rule 18). Runs under the project lock, in the transaction
 * that ends the export, after its rows are updated. Returns the requests to signal.
 */
export async function finishBackup(
  tx: Transaction,
  { id, backupOf, project }: RequestRow,
  { window, at }: { readonly window: RunWindow; readonly at: Date },
): Promise<readonly string[]> {
  if (backupOf === null) return [];
  const deletion = await readDeletionRow(tx, backupOf);
  const run = new Date(firstRunAtOrAfter(at.getTime(), window));
  const backedUp = await tx.execute<never>(sql`
    UPDATE ${subjects} subject
    SET backed_up = true,
        hard_delete_at = CASE WHEN subject.state = 'attached' THEN subject.hard_delete_at
          ELSE greatest(subject.hard_delete_at, ${deletion.expedite === 'now' ? at : run}) END
    FROM ${subjects} copied
    WHERE subject.request_id = ${backupOf} AND copied.request_id = ${id} AND copied.seq = subject.seq AND copied.state IN ('exported', 'not_found')
      AND NOT subject.backed_up AND subject.state IN ('resolved', 'soft_deleted', 'scheduled', 'attached')`);
  const owners = await probeRows(tx, () =>
    tx.execute<Pick<typeof subjects.$inferSelect, 'requestId'>>(sql`
      WITH attached AS MATERIALIZED (
        SELECT subject.owner_request, subject.owner_seq, request.expedite FROM ${subjects} copied
        CROSS JOIN LATERAL (
          SELECT state, owner_request, owner_seq FROM ${subjects}
          WHERE subjects.request_id = ${backupOf} AND subjects.seq = copied.seq OFFSET 0) subject
        CROSS JOIN LATERAL (SELECT expedite FROM ${requests} WHERE requests.id = subject.owner_request OFFSET 0) request
        WHERE copied.request_id = ${id} AND copied.state IN ('exported', 'not_found') AND subject.state = 'attached')
      UPDATE ${subjects} owner SET hard_delete_at = greatest(owner.hard_delete_at, CASE attached.expedite WHEN 'now' THEN ${at} ELSE ${run} END)
      FROM attached
      WHERE owner.request_id = attached.owner_request AND owner.seq = attached.owner_seq
        AND owner.state IN ('resolved', 'soft_deleted', 'scheduled')
      RETURNING owner.request_id`),
  );
  const detail = { export: id, subjects: backedUp.count };
  if (backedUp.count > 0)
    await recordAudit(tx, { at, project, requestId: backupOf, actor: LETHE, action: 'backup.made', detail });
  if (await hasSubjectsWithoutBackup(tx, backupOf, id))
    await raiseBackupMissing(tx, { project, requestId: backupOf }, at);
  await copyBackupAttention(tx, backupOf, at);
  const wake = [...new Set([backupOf, ...owners.map(({ requestId }) => requestId)])];
  await raiseWake(tx, wake);
  return wake;
}

/** Whether a subject of this export is in no archive and in no other open export. */
async function hasSubjectsWithoutBackup(tx: Transaction, deletion: string, id: string): Promise<boolean> {
  const found = await tx.execute<never>(sql`
    SELECT FROM ${subjects} WHERE request_id = ${id} AND seq IN (${notBackedUp(deletion)}) LIMIT 1`);
  return found.count > 0;
}
