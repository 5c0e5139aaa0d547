import type { ArchiveEnd, ExportFormat, RequestKind, Scope, SubjectKind } from './vocabulary.ts';

export interface ExportedColumn {
  readonly name: string;
  readonly type: string;
  readonly meaning: string | null;
  /** It tells by what means data was collected. */
  readonly source: boolean;
  /** Of `categories`: the rows in which it holds something. */
  readonly filled?: number;
}

/** One table of one system, collected: an object in the storage, encrypted. Holds no value of any row. */
export interface Part {
  readonly system: string;
  readonly object: string;
  readonly facts: PartFacts;
}
export interface PartFacts {
  readonly table: string;
  readonly meaning: string | null;
  readonly columns: readonly ExportedColumn[];
  readonly windowed: boolean;
  readonly retained: string | null;
  readonly rows: number;
  /** Of the rows as they will lie in the archive, before any compression; 0 of scope `categories`. */
  readonly bytes: number;
  /** Of the same bytes, in hexadecimal. */
  readonly sha256: string;
}

/** What an archive is made of, and what it says of itself. */
export interface Contents {
  readonly request: {
    readonly id: string;
    readonly project: string;
    readonly subjectKind: SubjectKind;
    readonly regulation: string;
    readonly scope: Scope;
    readonly format: ExportFormat;
    readonly receivedAt: Date;
    /** Rows from before were left out, where the table can tell; null: none were. */
    readonly since: Date | null;
    readonly subjects: number;
  };
  readonly systems: readonly {
    readonly system: string;
    /** All of its tables stand as they stood at this time; null: it cannot export, and the archive says so. */
    readonly cutOffAt: Date | null;
  }[];
  readonly parts: readonly Part[];
  readonly packagedAt: Date;
}

/** `manifest.json`, and the receipt of the export. No identity, and no value of any row. */
export interface Manifest {
  readonly requestId: string;
  readonly kind: Extract<RequestKind, 'export'>;
  readonly project: string;
  readonly subjectKind: SubjectKind;
  readonly regulation: string;
  readonly scope: Scope;
  readonly format: ExportFormat;
  /** Where CSV says `escaped`, an apostrophe stands before text that a spreadsheet would run as a formula. */
  readonly csv: 'escaped' | null;
  readonly receivedAt: string;
  readonly packagedAt: string;
  readonly since: string | null;
  readonly subjects: number;
  readonly systems: readonly { readonly system: string; readonly cutOffAt: string }[];
  /** Systems that hold data and cannot hand it out: what they hold is not in here. */
  readonly notIncluded: readonly string[];
  readonly files: readonly ManifestFile[];
}
export interface ManifestFile extends PartFacts {
  readonly system: string;
  /** In the archive; null of scope `categories`, whose tables have no file of their own. */
  readonly path: string | null;
}

/** An archive as the ledger tells of it. */
export interface ArchiveFacts {
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly readyAt: Date;
  readonly expiresAt: Date;
  readonly destroyedAt: Date | null;
  readonly reason: ArchiveEnd | null;
}

/** Where a link to an archive leads. `publicUrl` is an origin: config/ has checked it. */
export const downloadUrl = (publicUrl: URL, token: string): string => new URL(`/download/${token}`, publicUrl).href;
