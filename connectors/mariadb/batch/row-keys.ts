import { ConnectorError } from '../../connector.ts';
import { qualifiedName } from '../../data-map/names.ts';
import type { Catalog, ColumnType } from '../catalog/types.ts';
import { ident } from '../sql.ts';

/** The columns by which the rows of a table are distinguished. */
export function rowKeyOf(catalog: Catalog, table: string): readonly string[] {
  const key = catalog.rowKeys.get(qualifiedName(table));
  if (key === undefined)
    throw new ConnectorError('coverage_broken', `${qualifiedName(table)} has no primary key`, { retryable: false });
  return key.columns;
}

const nameOf = (index: number): string => `row${index}`;

export const rowNames = (catalog: Catalog, table: string): readonly string[] =>
  rowKeyOf(catalog, table).map((_, index) => nameOf(index));

/** The row key of a relation, named as in the tables of collected rows. */
export const rowKeySelect = (catalog: Catalog, table: string, prefix = 'own.'): readonly string[] =>
  rowKeyOf(catalog, table).map((column, index) => `${prefix}${ident(column)} AS ${nameOf(index)}`);

/** The condition that two relations have the same row: `own` is one of the table, `rows` one of collected rows. */
export const isSameRow = (catalog: Catalog, table: string, own: string, rows: string): string =>
  rowKeyOf(catalog, table)
    .map((column, index) => `${own}.${ident(column)} = ${rows}.${nameOf(index)}`)
    .join(' AND ');

/** The definitions of these columns, with the types and collations of the table. */
export const rowKeyDefinitions = (catalog: Catalog, table: string): readonly string[] =>
  rowKeyOf(catalog, table).map((column, index) => {
    const type = catalog.columns.get(qualifiedName(table))?.get(column);
    return `${nameOf(index)} ${type === undefined ? 'INT' : definition(type)} NOT NULL`;
  });

const definition = ({ full, charset, collation }: ColumnType): string =>
  charset === null || collation === null ? full : `${full} CHARACTER SET ${charset} COLLATE ${collation}`;
