import { and, eq, sql } from 'drizzle-orm';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { destroyKey } from './archive.ts';

const raised = { epoch: sql`${requests.epoch} + 1` };

/** The subjects of an export that is not ready have changed: it is collected again, or ends if none is left (rule 17). */
export async function raiseEpoch(tx: Transaction, requestId: string): Promise<void> {
  await tx.update(requests).set(raised).where(eq(requests.id, requestId));
  const wanted = await tx
    .select({ seq: subjects.seq })
    .from(subjects)
    .where(and(eq(subjects.requestId, requestId), eq(subjects.state, 'selected')))
    .limit(1);
  if (wanted.length === 0) await destroyKey(tx, requestId);
}

/** An object that was collected in this epoch is missing or damaged. Idempotent. */
export async function collectAgain(
  database: Database,
  lost: { readonly project: string; readonly requestId: string; readonly epoch: number; readonly at: Date },
): Promise<void> {
  const { project, requestId, epoch, at } = lost;
  await withProjectLock(database, project, async (tx) => {
    const { count } = await tx
      .update(requests)
      .set(raised)
      .where(and(eq(requests.id, requestId), eq(requests.epoch, epoch), eq(requests.status, 'packaging')));
    if (count === 0) return;
    await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'export.restarted', detail: { epoch } });
  });
}
