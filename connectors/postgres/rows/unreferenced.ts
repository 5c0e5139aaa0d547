import type { Catalog } from '../data-map/catalog.ts';
import { columnSql } from '../data-map/column-path.ts';
import { type KindModel, type Target, isDeleted, isSameTable } from '../data-map/model.ts';
import { type WhereOptions, where } from './where.ts';
import { ident, relation } from '../sql.ts';

/**
 * The condition that no other row points to a row of a `referencedBy` entry. Rows that the deletion of these subjects
 * deletes do not count. `row` names the relation of the entry in the statement.
 */
export function unreferenced(
  target: Target,
  model: KindModel,
  catalog: Catalog,
  options: WhereOptions,
  row = relation(target.table),
): string {
  const links = [target.referencedBy, ...target.sharedWith].filter((link) => link !== undefined);
  const conditions = links.map(({ table, on }) => {
    const alias = ident(`points to ${target.path}`);
    const columns = on.map(([here, there]) => `${columnSql(there, `${alias}.`)} = ${row}.${ident(here)}`);
    return `NOT EXISTS (SELECT FROM ${relation(table)} AS ${alias} WHERE ${columns.join(' AND ')}
      AND ${notDeleted(table, model, catalog, options, alias)})`;
  });
  return conditions.join(' AND ');
}

/**
 * Filters rows of a table that the deletion of these subjects does not delete. A row that one entry deletes counts for
 * no other entry. `row` names the relation in the statement.
 */
export function notDeleted(
  table: string,
  model: KindModel,
  catalog: Catalog,
  options: WhereOptions,
  row = relation(table),
): string {
  const deleted = model.targets
    .filter((target) => isDeleted(target) && isSameTable(target.table, table))
    .map((target) => {
      const found = where(target, model, catalog, { ...options, isFilter: true });
      if (target.referencedBy === undefined) return `(${found}) IS NOT TRUE`;
      return `((${found}) AND ${unreferenced(target, model, catalog, options, row)}) IS NOT TRUE`;
    });
  return deleted.length === 0 ? 'true' : deleted.join(' AND ');
}
