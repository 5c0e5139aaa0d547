-- Lethe's ledger. Rows decide who may be deleted; Temporal only decides when (design §1).
-- Identities stand in clear in submitted_identities.value, subject_identities and suppression_changes alone,
-- and leave them when the request ends. Everything else holds positions, counts, codes and keyed digests.

-- One row per project: locked FOR UPDATE by every transaction that resolves, holds, cancels or claims (rule 6).
CREATE TABLE lethe.projects (name text PRIMARY KEY);

-- Which digest keys rows were written with. A start without one of them, or with another key of its name, is refused (rule 11).
CREATE TABLE lethe.digest_keys (id text PRIMARY KEY, proof bytea NOT NULL);

-- From one sequence for all requests, so that a subject handed from one to another compares rightly (rule 9).
CREATE SEQUENCE lethe.visibility_generation;

CREATE TABLE lethe.requests (
  id                      text PRIMARY KEY,
  project                 text NOT NULL REFERENCES lethe.projects,
  kind                    text NOT NULL CHECK (kind IN ('deletion')),
  subject_kind            text NOT NULL CHECK (subject_kind IN ('user', 'company')),
  regulation              text NOT NULL,
  scope                   text NOT NULL CHECK (scope IN ('data', 'categories', 'sources')),
  selection               text NOT NULL CHECK (selection IN ('identities', 'segment', 'everyone')),
  segment                 text,
  suppress                boolean NOT NULL,
  on_conflict             text NOT NULL CHECK (on_conflict IN ('attach', 'reject')),
  expedite                text CHECK (expedite IN ('next_run', 'now')),
  expedite_reason         text,
  submitted_by            text NOT NULL,
  submitted               integer NOT NULL,
  status                  text NOT NULL DEFAULT 'received' CHECK (status IN ('received', 'resolving', 'grace', 'deleting',
                            'verifying', 'completed', 'not_found', 'partially_completed', 'cancelled', 'failed')),
  received_at             timestamptz NOT NULL,
  due_at                  timestamptz NOT NULL,
  hard_delete_at          timestamptz NOT NULL,
  estimated_completion_at timestamptz NOT NULL,
  -- Set by a cancellation of the whole request that came before there were subjects to cancel.
  cancelled_at            timestamptz,
  -- Why it failed, as a code; nothing was hidden or deleted then.
  failure                 text,
  resolved_at             timestamptz,
  concluded_at            timestamptz,
  -- Frozen when resolved (rule 5): { processor: data map hash }.
  processors              jsonb,
  -- An operator has seen that the subjects became many more since acceptance, and lets them join.
  growth_accepted         boolean NOT NULL DEFAULT false,
  -- Raised by every change that the workflow has to look at; wake_seen is what it has looked at (rule 2).
  wake_version            bigint NOT NULL DEFAULT 0,
  wake_seen               bigint NOT NULL DEFAULT 0,
  attended_at             timestamptz NOT NULL,
  -- json, not jsonb: evidence is handed out as it was written, in its order.
  receipt                 json,
  CHECK ((selection = 'segment') = (segment IS NOT NULL)),
  CHECK ((status = 'failed') = (failure IS NOT NULL)),
  CHECK ((expedite IS NULL) = (expedite_reason IS NULL)),
  CHECK ((status IN ('completed', 'not_found', 'partially_completed', 'cancelled', 'failed')) = (concluded_at IS NOT NULL))
);
CREATE INDEX requests_of_project ON lethe.requests (project, received_at DESC, id DESC);
CREATE INDEX requests_open ON lethe.requests (attended_at) WHERE concluded_at IS NULL;

CREATE TABLE lethe.submitted_identities (
  -- No foreign key: checking 2 000 of them takes four times as long as storing them, and one statement stores both.
  request_id   text NOT NULL,
  position     integer NOT NULL CHECK (position >= 1),
  type         text NOT NULL,
  value        text[],
  outcome      text CHECK (outcome IN ('matched', 'invalid', 'not_found', 'duplicate', 'attached', 'already_deleted')),
  reason       text,
  duplicate_of integer,
  withdrawn_at timestamptz,
  PRIMARY KEY (request_id, position)
);

