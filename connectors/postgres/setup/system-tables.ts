/** Increase it with every change of the tables or functions. inspect() compares it with the database. */
export const SCHEMA_VERSION = 1;

/** The schema lethe_system in the database of a system. After a request it contains digests, but no identities. */
export const TABLES = `
CREATE SCHEMA IF NOT EXISTS lethe_system;
REVOKE ALL ON SCHEMA lethe_system FROM PUBLIC;
GRANT USAGE ON SCHEMA lethe_system TO PUBLIC;

CREATE TABLE IF NOT EXISTS lethe_system.schema_version (version integer NOT NULL);

-- The key of the digests, as the two pads of HMAC-SHA-256. Only its owner and the functions below read it.
CREATE TABLE IF NOT EXISTS lethe_system.secret (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  inner_pad bytea NOT NULL CHECK (length(inner_pad) = 64),
  outer_pad bytea NOT NULL CHECK (length(outer_pad) = 64)
);
DO $$
DECLARE
  key bytea := '';
  inner_pad bytea;
  outer_pad bytea;
BEGIN
  IF EXISTS (SELECT FROM lethe_system.secret) THEN RETURN; END IF;
  FOR i IN 1..4 LOOP key := key || uuid_send(gen_random_uuid()); END LOOP;
  inner_pad := key;
  outer_pad := key;
  FOR i IN 0..63 LOOP
    inner_pad := set_byte(inner_pad, i, get_byte(key, i) # 54);
    outer_pad := set_byte(outer_pad, i, get_byte(key, i) # 92);
  END LOOP;
  INSERT INTO lethe_system.secret (inner_pad, outer_pad) VALUES (inner_pad, outer_pad);
END $$;

-- How the values of each identity type compare. collations: of its columns, if their lower case is not that of the database.
CREATE TABLE IF NOT EXISTS lethe_system.identity_types (
  system text, kind text, type text, comparison text NOT NULL, is_key boolean NOT NULL, collations regcollation[],
  PRIMARY KEY (system, kind, type)
);

-- The identities of each batch in progress. Filled by COPY, deleted when the request ends.
CREATE TABLE IF NOT EXISTS lethe_system.batch (
  system text NOT NULL, request_id text NOT NULL, batch text NOT NULL, seq integer NOT NULL,
  type text NOT NULL, value text[] NOT NULL
);
CREATE INDEX IF NOT EXISTS batch_members ON lethe_system.batch (system, request_id, batch, seq);

-- The loaded batches and the size of their ranges, which a later change of the configuration does not move.
CREATE TABLE IF NOT EXISTS lethe_system.batches (
  system text, request_id text, batch text, first_seq integer, last_seq integer,
  kind text NOT NULL, subjects_per_commit integer NOT NULL,
  PRIMARY KEY (system, request_id, batch, first_seq, last_seq)
);

-- Hidden subjects, by a digest of system, kind and key. flagged_at is the timestamp that Lethe wrote to the soft-delete
-- column; a restore removes no other value.
CREATE TABLE IF NOT EXISTS lethe_system.tombstones (
  digest bytea PRIMARY KEY, system text NOT NULL, kind text NOT NULL,
  generation bigint NOT NULL, request_id text NOT NULL, hidden boolean NOT NULL, flagged_at timestamptz
);
CREATE INDEX IF NOT EXISTS tombstones_request ON lethe_system.tombstones (request_id);

-- Identities that must not be collected again, as digests.
CREATE TABLE IF NOT EXISTS lethe_system.suppressions (
  digest bytea PRIMARY KEY, system text NOT NULL, kind text NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The log of finished ranges. Its row locks the range while a deletion runs, and holds the counts of the receipt afterward.
CREATE TABLE IF NOT EXISTS lethe_system.ranges (
  system text, request_id text, batch text, pass integer, first_seq integer, last_seq integer, part integer,
  counts jsonb NOT NULL DEFAULT '{}', finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (system, request_id, batch, pass, first_seq, last_seq, part)
);
`;
