import type { AttentionCode, Attester } from './vocabulary.ts';

/** The number of passes after which survivors need an operator instead of another deletion. */
const MAX_PASSES = 5;

/** A range of a batch, within one pass of a system. */
export interface RangeKey {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** 1, 2, … for the parts of one large subject that is deleted in several transactions. Otherwise 0. */
  readonly part: number;
}

/** The ticket of a range: the system's reference to work that it has accepted but not finished. */
export interface RangeTicket {
  readonly range: RangeKey;
  readonly ticket: string;
  readonly keptAt: Date;
}

/** A range that a system has finished. The receipt is the sum of all ranges (rule 13). */
export interface FinishedRange extends RangeKey {
  readonly tables: readonly TableFigures[];
  /** The rows kept of each subject of the range. Entries with the same subject and basis are summed. */
  readonly retained: readonly (RetainedRows & { readonly seq: number })[];
  /** The subjects whose own row was kept with replaced values. Entries with the same subject are summed. Absent: none. */
  readonly anonymised?: readonly (AnonymisedRows & { readonly seq: number })[];
}
/** A subject whose rows a system refuses to delete, and what refuses it: names of the schema, never a value. */
export interface BlockedSubject extends Obstacle {
  readonly seq: number;
}
/** Null where the system names none, as with an error that a trigger raises. */
export interface Obstacle {
  /** For a foreign key, the table whose rows still refer to the subject. */
  readonly table: string | null;
  readonly constraint: string | null;
}
/** The number of rows that a deletion keeps on a legal basis. */
export interface RetainedRows {
  readonly basis: string;
  readonly rows: number;
}
/** The subjects' own rows that a deletion keeps with replaced values, and the columns that it replaced. */
export interface AnonymisedRows {
  readonly rows: number;
  readonly columns: readonly string[];
}
/** The row counts of one table in a finished range. A row counts once, for what became of it. */
export interface TableFigures {
  readonly table: string;
  /** Null if the system does not say how much it removed. */
  readonly removed: number | null;
  /** With `removed: null`, how many subjects the system was asked to delete. */
  readonly requested?: number;
  /** The retained rows per basis. Empty if no rows were kept. */
  readonly retained: readonly RetainedRows[];
  /** For a part deletion: the number of rows with cleared columns. */
  readonly blanked?: number;
  /** Rows that belong to no subject, and whose reference to one was removed or replaced (rule 19). Absent: none. */
  readonly detached?: number;
  /** Rows of the subjects that were kept with replaced values. Absent: none. */
  readonly anonymised?: AnonymisedRows;
}

/** The result of a system's latest verification of a batch. `unknown` never counts as zero survivors. */
export type VerificationResult =
  | ({ readonly survivors: number } & Partial<ReadTables>)
  | { readonly attestedAt: number; readonly by?: Attester }
  | { readonly verifyAgainAt: number }
  | { readonly unverified: true }
  | { readonly unknown: true };

/** What a verification has read, and what only the system's statement covers. */
export interface ReadTables {
  readonly read: readonly string[];
  readonly attested: readonly string[];
  /** When the system made that statement. Null if it made none. */
  readonly attestedAt: number | null;
}

/** States that end the work of a system on a batch. `attention` ends it until an operator retries. */
export type BatchEnd = 'verified' | 'attested' | 'unverified' | 'attention' | 'skipped';

/** The next step of one batch in one system. `at` is epoch milliseconds of the workflow's clock. */
export type NextStep =
  | { readonly step: 'delete' | 'verify'; readonly at: number }
  | { readonly step: 'ended'; readonly end: BatchEnd; readonly code?: AttentionCode };

/** A verification result, with the state of the batch. Timestamps are epoch milliseconds. */
export interface VerificationInput {
  readonly result: VerificationResult;
  readonly pass: number;
  /** When a verification first found no rows. Null if none has. */
  readonly emptiedAt: number | null;
  readonly now: number;
  readonly settleMs: number;
}

/**
 * Decides what follows a verification. A batch is verified when two verifications, `settleMs` apart, find no rows, so
 * that late events are found too. Survivors are deleted again until MAX_PASSES is reached.
 */
export function nextStepAfterVerification({ result, pass, emptiedAt, now, settleMs }: VerificationInput): NextStep {
  if ('unknown' in result) return { step: 'ended', end: 'attention', code: 'verification_unknown' };
  if ('unverified' in result) return { step: 'ended', end: 'unverified' };
  if ('verifyAgainAt' in result) return { step: 'verify', at: earliestWait(result.verifyAgainAt, now) };
  if (!('survivors' in result)) return { step: 'ended', end: 'attested' };
  if (result.survivors > 0) {
    return pass < MAX_PASSES
      ? { step: 'delete', at: now }
      : { step: 'ended', end: 'attention', code: 'survivors_remain' };
  }
  const verifyAgainAt = (emptiedAt ?? now) + settleMs;
  return now >= verifyAgainAt ? { step: 'ended', end: 'verified' } : { step: 'verify', at: verifyAgainAt };
}

/** A system that names a time in the past is not asked in a loop. */
export const earliestWait = (at: number, now: number): number => Math.max(at, now + 1_000);
