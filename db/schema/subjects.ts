import { sql } from 'drizzle-orm';
import { bigint, boolean, bytea, check, index, integer, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import {
  IDENTITY_ORIGINS,
  OWNING_STATES,
  SCOPES,
  STORED_OUTCOMES,
  SUBJECT_KINDS,
  SUBJECT_STATES,
} from '../../domain/vocabulary.ts';
import type { InvalidReason } from '../../domain/identity.ts';
import { lethe, literals, oneOf, timestamptz } from './lethe.ts';

/**
 * Numbers changes of visibility across all requests, so that generations of transferred subjects compare correctly
 * (rule 9).
 */
export const visibilityGeneration = lethe.sequence('visibility_generation');

/**
 * The identities that a caller submitted, by position. For a segment or everyone, the keys of the selected subjects. No
 * foreign key, because checking 2 000 rows takes four times as long as inserting them, in the statement of their
 * request.
 */
export const submittedIdentities = lethe.table(
  'submitted_identities',
  {
    requestId: text('request_id').notNull(),
    position: integer('position').notNull(),
    type: text('type').notNull(),
    /** As submitted. Null for a value that is invalid for its type, and once its subjects are purged. */
    value: text('value').array(),
    /** The form that the ledger compares. Null if it is the value. */
    canonical: text('canonical').array(),
    /** Null until the request is resolved. Later outcomes are computed from the subjects. */
    outcome: text('outcome', { enum: STORED_OUTCOMES }),
    /** Why the value is `invalid`. Null for other outcomes. */
    reason: text('reason').$type<InvalidReason>(),
    /** The earlier position with the same subjects. Null unless the outcome is `duplicate`. */
    duplicateOf: integer('duplicate_of'),
    /** When the position was cancelled. Null if it was not. */
    withdrawnAt: timestamptz('withdrawn_at'),
    /** The line of an uploaded file. Null without a file. */
    line: integer('line'),
  },
  (table) => [
    primaryKey({ name: 'submitted_identities_pkey', columns: [table.requestId, table.position] }),
    check('submitted_identities_position_check', sql`position >= 1`),
    check('submitted_identities_outcome_check', oneOf('outcome', STORED_OUTCOMES)),
    check('submitted_identities_line_check', sql`line >= 1`),
  ],
);

/** The exceptions of a request for everyone: identities whose subjects are excluded. */
export const exceptedIdentities = lethe.table(
  'excepted_identities',
  {
    // No foreign key, as in submitted_identities.
    requestId: text('request_id').notNull(),
    /** The number of the exception in the request, from 1. */
    number: integer('number').notNull(),
    type: text('type').notNull(),
    /** Erased when the directory has answered. */
    value: text('value').array(),
    /** Whether the exception matched a subject. Null until the directory has answered. */
    matched: boolean('matched'),
  },
  (table) => [
    primaryKey({ name: 'excepted_identities_pkey', columns: [table.requestId, table.number] }),
    check('excepted_identities_number_check', sql`number >= 1`),
  ],
);

/** Keyed digests of every identity of the excluded subjects, under every key in use, until the request ends. */
export const exceptedDigests = lethe.table(
  'excepted_digests',
  { requestId: text('request_id').notNull(), digest: bytea('digest').notNull() },
  (table) => [primaryKey({ name: 'excepted_digests_pkey', columns: [table.requestId, table.digest] })],
);

/**
 * The condition that selects the subjects waiting for a run by the index `subjects_due`. A statement about one request
 * names the states instead: with old statistics, the planner would read this index rather than the request's rows.
 */
export const IS_WAITING = `CASE WHEN state IN ('resolved', 'soft_deleted', 'scheduled') THEN true END`;

/**
 * The subjects of a request, numbered by `seq`. Every race between hold, cancellation and claim is decided by updates
 * of these rows.
 */
export const subjects = lethe.table(
  'subjects',
  {
    requestId: text('request_id').notNull(),
    seq: integer('seq').notNull(),
    project: text('project').notNull(),
    kind: text('kind', { enum: SUBJECT_KINDS }).notNull(),
    /**
     * Keyed digest of the subject's key, under the newest digest key. It identifies the subject and cannot be reversed.
     */
    digest: bytea('digest').notNull(),
    /** Whether the directory knows the subject. Every system is searched for an unknown one. */
    known: boolean('known').notNull(),
    /** True once the directory knows the subject or a system has data on it. Null until then. */
    present: boolean('present'),
    state: text('state', { enum: SUBJECT_STATES }).notNull(),
    /** The request that owns the subject, and its `seq` there. Null unless this row is or was attached. */
    ownerRequest: text('owner_request'),
    ownerSeq: integer('owner_seq'),
    /** The desired visibility. Each system converges to it independently (rule 9). */
    hidden: boolean('hidden').notNull(),
    /** The generation of the last change of `hidden`, from `visibility_generation`. */
    generation: bigint('generation', { mode: 'number' }).notNull(),
    /** The run that may claim the subject. A claim moves subjects over the quota to the next run. Null for exports. */
    hardDeleteAt: timestamptz('hard_delete_at'),
    /** Whether runs claim the subject before subjects that are not expedited. */
    expedited: boolean('expedited').notNull().default(false),
    /** The number of the batch that the subject was claimed in. Null until then, and for attached subjects. */
    batch: integer('batch'),
    claimedAt: timestamptz('claimed_at'),
    scope: text('scope', { enum: SCOPES }).notNull().default('data'),
    /** For deletions with `export_first`: whether the subject is in a ready archive. */
    backedUp: boolean('backed_up').notNull().default(false),
    /** For deletions with `suppress`: the suppression that the deleted subject leaves. No foreign key, as above. */
    suppressionId: text('suppression_id'),
    /** When the identities of the subject were purged, from `visibility_generation`. Null while they are stored. */
    purgeGeneration: bigint('purge_generation', { mode: 'number' }),
  },
  (table) => [
    primaryKey({ name: 'subjects_pkey', columns: [table.requestId, table.seq] }),
    check('subjects_seq_check', sql`seq >= 1`),
    check('subjects_state_check', oneOf('state', SUBJECT_STATES)),
    check('subjects_scope_check', oneOf('scope', SCOPES)),
    check(
      'subjects_batch_check',
      sql`(state IN ('claimed', 'deleted', 'partially_deleted') AND owner_request IS NULL) = (batch IS NOT NULL)`,
    ),
    check('subjects_claimed_at_check', sql`(batch IS NULL) = (claimed_at IS NULL)`),
    check('subjects_attached_check', sql`(state = 'attached') <= (owner_request IS NOT NULL)`),
    check('subjects_proposed_check', sql`state <> 'proposed' OR (NOT hidden AND owner_request IS NULL)`),
    // Part deletions (rule 16) and exports hide and own no subject.
    check(
      'subjects_never_hidden_check',
      sql`state NOT IN ('scheduled', 'selected', 'exported', 'left_out') OR (NOT hidden AND owner_request IS NULL)`,
    ),
    check('subjects_hidden_scope_check', sql`scope = 'data' OR NOT hidden`),
    check('subjects_scheduled_check', sql`state <> 'scheduled' OR scope <> 'data'`),
    // One open deletion owns a subject (rule 7). Proposed subjects and part deletions do not own theirs.
    uniqueIndex('subjects_one_owner')
      .on(table.project, table.kind, table.digest)
      .where(sql.raw(`CASE WHEN scope = 'data' AND state IN (${literals(OWNING_STATES)}) THEN true END`)),
    index('subjects_due').on(table.project, table.hardDeleteAt).where(sql.raw(IS_WAITING)),
    index('subjects_batch')
      .on(table.requestId, table.batch, table.seq)
      .where(sql`batch IS NOT NULL`),
    index('subjects_attached')
      .on(table.ownerRequest, table.ownerSeq)
      .where(sql`state = 'attached'`),
  ],
);

/**
 * Which subjects a submitted identity matches. An alias can match several, and several identities can match the same.
 */
export const matches = lethe.table(
  'matches',
  {
    requestId: text('request_id').notNull(),
    position: integer('position').notNull(),
    seq: integer('seq').notNull(),
  },
  (table) => [
    primaryKey({ name: 'matches_pkey', columns: [table.requestId, table.position, table.seq] }),
    // Not led by `request_id`: with old statistics, the planner would read it for a position.
    index('matches_of_subject').on(table.seq, table.requestId),
  ],
);

/**
 * The identities of each subject, in clear until nothing more is done with the subject. Deleted when the request is
 * concluded.
 */
export const subjectIdentities = lethe.table(
  'subject_identities',
  {
    requestId: text('request_id').notNull(),
    seq: integer('seq').notNull(),
    type: text('type').notNull(),
    /** Null once the subject is purged. */
    value: text('value').array(),
    /** The form that the ledger compares. Null if it is the value. */
    canonical: text('canonical').array(),
    /** Keyed digest under the newest digest key. Comparisons use it instead of type and value. */
    digest: bytea('digest').notNull(),
    origin: text('origin', { enum: IDENTITY_ORIGINS }).notNull(),
    /** Whether a subject outside this request has the same identity, whose data then stays (rule 8). */
    shared: boolean('shared').notNull(),
  },
  (table) => [
    primaryKey({ name: 'subject_identities_pkey', columns: [table.requestId, table.seq, table.digest] }),
    check('subject_identities_origin_check', oneOf('origin', IDENTITY_ORIGINS)),
    index('subject_identities_same').on(table.digest, table.requestId),
  ],
);

/**
 * The ids by which systems know the subjects of a batch. Kept per batch, because they were found by its identities. They are
 * personal data, and are deleted when the identities of the subject are purged.
 */
export const foreignIds = lethe.table(
  'foreign_ids',
  {
    requestId: text('request_id').notNull(),
    system: text('system').notNull(),
    /** The name of the batch, as connectors get it. */
    batch: text('batch').notNull(),
    seq: integer('seq').notNull(),
    id: text('id').notNull(),
  },
  (table) => [
    primaryKey({
      name: 'foreign_ids_pkey',
      columns: [table.requestId, table.system, table.batch, table.seq, table.id],
    }),
    check('foreign_ids_id_check', sql`octet_length(id) <= 2000`),
  ],
);

/**
 * Keyed digests of every identity of every subject, under every key in use, also of its canonical form. They remain when
 * the identities are purged.
 */
export const identityDigests = lethe.table(
  'identity_digests',
  {
    project: text('project').notNull(),
    kind: text('kind', { enum: SUBJECT_KINDS }).notNull(),
    digest: bytea('digest').notNull(),
    /** The id of the digest key that computed `digest`. */
    keyId: text('key_id').notNull(),
    requestId: text('request_id').notNull(),
    seq: integer('seq').notNull(),
    /** Whether `digest` is of the subject's key, and not of its canonical form or of another identity. */
    isKey: boolean('is_key').notNull(),
  },
  (table) => [
    primaryKey({ name: 'identity_digests_pkey', columns: [table.requestId, table.seq, table.digest] }),
    index('identity_digests_lookup').on(table.project, table.kind, table.digest),
  ],
);
