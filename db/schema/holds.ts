import { type SQL, sql } from 'drizzle-orm';
import { boolean, bytea, index, integer, jsonb, primaryKey, text } from 'drizzle-orm/pg-core';
import type { Identity } from '../../domain/identity.ts';
import { SUBJECT_KINDS } from '../../domain/vocabulary.ts';
import { dispatchAt, lethe, timestamptz } from './lethe.ts';
import { projects } from './projects.ts';
import { requests } from './requests.ts';

/** The states by which lists are filtered, as expressions of the indexes of these lists. */
export const HOLD_STATE: SQL = sql`(CASE WHEN released_at IS NULL THEN 'active' ELSE 'released' END)`;
export const SUPPRESSION_STATE: SQL = sql`(CASE WHEN lifted_at IS NULL THEN 'active' ELSE 'lifted' END)`;

/** Legal holds. They block hard deletion, but not soft deletion (rule 6). */
export const holds = lethe.table(
  'holds',
  {
    id: text('id').primaryKey(),
    project: text('project')
      .notNull()
      .references(() => projects.name),
    kind: text('kind', { enum: SUBJECT_KINDS }).notNull(),
    /** The caller's reference to the legal case. */
    caseRef: text('case_ref').notNull(),
    /** The person or department responsible for the hold, as the caller names it. */
    heldBy: text('held_by').notNull(),
    /** The number of identities. Those with one canonical form count once. */
    identities: integer('identities').notNull(),
    placedAt: timestamptz('placed_at').notNull(),
    placedBy: text('placed_by').notNull(),
    /** Null while the hold is active. */
    releasedAt: timestamptz('released_at'),
    releasedBy: text('released_by'),
  },
  (table) => [
    index('holds_of_project').on(table.project, table.kind, HOLD_STATE, table.id),
    index('holds_of_case').on(table.project, table.caseRef, table.id),
  ],
);

/** Keyed digests of the identities of a hold, under every key in use. The identities themselves are not stored. */
export const holdDigests = lethe.table(
  'hold_digests',
  {
    holdId: text('hold_id')
      .notNull()
      .references(() => holds.id),
    project: text('project').notNull(),
    kind: text('kind', { enum: SUBJECT_KINDS }).notNull(),
    digest: bytea('digest').notNull(),
    /** The id of the digest key that computed `digest`. */
    keyId: text('key_id').notNull(),
    /** False once the hold is released. */
    active: boolean('active').notNull().default(true),
  },
  (table) => [
    primaryKey({ name: 'hold_digests_pkey', columns: [table.holdId, table.digest] }),
    index('hold_digests_active')
      .on(table.project, table.kind, table.digest)
      .where(sql`active`),
  ],
);

/**
 * Suppressions. Systems must not collect data on their identities again. Those of a deletion belong to some of its
 * subjects, whose identities the request keeps until every system has them.
 */
export const suppressions = lethe.table(
  'suppressions',
  {
    id: text('id').primaryKey(),
    project: text('project')
      .notNull()
      .references(() => projects.name),
    kind: text('kind', { enum: SUBJECT_KINDS }).notNull(),
    /** The deletion that placed the suppression. Null if a member placed it. */
    requestId: text('request_id').references(() => requests.id),
    /** The number of identities, also of lifted ones. Those with one canonical form count once. */
    identities: integer('identities').notNull(),
    /** The number of identities that members have lifted. */
    liftedIdentities: integer('lifted_identities').notNull().default(0),
    since: timestamptz('since').notNull(),
    /** Null if a deletion placed the suppression, or if the row only records a lift. */
    placedBy: text('placed_by'),
    /** Null while at least one identity is suppressed. */
    liftedAt: timestamptz('lifted_at'),
    liftedBy: text('lifted_by'),
    /** The identity in clear, until every system has applied the latest change. Then null. */
    identity: jsonb('identity').$type<Identity>(),
    /** When every system had applied the latest change. Null until then. */
    propagatedAt: timestamptz('propagated_at'),
    /** When the dispatcher starts the workflow of the latest change. Null if Temporal has confirmed its start. */
    dispatchAt: dispatchAt(),
  },
  (table) => [
    index('suppressions_of_project').on(table.project, table.kind, SUPPRESSION_STATE, table.id),
    index('suppressions_of_request').on(table.requestId, table.id),
  ],
);

/** Keyed digests of the identities of a suppression, under every key in use. */
export const suppressionDigests = lethe.table(
  'suppression_digests',
  {
    suppressionId: text('suppression_id')
      .notNull()
      .references(() => suppressions.id),
    project: text('project').notNull(),
    kind: text('kind', { enum: SUBJECT_KINDS }).notNull(),
    digest: bytea('digest').notNull(),
    /** The id of the digest key that computed `digest`. */
    keyId: text('key_id').notNull(),
    /** False once the suppression is lifted for this identity. */
    active: boolean('active').notNull().default(true),
  },
  (table) => [
    primaryKey({ name: 'suppression_digests_pkey', columns: [table.suppressionId, table.digest] }),
    // Also of inactive digests: members' changes find their row by them.
    index('suppression_digests_lookup').on(table.project, table.kind, table.digest),
  ],
);

/** The systems that have applied the latest change of a suppression. */
export const suppressionSystems = lethe.table(
  'suppression_systems',
  {
    suppressionId: text('suppression_id')
      .notNull()
      .references(() => suppressions.id),
    system: text('system').notNull(),
    appliedAt: timestamptz('applied_at').notNull(),
  },
  (table) => [primaryKey({ name: 'suppression_systems_pkey', columns: [table.suppressionId, table.system] })],
);
