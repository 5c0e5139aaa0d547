import type { AttentionCode, Status } from './vocabulary.ts';

/** Everything that a deletion's workflow decides by, read from the rows at one instant. Counts and codes only. */
export interface View {
  readonly status: Status;
  readonly ended: boolean;
  readonly resolved: boolean;
  /** Cancelled as a whole before it was resolved. */
  readonly cancelled: boolean;
  /** Only while somebody has yet to confirm how many they are. */
  readonly confirmation?: {
    readonly subjects: number;
    /** Processors that have still to be counted. */
    readonly uncounted: readonly string[];
    /** Null until everything is counted. */
    readonly until: number | null;
  };
  /** Subjects that the directory does not know and that nobody was asked about yet. */
  readonly unknown: number;
  /** Some are to be exported first, and no export is under way that they are in. */
  readonly backup?: true;
  /** Subjects that are not claimed before they are in an archive that is ready; absent: none. */
  readonly unsaved?: number;
  /** Nothing is open any more, and no operator has to be waited for. */
  readonly concludable: boolean;
  /** Subjects that may be claimed at this instant, when nothing is in the way. */
  readonly due: number;
  readonly held: number;
  /** Subjects on which something is still to happen: nothing is concluded before this is 0. */
  readonly open: number;
  readonly subjects: number;
  /** Processors that have not followed the newest visibility. */
  readonly behind: readonly string[];
  readonly work: readonly { readonly processor: string; readonly batch: number }[];
  readonly attention: readonly { readonly processor: string; readonly code: AttentionCode }[];
  /** The next instant at which something becomes due by itself; null: only a wake can change anything (rule 3). */
  readonly nextAt: number | null;
  /** Requests whose subjects were decided here. */
  readonly wake: readonly string[];
}

/** The same of an export. */
export interface ExportView {
  readonly status: Status;
  /** Nothing is left to be done: what there was is destroyed, and the objects are gone from the storage. */
  readonly ended: boolean;
  readonly resolved: boolean;
  readonly cancelled: boolean;
  readonly unknown: number;
  readonly subjects: number;
  readonly epoch: number;
  /** Processors that are still to be collected in this epoch. */
  readonly pending: readonly string[];
  /** Those of them that need no operator first. */
  readonly collect: readonly string[];
  /** Everything of this epoch is collected, and no operator has to be waited for. */
  readonly packageable: boolean;
  /** The archive is past its time. */
  readonly expired: boolean;
  /** Nobody can be given anything any more: the objects are to go, then the request ends. */
  readonly concludable: boolean;
  readonly attention: View['attention'];
  /** The next instant at which something becomes due by itself; null: only a wake can change anything. */
  readonly nextAt: number | null;
  /** The deletion that waits for it, where something changed that it has to see. */
  readonly wake: readonly string[];
}
