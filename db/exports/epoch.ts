import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { destroyKey } from './archive.ts';

/** Who belongs in an export that is not ready has changed: it is collected again, or, of nobody, not at all (rule 17). */
export async function raiseEpoch(tx: Transaction, requestId: string): Promise<void> {
  await tx`UPDATE lethe.requests SET epoch = epoch + 1 WHERE id = ${requestId}`;
  const wanted = await tx`SELECT FROM lethe.subjects WHERE request_id = ${requestId} AND state = 'wanted' LIMIT 1`;
  if (wanted.count === 0) await destroyKey(tx, requestId);
}

/** What was collected in this epoch is not there as it was. Said twice it is as once. */
export async function collectAgain(
  database: Database,
  lost: { readonly project: string; readonly requestId: string; readonly epoch: number; readonly at: Date },
): Promise<void> {
  const { project, requestId, epoch, at } = lost;
  await withProjectLock(database, project, async (tx) => {
    const raised = await tx`UPDATE lethe.requests SET epoch = epoch + 1
      WHERE id = ${requestId} AND epoch = ${epoch} AND status = 'packaging'`;
    if (raised.count === 0) return;
    await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'export.restarted', detail: { epoch } });
  });
}
