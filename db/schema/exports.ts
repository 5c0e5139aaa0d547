import { sql } from 'drizzle-orm';
import { bigint, boolean, bytea, check, foreignKey, index, integer, json, primaryKey, text } from 'drizzle-orm/pg-core';
import type { PartFacts } from '../../domain/archive.ts';
import { ARCHIVE_ENDS, COLLECTION_STATES } from '../../domain/vocabulary.ts';
import { lethe, oneOf, timestamptz } from './lethe.ts';
import { requests } from './requests.ts';

/**
 * Archive keys, encrypted with a digest key. Deleting a row makes the archive and its parts unreadable
 * (crypto-shredding).
 */
export const archiveKeys = lethe.table('archive_keys', {
  requestId: text('request_id')
    .primaryKey()
    .references(() => requests.id),
  encrypted: bytea('encrypted').notNull(),
  /** The id of the digest key that decrypts `encrypted`. */
  digestKey: text('digest_key').notNull(),
});

/**
 * The keys that encrypt the rows of one subject in the parts of an archive. A claim deletes them, and the rest of the
 * archive stays readable. `seq` 0 encrypts rows of which a system cannot say whose they are.
 */
export const archiveSubjectKeys = lethe.table(
  'archive_subject_keys',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => archiveKeys.requestId, { onDelete: 'cascade' }),
    seq: integer('seq').notNull(),
    key: bytea('key').notNull(),
  },
  (table) => [primaryKey({ name: 'archive_subject_keys_pkey', columns: [table.requestId, table.seq] })],
);

/** The collection of one system in one epoch of an export. */
export const collections = lethe.table(
  'collections',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    /** The value of `requests.epoch` for which the system is collected. */
    epoch: integer('epoch').notNull(),
    system: text('system').notNull(),
    state: text('state', { enum: COLLECTION_STATES }).notNull().default('pending'),
    /** All tables of the system are exported as of this time. Null until the system is collected. */
    cutOffAt: timestamptz('cut_off_at'),
    /** Rows and bytes so far, while the state is `pending`. Each attempt starts at 0. */
    rows: bigint('rows', { mode: 'number' }).notNull().default(0),
    bytes: bigint('bytes', { mode: 'number' }).notNull().default(0),
  },
  (table) => [
    primaryKey({ name: 'collections_pkey', columns: [table.requestId, table.epoch, table.system] }),
    check('collections_state_check', oneOf('state', COLLECTION_STATES)),
    check('collections_cut_off_at_check', sql`(state = 'collected') = (cut_off_at IS NOT NULL)`),
  ],
);

/** The tables of a finished collection. Each is one object in the storage. */
export const collectedTables = lethe.table(
  'collected_tables',
  {
    requestId: text('request_id').notNull(),
    epoch: integer('epoch').notNull(),
    system: text('system').notNull(),
    /** The order of the tables in the export, from 1. */
    number: integer('number').notNull(),
    /** The name of the object in the archive storage. */
    object: text('object').notNull(),
    /** Metadata of the table. Contains no value of any row. */
    facts: json('facts').$type<PartFacts>().notNull(),
  },
  (table) => [
    primaryKey({
      name: 'collected_tables_pkey',
      columns: [table.requestId, table.epoch, table.system, table.number],
    }),
    foreignKey({
      name: 'collected_tables_collection_fkey',
      columns: [table.requestId, table.epoch, table.system],
      foreignColumns: [collections.requestId, collections.epoch, collections.system],
    }),
    check('collected_tables_number_check', sql`number >= 1`),
  ],
);

/** The archive of an export that is, or was, ready. */
export const archives = lethe.table(
  'archives',
  {
    requestId: text('request_id')
      .primaryKey()
      .references(() => requests.id),
    /** The epoch of the parts that the archive consists of. */
    epoch: integer('epoch').notNull(),
    /** The number of subjects that it contained when it was packaged. */
    subjects: integer('subjects').notNull(),
    /** How many of them deletions have removed since. */
    removedSubjects: integer('removed_subjects').notNull().default(0),
    rows: bigint('rows', { mode: 'number' }).notNull(),
    /** Size and digest of the unencrypted archive as it was packaged. */
    bytes: bigint('bytes', { mode: 'number' }).notNull(),
    sha256: bytea('sha256').notNull(),
    readyAt: timestamptz('ready_at').notNull(),
    expiresAt: timestamptz('expires_at').notNull(),
    /** When the key was destroyed. Null while the archive can be read. */
    destroyedAt: timestamptz('destroyed_at'),
    reason: text('reason', { enum: ARCHIVE_ENDS }),
  },
  () => [
    check('archives_reason_check', oneOf('reason', ARCHIVE_ENDS)),
    check('archives_removed_subjects_check', sql`removed_subjects >= 0 AND removed_subjects < subjects`),
    check('archives_destroyed_check', sql`(destroyed_at IS NULL) = (reason IS NULL)`),
  ],
);

/** Download links to an archive, for one download each. */
export const links = lethe.table(
  'links',
  {
    id: text('id').primaryKey(),
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    /** Digest of the link's token. The token itself is not stored. */
    sha256: bytea('sha256').notNull().unique('links_sha256_key'),
    createdAt: timestamptz('created_at').notNull(),
    /** The id of a member, or `lethe`. */
    createdBy: text('created_by').notNull(),
    expiresAt: timestamptz('expires_at').notNull(),
    revokedAt: timestamptz('revoked_at'),
    revokedBy: text('revoked_by'),
    /** The id of the transfer that holds the lease. Null if no transfer runs. */
    transfer: text('transfer'),
    /** When the running transfer last renewed its lease. Null if no transfer runs. */
    leaseRenewedAt: timestamptz('lease_renewed_at'),
    /** When the whole archive was sent. Null until then. */
    usedAt: timestamptz('used_at'),
  },
  (table) => [
    check('links_expires_at_check', sql`expires_at > created_at AND expires_at <= created_at + interval '7 days'`),
    check('links_transfer_check', sql`(transfer IS NULL) = (lease_renewed_at IS NULL)`),
    index('links_of_request').on(table.requestId, table.id),
  ],
);

/** The mark of the storage that contains this ledger's archives. A process with another storage does not start. */
export const archiveStorage = lethe.table(
  'archive_storage',
  { oneRow: boolean('one_row').primaryKey().default(true), mark: text('mark').notNull() },
  () => [check('archive_storage_one_row_check', sql`one_row`)],
);
