/** Increase it with every change of the tables or functions. inspect() compares it with the database. */
export const SCHEMA_VERSION = 1;

const TEXT = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';
const ENGINE = `ENGINE = InnoDB DEFAULT ${TEXT}`;
const REQUEST = 'request_id VARCHAR(64) NOT NULL';
const SYSTEM = '`system` VARCHAR(200) NOT NULL';

/** Lethe's tables, in the database of the system. After a request they contain digests, but no identities. */
export const TABLES = `
CREATE TABLE IF NOT EXISTS lethe_schema_version (version INT NOT NULL PRIMARY KEY) ${ENGINE};

-- The keys of the digests: SHA-256 of the outer one and the SHA-256 of the inner one and the text. Only the functions read it.
CREATE TABLE IF NOT EXISTS lethe_secret (
  only_one TINYINT NOT NULL PRIMARY KEY CHECK (only_one = 1), inner_pad BINARY(64) NOT NULL, outer_pad BINARY(64) NOT NULL
) ${ENGINE};
INSERT IGNORE INTO lethe_secret (only_one, inner_pad, outer_pad) VALUES (1, RANDOM_BYTES(64), RANDOM_BYTES(64));

-- How the values of each identity type compare. is_padded: blanks at the end of a value do not count.
CREATE TABLE IF NOT EXISTS lethe_identity_types (
  ${SYSTEM}, kind VARCHAR(20) NOT NULL, type VARCHAR(200) NOT NULL, comparison VARCHAR(20) NOT NULL,
  is_key BOOLEAN NOT NULL, is_padded BOOLEAN NOT NULL, PRIMARY KEY (\`system\`, kind, type)
) ${ENGINE};

-- The size of the ranges of each batch, which a later change of the configuration does not move.
CREATE TABLE IF NOT EXISTS lethe_batches (
  ${SYSTEM}, ${REQUEST}, batch VARCHAR(64) NOT NULL, range_size INT NOT NULL, PRIMARY KEY (\`system\`, request_id, batch)
) ${ENGINE};

-- The keys of rows that rows of the subjects pointed to, so that a verification finds them. Deleted when the request ends.
CREATE TABLE IF NOT EXISTS lethe_collected (
  ${SYSTEM}, ${REQUEST}, batch VARCHAR(64) NOT NULL, seq INT NOT NULL, type VARCHAR(255) NOT NULL, value LONGTEXT NOT NULL,
  digest BINARY(32) NOT NULL, PRIMARY KEY (\`system\`, request_id, batch, seq, digest)
) ${ENGINE};

-- Hidden subjects, by a digest of system, kind and key. flagged_at is the time that Lethe wrote to the soft-delete column;
-- a restore removes no other value.
CREATE TABLE IF NOT EXISTS lethe_tombstones (
  digest BINARY(32) NOT NULL PRIMARY KEY, ${SYSTEM}, kind VARCHAR(20) NOT NULL, generation BIGINT NOT NULL, ${REQUEST},
  seq INT NOT NULL, hidden BOOLEAN NOT NULL, flagged_at DATETIME(6), KEY (\`system\`, request_id, seq)
) ${ENGINE};

-- Identities that must not be collected again, as digests.
CREATE TABLE IF NOT EXISTS lethe_suppressions (
  digest BINARY(32) NOT NULL PRIMARY KEY, ${SYSTEM}, kind VARCHAR(20) NOT NULL,
  since DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
) ${ENGINE};

-- The log of finished ranges. Its row locks the range while a deletion runs, and holds the counts of the receipt afterward.
CREATE TABLE IF NOT EXISTS lethe_ranges (
  ${SYSTEM}, ${REQUEST}, batch VARCHAR(64) NOT NULL, pass INT NOT NULL, first_seq INT NOT NULL, last_seq INT NOT NULL,
  part INT NOT NULL, counts LONGTEXT NOT NULL, finished_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (\`system\`, request_id, batch, pass, first_seq, last_seq, part)
) ${ENGINE};
`;

export const SYSTEM_TABLES: readonly string[] = [
  'lethe_schema_version',
  'lethe_secret',
  'lethe_identity_types',
  'lethe_batches',
  'lethe_collected',
  'lethe_tombstones',
  'lethe_suppressions',
  'lethe_ranges',
];
