import { sql } from 'drizzle-orm';
import { bigint, boolean, bytea, check, foreignKey, index, integer, json, primaryKey, text } from 'drizzle-orm/pg-core';
import type { PartFacts } from '../../domain/archive.ts';
import { ARCHIVE_ENDS, COLLECTION_STATES } from '../../domain/vocabulary.ts';
import { lethe, oneOf, timestamptz } from './lethe.ts';
import { requests } from './requests.ts';

/** The key of an archive and its parts, encrypted with a digest key. Deleting this row makes them unreadable. */
export const archiveKeys = lethe.table('archive_keys', {
  requestId: text('request_id')
    .primaryKey()
    .references(() => requests.id),
  encrypted: bytea('encrypted').notNull(),
  digestKey: text('digest_key').notNull(),
});

/** How far one system is collected in one epoch of an export. */
export const collections = lethe.table(
  'collections',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    epoch: integer('epoch').notNull(),
    system: text('system').notNull(),
    state: text('state', { enum: COLLECTION_STATES }).notNull().default('pending'),
    /** All tables of the system are exported as of this time. */
    cutOffAt: timestamptz('cut_off_at'),
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
    number: integer('number').notNull(),
    object: text('object').notNull(),
    /** Table, meaning, columns, windowed, retained, rows, bytes, sha256: no value of any row. */
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
    object: text('object').notNull(),
    rows: bigint('rows', { mode: 'number' }).notNull(),
    bytes: bigint('bytes', { mode: 'number' }).notNull(),
    sha256: bytea('sha256').notNull(),
    readyAt: timestamptz('ready_at').notNull(),
    expiresAt: timestamptz('expires_at').notNull(),
    /** When the key was destroyed. */
    destroyedAt: timestamptz('destroyed_at'),
    reason: text('reason', { enum: ARCHIVE_ENDS }),
  },
  () => [
    check('archives_reason_check', oneOf('reason', ARCHIVE_ENDS)),
    check('archives_destroyed_check', sql`(destroyed_at IS NULL) = (reason IS NULL)`),
  ],
);

/** Links to an archive, for one download each. The token itself is stored nowhere. */
export const links = lethe.table(
  'links',
  {
    id: text('id').primaryKey(),
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    sha256: bytea('sha256').notNull().unique('links_sha256_key'),
    createdAt: timestamptz('created_at').notNull(),
    createdBy: text('created_by').notNull(),
    expiresAt: timestamptz('expires_at').notNull(),
    revokedAt: timestamptz('revoked_at'),
    revokedBy: text('revoked_by'),
    /** The running transfer. */
    transfer: text('transfer'),
    /** When the running transfer last renewed its lease. */
    leaseRenewedAt: timestamptz('lease_renewed_at'),
    usedAt: timestamptz('used_at'),
  },
  (table) => [
    check('links_expires_at_check', sql`expires_at > created_at AND expires_at <= created_at + interval '7 days'`),
    check('links_transfer_check', sql`(transfer IS NULL) = (lease_renewed_at IS NULL)`),
    index('links_of_request').on(table.requestId, table.id),
  ],
);

/** The storage that this ledger's archives lie in. A process with another storage refuses to start. */
export const archiveStorage = lethe.table(
  'archive_storage',
  { oneRow: boolean('one_row').primaryKey().default(true), mark: text('mark').notNull() },
  () => [check('archive_storage_one_row_check', sql`one_row`)],
);
