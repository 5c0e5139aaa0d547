/** Lethe's words, as closed unions. Nothing else in Lethe spells a status, an outcome or a code. */

export const SUBJECT_KINDS = ['user', 'company'] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

export const REQUEST_KINDS = ['export', 'deletion'] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** An owner does all that an admin does, and skips a system, confirms *everyone*, and manages members. */
export const ROLES = ['owner', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** How it is said whom a request concerns. */
export const SELECTIONS = ['identities', 'segment', 'everyone'] as const;

/** What of a subject is meant: its rows, its categories (column headers), or the sources of collection (rule 16). */
export const SCOPES = ['data', 'categories', 'sources'] as const;
export type Scope = (typeof SCOPES)[number];

/** How an export writes rows: NDJSON loads again to the same rows, CSV is for spreadsheets. */
export const EXPORT_FORMATS = ['ndjson', 'csv'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Of requests of any kind, in the order in which a request passes them. */
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

/** What is stored of a submitted identity; later outcomes follow from its subjects. */
export const STORED_OUTCOMES = ['matched', 'invalid', 'not_found', 'duplicate', 'attached', 'already_deleted'] as const;

/** What became of one submitted identity, by its position in the request. */
export const OUTCOMES = [
  ...STORED_OUTCOMES,
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
 * Where one subject of a request stands.
 *
 *     proposed                            (counted; touched by nothing before it is confirmed)
 *         ↘ resolved, attached, or cancelled
 *     resolved → soft_deleted → claimed → deleted
 *         ↘ cancelling → cancelled        (restored everywhere it was hidden)
 *     attached                            (another request owns the subject and decides)
 *     not_found                           (looked for everywhere, nothing there)
 *
 * Of a part-deletion (rule 16), which hides nobody, `scheduled` stands in the place of `soft_deleted`, and `cancelled`
 * follows at once. Of an export, which owns nobody:
 *
 *     wanted → exported                   (in the archive that is ready)
 *         ↘ left_out                      (a deletion claimed the subject before that, rule 17), cancelled, not_found
 *
 * Only `soft_deleted` and `scheduled` can be claimed; nothing leaves `claimed` but `deleted`, or `partially_deleted` when
 * an operator skipped a system: what was not looked for again is not called deleted.
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
 * States in which a deletion of scope `data` owns its subject: at most one such row exists per project, kind and subject.
 * A proposal owns nobody, nor does a part-deletion or an export.
 */
export const OWNING_STATES = ['resolved', 'soft_deleted', 'claimed', 'cancelling'] as const;

/** How an identity came to belong to a subject. */
export const IDENTITY_ORIGINS = ['key', 'submitted', 'identity', 'alias'] as const;

/** Where one system stands with one claimed batch. */
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
export const STEPS = [
  'resolve',
  'inspect',
  'visibility',
  'delete',
  'verify',
  'conclude',
  'collect',
  'package',
  'backup',
] as const;
export type Step = (typeof STEPS)[number];

/** How far a system's word goes: it is read again, it attests, or it says nothing. */
export type VerificationLevel = 'reads' | 'attested' | 'none';

/** Why an operator is needed. Closed, so that alerts and docs/operations.md can name each. */
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

/** `null`: at the end of the grace period; otherwise at the next run, or at once. */
export const EXPEDITES = ['next_run', 'now'] as const;
export type Expedite = (typeof EXPEDITES)[number];

/** What to do with a subject that another open deletion owns: share its outcome, or refuse the whole request. */
export const ON_CONFLICT = ['attach', 'reject'] as const;

/** Who acts when nobody asked, and whose the storage of archives is: in place of a member's id, or a system's name. */
export const LETHE = 'lethe';

/** Why the key of an archive was destroyed: its time was over, a deletion claimed one of its subjects, or a member said so. */
export const ARCHIVE_ENDS = ['expired', 'subject_deleted', 'destroyed'] as const;
export type ArchiveEnd = (typeof ARCHIVE_ENDS)[number];

/** Where one system stands in one epoch of an export. */
export const COLLECTION_STATES = ['pending', 'collected'] as const;

/** How the delivery of one notification ended. */
export const DELIVERY_OUTCOMES = ['delivered', 'given_up', 'withheld'] as const;

/** Where one link to an archive stands; `expired` also where the archive has gone before it. */
export const LINK_STATES = ['open', 'downloading', 'used', 'revoked', 'expired'] as const;
export type LinkState = (typeof LINK_STATES)[number];
