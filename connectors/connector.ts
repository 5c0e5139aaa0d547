import type { ExportedColumn } from '../domain/archive.ts';
import type { BlockedSubject, FinishedRange } from '../domain/batch.ts';
import type { Identity, IdentityTypes, SubjectIdentity, Resolved } from '../domain/identity.ts';
import type { ExportFormat, Scope, SubjectKind, VerificationLevel } from '../domain/vocabulary.ts';

export type { ExportedColumn } from '../domain/archive.ts';
export type { BlockedSubject } from '../domain/batch.ts';
export type { Resolved } from '../domain/identity.ts';

/**
 * What Lethe needs from a system that holds personal data.
 *
 * Every verb works on a batch of subjects and is idempotent: calling it again leads to the same state and the same
 * figures. An unknown subject is not an error. A verb that cannot determine a result throws; it never reports zero instead.
 *
 * A verb throws `ConnectorError`, whose message must not contain an identity or any text of the system. When
 * `context.signal` aborts, it stops before its next step and throws the signal's reason.
 *
 * test/connectors/conformance.ts tests this contract. Run it against every connector.
 */
export interface Connector {
  /**
   * Checks connection, rights, data map and coverage, and returns every config error. Changes nothing.
   * Throws when the system cannot be inspected: a retryable error if it is unreachable, another one if it refuses.
   */
  inspect(options?: InspectOptions): Promise<readonly ConfigError[]>;
  /**
   * Checks cheaply whether the system answers and can be written, as during an outage it is asked every few seconds. Throws
   * a retryable `unavailable` if not. Changes nothing. Without it, `inspect` is called.
   */
  probe?(): Promise<void>;
  /**
   * Resolves identities to subjects and lists the other identities of each subject. Only the directory is called.
   * Yields pages of facts in any order, each fact once. Hidden subjects are included only when selected by identity.
   * Throws `unknown_segment` for a segment that does not exist, and yields nothing for an empty one.
   */
  resolve?(selection: Selection, context: ConnectorContext): AsyncIterable<readonly Resolved[]>;
  /** Counts the rows that `hardDelete` with this scope would delete, retain or clear. Changes nothing. */
  count(batch: Batch, scope: Scope, context: ConnectorContext): Promise<Count>;
  /**
   * Yields one entry per table, all from one snapshot. The caller reads `rows` of a table to its end, or not at all,
   * before it asks for the next table. Changes nothing.
   */
  export?(batch: Batch, options: ExportOptions, context: ConnectorContext): AsyncIterable<ExportedTable>;
  /** Hides or restores the subjects. A call with a lower generation than the one in effect changes nothing (rule 9). */
  setVisibility?(batch: Batch, change: VisibilityChange, context: ConnectorContext): Promise<void>;
  /**
   * Deletes irreversibly, in ranges of `limits.batchSize` subjects. Awaits `onRangeFinished` after the commit of each
   * range, also for ranges that an earlier call of the same pass committed. A subject whose rows cannot be deleted is
   * returned as blocked and does not stop the others; another call of the same pass tries only blocked subjects again.
   */
  hardDelete(batch: Batch, deletion: HardDeletion, context: ConnectorContext): Promise<Deletion>;
  /** Searches again for everything that `hardDelete` with this scope removes or clears. Changes nothing. */
  verify(batch: Batch, scope: Scope, context: ConnectorContext): Promise<Verification>;
  /** Adds or lifts a suppression for exactly the identities of the batch, independently of any deletion. */
  setSuppression(batch: Batch, suppressed: boolean, context: ConnectorContext): Promise<void>;
  /** Removes the identities of some subjects that the connector stored for the request, and what hides them. */
  purge?(request: Purge, context: ConnectorContext): Promise<void>;
  /** Removes what the connector stored for the request. Suppressions and tombstones of other requests stay. */
  conclude?(request: { requestId: string; kind: SubjectKind }, context: ConnectorContext): Promise<void>;
  /** Releases connections. No verb is called afterward. */
  close(): Promise<void>;
}

/** One entry of `systems` in lethe.config.ts, such as the result of `postgres({ … })`. Holds no secret and no connection. */
export interface ConnectorDefinition {
  describe(): Description;
  /** Returns the config errors that can be found without connecting. Paths are relative to the system. */
  validate(): readonly ConfigError[];
  /** The SQL or script that an administrator runs once in the system. `role` receives the grants. */
  setupSql?(setup: { readonly system: string; readonly role?: string }): string;
  open(context: OpenContext): Connector;
}
export interface OpenContext {
  /** The name under which the connector keeps rows in the system: `project/system`, as two projects may share it. */
  readonly system: string;
  /** Reads the environment variable that `env('NAME')` names. Throws an error with its name when it is not set. */
  secret(name: EnvName): string;
}
export interface EnvName {
  readonly env: string;
}

/** What Lethe knows about a system without connecting to it. */
export interface Description {
  readonly kinds: readonly SubjectKind[];
  /** Per kind, the identity types that the system can search for, and how their values compare. */
  readonly identityTypes: Readonly<Partial<Record<SubjectKind, IdentityTypes>>>;
  /** The optional verbs that the connector has. `segments`: `resolve` accepts `by: 'segment'`. */
  readonly actions: {
    readonly resolve: boolean;
    readonly hide: boolean;
    readonly segments: boolean;
    readonly export: boolean;
  };
  readonly limits: {
    /** Subjects per range. A range is the unit of a commit, of the log and of a retry. */
    readonly batchSize: number;
    /** Minimum time between two calls to the system, in milliseconds. Omitted: no limit. */
    readonly spacingMs?: number;
  };
  /** `reads`: `verify` searches. `attested`: the system states that it deleted. `none`: it does neither. */
  readonly verification: VerificationLevel;
  /** Names of copies of the data, such as materialized views, that the application refreshes. The receipt lists them. */
  readonly copies?: readonly string[];
  /** Longest time from `hardDelete` to an empty system, in milliseconds. Must fit into each deadline (rule 12). */
  readonly completesWithinMs: number;
  /** Changes when the data map selects other data. Wording, pace and the order of keys do not change it. */
  readonly dataMapHash: string;
}

