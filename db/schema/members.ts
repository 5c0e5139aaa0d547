import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  boolean,
  bytea,
  check,
  index,
  jsonb,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { REQUEST_KINDS, ROLES } from '../../domain/vocabulary.ts';
import { lethe, literals, oneOf, timestamptz } from './lethe.ts';
import { projects } from './projects.ts';
import { requests } from './requests.ts';

/** The members of projects, who can call the API. A person who works in two projects has a member in each. */
export const members = lethe.table(
  'members',
  {
    id: text('id').primaryKey(),
    project: text('project')
      .notNull()
      .references(() => projects.name),
    /** The name that colleagues see. The audit log contains only the id. */
    name: text('name').notNull(),
    role: text('role', { enum: ROLES }).notNull(),
    addedAt: timestamptz('added_at').notNull(),
    /** The id of the member that added this one, or a name that the operator of the database gave. */
    addedBy: text('added_by').notNull(),
    /** Null while the member can call. */
    removedAt: timestamptz('removed_at'),
  },
  (table) => [
    check('members_role_check', oneOf('role', ROLES)),
    uniqueIndex('members_of_project')
      .on(table.project, table.name)
      .where(sql`removed_at IS NULL`),
  ],
);

/** Bearer tokens of the API. */
export const tokens = lethe.table(
  'tokens',
  {
    id: text('id').primaryKey(),
    memberId: text('member_id')
      .notNull()
      .references(() => members.id),
    name: text('name').notNull(),
    /** Digest of the whole token. The token itself is not stored. */
    sha256: bytea('sha256').notNull().unique('tokens_sha256_key'),
    /** The highest role that the token grants. The member's role limits it further. */
    role: text('role', { enum: ROLES }).notNull(),
    /** The request kinds that the token is limited to. Null for all kinds. */
    kinds: text('kinds', { enum: REQUEST_KINDS }).array(),
    readOnly: boolean('read_only').notNull(),
    createdAt: timestamptz('created_at').notNull(),
    createdBy: text('created_by').notNull(),
    /** The token of the call that created this one. Null if the operator of the database created it. */
    mintedBy: text('minted_by').references((): AnyPgColumn => tokens.id),
    expiresAt: timestamptz('expires_at').notNull(),
    /** Updated at most once a minute. Null before the first use. */
    lastUsedAt: timestamptz('last_used_at'),
    revokedAt: timestamptz('revoked_at'),
    revokedBy: text('revoked_by'),
  },
  (table) => [
    check('tokens_role_check', oneOf('role', ROLES)),
    check('tokens_kinds_check', sql.raw(`kinds <@ ARRAY[${literals(REQUEST_KINDS)}] AND cardinality(kinds) > 0`)),
    check('tokens_expires_at_check', sql`expires_at > created_at AND expires_at <= created_at + interval '365 days'`),
    index('tokens_of_member').on(table.memberId),
    index('tokens_by_minter').on(table.mintedBy),
  ],
);

/**
 * The idempotency keys of calls that created something. A replay of a request is answered from its row, any other from the
 * stored response.
 */
export const idempotencyKeys = lethe.table(
  'idempotency_keys',
  {
    memberId: text('member_id')
      .notNull()
      .references(() => members.id),
    /** Keyed digest of the idempotency key, which could contain personal data. */
    keyDigest: bytea('key_digest').notNull(),
    /** Keyed digest of the call's content. A plain hash would allow guessing the content. */
    fingerprint: bytea('fingerprint').notNull(),
    /** The id of the digest key that computed `fingerprint`. */
    digestKey: text('digest_key').notNull(),
    /** The request that the call created. Null for other objects. */
    requestId: text('request_id').references(() => requests.id),
    /** The response without its secrets. It contains no identity. Null for requests. */
    response: jsonb('response').$type<Readonly<Record<string, unknown>>>(),
    createdAt: timestamptz('created_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'idempotency_keys_pkey', columns: [table.memberId, table.keyDigest] }),
    check('idempotency_keys_response_check', sql`num_nonnulls(request_id, response) = 1`),
    index('idempotency_keys_by_age').on(table.createdAt),
  ],
);
