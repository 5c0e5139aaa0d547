import { and, eq, sql } from 'drizzle-orm';
import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Database, Transaction } from '../client.ts';
import { withProjectLock } from '../project-lock.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { destroyKey } from './archive.ts';

const nextEpoch = { epoch: sql`${requests.epoch} + 1` };

/** Lets an unfinished export whose subjects have changed collect again, or end if no subject is left (rule 17). */
export async function raiseEpoch(tx: Transaction, requestId: string): Promise<void> {
  await tx.update(requests).set(nextEpoch).where(eq(requests.id, requestId));
  const selected = await tx
    .select({ seq: subjects.seq })
    .from(subjects)
    .where(and(eq(subjects.requestId, requestId), eq(subjects.state, 'selected')))
    .limit(1);
  if (selected.length === 0) await destroyKey(tx, requestId);
}

/** Lets an export collect again because an object of this epoch is missing or damaged. Idempotent. */
export async function collectAgain(
  database: Database,
  outdated: { readonly project: string; readonly requestId: string; readonly epoch: number; readonly at: Date },
): Promise<void> {
  const { project, requestId, epoch, at } = outdated;
  await withProjectLock(database, project, async (tx) => {
    const { count } = await tx
      .update(requests)
      .set(nextEpoch)
      .where(and(eq(requests.id, requestId), eq(requests.epoch, epoch), eq(requests.status, 'packaging')));
    if (count === 0) return;
    await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'export.restarted', detail: { epoch } });
  });
}
