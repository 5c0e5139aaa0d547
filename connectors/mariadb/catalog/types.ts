import type { Catalog as CommonCatalog, ColumnType as CommonColumn } from '../../data-map/catalog.ts';

/** What a column can hold. A UUID is of the type UUID of MariaDB, or 16 bytes. */
export type Family = 'text' | 'integer' | 'number' | 'uuid' | 'boolean' | 'timestamp' | 'json' | 'bytes' | 'other';

/** A column of MariaDB. `base` is its DATA_TYPE, `full` its COLUMN_TYPE. */
export interface ColumnType extends CommonColumn {
  readonly family: Family;
  /** Of a text. Null for other families. */
  readonly charset: string | null;
  readonly collation: string | null;
  /** In characters, or bytes. */
  readonly length: number | null;
  /** The digits after the seconds. */
  readonly precision: number;
  /** An update of the row sets it to the current time. */
  readonly updatesItself: boolean;
  /** Its default is a constant. */
  readonly hasConstantDefault: boolean;
}

/** A column of a primary key, or of a unique key without NULL. */
export interface RowKey {
  readonly name: string;
  readonly columns: readonly string[];
}

export interface Catalog extends CommonCatalog<ColumnType> {
  /** By which rows of a table are distinguished. Tables without one are missing. */
  readonly rowKeys: ReadonlyMap<string, RowKey>;
}
