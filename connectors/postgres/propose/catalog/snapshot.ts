import type { DeleteRule } from '../../../data-map/catalog.ts';
import type { TypeFamily } from '../../../data-map/coverage/personal-columns.ts';

/** What a data map is proposed from: the names, types and constraints of all tables, and no value of a row. */
export interface Snapshot {
  readonly tables: ReadonlyMap<string, Table>;
  readonly foreignKeys: readonly SnapshotKey[];
  readonly materializedViews: readonly { readonly view: string; readonly sources: readonly string[] }[];
}

export interface Table {
  /** `schema.table` */
  readonly name: string;
  /** pg_class.relkind: r ordinary, p partitioned, m materialized view, f foreign table. */
  readonly relkind: string;
  /** An estimate. 0 if unknown. */
  readonly pages: number;
  readonly columns: readonly Column[];
  readonly primaryKey: readonly string[];
  readonly indexes: readonly TableIndex[];
  /** Triggers on DELETE or UPDATE, also those of partitions. */
  readonly triggers: readonly string[];
  readonly rules: readonly string[];
  readonly inheritors: readonly string[];
}

export interface Column {
  readonly name: string;
  /** As in a cast: `character varying(40)`. */
  readonly full: string;
  /** Without length, domain and array: `text`, `int8`, `uuid`, … */
  readonly base: string;
  readonly family: TypeFamily;
  readonly isArray: boolean;
  readonly isNotNull: boolean;
  readonly isGenerated: boolean;
  /** GENERATED ALWAYS AS IDENTITY. */
  readonly isAlwaysIdentity: boolean;
  readonly default: string | null;
  /** Part of the partition key. */
  readonly isPartitionKey: boolean;
  /** The labels of an enum type. */
  readonly labels: readonly string[];
}

export interface TableIndex {
  readonly method: string;
  readonly isUnique: boolean;
  readonly isPartial: boolean;
  /** Names of columns, and expressions in parentheses as PostgreSQL prints them. */
  readonly keys: readonly string[];
}

export interface SnapshotKey {
  readonly name: string;
  readonly child: string;
  readonly childColumns: readonly string[];
  readonly parent: string;
  readonly parentColumns: readonly string[];
  readonly onDelete: DeleteRule;
}

export const columnOf = (table: Table | undefined, name: string): Column | undefined =>
  table?.columns.find((column) => column.name === name);

/** Whether exactly these columns are unique together. */
export const isUnique = (table: Table, columns: readonly string[]): boolean =>
  table.indexes.some(
    ({ isUnique: unique, isPartial, keys }) =>
      unique && !isPartial && keys.length === columns.length && columns.every((column) => keys.includes(column)),
  );

/** Whether an index begins with this column or expression. */
export const hasIndexOn = (table: Table, key: string): boolean =>
  table.indexes.some(({ keys, isPartial }) => !isPartial && keys[0] === key);

/** The expression of an index for case-insensitive look-ups, as PostgreSQL prints it. */
export function hasLowerIndex(table: Table, column: string): boolean {
  const name = /^[a-z_][a-z0-9_]*$/.test(column) ? column : `"${column}"`;
  return [`(lower(${name}))`, `(lower((${name})::text))`].some((key) => hasIndexOn(table, key));
}

/** Only these can be part of a data map. */
export const isMappable = ({ relkind }: Table): boolean => relkind === 'r' || relkind === 'p';

export const keysFrom = ({ foreignKeys }: Snapshot, table: string): readonly SnapshotKey[] =>
  foreignKeys.filter(({ child }) => child === table);

export const keysTo = ({ foreignKeys }: Snapshot, table: string): readonly SnapshotKey[] =>
  foreignKeys.filter(({ parent }) => parent === table);
