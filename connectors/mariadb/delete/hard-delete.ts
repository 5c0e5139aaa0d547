import { setTimeout as sleep } from 'node:timers/promises';
import type { Obstacle } from '../../../domain/batch.ts';
import { throwIfCancelled } from '../../callbacks.ts';
import type { Batch, ConnectorContext, Deletion, HardDeletion } from '../../connector.ts';
import { deletionPlan } from '../../data-map/deletion-plan.ts';
import { RangeDeletion } from '../../figures/range-deletion.ts';
import { rangesOf } from '../../figures/ranges.ts';
import { CollectedRows } from '../batch/collected-rows.ts';
import { type Context, paceOf, withBatch } from '../context.ts';
import { isConflict, isLockConflict, isRowError, isStatementTimeout } from '../failure.ts';
import type { Session } from '../session.ts';
import { suppress } from '../visibility/suppression.ts';
import { deleteChunk } from './chunk.ts';
import { deletePart } from './parts.ts';
import { rangeSize, readRangeLog } from './range-log.ts';

/** Irreversible. Ranges are fixed in advance. Each is one commit; a range in the log is reported and not repeated. */
export async function hardDelete(
  context: Context,
  batch: Batch,
  deletion: HardDeletion,
  activity: ConnectorContext,
): Promise<Deletion> {
  return withBatch(context, batch, activity, async (loaded) => {
    const { session, members, model, catalog } = loaded;
    await takeDeleteLock(session, activity);
    const { scope, pass } = deletion;
    const { steps } = deletionPlan(model, catalog, { isPointedLast: true });
    const size = await rangeSize(session, members, paceOf(context.settings).subjectsPerCommit);
    const chunks = { rows: await CollectedRows.create(loaded), steps, scope, pass };
    const ranges = new RangeDeletion(
      {
        tuning: context.server.tuning,
        share: paceOf(context.settings).share,
        readLog: () => readRangeLog(session, members, pass),
        deleteChunk: (unit, hasParts) => deleteChunk(chunks, unit, hasParts),
        deletePart: (unit, rows) => deletePart(chunks, unit, rows),
        suppress: (range) => suppress(loaded, range),
        isLockConflict,
        isConflict,
        isStatementTimeout,
        obstacleOf: (error) => obstacleOf(session, error),
      },
      { ...deletion, except: new Set(batch.except) },
      activity,
    );
    await ranges.readLog();
    for (const range of rangesOf(members.seqs, size)) await ranges.delete(range);
    const blocked = ranges.end();
    return blocked.length === 0 ? { done: true } : { done: true, blocked };
  });
}

const RETRY_MS = 200;

/** Allows one hard deletion at a time per database, so that the requests of a run do not add up their load. */
async function takeDeleteLock(session: Session, activity: ConnectorContext): Promise<void> {
  for (;;) {
    throwIfCancelled(activity.signal);
    const [row] = await session.rows<{ taken: number | string | null }>(
      `SELECT GET_LOCK(CONCAT('lethe ', LEFT(SHA2(DATABASE(), 256), 40)), 0) AS taken`,
    );
    if (String(row?.taken) === '1') return;
    activity.heartbeat();
    await sleep(RETRY_MS, undefined, { signal: activity.signal }).catch(() => throwIfCancelled(activity.signal));
  }
}

const FAILED_KEY = /fails \(`([^`]+)`\.`([^`]+)`, CONSTRAINT `([^`]+)` FOREIGN KEY/;

/** A trigger can write any text into the message, so only names that the schema has are passed on. */
async function obstacleOf(session: Session, error: unknown): Promise<Obstacle | undefined> {
  if (!isRowError(error)) return undefined;
  const message = error instanceof Error ? error.message : '';
  const [, schema = '', table = '', constraint = ''] = FAILED_KEY.exec(message) ?? [];
  const found = await session.rows(
    `SELECT 1 FROM information_schema.referential_constraints
     WHERE constraint_schema = ? AND table_name = ? AND constraint_name = ?`,
    [schema, table, constraint],
  );
  return found.length === 0 ? { table: null, constraint: null } : { table: `${schema}.${table}`, constraint };
}
