import type { ExportedColumn } from '../domain/archive.ts';
import type { FinishedRange } from '../domain/batch.ts';
import type { Identity, IdentityTypes, SubjectIdentity, Resolved } from '../domain/identity.ts';
import type { ExportFormat, Scope, SubjectKind, VerificationLevel } from '../domain/vocabulary.ts';

export type { ExportedColumn } from '../domain/archive.ts';
export type { Resolved } from '../domain/identity.ts';

/**
 * The contract behind which every system that holds data stands.
 *
 * A verb works on a batch of subjects, never on one. Doing it twice gives the same state and the same receipt;
 * "not found" is success; "cannot tell" is never zero. No identity may leave a verb in an error message:
 * connectors throw `ConnectorError` with a closed code and figures, nothing else of what the system said.
 */
export interface Connector {
  /**
   * Checks rights, data map and coverage; returns every error with its path. Changes nothing. Throws a retryable
   * error when the system cannot be reached: that is no error of the configuration.
   */
  inspect(): Promise<readonly ConfigError[]>;
  /** Only the project's directory is asked: which identities exist, whose they are, what else those subjects are called. */
  resolve?(selection: Selection, context: ConnectorContext): AsyncIterable<readonly Resolved[]>;
  /** What `hardDelete` of this scope would work on, per table; `presentSeqs`: the subjects of whom it holds anything at all. */
  count(batch: Batch, scope: Scope, context: ConnectorContext): Promise<Count>;
  /**
   * Hands out what is held on the batch, table by table, as it stood at one point in time; nothing that is not read is fetched.
   * The rows of a table are read to their end or not at all: who leaves amid them has left the whole export.
   */
  export?(batch: Batch, options: ExportOptions, context: ConnectorContext): AsyncIterable<ExportedTable>;
  /** Hides or shows the batch. A call with an older generation than the one applied changes nothing (rule 9). */
  setVisibility?(batch: Batch, change: VisibilityChange, context: ConnectorContext): Promise<void>;
  /** Irreversible. Every finished range is reported to `onRangeFinished` after its commit, also when an earlier call made it. */
  hardDelete(batch: Batch, deletion: HardDeletion, context: ConnectorContext): Promise<Deletion>;
  /** Looks again for everything that `hardDelete` was to remove. */
  verify(batch: Batch, scope: Scope, context: ConnectorContext): Promise<Verification>;
  /** A suppression to collect, for exactly the identities of the batch (or its end), apart from any deletion. */
  setSuppression?(batch: Batch, suppressed: boolean, context: ConnectorContext): Promise<void>;
  /** Ends what was kept for this request: batches, logs, tombstones (but those of `suppress` stay, as digests). */
  conclude?(request: { requestId: string; kind: SubjectKind }, context: ConnectorContext): Promise<void>;
  close(): Promise<void>;
}

/** What lethe.config.ts holds of a system: pure data until the worker opens it. */
export interface ConnectorDefinition {
  describe(): Description;
  /** The errors that can be found without connecting, with paths below the system. */
  validate(): readonly ConfigError[];
  /** What an administrator runs in the system first (`npm run system-sql`); `role`: whom the grants are for. */
  setupSql?(setup: { readonly system: string; readonly role?: string }): string;
  open(context: OpenContext): Connector;
}
export interface OpenContext {
  readonly system: string;
  /** The only way to a secret: reads the environment variable that `env('NAME')` named, or throws naming it. */
  secret(name: EnvName): string;
}
export interface EnvName {
  readonly env: string;
}

export interface Description {
  readonly kinds: readonly SubjectKind[];
  readonly identityTypes: Readonly<Partial<Record<SubjectKind, IdentityTypes>>>;
  readonly actions: {
    readonly resolve: boolean;
    readonly hide: boolean;
    readonly segments: boolean;
    readonly export: boolean;
  };
  readonly limits: {
    /** Subjects per range: the unit of work, of the log and of a retry. */
    readonly batchSize: number;
    /** Least time between two calls, in milliseconds; slots are reserved in PostgreSQL. */
    readonly spacingMs?: number;
  };
  readonly verification: VerificationLevel;
  readonly completesWithinMs: number;
  readonly dataMapHash: string;
}

export interface ConfigError {
  /** Where in lethe.config.ts, e.g. `projects.demo.systems.app.kinds.user.tables.2.subject`. */
  readonly path: string;
  readonly message: string;
}

