import type { Scope } from '../../../domain/vocabulary.ts';
import { type Batch, type ConnectorContext, ConnectorError, type Count, type Verification } from '../../connector.ts';
import { throwIfCancelled } from '../../callbacks.ts';
import { type Target, isDeleted, isSameTable } from '../../data-map/model.ts';
import { qualifiedName } from '../../data-map/names.ts';
import type { Range } from '../../figures/ranges.ts';
import { CollectedRows } from '../batch/collected-rows.ts';
import { anonymisedCondition } from '../changes/anonymise.ts';
import { NO_ROWS, remaining } from '../changes/remaining.ts';
import { type Context, type LoadedBatch, StandbyError, withBatch } from '../context.ts';
import { isStatementTimeout } from '../failure.ts';
import { countRows, countSubjects } from './kept-rows.ts';

/** Counts the rows that the deletion itself would collect. */
export async function count(context: Context, batch: Batch, scope: Scope, activity: ConnectorContext): Promise<Count> {
  return withBatch(context, batch, activity, async (loaded) => {
    const rows = await CollectedRows.create(loaded);
    const tables: Record<string, number> = {};
    const present = new Set<number>();
    await inHalves(batch, activity, rows, scope, async () => {
      const counted = loaded.model.targets.filter(({ detach }) => detach === undefined);
      for (const [index, target] of counted.entries()) {
        throwIfCancelled(activity.signal);
        const condition = countedRows(target, scope, loaded);
        const earlier = counted.slice(0, index).filter((other) => isSameTable(other.table, target.table));
        // A row that two entries of one table select counts once.
        const others = earlier.map(
          (other) => `NOT (${rows.isCollected(other)} AND ${countedRows(other, scope, loaded)})`,
        );
        const table = qualifiedName(target.table);
        if (condition !== NO_ROWS)
          tables[table] = (tables[table] ?? 0) + (await countRows(rows, target, [condition, ...others].join(' AND ')));
        const isPresent =
          target.anonymise === undefined ? 'true' : `NOT ${anonymisedCondition(target, loaded.model, loaded.catalog)}`;
        for (const [seq] of await countSubjects(rows, target, isPresent)) present.add(seq);
      }
    });
    return { tables, presentSeqs: [...present].toSorted((a, b) => a - b) };
  });
}

/** The rows that a deletion removes, retains or anonymises, or that a part deletion clears. */
const countedRows = (target: Target, scope: Scope, { model, catalog }: LoadedBatch): string =>
  scope !== 'data' || target.anonymise !== undefined || (target.referencedBy !== undefined && isDeleted(target))
    ? remaining(target, scope, model, catalog)
    : 'true';

/** Counts survivors. A table that cannot be read is unknown, never zero. An unreachable server throws a retryable error. */
export async function verify(
  context: Context,
  batch: Batch,
  scope: Scope,
  activity: ConnectorContext,
): Promise<Verification> {
  try {
    return await withBatch(context, batch, activity, async (loaded) => {
      const rows = await CollectedRows.create(loaded);
      const tables: Record<string, number> = {};
      for (const target of loaded.model.targets) tables[qualifiedName(target.table)] = 0;
      await inHalves(batch, activity, rows, scope, async () => {
        for (const target of loaded.model.targets) {
          throwIfCancelled(activity.signal);
          const condition = remaining(target, scope, loaded.model, loaded.catalog);
          const table = qualifiedName(target.table);
          if (condition !== NO_ROWS) tables[table] = (tables[table] ?? 0) + (await countRows(rows, target, condition));
        }
      });
      return { survivors: Object.values(tables).reduce((sum, found) => sum + found, 0), tables };
    });
  } catch (error) {
    if (error instanceof StandbyError) return { unknown: 'standby' };
    if (error instanceof ConnectorError && error.code !== 'unavailable') return { unknown: error.code };
    throw error;
  }
}

/**
 * Collects the rows of the batch, then calls `use`. Halves a range that is too large for one statement; a row of subjects
 * in both halves then counts twice. A single subject that is too large fails.
 */
async function inHalves(
  batch: Batch,
  activity: ConnectorContext,
  rows: CollectedRows,
  scope: Scope,
  use: () => Promise<void>,
): Promise<void> {
  const collectRange = async (range: Range): Promise<void> => {
    throwIfCancelled(activity.signal);
    activity.heartbeat();
    try {
      await rows.collect(range, { scope, isLocking: false });
    } catch (error) {
      if (!isStatementTimeout(error) || range.first === range.last) throw error;
      const middle = Math.floor((range.first + range.last) / 2);
      await collectRange({ first: range.first, last: middle });
      return collectRange({ first: middle + 1, last: range.last });
    }
    await use();
  };
  await collectRange({ first: batch.firstSeq, last: batch.lastSeq });
}
