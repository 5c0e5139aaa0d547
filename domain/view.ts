import type { AttentionCode, DeletionStatus } from './vocabulary.ts';

/** Everything that the workflow decides by, read from the rows at one instant. Counts and codes only. */
export interface View {
  readonly status: DeletionStatus;
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
