import type { AttentionCode, Status } from './vocabulary.ts';

/** What a deletion's workflow decides by: its rows at one point in time. Counts and codes only, never an identity. */
export interface DeletionState {
  readonly status: Status;
  /** The receipt is written; nothing is left to do. */
  readonly concluded: boolean;
  /** The directory has not said yet which subjects the request means. */
  readonly needsResolution: boolean;
  /** Cancelled as a whole before it was resolved. */
  readonly cancelled: boolean;
  /** Subjects that the directory does not know and that the systems were not asked about yet. */
  readonly unresolved: number;
  /** Only while a person has to confirm the number of subjects. */
  readonly confirmation?: {
    readonly subjects: number;
    readonly systemsToCount: readonly string[];
    /** Whether only an owner who did not submit the request can confirm it. */
    readonly needsAnotherOwner: boolean;
    /** Null until every system is counted. */
    readonly until: number | null;
  };
  /** Some subjects are exported first, and no export under way contains them. */
  readonly needsBackup?: true;
  /** Subjects that cannot be claimed before an archive that contains them is ready; absent: none. */
  readonly awaitingBackup?: number;
  /** Systems that have not applied the newest visibility. */
  readonly systemsToSync: readonly string[];
  /** Subjects that can be claimed at this time. 0 while a step before the claim needs an operator. */
  readonly claimable: number;
  /** Claimed batches that a system has not finished, except those that need an operator first. */
  readonly openBatches: readonly { readonly system: string; readonly batch: number; readonly subjects: number }[];
  /** Nothing is open any more, and no operator is needed first. */
  readonly canConclude: boolean;
  readonly subjects: number;
  /** Subjects under a legal hold. */
  readonly held: number;
  /** Subjects that another request owns. */
  readonly attached: number;
  /** Subjects that have no outcome yet. */
  readonly open: number;
  readonly attention: readonly { readonly system: string; readonly code: AttentionCode }[];
  /** When the first step that needs an operator is retried automatically. Null if none is. */
  readonly retryAt: number | null;
  /** The next time at which subjects may be claimed. Null if no subject waits for a time. */
  readonly nextClaimAt: number | null;
  /** Whether `nextClaimAt` is the end of the grace period, and not a later run or an expedited one. */
  readonly inGracePeriod: boolean;
  /** When something becomes due by itself; null: only a signal can change anything (rule 3). */
  readonly nextDueAt: number | null;
  /** Other requests whose subjects changed with this one's. */
  readonly requestsToSignal: readonly string[];
}

/** The same for an export. */
export interface ExportState {
  readonly status: Status;
  /** The key is destroyed and the objects are gone; nothing is left to do. */
  readonly concluded: boolean;
  readonly needsResolution: boolean;
  readonly unresolved: number;
  readonly epoch: number;
  /** Systems without a collection in this epoch. */
  readonly uncollected: readonly string[];
  /** Those of them that do not need an operator first. */
  readonly systemsToCollect: readonly string[];
  /** Every system is collected in this epoch, and no operator is needed first. */
  readonly canPackage: boolean;
  /** The archive is past its time. */
  readonly isExpired: boolean;
  /** The archive cannot be handed out (any more): the objects are removed, then the request ends. */
  readonly canConclude: boolean;
  readonly subjects: number;
  readonly attention: DeletionState['attention'];
  readonly retryAt: DeletionState['retryAt'];
  /** When a ready archive expires. Null if none is ready. */
  readonly expiresAt: number | null;
  /** When something becomes due by itself; null: only a signal can change anything. */
  readonly nextDueAt: number | null;
  /** The deletion that waits for this export, if it has not seen the latest change. */
  readonly requestsToSignal: readonly string[];
}
