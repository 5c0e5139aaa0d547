import { sql } from 'drizzle-orm';
import { boolean, bytea, index, jsonb, primaryKey, text } from 'drizzle-orm/pg-core';
import type { Identity } from '../../domain/identity.ts';
import { SUBJECT_KINDS } from '../../domain/vocabulary.ts';
import { lethe, timestamptz } from './lethe.ts';
import { projects } from './projects.ts';
import { requests } from './requests.ts';

/** Legal holds: they block hard deletion, never soft deletion. They store digests only. */
export const holds = lethe.table('holds', {
  id: text('id').primaryKey(),
  project: text('project')
    .notNull()
    .references(() => projects.name),
  kind: text('kind', { enum: SUBJECT_KINDS }).notNull(),
  caseRef: text('case_ref').notNull(),
  heldBy: text('held_by').notNull(),
  placedAt: timestamptz('placed_at').notNull(),
  releasedAt: timestamptz('released_at'),
  releasedBy: text('released_by'),
});

export const holdDigests = lethe.table(
  'hold_digests',
  {
    holdId: text('hold_id')
      .notNull()
      .references(() => holds.id),
    project: text('project').notNull(),
    kind: text('kind', { enum: SUBJECT_KINDS }).notNull(),
    digest: bytea('digest').notNull(),
    keyId: text('key_id').notNull(),
    active: boolean('active').notNull().default(true),
  },
  (table) => [
    primaryKey({ name: 'hold_digests_pkey', columns: [table.holdId, table.digest] }),
    index('hold_digests_active')
      .on(table.project, table.kind, table.digest)
      .where(sql`active`),
  ],
);

/** Refusals to collect an identity again. */
export const suppressions = lethe.table('suppressions', {
  id: text('id').primaryKey(),
  project: text('project')
    .notNull()
    .references(() => projects.name),
  kind: text('kind', { enum: SUBJECT_KINDS }).notNull(),
  /** The deletion that left it. Null for one that a member placed. */
  requestId: text('request_id').references(() => requests.id),
  since: timestamptz('since').notNull(),
  liftedAt: timestamptz('lifted_at'),
  /** In clear until every system has been notified. */
  identity: jsonb('identity').$type<Identity>(),
  propagatedAt: timestamptz('propagated_at'),
});

export const suppressionDigests = lethe.table(
  'suppression_digests',
  {
    suppressionId: text('suppression_id')
      .notNull()
      .references(() => suppressions.id),
    project: text('project').notNull(),
    kind: text('kind', { enum: SUBJECT_KINDS }).notNull(),
    digest: bytea('digest').notNull(),
    keyId: text('key_id').notNull(),
    active: boolean('active').notNull().default(true),
  },
  (table) => [
    primaryKey({ name: 'suppression_digests_pkey', columns: [table.suppressionId, table.digest] }),
    index('suppression_digests_active')
      .on(table.project, table.kind, table.digest)
      .where(sql`active`),
  ],
);
