import type { Catalog } from '../data-map/catalog.ts';
import type { ForeignKey } from '../../data-map/catalog.ts';
import { columnSql } from '../data-map/column-path.ts';
import { type KindModel, type Target, isDeleted, isSameTable } from '../../data-map/model.ts';
import { remaining } from '../delete/remaining.ts';
import { notChanged, notDeleted, where } from '../rows/where.ts';
import { ident, literal, relation } from '../sql.ts';
import { qualifiedName } from '../../data-map/names.ts';

/** The rows of one table that ON DELETE actions change: CASCADE removes them, SET NULL and SET DEFAULT detach them. */
export interface ActionCount {
  readonly table: string;
  readonly removed: number;
  readonly detached: number;
}

export interface ActionOptions {
  readonly model: KindModel;
  readonly catalog: Catalog;
  /** The whole batch: rows that it deletes in another range are not detached. */
  readonly batchMembers: string;
  /** Entries whose rows count for themselves, although an action could remove them. */
  readonly counted: readonly Target[];
}

/** Entries of the map have these names nowhere, so that they hide no column. */
const GONE = '"lethe gone"';
const TABLE = '"lethe table"';
const ROW = '"lethe row"';

/**
 * A statement that counts, as a JSON array of `ActionCount`, the rows that the actions of the database change when the
 * rows of `step` are deleted: an action follows the rows that another one removes. Undefined when the map acknowledges no
 * action of these entries, because its entries then find every such row first.
 */
export function actionCounts(step: readonly Target[], options: ActionOptions): string | undefined {
  const { model, catalog } = options;
  const acknowledging = step.filter((target) => isDeleted(target) && target.onDelete.length > 0);
  if (acknowledging.length === 0) return undefined;
  const parents = step.filter(
    (target) => isDeleted(target) && acknowledging.some(({ table }) => isSameTable(table, target.table)),
  );
  const keys = reachableKeys(parents, catalog.foreignKeys);
  const cascades = keys.filter(({ onDelete }) => onDelete === 'c');
  const changes = keys.filter(({ onDelete }) => onDelete !== 'c');
  const starts = parents.map(
    (target) =>
      `SELECT tableoid AS ${TABLE}, ctid AS ${ROW} FROM ${relation(target.table)} WHERE ${remaining(target, 'data', model, catalog)}`,
  );
  const hops = cascades.map((key) => children(key, options));
  const next = `SELECT hop.* FROM ${GONE} CROSS JOIN LATERAL (${hops.join(' UNION ALL ')}) AS hop`;
  const all = [starts.join(' UNION '), ...(hops.length === 0 ? [] : [next])].map((each) => `(${each})`);
  const tables = [...new Set(keys.map(({ child }) => child))];
  const rows = tables.map((table) => {
    const changing = changes.filter(({ child }) => child === table);
    return `jsonb_build_object('table', ${literal(table)}, 'removed', ${removedRows(table, options)},
      'detached', ${changing.length === 0 ? '0' : detachedRows(table, changing, options)})`;
  });
  return `WITH RECURSIVE ${GONE} AS (${all.join(' UNION ')}) SELECT jsonb_build_array(${rows.join(', ')})`;
}

/** The keys with an action to the tables of the entries, and to the tables whose rows such an action removes. */
function reachableKeys(parents: readonly Target[], keys: readonly ForeignKey[]): readonly ForeignKey[] {
  const tables = new Set(parents.map(({ table }) => qualifiedName(table)));
  for (let before = 0; before < tables.size;) {
    before = tables.size;
    for (const { child, parent, onDelete } of keys) if (onDelete === 'c' && tables.has(parent)) tables.add(child);
  }
  return keys.filter(({ parent, onDelete }) => tables.has(parent) && onDelete !== 'a' && onDelete !== 'r');
}

/** The rows that refer to a row of `gone` by the key, unless the map changes this reference. */
function children(key: ForeignKey, { model, catalog }: ActionOptions): string {
  const own = ident('lethe own');
  const parent = ident('lethe parent');
  const names = key.childColumns.map((_, index) => ident(`lethe key ${index}`));
  const columns = key.childColumns.map((column, index) => `${own}.${ident(column)} AS ${names[index] ?? ''}`);
  const kept = notChanged(key.child, key.childColumns, model, catalog, {}, own);
  const pairs = key.parentColumns.map(
    (column, index) => `child.${names[index] ?? ''} = ${parent}.${columnSql(column)}`,
  );
  return `SELECT child.${TABLE}, child.${ROW} FROM ${relation(key.parent)} AS ${parent} JOIN (
      SELECT ${own}.tableoid AS ${TABLE}, ${own}.ctid AS ${ROW}, ${columns.join(', ')} FROM ${relation(key.child)} AS ${own} WHERE ${kept}
    ) AS child ON ${pairs.join(' AND ')}
    WHERE ${parent}.ctid = ${GONE}.${ROW} AND ${parent}.tableoid = ${GONE}.${TABLE}`;
}

/** A row that an entry counts is not counted again. */
function removedRows(table: string, { model, catalog, counted }: ActionOptions): string {
  const others = counted
    .filter((target) => isSameTable(target.table, table))
    .map((target) => (isDeleted(target) ? remaining(target, 'data', model, catalog) : where(target, model, catalog)))
    .map((found) => `(${found}) IS NOT TRUE`);
  return `(SELECT count(*) FROM ${GONE} JOIN ${relation(table)} ON ${isRow(table)}${others.map((each) => ` AND ${each}`).join('')})`;
}

function detachedRows(table: string, keys: readonly ForeignKey[], options: ActionOptions): string {
  const { model, catalog, batchMembers } = options;
  const rows = keys.map((key) => `SELECT hop.* FROM ${GONE} CROSS JOIN LATERAL (${children(key, options)}) AS hop`);
  const stays = notDeleted(table, model, catalog, { members: batchMembers });
  return `(SELECT count(*) FROM (${rows.join(' UNION ')}) AS ${ident('lethe changed')} JOIN ${relation(table)}
    ON ${isRow(table, ident('lethe changed'))} WHERE ${stays}
      AND (${relation(table)}.tableoid, ${relation(table)}.ctid) NOT IN (SELECT ${TABLE}, ${ROW} FROM ${GONE}))`;
}

const isRow = (table: string, rows = GONE): string =>
  `${relation(table)}.ctid = ${rows}.${ROW} AND ${relation(table)}.tableoid = ${rows}.${TABLE}`;