CREATE TABLE lethe.subjects (
  request_id     text NOT NULL,
  seq            integer NOT NULL CHECK (seq >= 1),
  project        text NOT NULL,
  kind           text NOT NULL,
  -- Keyed digest of the subject's own key: says whose it is without saying who it is.
  digest         bytea NOT NULL,
  -- Whether the directory knows the subject; one that it does not know is still offered to every processor.
  known          boolean NOT NULL,
  -- Whether any processor holds anything on it; null: not looked for, because the directory knows it.
  present        boolean,
  state          text NOT NULL CHECK (state IN ('resolved', 'soft_deleted', 'claimed', 'deleted',
                   'partially_deleted', 'cancelling', 'cancelled', 'attached', 'not_found')),
  owner_request  text,
  owner_seq      integer,
  -- The desired visibility and the generation that desired it; every processor converges to it on its own.
  hidden         boolean NOT NULL,
  generation     bigint NOT NULL,
  -- The instant of the run that may claim it. The claim moves what it leaves behind to the next run.
  hard_delete_at timestamptz NOT NULL,
  expedited      boolean NOT NULL DEFAULT false,
  batch          integer,
  claimed_at     timestamptz,
  retained       boolean NOT NULL DEFAULT false,
  PRIMARY KEY (request_id, seq),
  CHECK ((state IN ('claimed', 'deleted', 'partially_deleted') AND owner_request IS NULL) = (batch IS NOT NULL)),
  CHECK ((batch IS NULL) = (claimed_at IS NULL)),
  CHECK ((state = 'attached') <= (owner_request IS NOT NULL))
);
-- One open deletion owns a subject (rule 7).
CREATE UNIQUE INDEX subjects_one_owner ON lethe.subjects (project, kind, digest)
  WHERE state IN ('resolved', 'soft_deleted', 'claimed', 'cancelling');
CREATE INDEX subjects_due ON lethe.subjects (project, hard_delete_at) WHERE state IN ('resolved', 'soft_deleted');
CREATE INDEX subjects_batch ON lethe.subjects (request_id, batch, seq) WHERE batch IS NOT NULL;
CREATE INDEX subjects_attached ON lethe.subjects (owner_request, owner_seq) WHERE state = 'attached';

-- Which subjects a submitted identity stands for: an alias may stand for several, several identities for one.
CREATE TABLE lethe.matches (
  request_id text NOT NULL,
  position   integer NOT NULL,
  seq        integer NOT NULL,
  PRIMARY KEY (request_id, position, seq)
);
CREATE INDEX matches_of_subject ON lethe.matches (request_id, seq);

CREATE TABLE lethe.subject_identities (
  request_id text NOT NULL,
  seq        integer NOT NULL,
  type       text NOT NULL,
  value      text[] NOT NULL,
  -- Under the newest key; stands for type and value where they are compared.
  digest     bytea NOT NULL,
  origin     text NOT NULL CHECK (origin IN ('key', 'submitted', 'identity', 'alias')),
  -- Another subject, outside this request, is called the same: its data stays (rule 8).
  shared     boolean NOT NULL,
  PRIMARY KEY (request_id, seq, digest)
);
CREATE INDEX subject_identities_same ON lethe.subject_identities (request_id, digest);

-- Keyed digests of every identity of every subject, under every key in use; they outlive the identities.
CREATE TABLE lethe.identity_digests (
  project    text NOT NULL,
  kind       text NOT NULL,
  digest     bytea NOT NULL,
  key_id     text NOT NULL,
  request_id text NOT NULL,
  seq        integer NOT NULL,
  is_key     boolean NOT NULL,
  PRIMARY KEY (request_id, seq, digest)
);
CREATE INDEX identity_digests_lookup ON lethe.identity_digests (project, kind, digest);

-- How far each processor has followed the desired visibility of a request.
CREATE TABLE lethe.processor_visibility (
  request_id         text NOT NULL REFERENCES lethe.requests,
  processor          text NOT NULL,
  hides              boolean NOT NULL,
  applied_generation bigint NOT NULL DEFAULT 0,
  skipped_at         timestamptz,
  skip_reason        text,
  skipped_by         text,
  PRIMARY KEY (request_id, processor)
);

-- Hard deletions booked per run (rule 12).
CREATE TABLE lethe.runs (
  project text NOT NULL REFERENCES lethe.projects,
  run_at  timestamptz NOT NULL,
  booked  integer NOT NULL,
  PRIMARY KEY (project, run_at)
);

