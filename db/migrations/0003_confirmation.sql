-- A request that is counted first and touches nobody before somebody confirms the count.
ALTER TABLE lethe.requests
  ADD COLUMN confirm         boolean NOT NULL DEFAULT false,
  -- Set when everything is counted: until then it can be confirmed, at it the request ends by itself.
  ADD COLUMN confirm_by      timestamptz,
  ADD COLUMN confirmed_at    timestamptz,
  ADD COLUMN confirmed_by    text,
  -- How many subjects there were when it was confirmed: the number that the member who confirmed it named.
  ADD COLUMN confirmed_count integer,
  DROP CONSTRAINT requests_status_check,
  ADD CONSTRAINT requests_status_check CHECK (status IN ('received', 'resolving', 'awaiting_confirmation', 'grace', 'deleting',
    'verifying', 'completed', 'not_found', 'partially_completed', 'cancelled', 'failed')),
  ADD CHECK (status <> 'awaiting_confirmation' OR (confirm_by IS NOT NULL AND confirmed_at IS NULL)),
  ADD CHECK (confirm OR confirm_by IS NULL),
  ADD CHECK (confirmed_at < confirm_by),
  ADD CHECK (num_nonnulls(confirmed_at, confirmed_by, confirmed_count) IN (0, 3));

-- Proposed subjects are not among the owning states of subjects_one_owner: whoever may never be confirmed keeps nobody waiting.
ALTER TABLE lethe.subjects
  DROP CONSTRAINT subjects_state_check,
  ADD CONSTRAINT subjects_state_check CHECK (state IN ('proposed', 'resolved', 'soft_deleted', 'claimed', 'deleted',
    'partially_deleted', 'cancelling', 'cancelled', 'attached', 'not_found')),
  ADD CHECK (state <> 'proposed' OR (NOT hidden AND owner_request IS NULL));

-- What each processor holds on the proposed subjects: [{ table, rows }]; null where it cannot say.
CREATE TABLE lethe.request_counts (
  request_id text NOT NULL REFERENCES lethe.requests,
  processor  text NOT NULL,
  tables     jsonb,
  PRIMARY KEY (request_id, processor)
);

-- Who is to be spared of everyone. The value goes once the directory has said who that is.
CREATE TABLE lethe.excepted_identities (
  -- No foreign key, as in submitted_identities: one statement stores both.
  request_id text NOT NULL,
  number     integer NOT NULL CHECK (number >= 1),
  type       text NOT NULL,
  value      text[],
  -- Whether the directory knew it; null: not asked yet.
  matched    boolean,
  PRIMARY KEY (request_id, number)
);

-- Keyed digests of all that the spared are called, under every key in use, for as long as the request may still meet them.
CREATE TABLE lethe.excepted_digests (
  request_id text NOT NULL,
  digest     bytea NOT NULL,
  PRIMARY KEY (request_id, digest)
);
