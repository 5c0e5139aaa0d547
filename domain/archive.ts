import type { ArchiveEnd, ExportFormat, RequestKind, Scope, SubjectKind } from './vocabulary.ts';

/** One column of an exported table. */
export interface ExportedColumn {
  readonly name: string;
  readonly type: string;
  /** The description from the data map. Null if it has none. */
  readonly meaning: string | null;
  /** Whether the column records how data was collected (scope `sources`). */
  readonly source: boolean;
  /** For scope `categories`: the number of rows in which the column has a value. */
  readonly filled?: number;
}

/** One collected table of one system, stored as one encrypted object. Contains no value of any row. */
export interface Part {
  readonly system: string;
  readonly object: string;
  readonly facts: PartFacts;
}
/** The description of a collected table. The manifest contains it. */
export interface PartFacts {
  readonly table: string;
  /** The description from the data map. Null if it has none. */
  readonly meaning: string | null;
  readonly columns: readonly ExportedColumn[];
  /** Whether rows older than the export's window were left out. */
  readonly windowed: boolean;
  /** The legal basis on which a deletion keeps rows of this table. Null if it deletes them. */
  readonly retained: string | null;
  /** The columns whose values a deletion replaces while it keeps the rows. Empty if it anonymises none. */
  readonly anonymised: readonly string[];
  /** The table has files instead of rows, and is a folder of the archive. */
  readonly hasFiles?: true;
  /** Rows, or files. */
  readonly rows: number;
  /** Size of the rows in the archive, before compression. 0 for scope `categories`. */
  readonly bytes: number;
  /** Digest of the same bytes, in hexadecimal. */
  readonly sha256: string;
}

/** The contents of an archive: its request, its systems and their collected tables. */
export interface Contents {
  readonly request: {
    readonly id: string;
    readonly project: string;
    readonly subjectKind: SubjectKind;
    readonly regulation: string;
    readonly scope: Scope;
    readonly format: ExportFormat;
    readonly receivedAt: Date;
    /** Earlier rows are left out of tables with a timestamp. Null if no rows are left out. */
    readonly since: Date | null;
    readonly subjects: number;
  };
  readonly systems: readonly {
    readonly system: string;
    /** All tables of the system are exported as of this time. Null if the system cannot export. */
    readonly cutOffAt: Date | null;
  }[];
  readonly parts: readonly Part[];
  readonly packagedAt: Date;
}

/** The content of `manifest.json` and the receipt of an export. Contains no identity and no value of any row. */
export interface Manifest {
  readonly requestId: string;
  readonly kind: Extract<RequestKind, 'export'>;
  readonly project: string;
  readonly subjectKind: SubjectKind;
  readonly regulation: string;
  readonly scope: Scope;
  readonly format: ExportFormat;
  /** `escaped` if an apostrophe precedes text that a spreadsheet would run as a formula. Null for NDJSON. */
  readonly csv: 'escaped' | null;
  readonly receivedAt: string;
  readonly packagedAt: string;
  /** Start of the export's window. Null if all rows are included. */
  readonly since: string | null;
  readonly subjects: number;
  /** Subjects whose rows a deletion removed after the archive was packaged. `subjects` does not include them. */
  readonly removedSubjects: number;
  readonly systems: readonly { readonly system: string; readonly cutOffAt: string }[];
  /** Systems that hold data but cannot export it. The archive contains none of their data. */
  readonly notIncluded: readonly string[];
  readonly files: readonly ManifestFile[];
}
/** One table in the manifest. */
export interface ManifestFile extends PartFacts {
  readonly system: string;
  /**
   * Path in the archive, which ends with a slash for a folder of files. Null for scope `categories`, which writes no
   * file per table.
   */
  readonly path: string | null;
}

/** The state of an archive, as stored in the ledger. */
export interface ArchiveFacts {
  /** Subjects that deletions removed. Then the figures of the packaged archive no longer apply, and are null. */
  readonly removedSubjects: number;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly sha256: string | null;
  readonly readyAt: Date;
  readonly expiresAt: Date;
  /** When the key was destroyed. Null while the archive can be read. */
  readonly destroyedAt: Date | null;
  /** Null while the archive can be read. */
  readonly reason: ArchiveEnd | null;
}

/** The URL of a download link. `publicUrl` is an origin, which config/ has checked. */
export const downloadUrl = (publicUrl: URL, token: string): string => new URL(`/download/${token}`, publicUrl).href;