-- One claimed batch in one processor.
CREATE TABLE lethe.batch_work (
  request_id   text NOT NULL REFERENCES lethe.requests,
  batch        integer NOT NULL,
  processor    text NOT NULL,
  state        text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'deleting', 'verifying', 'verified', 'attested',
                 'unverified', 'attention', 'skipped')),
  first_seq    integer NOT NULL,
  last_seq     integer NOT NULL,
  size         integer NOT NULL,
  pass         integer NOT NULL DEFAULT 1,
  ticket       text,
  -- When it was first seen empty; the last look comes policy.settle later.
  emptied_at   timestamptz,
  verified_at  timestamptz,
  survivors    integer,
  skip_reason  text,
  skipped_by   text,
  PRIMARY KEY (request_id, batch, processor)
);

-- What each finished range removed and kept; the receipt is the sum of these rows (rule 13).
CREATE TABLE lethe.processor_ranges (
  request_id text NOT NULL,
  batch      integer NOT NULL,
  processor  text NOT NULL,
  pass       integer NOT NULL,
  first_seq  integer NOT NULL,
  last_seq   integer NOT NULL,
  part       integer NOT NULL,
  tables     jsonb NOT NULL,
  PRIMARY KEY (request_id, batch, processor, pass, first_seq, last_seq, part)
);

-- Why an operator is needed now. A row goes when its reason has gone; the audit trail keeps the story.
CREATE TABLE lethe.attention (
  request_id text NOT NULL REFERENCES lethe.requests,
  processor  text NOT NULL,
  step       text NOT NULL CHECK (step IN ('resolve', 'inspect', 'visibility', 'delete', 'verify', 'conclude')),
  batch      integer NOT NULL DEFAULT 0,
  code       text NOT NULL,
  since      timestamptz NOT NULL,
  -- When it is tried again without an operator; null: only when told to.
  retry_at   timestamptz,
  PRIMARY KEY (request_id, processor, step, batch)
);

CREATE TABLE lethe.holds (
  id          text PRIMARY KEY,
  project     text NOT NULL REFERENCES lethe.projects,
  kind        text NOT NULL,
  case_ref    text NOT NULL,
  held_by     text NOT NULL,
  placed_at   timestamptz NOT NULL,
  released_at timestamptz,
  released_by text
);
CREATE TABLE lethe.hold_digests (
  hold_id text NOT NULL REFERENCES lethe.holds,
  project text NOT NULL,
  kind    text NOT NULL,
  digest  bytea NOT NULL,
  key_id  text NOT NULL,
  active  boolean NOT NULL DEFAULT true,
  PRIMARY KEY (hold_id, digest)
);
CREATE INDEX hold_digests_active ON lethe.hold_digests (project, kind, digest) WHERE active;

-- A standing refusal to collect again.
CREATE TABLE lethe.suppressions (
  id         text PRIMARY KEY,
  project    text NOT NULL REFERENCES lethe.projects,
  kind       text NOT NULL,
  request_id text REFERENCES lethe.requests,
  since      timestamptz NOT NULL,
  lifted_at  timestamptz,
  -- In clear only until every processor has been told.
  identity   jsonb,
  told_at    timestamptz
);
CREATE TABLE lethe.suppression_digests (
  suppression_id text NOT NULL REFERENCES lethe.suppressions,
  project        text NOT NULL,
  kind           text NOT NULL,
  digest         bytea NOT NULL,
  key_id         text NOT NULL,
  active         boolean NOT NULL DEFAULT true,
  PRIMARY KEY (suppression_id, digest)
);
CREATE INDEX suppression_digests_active ON lethe.suppression_digests (project, kind, digest) WHERE active;

-- The next free instant of every slot (design §7).
CREATE TABLE lethe.slots (name text PRIMARY KEY, next_at timestamptz NOT NULL);

-- Append-only. Subjects by position, sequence range and digest only; no foreign keys, because it outlives what it tells of.
CREATE TABLE lethe.audit_events (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at         timestamptz NOT NULL,
  project    text NOT NULL,
  request_id text,
  actor      text NOT NULL,
  action     text NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
  detail     jsonb NOT NULL
);
CREATE INDEX audit_events_of_request ON lethe.audit_events (request_id, id);
CREATE INDEX audit_events_of_project ON lethe.audit_events (project, id);

CREATE FUNCTION lethe.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'audit_events is append-only'; END $$;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lethe.audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION lethe.refuse_change();
