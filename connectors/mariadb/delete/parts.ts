import { type KindModel, type Target, isDeleted, isRecursive, isSameTable, parentsOf } from '../../data-map/model.ts';
import type { Counts, Unit } from '../../figures/counts.ts';
import { RowCounts } from '../../figures/row-counts.ts';
import { rowKeySelect } from '../batch/row-keys.ts';
import { selectRows } from '../batch/selections.ts';
import type { Chunks } from './chunk.ts';
import { closeLogRow, logKey, openLogRow, readLogRow } from './range-log.ts';

/**
 * Deletes at most `limit` rows of a subject that is too large for one commit, children first. Stops at the first entry
 * whose rows have to be found together with others: an ordinary chunk deletes these, and the subject's own rows, at the end.
 */
export async function deletePart(
  chunks: Chunks,
  unit: Unit,
  limit: number,
): Promise<{ readonly counts: Counts; readonly more: boolean }> {
  const { session, members } = chunks.rows.loaded;
  const key = logKey(members, chunks.pass, unit);
  const done = await session.transaction(async () => {
    if (!(await openLogRow(session, key))) return undefined;
    const counted = new RowCounts();
    let left = limit;
    if (chunks.scope === 'data')
      for (const target of separable(chunks)) {
        if (left > 0) left -= await deleteSome(chunks, unit, target, left, counted);
      }
    const counts = counted.counts();
    await closeLogRow(session, key, counts);
    return { counts, more: left <= 0 };
  });
  return done ?? { counts: (await readLogRow(session, key)) ?? new RowCounts().counts(), more: true };
}

/** The entries whose rows can be deleted one by one: nothing that is left needs them to be found. */
export function separable({ steps, rows }: Pick<Chunks, 'steps' | 'rows'>): readonly Target[] {
  const { model, catalog } = rows.loaded;
  const refersTo = (other: Target, target: Target): boolean =>
    catalog.foreignKeys.some(
      ({ child, parent }) => isSameTable(child, other.table) && isSameTable(parent, target.table),
    );
  const found: Target[] = [];
  for (const step of steps) {
    const [target] = step;
    const isPlain =
      step.length === 1 &&
      target !== undefined &&
      isDeleted(target) &&
      !isRecursive(target) &&
      target.role !== 'subject' &&
      !isPointedTo(target, model);
    if (!isPlain) continue;
    const isNeeded = model.targets.some(
      (other) =>
        other !== target &&
        !found.includes(other) &&
        (parentsOf(other, model).includes(target) || refersTo(other, target)),
    );
    if (!isNeeded) found.push(target);
  }
  return found;
}

/** Rows that others can share stay, and so do the rows that belong to them, which only an ordinary chunk finds out. */
const isPointedTo = (target: Target, model: KindModel): boolean =>
  target.referencedBy !== undefined ||
  (target.via !== undefined && parentsOf(target, model).some((parent) => isPointedTo(parent, model)));

async function deleteSome(
  { rows }: Chunks,
  unit: Unit,
  target: Target,
  limit: number,
  counted: RowCounts,
): Promise<number> {
  const { session, model, catalog } = rows.loaded;
  const table = rows.tableOf(target);
  await session.run(`DELETE FROM ${table}`);
  let left = limit;
  for (const select of selectRows(target, rowKeySelect(catalog, target.table), { model, catalog, range: unit })) {
    const sql = `INSERT IGNORE INTO ${table} (seq, ${rows.keyNames(target)}) ${select} LIMIT ${Number(left)} FOR UPDATE`;
    left -= left > 0 ? await session.run(sql) : 0;
  }
  const removed = await session.run(`DELETE own FROM ${rows.join(target)}`);
  counted.add(target, { removed });
  return removed;
}
