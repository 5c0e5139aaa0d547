import { isDeleted } from '../../data-map/model.ts';
import { runRedacted } from '../session.ts';
import { type ActionCount, actionCounts } from './actions-sql.ts';
import { BATCH_MEMBERS } from './count-once.ts';
import type { Chunks } from './chunks.ts';
import { batchParameters } from './kept-rows.ts';
import type { Unit } from '../../figures/counts.ts';
import type { RowCounts } from '../../figures/row-counts.ts';
import type { Step } from '../../data-map/deletion-plan.ts';

/** Counts the rows that the ON DELETE actions of the database are about to change when a step deletes its rows. */
export async function countDeleteActions(chunks: Chunks, unit: Unit, step: Step, rowCounts: RowCounts): Promise<void> {
  addRows(await readActions(chunks, unit, step), [], rowCounts);
}

/** Runs a deletion of some rows of a step, and counts the rows that its actions changed: fewer depend on it afterward. */
export async function withDeleteActions(
  chunks: Chunks,
  unit: Unit,
  step: Step,
  rowCounts: RowCounts,
  deleteSome: () => Promise<number>,
): Promise<number> {
  const before = await readActions(chunks, unit, step);
  const deleted = await deleteSome();
  if (before.length > 0) addRows(before, await readActions(chunks, unit, step), rowCounts);
  return deleted;
}

function addRows(before: readonly ActionCount[], after: readonly ActionCount[], rowCounts: RowCounts): void {
  for (const { table, removed, detached } of before) {
    const left = after.find((each) => each.table === table);
    const changed = { removed: removed - (left?.removed ?? 0), detached: detached - (left?.detached ?? 0) };
    if (changed.removed > 0 || changed.detached > 0) rowCounts.addTable(table, changed);
  }
}

async function readActions(chunks: Chunks, unit: Unit, step: Step): Promise<readonly ActionCount[]> {
  const { model, catalog, session } = chunks.loaded;
  const sql = actionCounts(step, { model, catalog, batchMembers: BATCH_MEMBERS, counted: step.filter(isDeleted) });
  if (sql === undefined) return [];
  return (await runRedacted<ActionCount[]>(session, sql, batchParameters(chunks, unit))) ?? [];
}