export interface ConfigError {
  /** The place in lethe.config.ts, such as `projects.demo.systems.app.kinds.user.tables.2.subject`. */
  readonly path: string;
  readonly message: string;
  /** Statements that an administrator of the system can run to correct it, such as CREATE INDEX. */
  readonly sql?: string;
}

export interface InspectOptions {
  /** For a database that migrations have just created: tables are empty, and the SQL of `setupSql` was not run. */
  readonly schemaOnly?: boolean;
  /** For an operator: also lists what only names or a random sample of documents suggest, and tolerates no growth. */
  readonly thorough?: boolean;
}

/** The subjects to resolve. `identities` can be called again and yields pages in the order of positions. */
export type Selection = {
  readonly requestId: string;
  readonly kind: SubjectKind;
} & (
  | { readonly by: 'identities'; readonly identities: () => AsyncIterable<readonly Submitted[]> }
  | { readonly by: 'segment'; readonly segment: string }
  | { readonly by: 'everyone' }
);
export interface Submitted {
  /** The place of the identity in the request. */
  readonly position: number;
  readonly identity: Identity;
}

/**
 * A fixed set of subjects of one request. `batch` names it: `g<generation>` for visibility, `b<number>` for a claimed
 * batch, `e<epoch>` for an export. The identities under one name never change.
 */
export interface Batch {
  readonly requestId: string;
  readonly kind: SubjectKind;
  readonly batch: string;
  /** Subjects are numbered within the request. The numbers of a batch lie in this range and may have gaps. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Number of subjects. */
  readonly size: number;
  /**
   * Subjects of the range that this call leaves out, in ascending order, because they are blocked or cancelled. They may
   * differ from call to call. `identities` does not yield them.
   */
  readonly except?: readonly number[];
  /** Yields every identity of every subject in the order of `seq`. Each call reads from the beginning. */
  identities(): AsyncIterable<readonly SubjectIdentity[]>;
}

/** The caller's side of a running verb. */
export interface ConnectorContext {
  readonly signal: AbortSignal;
  /** The connector calls it once per range and every few seconds while it waits. */
  heartbeat(): void;
  /** Waits until `limits.spacingMs` allows the next call. Returns immediately when no spacing is declared. */
  waitForSlot(): Promise<void>;
}

/** Subjects of a request that need no verb any more: they are deleted and verified, or were never claimed. */
export interface Purge {
  readonly requestId: string;
  readonly kind: SubjectKind;
  /** In ascending order. */
  readonly seqs: readonly number[];
}

export interface VisibilityChange {
  readonly hidden: boolean;
  /** From one sequence for all requests, so that generations of different requests for one subject can be compared. */
  readonly generation: number;
  /** Written to a soft-delete column of a timestamp type. */
  readonly at: Date;
}

export interface HardDeletion {
  /** `data` deletes rows. `categories` and `sources` only clear columns, and hide and suppress no subject (rule 16). */
  readonly scope: Scope;
  /** Number of the deletion attempt, from 1. Each verification that finds survivors starts the next pass over all ranges. */
  readonly pass: number;
  /** Adds a suppression for every identity of the batch. Ignored for part deletions. */
  readonly suppress: boolean;
  readonly at: Date;
  /** The ticket that the previous call returned. Null for the first call of a pass. */
  readonly ticket: string | null;
  onRangeFinished(range: FinishedRange): Promise<void>;
}

/**
 * `blocked`: the subjects that could not be deleted, in the order of `seq`; every other subject is deleted. A system that
 * deletes asynchronously returns a ticket. Lethe calls `hardDelete` with it at or after `continueAt`.
 */
export type Deletion =
  | { readonly done: true; readonly blocked?: readonly BlockedSubject[] }
  | { readonly continueAt: Date; readonly ticket: string };

/** `survivors` is the sum of `tables`. `unknown` is a code, for a system that is reachable but cannot be searched. */
export type Verification =
  | { readonly survivors: number; readonly tables: Readonly<Record<string, number>> }
  | { readonly attestedAt: Date }
  | { readonly unknown: string };

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
}

export interface Count {
  /** Rows per table. */
  readonly tables: Readonly<Record<string, number>>;
  /** The `seq` of each subject of which the system holds at least one row. */
  readonly presentSeqs: readonly number[];
}

/**
 * - `unavailable`: unreachable, or a standby. `timeout`: too slow, or blocked by a lock.
 * - `refused`: rejected by the system. `coverage_broken`: the data map does not match the schema.
 * - `unknown_segment`: thrown by `resolve` for a segment that does not exist. The request fails.
 *
 * An error that is not retryable raises attention immediately; others are retried first, after `retryAfterMs` if given.
 */
export class ConnectorError extends Error {
  readonly code: 'unavailable' | 'refused' | 'coverage_broken' | 'timeout' | 'unknown_segment';
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
