import type { BlockedSubject, Batch, ConnectorContext, Deletion, HardDeletion } from '../../connector.ts';
import { type Context, withBatch } from '../context.ts';
import { takeDeleteLock } from './delete-lock.ts';
import { deletionPlan } from '../../data-map/deletion-plan.ts';
import { RangeDeletion } from './range-deletion.ts';
import { memberRanges } from './ranges.ts';

/** Irreversible. Ranges are fixed in advance. Each is one commit; a range in the log is reported and not repeated. */
export async function hardDelete(
  context: Context,
  batch: Batch,
  deletion: HardDeletion,
  activity: ConnectorContext,
): Promise<Deletion> {
  return withBatch(context, batch, activity, async (loaded) => {
    await takeDeleteLock(loaded.session, activity);
    const { steps } = deletionPlan(loaded.model, loaded.catalog);
    const { scope, pass } = deletion;
    const except = new Set(batch.except);
    const ranges = new RangeDeletion({ context, loaded, steps, scope, pass }, { ...deletion, except }, activity);
    await ranges.readLog();
    for (const range of await memberRanges(loaded.session, loaded.members, loaded.subjectsPerCommit))
      await ranges.delete(range);
    return done(ranges.end());
  });
}

const done = (blocked: readonly BlockedSubject[]): Deletion =>
  blocked.length === 0 ? { done: true } : { done: true, blocked };
