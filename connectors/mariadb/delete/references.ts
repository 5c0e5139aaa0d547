import type { ForeignKey } from '../../data-map/catalog.ts';
import type { Step } from '../../data-map/deletion-plan.ts';
import { type Target, isSameTable } from '../../data-map/model.ts';
import type { RowCounts } from '../../figures/row-counts.ts';
import type { CollectedRows } from '../batch/collected-rows.ts';
import { ident, relation } from '../sql.ts';
import { isSameRow } from '../batch/row-keys.ts';

/**
 * Deletes the collected rows of entries. The server checks foreign keys row by row, so rows of tables that refer to each
 * other, or to themselves, lose these references first. They are deleted in the same transaction.
 */
export async function deleteStep(rows: CollectedRows, step: Step, counted: RowCounts): Promise<void> {
  const { session, catalog } = rows.loaded;
  for (const target of step) {
    const columns = inner(step, catalog.foreignKeys).flatMap((key) =>
      isSameTable(key.child, target.table) ? key.nullableColumns : [],
    );
    if (columns.length === 0) continue;
    const names = [...new Set(columns)].map((column) => `own.${ident(column)}`);
    await session.run(
      `UPDATE ${rows.join(target)} SET ${names.map((name) => `${name} = NULL`).join(', ')}
       WHERE ${names.map((name) => `${name} IS NOT NULL`).join(' OR ')}`,
    );
  }
  for (const target of inOrder(step, catalog.foreignKeys)) {
    const own = fixed(step, catalog.foreignKeys).find(
      ({ child, parent }) => isSameTable(child, target.table) && isSameTable(parent, target.table),
    );
    const removed = own === undefined ? await deleteAll(rows, target) : await deleteLeaves(rows, target, own);
    counted.add(target, { removed });
  }
}

const deleteAll = (rows: CollectedRows, target: Target): Promise<number> =>
  rows.loaded.session.run(`DELETE own FROM ${rows.join(target)}`);

/** A tree whose references cannot be NULL is deleted level by level. What is left at the end is a circle, which fails. */
async function deleteLeaves(rows: CollectedRows, target: Target, key: ForeignKey): Promise<number> {
  const { catalog, session } = rows.loaded;
  const leaf = key.childColumns.map(
    (column, index) => `leaf.${ident(column)} = own.${ident(key.parentColumns[index] ?? '')}`,
  );
  const isItself = isSameRow(catalog, target.table, 'leaf', 'picked');
  let removed = 0;
  for (;;) {
    const level = await session.run(
      `DELETE own FROM ${rows.join(target)} LEFT JOIN ${relation(target.table)} AS leaf
         ON ${leaf.join(' AND ')} AND NOT (${isItself}) WHERE leaf.${ident(key.childColumns[0] ?? '')} IS NULL`,
    );
    removed += level;
    if (level === 0) return removed + (await deleteAll(rows, target));
  }
}

/** The keys between the tables of a step. */
const inner = (step: Step, keys: readonly ForeignKey[]): readonly ForeignKey[] =>
  keys.filter(({ child, parent }) =>
    [child, parent].every((table) => step.some((target) => isSameTable(target.table, table))),
  );

/** Of these, the keys whose references cannot be removed. */
const fixed = (step: Step, keys: readonly ForeignKey[]): readonly ForeignKey[] =>
  inner(step, keys).filter(({ nullableColumns }) => nullableColumns.length === 0);

/** Children first, by the keys that stay. */
function inOrder(step: Step, keys: readonly ForeignKey[]): readonly Target[] {
  const staying = fixed(step, keys);
  const done: Target[] = [];
  const add = (target: Target, seen: readonly Target[]): void => {
    if (done.includes(target) || seen.includes(target)) return;
    for (const { child, parent } of staying)
      if (isSameTable(parent, target.table))
        for (const other of step) if (isSameTable(other.table, child)) add(other, [...seen, target]);
    done.push(target);
  };
  for (const target of step) add(target, []);
  return done;
}

/** The tables of a step that refer to each other by keys that cannot be NULL, so that no row can be deleted first. */
export function fixedCycle(step: Step, keys: readonly ForeignKey[]): readonly string[] {
  const staying = fixed(step, keys).filter(({ child, parent }) => !isSameTable(child, parent));
  const reaches = (from: string, to: string, seen: readonly string[]): boolean =>
    staying.some(
      ({ child, parent }) =>
        isSameTable(child, from) &&
        (isSameTable(parent, to) || (!seen.includes(parent) && reaches(parent, to, [...seen, parent]))),
    );
  return [...new Set(staying.map(({ child }) => child))].filter((table) => reaches(table, table, []));
}
