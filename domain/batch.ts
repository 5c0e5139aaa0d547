import type { AttentionCode } from './vocabulary.ts';

/** How often survivors are deleted again before an operator is asked why they come back. */
const MAX_PASSES = 5;

/** What a processor's last look at a batch found. Unknown is not zero (principle 2). */
export type Seen =
  | { readonly survivors: number }
  | { readonly attestedAt: number }
  | { readonly nothingSaid: true }
  | { readonly unknown: true };

export type BatchEnd = 'verified' | 'attested' | 'unverified' | 'attention' | 'skipped';

/** What comes next for one batch in one processor, at an instant of the workflow's clock. */
export type NextStep =
  | { readonly step: 'delete' | 'verify'; readonly at: number }
  | { readonly step: 'ended'; readonly end: BatchEnd; readonly code?: AttentionCode };

export interface LookAt {
  readonly seen: Seen;
  readonly pass: number;
  /** When it was first seen empty; null: not yet. */
  readonly emptiedAt: number | null;
  readonly now: number;
  readonly settleMs: number;
}

/**
 * A batch has ended when it was empty at two looks, `settleMs` apart: events that were on their way when the first was
 * taken have arrived by the second. Survivors are deleted again, a bounded number of times.
 */
export function afterLook({ seen, pass, emptiedAt, now, settleMs }: LookAt): NextStep {
  if ('unknown' in seen) return { step: 'ended', end: 'attention', code: 'verification_unknown' };
  if ('nothingSaid' in seen) return { step: 'ended', end: 'unverified' };
  if ('attestedAt' in seen) return { step: 'ended', end: 'attested' };
  if (seen.survivors > 0) {
    return pass < MAX_PASSES
      ? { step: 'delete', at: now }
      : { step: 'ended', end: 'attention', code: 'survivors_remain' };
  }
  const lastLookAt = (emptiedAt ?? now) + settleMs;
  return now >= lastLookAt ? { step: 'ended', end: 'verified' } : { step: 'verify', at: lastLookAt };
}
