import type { TypeFamily } from './personal-columns.ts';

export interface TableColumn {
  readonly table: string;
  readonly name: string;
  /** For an array the family of its elements. */
  readonly type: TypeFamily;
  readonly isArray: boolean;
  /** Part of a foreign key, so its reference is known. */
  readonly isForeignKey: boolean;
}

/** A partition counts as its partitioned table. */
export interface ForeignKey {
  readonly name: string;
  readonly child: string;
  readonly childColumns: readonly string[];
  readonly parent: string;
  readonly parentColumns: readonly string[];
}

/** What coverage is decided on: every table of the database with its columns, and every foreign key. */
export interface Tables {
  readonly names: ReadonlySet<string>;
  readonly columns: readonly TableColumn[];
  readonly foreignKeys: readonly ForeignKey[];
}
