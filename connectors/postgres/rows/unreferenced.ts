import type { Catalog } from '../data-map/catalog.ts';
import { columnSql } from '../data-map/column-path.ts';
import { type KindModel, type Link, type Target, isDeleted, isSameTable } from '../data-map/model.ts';
import { type WhereOptions, where } from './where.ts';
import { ident, relation } from '../sql.ts';

/** The condition that no other row points to a row of a `referencedBy` entry. Rows that are deleted do not count. */
export function unreferenced(target: Target, model: KindModel, catalog: Catalog, options: WhereOptions): string {
  const links = [target.referencedBy, ...target.sharedWith].filter((link) => link !== undefined);
  return links.map((link) => `NOT EXISTS (${pointingRows(target, link, model, catalog, options)})`).join(' AND ');
}

function pointingRows(
  target: Target,
  { table, on }: Link,
  model: KindModel,
  catalog: Catalog,
  options: WhereOptions,
): string {
  const columns = on.map(
    ([here, there]) => `${columnSql(there, 'pointing.')} = ${relation(target.table)}.${ident(here)}`,
  );
  return `SELECT FROM ${relation(table)} AS pointing WHERE ${columns.join(' AND ')} AND ${notDeleted(table, model, catalog, options)}`;
}

/**
 * Filters rows of a table that a deletion of these subjects does not delete. A row that one entry deletes counts for no
 * other entry.
 */
export function notDeleted(table: string, model: KindModel, catalog: Catalog, options: WhereOptions): string {
  const deleted = model.targets
    .filter((other) => isDeleted(other) && other.referencedBy === undefined && isSameTable(other.table, table))
    .map((other) => where(other, model, catalog, { ...options, isFilter: true }));
  return deleted.length === 0 ? 'true' : deleted.map((each) => `(${each}) IS NOT TRUE`).join(' AND ');
}
