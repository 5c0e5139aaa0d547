/** Lethe's words, as closed unions. Nothing else in Lethe spells a status, an outcome or a code. */

export const SUBJECT_KINDS = ['user', 'company'] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

export const REQUEST_KINDS = ['export', 'deletion'] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** An owner does all that an admin does, and skips a processor, confirms *everyone*, and manages members. */
export const ROLES = ['owner', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** How it is said whom a request concerns. */
export const SELECTIONS = ['identities', 'segment', 'everyone'] as const;
export type SelectedBy = (typeof SELECTIONS)[number];

/** What of a subject is meant: its rows, its categories (column headers), or the sources of collection. */
export type Scope = 'data' | 'categories' | 'sources';

/** The forward path of a deletion; `partially_completed`, `not_found`, `cancelled` and `failed` are its other ends. */
export const DELETION_STATUSES = [
  'received',
  'resolving',
  'awaiting_confirmation',
  'grace',
  'deleting',
  'verifying',
  'completed',
  'not_found',
  'partially_completed',
  'cancelled',
  'failed',
] as const;
export type DeletionStatus = (typeof DELETION_STATUSES)[number];

export const TERMINAL_STATUSES = ['completed', 'not_found', 'partially_completed', 'cancelled', 'failed'] as const;
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

export const isTerminal = (status: DeletionStatus): status is TerminalStatus =>
  (TERMINAL_STATUSES as readonly DeletionStatus[]).includes(status);

/** What became of one submitted identity, by its position in the request. */
export const OUTCOMES = [
  'matched',
  'invalid',
  'not_found',
  'duplicate',
  'attached',
  'already_deleted',
  'soft_deleted',
  'held',
  'cancelled',
  'deleted',
  'partially_deleted',
  'retained',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/**
 * Where one subject of a request stands.
 *
 *     proposed                            (counted; touched by nothing before it is confirmed)
 *         ↘ resolved, attached, or cancelled
 *     resolved → soft_deleted → claimed → deleted
 *         ↘ cancelling → cancelled        (restored everywhere it was hidden)
 *     attached                            (another request owns the subject and decides)
 *     not_found                           (looked for everywhere, nothing there)
 *
 * Only `soft_deleted` can be claimed; nothing leaves `claimed` but `deleted`, or `partially_deleted` when an operator
 * skipped a processor: what was not looked for again is not called deleted.
 */
export const SUBJECT_STATES = [
  'proposed',
  'resolved',
  'soft_deleted',
  'claimed',
  'deleted',
  'partially_deleted',
  'cancelling',
  'cancelled',
  'attached',
  'not_found',
] as const;
export type SubjectState = (typeof SUBJECT_STATES)[number];

/** States in which a request owns its subject: at most one such row exists per project, kind and subject. A proposal owns nobody. */
export const OWNING_STATES = ['resolved', 'soft_deleted', 'claimed', 'cancelling'] as const;

/** Where one processor stands with one claimed batch. */
export const WORK_STATES = [
  'pending',
  'deleting',
  'verifying',
  'verified',
  'attested',
  'unverified',
  'attention',
  'skipped',
] as const;
export type WorkState = (typeof WORK_STATES)[number];

/** Where in a request's course an operator is needed. */
export const STEPS = ['resolve', 'inspect', 'visibility', 'delete', 'verify', 'conclude'] as const;
export type Step = (typeof STEPS)[number];

/** How far a processor's word goes: it is read again, it attests, or it says nothing. */
export type VerificationLevel = 'reads' | 'attested' | 'none';

/** Why an operator is needed. Closed, so that alerts and docs/operations.md can name each. */
export const ATTENTION_CODES = [
  'processor_unavailable',
  'processor_refused',
  'processor_missing',
  'coverage_broken',
  'resolution_grew',
  'survivors_remain',
  'verification_unknown',
  'blocked_by_other_rows',
] as const;
export type AttentionCode = (typeof ATTENTION_CODES)[number];

/** `null`: at the end of the grace period; otherwise at the next run, or at once. */
export const EXPEDITES = ['next_run', 'now'] as const;
export type Expedite = (typeof EXPEDITES)[number];

/** What to do with a subject that another open deletion owns: share its outcome, or refuse the whole request. */
export const ON_CONFLICT = ['attach', 'reject'] as const;
export type OnConflict = (typeof ON_CONFLICT)[number];
