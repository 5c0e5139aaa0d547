/** Raised when the tables or functions change: inspect() refuses a database that was prepared for an older Lethe. */
export const SCHEMA_VERSION = 1;

/** Lethe's own schema in the database that it serves. No identity stays in it after a request, only digests. */
export const TABLES = `
CREATE SCHEMA IF NOT EXISTS lethe_system;
REVOKE ALL ON SCHEMA lethe_system FROM PUBLIC;
GRANT USAGE ON SCHEMA lethe_system TO PUBLIC;

CREATE TABLE IF NOT EXISTS lethe_system.schema_version (version integer NOT NULL);

-- HMAC-SHA-256 with the built-in sha256(): the key is kept as its two pads and never leaves this table.
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

-- How the values of each type compare, so that the application's own spelling finds the same digest.
CREATE TABLE IF NOT EXISTS lethe_system.identity_types (
  system text, kind text, type text, comparison text NOT NULL, is_key boolean NOT NULL,
  PRIMARY KEY (system, kind, type)
);

-- The identities of batches at work: filled by COPY, emptied when the request ends.
CREATE TABLE IF NOT EXISTS lethe_system.batch (
  system text NOT NULL, request_id text NOT NULL, batch text NOT NULL, seq integer NOT NULL,
  type text NOT NULL, value text[] NOT NULL
);
CREATE INDEX IF NOT EXISTS batch_members ON lethe_system.batch (system, request_id, batch, seq);

-- Which batches are loaded, and how their ranges were cut: fixed before the work.
CREATE TABLE IF NOT EXISTS lethe_system.batches (
  system text, request_id text, batch text, first_seq integer, last_seq integer,
  kind text NOT NULL, subjects_per_commit integer NOT NULL,
  PRIMARY KEY (system, request_id, batch, first_seq, last_seq)
);

-- Who is hidden, by a digest of system, kind and key: it alone is looked up. flagged_at is the timestamp that Lethe itself wrote into the soft-delete column: only that is undone.
CREATE TABLE IF NOT EXISTS lethe_system.tombstones (
  digest bytea PRIMARY KEY, system text NOT NULL, kind text NOT NULL,
  generation bigint NOT NULL, request_id text NOT NULL, hidden boolean NOT NULL, flagged_at timestamptz
);
CREATE INDEX IF NOT EXISTS tombstones_request ON lethe_system.tombstones (request_id);

CREATE TABLE IF NOT EXISTS lethe_system.suppressions (
  digest bytea PRIMARY KEY, system text NOT NULL, kind text NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The log of finished ranges: the row is a chunk's lock while it works and its receipt afterwards.
CREATE TABLE IF NOT EXISTS lethe_system.ranges (
  system text, request_id text, batch text, pass integer, first_seq integer, last_seq integer, part integer,
  counts jsonb NOT NULL DEFAULT '{}', finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (system, request_id, batch, pass, first_seq, last_seq, part)
);
`;
