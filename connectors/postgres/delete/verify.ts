import type { Scope } from '../../../domain/vocabulary.ts';
import { type Batch, type ConnectorContext, ConnectorError, type Verification } from '../../connector.ts';
import { membersInRange } from '../visibility/batch-table.ts';
import { type Context, type LoadedBatch, StandbyError, withBatch } from '../context.ts';
import { STATEMENT_TIMEOUT, codeOf } from '../failure.ts';
import { throwIfCancelled } from '../../callbacks.ts';
import type { Target } from '../../data-map/model.ts';
import type { Range } from '../../figures/ranges.ts';
import { NO_ROWS, remaining } from './remaining.ts';
import { qualifiedName } from '../../data-map/names.ts';
import { relation } from '../sql.ts';

/** Counts survivors. A table that cannot be read is unknown, never zero. An unreachable server throws a retryable error. */
export async function verify(
  context: Context,
  batch: Batch,
  scope: Scope,
  activity: ConnectorContext,
): Promise<Verification> {
  try {
    return await withBatch(context, batch, activity, async (loaded) => {
      const tables: Record<string, number> = {};
      for (const target of loaded.model.targets) {
        const table = qualifiedName(target.table);
        const condition = remaining(target, scope, loaded.model, loaded.catalog);
        const found = await countSurvivors(
          loaded,
          target,
          condition,
          { first: batch.firstSeq, last: batch.lastSeq },
          activity,
        );
        tables[table] = (tables[table] ?? 0) + found;
      }
      return { survivors: Object.values(tables).reduce((sum, found) => sum + found, 0), tables };
    });
  } catch (error) {
    if (error instanceof StandbyError) return { unknown: 'standby' };
    if (error instanceof ConnectorError && error.code !== 'unavailable') return { unknown: error.code };
    throw error;
  }
}

/** Halves a range that is too large for one statement. A single subject that is too large stays unknown. */
async function countSurvivors(
  loaded: LoadedBatch,
  target: Target,
  condition: string,
  range: Range,
  activity: ConnectorContext,
): Promise<number> {
  throwIfCancelled(activity.signal);
  activity.heartbeat();
  const { session, members } = loaded;
  const { first, last } = range;
  try {
    const [row] = await session.rows<{ count: number }>(
      `SELECT count(*)::float8 AS count FROM ${relation(target.table)} WHERE ${condition}`,
      condition === NO_ROWS ? [] : membersInRange(members, first, last),
    );
    return row?.count ?? 0;
  } catch (error) {
    if (codeOf(error) !== STATEMENT_TIMEOUT || first === last) throw error;
    const middle = Math.floor((first + last) / 2);
    const halves = [
      { first, last: middle },
      { first: middle + 1, last },
    ];
    let found = 0;
    for (const half of halves) found += await countSurvivors(loaded, target, condition, half, activity);
    return found;
  }
}
