import type { Obstacle } from './batch.ts';
import type { AttentionCode, Status, WaitReason } from './vocabulary.ts';

/** What prevents the deletion of some subjects in a system: names of its schema, never a value. */
export interface BlockedBy extends Obstacle {
  readonly subjects: number;
  /** The first positions of these subjects among the submitted identities. */
  readonly positions: readonly number[];
}

/**
 * The state of a deletion at one point in time, by which its workflow decides. Contains counts and codes, never an
 * identity.
 */
export interface DeletionState {
  readonly status: Status;
  /** The receipt is written, and the workflow ends. */
  readonly concluded: boolean;
  /** The directory that the project has now. */
  readonly directory?: string;
  /** Systems of the request that are not configured any more and not skipped. Absent instead of empty. */
  readonly missingSystems?: readonly string[];
  /** The directory has not resolved the submitted identities yet. */
  readonly needsResolution: boolean;
  /** The whole request was cancelled before it was resolved. */
  readonly cancelled: boolean;
  /** Subjects that the directory does not know and that have not been searched for in all systems. */
  readonly unresolved: number;
  /** Present while the request needs a confirmation. */
  readonly confirmation?: {
    readonly subjects: number;
    readonly systemsToCount: readonly string[];
    /** Whether only an owner who did not submit the request can confirm it. */
    readonly needsAnotherOwner: boolean;
    /** When the confirmation expires, in epoch milliseconds. Null until every system has counted. */
    readonly until: number | null;
  };
  /** Some subjects have to be exported first, and no open export contains them. */
  readonly needsBackup?: true;
  /** Subjects that cannot be claimed before an archive that contains them is ready. Absent instead of 0. */
  readonly awaitingBackup?: number;
  /** Systems that have not applied the newest visibility. */
  readonly systemsToSync: readonly string[];
  /** Deleted subjects whose suppression is not stored yet. */
  readonly needsSuppression?: true;
  /** Systems that lack a suppression of deleted subjects. Absent instead of empty. */
  readonly systemsToSuppress?: readonly string[];
  /** Subjects are finished, and the ledger still has their identities. */
  readonly needsPurge?: true;
  /** Systems that still have identities of finished subjects. Absent instead of empty. */
  readonly systemsToPurge?: readonly string[];
  /** Subjects that can be claimed now. 0 while a step before the claim needs an operator. */
  readonly claimable: number;
  /** Claimed batches that a system has not finished, except those that need an operator first. */
  readonly openBatches: readonly {
    readonly system: string;
    readonly batch: number;
    readonly subjects: number;
    /** How often blocked subjects were retried. Absent instead of 0. */
    readonly retry?: number;
  }[];
  /** No subject and no batch is open, and no operator is needed first. */
  readonly canConclude: boolean;
  readonly subjects: number;
  /** Subjects under a legal hold. */
  readonly held: number;
  /** Subjects that another request owns. */
  readonly attached: number;
  /** Subjects that have no outcome yet. */
  readonly open: number;
  readonly attention: readonly {
    readonly system: string;
    readonly code: AttentionCode;
    /** For `blocked_by_other_rows`. */
    readonly blocked?: readonly BlockedBy[];
  }[];
  /** What steps wait for that continue without an operator, and tasks of people. Absent instead of empty. */
  readonly waits?: readonly {
    readonly system: string;
    readonly reason: WaitReason;
    /** When the first of them continues or is due. Null until the system is called again. */
    readonly until: number | null;
  }[];
  /** When the first step that needs an operator, or waits, is tried again automatically. Null if none is. */
  readonly retryAt: number | null;
  /** The next time at which subjects may be claimed. Null if no subject waits for a time. */
  readonly nextClaimAt: number | null;
  /** Whether `nextClaimAt` is the end of the grace period, and not a later run or an expedited one. */
  readonly inGracePeriod: boolean;
  /** When the next step becomes due, in epoch milliseconds. Null if only a signal can change the state (rule 3). */
  readonly nextDueAt: number | null;
  /** Other requests whose subjects changed too. */
  readonly requestsToSignal: readonly string[];
}

/** The state of an export at one point in time, by which its workflow decides. */
export interface ExportState {
  readonly status: Status;
  /** The key is destroyed, the objects are deleted, and the workflow ends. */
  readonly concluded: boolean;
  /** As in a deletion. */
  readonly directory?: string;
  readonly missingSystems?: readonly string[];
  readonly needsResolution: boolean;
  readonly unresolved: number;
  /** The version of the archive's content (rule 17). */
  readonly epoch: number;
  /** Systems that are not collected in this epoch. */
  readonly uncollected: readonly string[];
  /** The uncollected systems that need no operator first. */
  readonly systemsToCollect: readonly string[];
  /** Every system is collected in this epoch, and no operator is needed first. */
  readonly canPackage: boolean;
  /** The archive has reached its expiry time. */
  readonly isExpired: boolean;
  /** The archive cannot be downloaded. Its objects are deleted, and then the request is concluded. */
  readonly canConclude: boolean;
  readonly subjects: number;
  readonly attention: DeletionState['attention'];
  readonly waits?: NonNullable<DeletionState['waits']>;
  readonly retryAt: DeletionState['retryAt'];
  /** When a ready archive expires. Null if none is ready. */
  readonly expiresAt: number | null;
  /** When the next step becomes due, in epoch milliseconds. Null if only a signal can change the state. */
  readonly nextDueAt: number | null;
  /** The deletion that waits for this export, if its workflow has not read the latest change. */
  readonly requestsToSignal: readonly string[];
}
