import type { Identity, IdentityTypes, SubjectIdentity, Resolved } from '../domain/identity.ts';
import type { Lanes } from '../domain/retry/pace.ts';
import type { Scope, SubjectKind, VerificationLevel } from '../domain/vocabulary.ts';
import type { Tasks } from '../domain/tasks/task.ts';
import type { Deletion, HardDeletion, Verification } from './deletion.ts';
import type { ExportedTable, ExportOptions } from './export.ts';

export type { BlockedSubject, RangeKey, RangeTicket } from '../domain/batch.ts';
export type { Resolved } from '../domain/identity.ts';
export type { Lanes, Window } from '../domain/retry/pace.ts';
export type { Deletion, HardDeletion, Verification } from './deletion.ts';
export type { ExportedColumn, ExportedTable, ExportOptions, OwnedRows } from './export.ts';

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
  /**
   * Counts the rows that `hardDelete` with this scope would delete, retain or clear. Changes nothing. Without it, each
   * subject counts as one that the system possibly holds.
   */
  count?(batch: Batch, scope: Scope, context: ConnectorContext): Promise<Count>;
  /**
   * Yields one entry per table, all from one snapshot. The caller reads `rows` of a table to its end, or not at all,
   * before it asks for the next table. Changes nothing.
   */
  export?(batch: Batch, options: ExportOptions, context: ConnectorContext): AsyncIterable<ExportedTable>;
  /** Hides or restores the subjects. A call with a lower generation than the one in effect changes nothing (rule 9). */
  setVisibility?(batch: Batch, change: VisibilityChange, context: ConnectorContext): Promise<void>;
  /**
   * Deletes irreversibly, in ranges of at most `limits.batchSize` subjects that are the same in every call. Awaits
   * `onRangeFinished` after each range, and leaves out a range for which `isFinished` is true. A subject whose rows cannot
   * be deleted is returned as blocked and does not stop the others; another call of the same pass tries only blocked
   * subjects again. A call can end at any point, also between two calls to the system: the next one repeats one range.
   */
  hardDelete(batch: Batch, deletion: HardDeletion, context: ConnectorContext): Promise<Deletion>;
  /**
   * Searches again for everything that `hardDelete` with this scope removes or clears. Changes nothing. Without it, the
   * system attests the deletion by `attestedAt` of `hardDelete`, or says nothing.
   */
  verify?(batch: Batch, scope: Scope, context: ConnectorContext): Promise<Verification>;
  /** Adds or lifts a suppression for exactly the identities of the batch, independently of any deletion. */
  setSuppression?(batch: Batch, suppressed: boolean, context: ConnectorContext): Promise<void>;
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
  /** What people do in the system. Absent in commands, which delete nothing. */
  readonly tasks?: Tasks;
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
  /** What the system can do. A verb that is false is never called. */
  readonly actions: {
    readonly resolve: boolean;
    readonly hide: boolean;
    /** Whether a hidden subject can be shown again. A system that cannot restore must not hide. */
    readonly restore: boolean;
    /** Whether `resolve` accepts `by: 'segment'`. */
    readonly segments: boolean;
    readonly export: boolean;
    readonly count: boolean;
    readonly suppress: boolean;
    /** The scopes of a deletion. Contains `data`. */
    readonly scopes: readonly Scope[];
  };
  readonly limits: {
    /** Subjects per range. A range is the unit of a commit, of the log and of a retry. */
    readonly batchSize: number;
    /** How often the system may be called, for each lane that the connector names. Omitted: no limit. */
    readonly lanes?: Lanes;
  };
  /** `reads`: `verify` searches. `attested`: the system states that it deleted. `person`: a person does. `none`: neither. */
  readonly verification: VerificationLevel;
  /** How long the system still shows what it has deleted, in milliseconds. Verifications wait for it. Omitted: 0. */
  readonly settleMs?: number;
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
  /** With it, the calls of the inspection wait for their slots, as all others do. */
  readonly context?: Pick<ConnectorContext, 'signal' | 'heartbeat' | 'waitForSlot' | 'postponeLane'>;
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
  /** Yields the foreign ids of the subjects that earlier calls of the request kept, in the order of `seq`. */
  foreignIds(): AsyncIterable<readonly ForeignId[]>;
}

/** The id by which a system knows a subject. */
export interface ForeignId {
  readonly seq: number;
  readonly id: string;
}

/** The caller's side of a running verb. */
export interface ConnectorContext {
  readonly signal: AbortSignal;
  /** The clock from which waits are counted. Absent: the clock of this machine. */
  now?(): Date;
  /** The connector calls it once per range and every few seconds while it waits. */
  heartbeat(): void;
  /**
   * Waits until every window of the lane allows the next call, and until it is no longer postponed. A lane that
   * `limits.lanes` does not name has no windows. Returns at once if there are no `limits.lanes`. Throws `Deferral`, which
   * the verb must let through, when that is too long for a running call.
   */
  waitForSlot(lane?: string): Promise<void>;
  /** Allows no call of the lane before `until`, in any worker, because the system asked for it. */
  postponeLane(lane: string | undefined, until: Date): Promise<void>;
  /**
   * Stores foreign ids beside the identities, and purges them with those. Replaces what was kept of each subject. Does
   * nothing where a batch belongs to no request.
   */
  keepForeignIds(found: readonly { readonly seq: number; readonly ids: readonly string[] }[]): Promise<void>;
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

/** The next call is allowed later than a running call should wait. Not a failure: Lethe repeats the verb at `until`. */
export class Deferral extends Error {
  readonly until: Date;
  constructor(until: Date) {
    super('the next call is not allowed yet');
    this.name = 'Deferral';
    this.until = until;
  }
}
