import { missingColumn } from '../../data-map/catalog.ts';
import { columnPath, qualifiedName } from '../../data-map/names.ts';
import type { Comparison } from '../../../domain/identity.ts';
import { ConnectorError } from '../../connector.ts';
import { ident, literal } from '../sql.ts';
import type { Catalog, ColumnType } from './types.ts';

/** The type of a column, or text for a key inside a document. */
export function typeOf(catalog: Catalog, table: string, column: string): ColumnType {
  const type = findType(catalog, table, column);
  if (type === undefined) throw missingColumn(table, column);
  return type;
}

export function findType(catalog: Catalog, table: string, name: string): ColumnType | undefined {
  const { column, keys } = columnPath(name);
  const type = catalog.columns.get(qualifiedName(table))?.get(column);
  if (type === undefined || keys.length === 0) return type;
  return type.family === 'json' ? TEXT : undefined;
}

const TEXT: ColumnType = {
  full: 'text',
  base: 'text',
  family: 'text',
  charset: 'utf8mb4',
  collation: 'utf8mb4_bin',
  length: null,
  precision: 0,
  updatesItself: false,
  hasConstantDefault: false,
  isNotNull: false,
  isGenerated: false,
  default: null,
  isKeyColumn: false,
  isForeignKey: false,
};

const pathOf = (keys: readonly string[]): string =>
  literal(`$${keys.map((key) => `."${key.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join('')}`);

/** The value of a column, or the text of a key inside it. `prefix` names the relation, such as `own.`. */
export function columnSql(name: string, prefix = ''): string {
  const { column, keys } = columnPath(name);
  const base = `${prefix}${ident(column)}`;
  // JSON_VALUE is NULL for null, and for an object or a list.
  return keys.length === 0 ? base : `CONVERT(JSON_VALUE(${base}, ${pathOf(keys)}) USING utf8mb4) COLLATE utf8mb4_bin`;
}

/** The value of a column after a change. A key inside a document that does not exist is not added. */
export function changedSql(name: string, value: string, current: string): string {
  const { keys } = columnPath(name);
  return keys.length === 0 ? value : `JSON_REPLACE(${current}, ${pathOf(keys)}, ${value})`;
}

export const isCaseInsensitive = (collation: string): boolean => collation.endsWith('_ci');

/** Blanks at the end of a text do not count, except in a few collations. */
export const isPadded = (collation: string): boolean => !/_nopad_|_0900_|^binary$/.test(collation);

const UUID = literal('^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$');
const INTEGER = literal('^-?(0|[1-9][0-9]{0,18})$');

/**
 * The condition that a column has a value, which is a text in utf8mb4_bin. A text is found by an index in the column's own
 * collation. What counts is then the text itself: a letter with an accent is another one, and case counts unless declared.
 */
export function equals(column: string, type: ColumnType, value: string, comparison: Comparison): string {
  if (type.family !== 'text') return `${column} = ${castSql(value, type)}`;
  const { charset, collation } = type;
  if (charset === null || collation === null) return 'false';
  const found = `${column} = CONVERT(${value} USING ${charset}) COLLATE ${collation}`;
  if (charset === 'utf8mb4' && collation === 'utf8mb4_bin' && comparison !== 'caseInsensitive') return found;
  return `${found} AND ${isSameText(textOf(column, type), value, type, comparison)}`;
}

/** Compares two texts in utf8mb4_bin as a column of the type does, except for accents. */
function isSameText(one: string, other: string, type: ColumnType, comparison: Comparison): string {
  const fold = (text: string): string => (comparison === 'caseInsensitive' ? `LOWER(${text})` : text);
  return isPadded(type.collation ?? '')
    ? `${fold(one)} COLLATE utf8mb4_bin = ${fold(other)} COLLATE utf8mb4_bin`
    : `CAST(${fold(one)} AS BINARY) = CAST(${fold(other)} AS BINARY)`;
}

/** Casts a text to the type of a column. A text that has no such cast becomes NULL. */
function castSql(value: string, type: ColumnType): string {
  switch (type.family) {
    case 'boolean':
    case 'integer':
      return `CASE WHEN ${value} REGEXP ${INTEGER} THEN CAST(${value} AS SIGNED) END`;
    case 'uuid':
      return type.base === 'uuid'
        ? `CASE WHEN ${value} REGEXP ${UUID} THEN CAST(${value} AS UUID) END`
        : `CASE WHEN ${value} REGEXP ${UUID} THEN UNHEX(REPLACE(${value}, '-', '')) END`;
    default:
      throw new ConnectorError('coverage_broken', `a column of type ${type.full} cannot hold an identity`, {
        retryable: false,
      });
  }
}

/** The text of a column in utf8mb4_bin. The UUID of 16 bytes is written as any other. */
export function textOf(column: string, type: ColumnType): string {
  if (type.family !== 'uuid' || type.base === 'uuid') return `CONVERT(${column} USING utf8mb4) COLLATE utf8mb4_bin`;
  const hex = `LOWER(HEX(${column}))`;
  const parts = [
    [1, 8],
    [9, 4],
    [13, 4],
    [17, 4],
    [21, 12],
  ].map(([from, length]) => `SUBSTR(${hex}, ${from}, ${length})`);
  return `CONVERT(CONCAT_WS('-', ${parts.join(', ')}) USING utf8mb4) COLLATE utf8mb4_bin`;
}

/** A column of another table in the form in which a column of this type compares with it. */
export function comparable(sql: string, here: ColumnType, there: ColumnType): string {
  if (here.family !== 'text' || here.charset === null || here.collation === null) return sql;
  const isSame = here.charset === there.charset && here.collation === there.collation;
  return isSame ? sql : `CONVERT(${sql} USING ${here.charset}) COLLATE ${here.collation}`;
}

export const isSupported = ({ family }: ColumnType): boolean => ['text', 'integer', 'uuid', 'boolean'].includes(family);

export const columnsOfTable = (catalog: Catalog, table: string): readonly string[] => [
  ...(catalog.columns.get(qualifiedName(table))?.keys() ?? []),
];
