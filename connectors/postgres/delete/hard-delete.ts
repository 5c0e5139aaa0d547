import type { BlockedSubject, Batch, ConnectorContext, Deletion, HardDeletion } from '../../connector.ts';
import { deleteChunk } from '../chunks/chunk.ts';
import { deleteLargeSubjectPart } from '../chunks/large-subject.ts';
import { type Context, paceOf, withBatch } from '../context.ts';
import { STATEMENT_TIMEOUT, codeOf, obstacleOf } from '../failure.ts';
import { isConflict, isLockConflict } from '../session.ts';
import { suppress } from '../visibility/suppression.ts';
import { readRangeLog } from './range-log.ts';
import { takeDeleteLock } from './delete-lock.ts';
import { deletionPlan } from '../../data-map/deletion-plan.ts';
import { RangeDeletion } from '../../figures/range-deletion.ts';
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
    const chunks = { context, loaded, steps, scope, pass };
    const ranges = new RangeDeletion(
      {
        tuning: context.server.tuning,
        share: paceOf(context.settings).share,
        readLog: () => readRangeLog(loaded.session, loaded.members, pass),
        deleteChunk: (unit, hasParts) => deleteChunk(chunks, unit, hasParts),
        deletePart: (unit, rows) => deleteLargeSubjectPart(chunks, unit, rows),
        suppress: (range) => suppress(loaded, range),
        isLockConflict,
        isConflict,
        isStatementTimeout: (error) => codeOf(error) === STATEMENT_TIMEOUT,
        obstacleOf,
      },
      { ...deletion, except },
      activity,
    );
    await ranges.readLog();
    for (const range of await memberRanges(loaded.session, loaded.members, loaded.subjectsPerCommit))
      await ranges.delete(range);
    return done(ranges.end());
  });
}

const done = (blocked: readonly BlockedSubject[]): Deletion =>
  blocked.length === 0 ? { done: true } : { done: true, blocked };
