import { sql } from 'drizzle-orm';
import { boolean, bytea, check, index, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { REQUEST_KINDS, ROLES } from '../../domain/vocabulary.ts';
import { lethe, literals, oneOf, timestamptz } from './lethe.ts';
import { projects } from './projects.ts';
import { requests } from './requests.ts';

/** Who may call. A member belongs to one project; a person who works in two is a member of both. */
export const members = lethe.table(
  'members',
  {
    id: text('id').primaryKey(),
    project: text('project')
      .notNull()
      .references(() => projects.name),
    /** How colleagues know the member. Audit rows contain the id. */
    name: text('name').notNull(),
    role: text('role', { enum: ROLES }).notNull(),
    addedAt: timestamptz('added_at').notNull(),
    addedBy: text('added_by').notNull(),
    removedAt: timestamptz('removed_at'),
  },
  (table) => [
    check('members_role_check', oneOf('role', ROLES)),
    uniqueIndex('members_of_project')
      .on(table.project, table.name)
      .where(sql`removed_at IS NULL`),
  ],
);

export const tokens = lethe.table(
  'tokens',
  {
    id: text('id').primaryKey(),
    memberId: text('member_id')
      .notNull()
      .references(() => members.id),
    name: text('name').notNull(),
    /** Of the whole token, which is shown once and stored nowhere. */
    sha256: bytea('sha256').notNull().unique('tokens_sha256_key'),
    /** Never above the member's own; the lower of the two applies. */
    role: text('role', { enum: ROLES }).notNull(),
    /** The request kinds that a service token is limited to. Null: all kinds. */
    kinds: text('kinds', { enum: REQUEST_KINDS }).array(),
    readOnly: boolean('read_only').notNull(),
    createdAt: timestamptz('created_at').notNull(),
    createdBy: text('created_by').notNull(),
    expiresAt: timestamptz('expires_at').notNull(),
    /** To the minute. */
    lastUsedAt: timestamptz('last_used_at'),
    revokedAt: timestamptz('revoked_at'),
    revokedBy: text('revoked_by'),
  },
  (table) => [
    check('tokens_role_check', oneOf('role', ROLES)),
    check('tokens_kinds_check', sql.raw(`kinds <@ ARRAY[${literals(REQUEST_KINDS)}] AND cardinality(kinds) > 0`)),
    check('tokens_expires_at_check', sql`expires_at > created_at AND expires_at <= created_at + interval '365 days'`),
    index('tokens_of_member').on(table.memberId),
  ],
);

/**
 * The request that a caller's Idempotency-Key stands for. No body is kept: a replay is answered from the request's row.
 * Key and fingerprint are keyed digests: a key may contain anything, and a plain hash of a body could be guessed.
 */
export const idempotencyKeys = lethe.table(
  'idempotency_keys',
  {
    memberId: text('member_id')
      .notNull()
      .references(() => members.id),
    keyDigest: bytea('key_digest').notNull(),
    fingerprint: bytea('fingerprint').notNull(),
    digestKey: text('digest_key').notNull(),
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    createdAt: timestamptz('created_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'idempotency_keys_pkey', columns: [table.memberId, table.keyDigest] }),
    index('idempotency_keys_by_age').on(table.createdAt),
  ],
);
