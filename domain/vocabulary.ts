// The closed sets of values that Lethe stores and returns. No other file repeats a status, an outcome or a code as
// text.

/** A subject is a person (`user`) or a company. */
export const SUBJECT_KINDS = ['user', 'company'] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

/** States of legal holds and of suppressions. */
export const HOLD_STATES = ['active', 'released'] as const;
export const SUPPRESSION_STATES = ['active', 'lifted'] as const;

/** A request exports or deletes the data of subjects. */
export const REQUEST_KINDS = ['export', 'deletion'] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/**
 * Roles of members. An owner has the rights of an admin, and can also skip systems, confirm *everyone* and manage
 * members.
 */
export const ROLES = ['owner', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** How a request selects its subjects: by identities, by a segment of the directory, or all of them. */
export const SELECTIONS = ['identities', 'segment', 'everyone'] as const;

/**
 * The part of a subject's data that a request covers: all rows, the columns of its categories, or the columns that
 * record sources of collection. A deletion of `categories` or `sources` clears columns and keeps the rows (rule 16).
 */
export const SCOPES = ['data', 'categories', 'sources'] as const;
export type Scope = (typeof SCOPES)[number];

/** File formats of an export. NDJSON keeps the type of each value; CSV is for spreadsheets. */
export const EXPORT_FORMATS = ['ndjson', 'csv'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Statuses of requests of both kinds. docs/glossary.md explains each. */
export const STATUSES = [
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
  'collecting',
  'packaging',
  'ready',
  'expired',
] as const;
export type Status = (typeof STATUSES)[number];

/** Statuses that only a deletion has. */
export const DELETION_STATUSES = [
  'awaiting_confirmation',
  'grace',
  'deleting',
  'verifying',
  'completed',
  'partially_completed',
] as const satisfies readonly Status[];

/** Statuses that only an export has. A ready export expires. */
export const EXPORT_STATUSES = ['collecting', 'packaging', 'ready', 'expired'] as const satisfies readonly Status[];

/** Statuses that both kinds have. */
export const SHARED_STATUSES: readonly Status[] = STATUSES.filter(
  (status) => ![...DELETION_STATUSES, ...EXPORT_STATUSES].some((own) => own === status),
);

/** Statuses that never change again. */
export const TERMINAL_STATUSES = [
  'completed',
  'not_found',
  'partially_completed',
  'cancelled',
  'failed',
  'expired',
] as const;
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

export const isTerminal = (status: Status): status is TerminalStatus =>
  (TERMINAL_STATUSES as readonly Status[]).includes(status);

/** Outcomes that are stored with a submitted identity. Later outcomes are computed from its subjects. */
export const STORED_OUTCOMES = ['matched', 'invalid', 'not_found', 'duplicate', 'attached', 'already_deleted'] as const;

/** Outcomes of a submitted identity that callers see. docs/glossary.md explains each. */
export const OUTCOMES = [
  ...STORED_OUTCOMES,
  'unknown',
  'soft_deleted',
  'held',
  'cancelled',
  'deleted',
  'partially_deleted',
  'exported',
  'left_out',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/**
 * States of a subject within one request. For a deletion:
 *
 *     proposed → resolved, attached or cancelled   (counted; not changed before the count is confirmed)
 *     resolved → soft_deleted → claimed → deleted
 *         ↘ cancelling → cancelled                 (restored in every system that had hidden it)
 *     attached                                     (another request owns the subject; this one shares its outcome)
 *     not_found                                    (no system holds data on it)
 *
 * A part deletion (rule 16) hides no subject: it uses `scheduled` instead of `soft_deleted`, and has no `cancelling`.
 * For an export:
 *
 *     selected → exported                          (the subject is in the ready archive)
 *         ↘ left_out, cancelled, not_found         (left_out: a deletion claimed the subject, also later, rule 17)
 *
 * Only `soft_deleted` and `scheduled` subjects can be claimed. A claimed subject becomes `deleted`, or
 * `partially_deleted` if an operator skipped a system, whose data is not verified.
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
  'scheduled',
  'selected',
  'exported',
  'left_out',
] as const;
export type SubjectState = (typeof SUBJECT_STATES)[number];

/**
 * States in which a deletion of scope `data` owns its subject (rule 7): at most one such row exists per project, kind
 * and subject. Proposed subjects, part deletions and exports own no subject.
 */
export const OWNING_STATES = ['resolved', 'soft_deleted', 'claimed', 'cancelling'] as const;

/**
 * Where an identity of a subject comes from: the subject's key, the request, or the directory (`identity`, `alias`).
 */
export const IDENTITY_ORIGINS = ['key', 'submitted', 'identity', 'alias'] as const;

/** States of one claimed batch in one system. The last five end the work, or wait for an operator (`attention`). */
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

/** Steps of a request that can need an operator. */
export const STEPS = [
  'resolve',
  'inspect',
  'visibility',
  'delete',
  'verify',
  'suppress',
  'conclude',
  'collect',
  'package',
  'backup',
] as const;
export type Step = (typeof STEPS)[number];

/**
 * How the deletion from a system is verified: Lethe reads its data, the system attests it, a person attests it, or not at
 * all.
 */
export type VerificationLevel = 'reads' | 'attested' | 'person' | 'none';

/** Who attests a deletion that Lethe cannot verify by reading: the system itself, or a person. */
export const ATTESTERS = ['system', 'person'] as const;
export type Attester = (typeof ATTESTERS)[number];

/** Why an operator is needed. docs/operations.md explains each code. */
export const ATTENTION_CODES = [
  'system_unavailable',
  'system_refused',
  'system_missing',
  'coverage_broken',
  'resolution_grew',
  'survivors_remain',
  'verification_unknown',
  'blocked_by_other_rows',
  'storage_unavailable',
  'backup_failing',
  'backup_missing',
] as const;
export type AttentionCode = (typeof ATTENTION_CODES)[number];

/** What a step waits for that continues without an operator. */
export const WAIT_CODES = ['rate_limit', 'system_stopped'] as const;
export type WaitCode = (typeof WAIT_CODES)[number];

/** Why no step calls a system, unless an operator has paused it. */
export const OUTAGE_CODES = [
  'system_unavailable',
  'storage_unavailable',
  'system_refused',
  'coverage_broken',
] as const satisfies readonly AttentionCode[];
export type OutageCode = (typeof OUTAGE_CODES)[number];

/** Whether steps call a system, and what keeps them from it. */
export const SYSTEM_STATES = ['available', 'unavailable', 'refusing', 'paused'] as const;
export type SystemState = (typeof SYSTEM_STATES)[number];

/** Why a step waits, for callers. */
export const WAIT_REASONS = ['rate_limit', 'task', 'paused', ...OUTAGE_CODES] as const;
export type WaitReason = (typeof WAIT_REASONS)[number];

/** When an expedited deletion claims its subjects: at the next run, or immediately. */
export const EXPEDITES = ['next_run', 'now'] as const;
export type Expedite = (typeof EXPEDITES)[number];

/**
 * What a new deletion does if another open deletion owns a subject: share its outcome, or be rejected as a whole (rule
 * 7).
 */
export const ON_CONFLICT = ['attach', 'reject'] as const;

/**
 * Lethe itself: the actor of automatic changes, in place of a member's id, and the system name of the archive storage.
 */
export const LETHE = 'lethe';

/**
 * Why the key of an archive was destroyed: it expired, deletions claimed all of its subjects, or a member destroyed
 * it.
 */
export const ARCHIVE_ENDS = ['expired', 'subject_deleted', 'destroyed'] as const;
export type ArchiveEnd = (typeof ARCHIVE_ENDS)[number];

/** States of the collection of one system in one epoch of an export. */
export const COLLECTION_STATES = ['pending', 'collected'] as const;

/** How the delivery of a notification ended. `given_up`: after the last attempt, or because the webhook has ended. */
export const DELIVERY_OUTCOMES = ['delivered', 'given_up', 'withheld'] as const;

/** States of a task. `closed`: it is not needed any more, because its system was skipped or its subjects were cancelled. */
export const TASK_STATES = ['open', 'done', 'not_possible', 'closed'] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** What notifications say about a task. */
export const TASK_EVENTS = ['task.opened', 'task.overdue'] as const;
export type TaskEvent = (typeof TASK_EVENTS)[number];

/** States of a download link. A link whose archive was destroyed is `expired` too. */
export const LINK_STATES = ['open', 'downloading', 'used', 'revoked', 'expired'] as const;
export type LinkState = (typeof LINK_STATES)[number];
