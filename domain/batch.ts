import type { AttentionCode } from './vocabulary.ts';

/** How often survivors are deleted again before an operator has to find out why they come back. */
const MAX_PASSES = 5;

/** One range of a batch that a system has finished in one pass. The receipt is the sum of them (rule 13). */
export interface FinishedRange {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** For a large subject that is cut by rows: 1, 2, …; otherwise 0. */
  readonly part: number;
  readonly tables: readonly TableFigures[];
  /** The rows kept of each subject of the range. Several entries of one subject and basis add up. */
  readonly retained: readonly (RetainedRows & { readonly seq: number })[];
}
/** Rows that a deletion keeps, and why. */
export interface RetainedRows {
  readonly basis: string;
  readonly rows: number;
}
export interface TableFigures {
  readonly table: string;
  readonly removed: number;
  readonly retained: number;
  /** Why rows were kept; null if none were. */
  readonly basis: string | null;
  /** For a part-deletion: rows that stay and of which columns were emptied. */
  readonly blanked?: number;
}

/** What a system's latest verification of a batch found. Unknown is not zero (principle 2). */
export type VerificationResult =
  | { readonly survivors: number }
  | { readonly attestedAt: number }
  | { readonly nothingSaid: true }
  | { readonly unknown: true };

export type BatchEnd = 'verified' | 'attested' | 'unverified' | 'attention' | 'skipped';

/** The next step of one batch in one system, at a timestamp of the workflow's clock. */
export type NextStep =
  | { readonly step: 'delete' | 'verify'; readonly at: number }
  | { readonly step: 'ended'; readonly end: BatchEnd; readonly code?: AttentionCode };

export interface VerificationInput {
  readonly result: VerificationResult;
  readonly pass: number;
  /** When a verification first found it empty; null: not yet. */
  readonly emptiedAt: number | null;
  readonly now: number;
  readonly settleMs: number;
}

/**
 * A batch has ended when two verifications, `settleMs` apart, found it empty: events that were on their way at the first
 * have arrived by the second. Survivors are deleted again, a bounded number of times.
 */
export function nextStepAfterVerification({ result, pass, emptiedAt, now, settleMs }: VerificationInput): NextStep {
  if ('unknown' in result) return { step: 'ended', end: 'attention', code: 'verification_unknown' };
  if ('nothingSaid' in result) return { step: 'ended', end: 'unverified' };
  if ('attestedAt' in result) return { step: 'ended', end: 'attested' };
  if (result.survivors > 0) {
    return pass < MAX_PASSES
      ? { step: 'delete', at: now }
      : { step: 'ended', end: 'attention', code: 'survivors_remain' };
  }
  const verifyAgainAt = (emptiedAt ?? now) + settleMs;
  return now >= verifyAgainAt ? { step: 'ended', end: 'verified' } : { step: 'verify', at: verifyAgainAt };
}
