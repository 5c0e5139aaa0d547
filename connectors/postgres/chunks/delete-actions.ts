import { columnSql } from '../data-map/column-path.ts';
import type { ForeignKey } from '../data-map/catalog.ts';
import { type Target, isDeleted, isSameTable } from '../data-map/model.ts';
import { MEMBERS, notDeleted, where } from '../rows/where.ts';
import { relation } from '../sql.ts';
import { type Chunks, membersIn } from './chunks.ts';
import type { Unit } from '../delete/range-log.ts';
import type { RowCounts } from '../delete/row-counts.ts';

/**
 * Counts the rows that the acknowledged ON DELETE actions of the database are about to change: CASCADE removes them,
 * SET NULL and SET DEFAULT detach them.
 */
export async function countDeleteActions(
  chunks: Chunks,
  unit: Unit,
  parent: Target,
  rowCounts: RowCounts,
): Promise<void> {
  for (const { key, rows } of await rowsOfActions(chunks, unit, parent)) addRows(key, rows, rowCounts);
}

/** Runs a deletion of some rows of `parent`, and counts the rows that its actions changed: fewer refer to it afterward. */
export async function withDeleteActions(
  chunks: Chunks,
  unit: Unit,
  parent: Target,
  rowCounts: RowCounts,
  deleteSome: () => Promise<number>,
): Promise<number> {
  const before = await rowsOfActions(chunks, unit, parent);
  const deleted = await deleteSome();
  const after = before.length === 0 ? [] : await rowsOfActions(chunks, unit, parent);
  for (const [index, { key, rows }] of before.entries()) addRows(key, rows - (after[index]?.rows ?? 0), rowCounts);
  return deleted;
}

function addRows(key: ForeignKey, rows: number, rowCounts: RowCounts): void {
  if (rows > 0) rowCounts.addTable(key.child, key.onDelete === 'c' ? { removed: rows } : { detached: rows });
}

interface ActionRows {
  readonly key: ForeignKey;
  readonly rows: number;
}

async function rowsOfActions(chunks: Chunks, unit: Unit, parent: Target): Promise<readonly ActionRows[]> {
  if (!isDeleted(parent)) return [];
  const { catalog, session } = chunks.loaded;
  const found: ActionRows[] = [];
  for (const { table, constraint } of parent.onDelete) {
    const key = catalog.foreignKeys.find(
      ({ name, child, parent: to }) =>
        name === constraint && isSameTable(child, table) && isSameTable(to, parent.table),
    );
    if (key === undefined) continue;
    const [row] = await session.rows<{ count: number }>(countReferencing(chunks, parent, key), membersIn(chunks, unit));
    found.push({ key, rows: row?.count ?? 0 });
  }
  return found;
}

function countReferencing({ loaded: { model, catalog } }: Chunks, parent: Target, key: ForeignKey): string {
  const there = key.parentColumns.map((column) => columnSql(column)).join(', ');
  const here = key.childColumns.map((column) => columnSql(column)).join(', ');
  return `SELECT count(*)::float8 AS count FROM ${relation(key.child)}
    WHERE (${here}) IN (SELECT ${there} FROM ${relation(parent.table)} WHERE ${where(parent, model, catalog)})
      AND ${notDeleted(key.child, model, catalog, { members: MEMBERS })}`;
}
