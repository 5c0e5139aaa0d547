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

/** Raised for every change of a desired visibility, across requests: a transferred subject compares correctly (rule 9). */
export const visibilityGeneration = lethe.sequence('visibility_generation');

/**
 * The identities as a caller submitted them, by position. `value` is erased when the request ends.
 * No foreign key: checking 2 000 of them takes four times as long as storing them, and one statement stores both.
 */
export const submittedIdentities = lethe.table(
  'submitted_identities',
  {
    requestId: text('request_id').notNull(),
    position: integer('position').notNull(),
    type: text('type').notNull(),
    /** Normalised. Null for a value that is invalid for its type. */
    value: text('value').array(),
    outcome: text('outcome', { enum: STORED_OUTCOMES }),
    reason: text('reason').$type<InvalidReason>(),
    duplicateOf: integer('duplicate_of'),
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

/** The identities that a deletion or export of everyone excludes. `value` is erased when the directory has answered. */
export const exceptedIdentities = lethe.table(
  'excepted_identities',
  {
    // No foreign key, as in submitted_identities: one statement stores both.
    requestId: text('request_id').notNull(),
    number: integer('number').notNull(),
    type: text('type').notNull(),
    value: text('value').array(),
    /** Whether the directory knew it. Null until the directory has answered. */
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

/** The people (or companies) that a request concerns, numbered by `seq`. Every race is decided by an update of these rows. */
export const subjects = lethe.table(
  'subjects',
  {
    requestId: text('request_id').notNull(),
    seq: integer('seq').notNull(),
    project: text('project').notNull(),
    kind: text('kind', { enum: SUBJECT_KINDS }).notNull(),
    /** Keyed digest of the subject's own key: enough to recognise the subject, not enough to read the key back. */
    digest: bytea('digest').notNull(),
    /** Whether the directory knows the subject. An unknown one is still offered to every system. */
    known: boolean('known').notNull(),
    /** Whether any system holds data on it. Null if not searched, because the directory knows it. */
    present: boolean('present'),
    state: text('state', { enum: SUBJECT_STATES }).notNull(),
    ownerRequest: text('owner_request'),
    ownerSeq: integer('owner_seq'),
    /** The desired visibility. Every system converges to it on its own. */
    hidden: boolean('hidden').notNull(),
    generation: bigint('generation', { mode: 'number' }).notNull(),
    /** The run that may claim it; a claim moves subjects over the quota to the next run. Null for exports. */
    hardDeleteAt: timestamptz('hard_delete_at'),
    expedited: boolean('expedited').notNull().default(false),
    batch: integer('batch'),
    claimedAt: timestamptz('claimed_at'),
    scope: text('scope', { enum: SCOPES }).notNull().default('data'),
    /** For deletions with `export_first`: the subject is in a ready archive. */
    backedUp: boolean('backed_up').notNull().default(false),
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
    // Part-deletions (rule 16) and exports hide nothing and own no subject.
    check(
      'subjects_never_hidden_check',
      sql`state NOT IN ('scheduled', 'selected', 'exported', 'left_out') OR (NOT hidden AND owner_request IS NULL)`,
    ),
    check('subjects_hidden_scope_check', sql`scope = 'data' OR NOT hidden`),
    check('subjects_scheduled_check', sql`state <> 'scheduled' OR scope <> 'data'`),
    // One open deletion owns a subject (rule 7). A proposal does not, nor does a part-deletion: a whole deletion may
    // still remove what it clears.
    uniqueIndex('subjects_one_owner')
      .on(table.project, table.kind, table.digest)
      .where(sql.raw(`scope = 'data' AND state IN (${literals(OWNING_STATES)})`)),
    index('subjects_due')
      .on(table.project, table.hardDeleteAt)
      .where(sql`state IN ('resolved', 'soft_deleted', 'scheduled')`),
    index('subjects_batch')
      .on(table.requestId, table.batch, table.seq)
      .where(sql`batch IS NOT NULL`),
    index('subjects_attached')
      .on(table.ownerRequest, table.ownerSeq)
      .where(sql`state = 'attached'`),
    index('subjects_not_backed_up')
      .on(table.project)
      .where(sql`state = 'attached' AND NOT backed_up`),
  ],
);

/** Which subjects a submitted identity stands for: an alias may stand for several, several identities for one. */
export const matches = lethe.table(
  'matches',
  {
    requestId: text('request_id').notNull(),
    position: integer('position').notNull(),
    seq: integer('seq').notNull(),
  },
  (table) => [
    primaryKey({ name: 'matches_pkey', columns: [table.requestId, table.position, table.seq] }),
    index('matches_of_subject').on(table.requestId, table.seq),
  ],
);

/** The identities of each subject, in clear. Deleted when the request ends. */
export const subjectIdentities = lethe.table(
  'subject_identities',
  {
    requestId: text('request_id').notNull(),
    seq: integer('seq').notNull(),
    type: text('type').notNull(),
    value: text('value').array().notNull(),
    /** Under the newest key. Stands for type and value in comparisons. */
    digest: bytea('digest').notNull(),
    origin: text('origin', { enum: IDENTITY_ORIGINS }).notNull(),
    /** A subject outside this request has the same identity: its data stays (rule 8). */
    shared: boolean('shared').notNull(),
  },
  (table) => [
    primaryKey({ name: 'subject_identities_pkey', columns: [table.requestId, table.seq, table.digest] }),
    check('subject_identities_origin_check', oneOf('origin', IDENTITY_ORIGINS)),
    index('subject_identities_same').on(table.requestId, table.digest),
  ],
);

/** Keyed digests of every identity of every subject, under every key in use. They outlive the identities. */
export const identityDigests = lethe.table(
  'identity_digests',
  {
    project: text('project').notNull(),
    kind: text('kind', { enum: SUBJECT_KINDS }).notNull(),
    digest: bytea('digest').notNull(),
    keyId: text('key_id').notNull(),
    requestId: text('request_id').notNull(),
    seq: integer('seq').notNull(),
    /** The digest of the subject's own key, not of another identity. */
    isKey: boolean('is_key').notNull(),
  },
  (table) => [
    primaryKey({ name: 'identity_digests_pkey', columns: [table.requestId, table.seq, table.digest] }),
    index('identity_digests_lookup').on(table.project, table.kind, table.digest),
  ],
);