/** Whom a request is about. `identities` and `except` arrive page by page, in the order of their positions. */
export type Selection = {
  readonly requestId: string;
  readonly kind: SubjectKind;
} & (
  | { readonly by: 'identities'; readonly identities: () => AsyncIterable<readonly Submitted[]> }
  | { readonly by: 'segment'; readonly segment: string }
  | { readonly by: 'everyone' }
);
export interface Submitted {
  readonly position: number;
  readonly identity: Identity;
}

/**
 * A frozen set of subjects of one request. `batch` is `g<generation>` for visibility, `b<number>` for a claimed batch,
 * `e<epoch>` for an export: under one name the identities never change.
 */
export interface Batch {
  readonly requestId: string;
  readonly kind: SubjectKind;
  readonly batch: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly size: number;
  /** Every identity of every subject in the order of `seq`, page by page; read anew at each call. */
  identities(): AsyncIterable<readonly SubjectIdentity[]>;
}

/** What an activity gives to a verb. */
export interface ConnectorContext {
  readonly signal: AbortSignal;
  /** Called at least once per range or every few seconds: proof of life. */
  heartbeat(): void;
  /** Reserves the system's next slot and waits for it. Returns at once where no spacing is declared. */
  slot(): Promise<void>;
}

export interface VisibilityChange {
  readonly hidden: boolean;
  /** Higher wins; from one sequence for all requests, so that a subject handed over compares rightly. */
  readonly generation: number;
  /** The timestamp written where a soft-delete column takes one. */
  readonly at: Date;
}

export interface HardDeletion {
  /** Of `categories` and `sources` rows stay and columns are emptied: nobody is hidden, nobody suppressed (rule 16). */
  readonly scope: Scope;
  /** 1, then one more for each time that survivors were found: the same ranges are gone through again. */
  readonly pass: number;
  /** The system's tombstones of these subjects become suppressions at the end. */
  readonly suppress: boolean;
  readonly at: Date;
  /** What `askAgainAt` handed out last time. */
  readonly ticket: string | null;
  onRangeFinished(range: FinishedRange): Promise<void>;
}

export type Deletion = { readonly done: true } | { readonly askAgainAt: Date; readonly ticket: string };

export type Verification =
  | { readonly survivors: number; readonly tables: Readonly<Record<string, number>> }
  | { readonly attestedAt: Date }
  | { readonly unknown: string };

export interface ExportOptions {
  /** `data`: the rows. `categories`: which tables and columns hold something, no value. `sources`: the means of collection. */
  readonly scope: Scope;
  /** Only rows that came to be from this time on, in tables that can tell (a CCPA export); null: all. */
  readonly since: Date | null;
  /** NDJSON loads again to the same rows. CSV has a header, and an apostrophe before text that a spreadsheet would run. */
  readonly format: ExportFormat;
}

export interface ExportedTable {
  readonly table: string;
  /** What it holds, in words for the person it is about; null where the data map has none. */
  readonly meaning: string | null;
  /** Those that `rows` has, in its order; of `categories`, those that hold something. */
  readonly columns: readonly ExportedColumn[];
  /** Rows before `since` were left out. False: the table cannot tell when a row came to be, and is here whole. */
  readonly windowed: boolean;
  /** Why a deletion would keep rows of it; null where it would not. */
  readonly retained: string | null;
  /** Whole rows, several in each buffer; none for `categories`. Can be read once, before the next table is asked for. */
  readonly rows: AsyncIterable<Buffer>;
  /** After the end of `rows`; what `categories` counts is known at once, and no byte of it. */
  figures(): { readonly rows: number; readonly bytes: number };
}

export interface Count {
  readonly tables: Readonly<Record<string, number>>;
  readonly presentSeqs: readonly number[];
}

/** `retryable: false`: trying again cannot help until somebody changes something; an operator is called at once. */
export class ConnectorError extends Error {
  readonly code: 'unavailable' | 'refused' | 'coverage_broken' | 'blocked_by_other_rows' | 'timeout';
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  constructor(code: ConnectorError['code'], message: string, options: { retryable: boolean; retryAfterMs?: number }) {
    super(message);
    this.name = 'ConnectorError';
    this.code = code;
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
  }
}
