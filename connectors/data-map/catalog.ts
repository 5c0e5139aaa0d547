import { ConnectorError } from '../connector.ts';
import type { DataMap } from './data-map.ts';
import { type KindModel, columnsOf } from './model.ts';
import { columnPath, qualifiedName } from './names.ts';

/** What every database says of a column. A connector adds what its SQL needs. */
export interface ColumnType {
  /** With its length, as in a cast: `character varying(40)`. */
  readonly full: string;
  /** Without length: `text`, `int8`, `uuid`, … */
  readonly base: string;
  readonly isNotNull: boolean;
  readonly isGenerated: boolean;
  /** The default expression as the database prints it. */
  readonly default: string | null;
  /** Part of the primary key or partition key, or referenced by a foreign key. */
  readonly isKeyColumn: boolean;
  /** Part of a foreign key. */
  readonly isForeignKey: boolean;
}

/** A foreign key from or to a mapped table. A partition counts as its partitioned table. */
export interface ForeignKey {
  readonly name: string;
  readonly child: string;
  readonly childColumns: readonly string[];
  readonly parent: string;
  readonly parentColumns: readonly string[];
  /** The columns of the child that allow NULL. */
  readonly nullableColumns: readonly string[];
  readonly onDelete: DeleteRule;
}

/** As in pg_constraint.confdeltype: no action, restrict, cascade, set null, set default. */
export type DeleteRule = 'a' | 'r' | 'c' | 'n' | 'd';

/** Column types and foreign keys of the mapped tables. */
export interface Catalog<Type extends ColumnType = ColumnType> {
  readonly columns: ReadonlyMap<string, ReadonlyMap<string, Type>>;
  readonly foreignKeys: readonly ForeignKey[];
}

export function mappedTables(models: readonly KindModel[], segments?: DataMap['segments']): readonly string[] {
  const tables = models.flatMap((model) => model.targets.map((target) => target.table));
  return [...new Set([...tables, ...segmentTables(segments).map(({ table }) => table)].map(qualifiedName))];
}

/** The tables that are read to select a segment, with the path of each. */
export const segmentTables = (
  segments: DataMap['segments'],
): readonly { readonly path: string; readonly table: string }[] => [
  ...(segments === undefined ? [] : [{ path: 'segments.table', table: segments.table }]),
  ...(segments?.list === undefined ? [] : [{ path: 'segments.list.table', table: segments.list.table }]),
];

/** Every table that the data map names, with the path of that key. */
export function tablePaths(
  models: readonly KindModel[],
  segments: DataMap['segments'],
): readonly { readonly path: string; readonly table: string }[] {
  const targets = models.flatMap((model) => model.targets);
  return [
    ...targets.map((target) => ({ path: `${target.path}.table`, table: target.table })),
    ...segmentTables(segments),
  ].map(({ path, table }) => ({ path, table: qualifiedName(table) }));
}

/** Tables that can point to the same row as a mapped one, with the path of that key. Their own rows are not mapped. */
export const sharingTables = (
  models: readonly KindModel[],
): readonly { readonly path: string; readonly table: string }[] =>
  models.flatMap(({ targets }) =>
    targets.flatMap(({ path, sharedWith }) =>
      sharedWith.map(({ table }, index) => ({
        path: `${path}.sharedWith.${index}.table`,
        table: qualifiedName(table),
      })),
    ),
  );

/** The columns of the subject's own table for each identity type. Aliases have none. */
export function identityColumns(model: KindModel): readonly { type: string; columns: readonly string[] }[] {
  const identities = Object.entries(model.map.identities ?? {});
  return [
    { type: model.keyType, columns: model.key.columns },
    ...identities.map(([type, identity]) => ({ type, columns: columnsOf(identity) })),
  ];
}

/** Whether the column of a name is NOT NULL. A key inside a document can be missing. */
export function isNotNull(catalog: Catalog, table: string, name: string): boolean {
  const { column, keys } = columnPath(name);
  const type = catalog.columns.get(qualifiedName(table))?.get(column);
  if (type === undefined) throw missingColumn(table, name);
  return keys.length === 0 && type.isNotNull;
}

export const missingColumn = (table: string, column: string): ConnectorError =>
  new ConnectorError('coverage_broken', `${qualifiedName(table)} has no column ${column}`, { retryable: false });
