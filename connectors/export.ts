import type { ExportedColumn } from '../domain/archive.ts';
import type { ExportFormat, Scope } from '../domain/vocabulary.ts';

export type { ExportedColumn } from '../domain/archive.ts';

export interface ExportOptions {
  /** `data`: the rows. `categories`: the tables and columns that have values. `sources`: the columns under `sources`. */
  readonly scope: Scope;
  /** Excludes older rows from tables that have `time`. Null: no rows are excluded. */
  readonly since: Date | null;
  /** NDJSON: one JSON object per line. CSV: a header, and an apostrophe before text that a spreadsheet would execute. */
  readonly format: ExportFormat;
}

export interface ExportedTable {
  readonly table: string;
  /** `about` of the data map. Null when it has none. */
  readonly meaning: string | null;
  /** The columns of `rows`, in their order. For `categories`, only those that have a value. */
  readonly columns: readonly ExportedColumn[];
  /** Whether `since` excluded older rows. False: the table has no `time`, so all rows are included. */
  readonly windowed: boolean;
  /** The basis on which a deletion would retain rows of this table. Null when it would delete them. */
  readonly retained: string | null;
  /** The columns whose values a deletion would replace while it keeps the rows. Empty when it would anonymise none. */
  readonly anonymised: readonly string[];
  /** The table has files instead of rows: the archive has a folder for it, with one file each. */
  readonly hasFiles?: true;
  /** Whole rows, those of one subject together. Can be read once, before the next table. Empty for `categories`. */
  readonly rows: AsyncIterable<OwnedRows>;
  /** Row and byte counts of `rows`, available after its end. For `categories`, the counted rows and 0 bytes. */
  figures(): { readonly rows: number; readonly bytes: number };
}

/** Rows of the same subjects. */
export interface OwnedRows {
  /**
   * The `seq` of each subject that the rows belong to, in ascending order. Empty for a header. `[0]` if the system cannot
   * say whose they are: then they leave the archive with the first subject that does.
   */
  readonly owners: readonly number[];
  readonly rows: number;
  readonly bytes: Buffer;
  /** Only with `hasFiles`: a file begins here, as one row. The blocks without `file` that follow continue it. */
  readonly file?: { readonly path: string };
}
