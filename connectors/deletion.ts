import type { BlockedSubject, FinishedRange, RangeKey, RangeTicket } from '../domain/batch.ts';
import type { Scope } from '../domain/vocabulary.ts';

export interface HardDeletion {
  /** `data` deletes rows. `categories` and `sources` only clear columns, and hide and suppress no subject (rule 16). */
  readonly scope: Scope;
  /** Number of the deletion attempt, from 1. Each verification that finds survivors starts the next pass over all ranges. */
  readonly pass: number;
  /** Adds a suppression for every identity of the batch. Ignored for part deletions. */
  readonly suppress: boolean;
  readonly at: Date;
  /** Whether an earlier call of this pass has finished the range. */
  isFinished(range: RangeKey): boolean;
  /** What earlier calls of this pass kept for ranges that are not finished, in the order in which it was kept. */
  readonly tickets: readonly RangeTicket[];
  /** Stores the system's reference to work on a range. Await it before the next call. Adds to earlier tickets. */
  keepTicket(range: RangeKey, ticket: string): Promise<void>;
  /**
   * A key for a call to the system, by which it recognizes a repetition: a UUID that is the same in every attempt of this
   * pass that leaves out the same subjects, and reveals no identity. `call` distinguishes the calls of a range.
   */
  idempotencyKey(range: RangeKey, call: string): string;
  onRangeFinished(range: FinishedRange): Promise<void>;
}

/**
 * `done`: every subject is deleted, except `blocked`, which are in the order of `seq`. `attestedAt`: when the system said
 * that it has deleted. `continueAt`: the system still works, or allows no call before. Lethe then waits without a running
 * call, so a wait should grow with the time that the system needs.
 */
export type Deletion =
  | { readonly done: true; readonly blocked?: readonly BlockedSubject[]; readonly attestedAt?: Date }
  | { readonly continueAt: Date };

/**
 * - `survivors`: the sum of `tables`, which were read. `attested` names what the system holds that only its statement
 *   covers, which is `attestedAt` here or of `hardDelete`.
 * - `attestedAt`: nothing was read.
 * - `verifyAgainAt`: the system acts later, or still shows what it has deleted. No pass starts before.
 * - `unknown`: a code, for a system that is reachable but cannot be searched.
 */
export type Verification =
  | {
      readonly survivors: number;
      readonly tables: Readonly<Record<string, number>>;
      readonly attestedAt?: Date;
      readonly attested?: readonly string[];
    }
  | { readonly attestedAt: Date }
  | { readonly verifyAgainAt: Date }
  | { readonly unknown: string };
