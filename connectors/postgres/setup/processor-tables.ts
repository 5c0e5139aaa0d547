/** Raised when the tables or functions change: inspect() refuses a database that was prepared for an older Lethe. */
export const SCHEMA_VERSION = 1;

/** Lethe's own schema in the database that it serves. No identity stays in it after a request, only digests. */
export const TABLES = `
CREATE SCHEMA IF NOT EXISTS lethe_processor;
REVOKE ALL ON SCHEMA lethe_processor FROM PUBLIC;
GRANT USAGE ON SCHEMA lethe_processor TO PUBLIC;

CREATE TABLE IF NOT EXISTS lethe_processor.schema_version (version integer NOT NULL);

-- HMAC-SHA-256 with the built-in sha256(): the key is kept as its two pads and never leaves this table.
CREATE TABLE IF NOT EXISTS lethe_processor.secret (
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
  IF EXISTS (SELECT FROM lethe_processor.secret) THEN RETURN; END IF;
  FOR i IN 1..4 LOOP key := key || uuid_send(gen_random_uuid()); END LOOP;
  inner_pad := key;
  outer_pad := key;
  FOR i IN 0..63 LOOP
    inner_pad := set_byte(inner_pad, i, get_byte(key, i) # 54);
    outer_pad := set_byte(outer_pad, i, get_byte(key, i) # 92);
  END LOOP;
  INSERT INTO lethe_processor.secret (inner_pad, outer_pad) VALUES (inner_pad, outer_pad);
END $$;

-- How the values of each type compare, so that the application's own spelling finds the same digest.
CREATE TABLE IF NOT EXISTS lethe_processor.identity_types (
  processor text, kind text, type text, comparison text NOT NULL, is_key boolean NOT NULL,
  PRIMARY KEY (processor, kind, type)
);

-- The identities of batches at work: filled by COPY, emptied when the request ends.
CREATE TABLE IF NOT EXISTS lethe_processor.batch (
  processor text NOT NULL, request_id text NOT NULL, batch text NOT NULL, seq integer NOT NULL,
  type text NOT NULL, value text[] NOT NULL
);
CREATE INDEX IF NOT EXISTS batch_members ON lethe_processor.batch (processor, request_id, batch, seq);

-- Which batches are loaded, and how their ranges were cut: fixed before the work.
CREATE TABLE IF NOT EXISTS lethe_processor.batches (
  processor text, request_id text, batch text, first_seq integer, last_seq integer,
  kind text NOT NULL, subjects_per_commit integer NOT NULL,
  PRIMARY KEY (processor, request_id, batch, first_seq, last_seq)
);

-- Who is hidden, by a digest of processor, kind and key: it alone is looked up. flagged_at is the instant that Lethe itself wrote into the soft-delete column: only that is undone.
CREATE TABLE IF NOT EXISTS lethe_processor.tombstones (
  digest bytea PRIMARY KEY, processor text NOT NULL, kind text NOT NULL,
  generation bigint NOT NULL, request_id text NOT NULL, hidden boolean NOT NULL, flagged_at timestamptz
);
CREATE INDEX IF NOT EXISTS tombstones_request ON lethe_processor.tombstones (request_id);

CREATE TABLE IF NOT EXISTS lethe_processor.suppressions (
  digest bytea PRIMARY KEY, processor text NOT NULL, kind text NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The log of finished ranges: the row is a chunk's lock while it works and its receipt afterwards.
CREATE TABLE IF NOT EXISTS lethe_processor.ranges (
  processor text, request_id text, batch text, pass integer, first_seq integer, last_seq integer, part integer,
  counts jsonb NOT NULL DEFAULT '{}', finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (processor, request_id, batch, pass, first_seq, last_seq, part)
);
`;
