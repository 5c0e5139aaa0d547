-- Exports: everything that is held on somebody, in one archive that expires.
ALTER TABLE lethe.requests
  -- Of an export: how rows are written.
  ADD COLUMN format       text CHECK (format IN ('ndjson', 'csv')),
  -- The e-mail address of a colleague who is told; leaves when the request ends.
  ADD COLUMN notify       text,
  -- Of a deletion: nobody is claimed who is not in an archive that is ready.
  ADD COLUMN export_first boolean NOT NULL DEFAULT false,
  -- Of an export: the deletion before which it is made.
  ADD COLUMN backup_of    text REFERENCES lethe.requests,
  -- Of an export: one more for each time that who or what belongs in it has changed (rule 17). What was collected in an
  -- earlier epoch is not packaged.
  ADD COLUMN epoch        integer NOT NULL DEFAULT 1,
  ALTER COLUMN hard_delete_at DROP NOT NULL,
  DROP CONSTRAINT requests_kind_check,
  DROP CONSTRAINT requests_status_check,
  DROP CONSTRAINT requests_check3,
  ADD CONSTRAINT requests_kind_check CHECK (kind IN ('export', 'deletion')),
  ADD CONSTRAINT requests_status_check CHECK (status IN ('received', 'resolving', 'not_found', 'cancelled', 'failed')
    OR (kind = 'deletion' AND status IN ('awaiting_confirmation', 'grace', 'deleting', 'verifying', 'completed', 'partially_completed'))
    OR (kind = 'export' AND status IN ('collecting', 'packaging', 'ready', 'expired'))),
  -- An export is concluded when its archive is gone: it has expired before that, since nobody can read it any more.
  ADD CONSTRAINT requests_concluded_check CHECK (status = 'expired' OR
    (status IN ('completed', 'not_found', 'partially_completed', 'cancelled', 'failed')) = (concluded_at IS NOT NULL)),
  ADD CHECK ((kind = 'deletion') = (hard_delete_at IS NOT NULL)),
  ADD CHECK ((kind = 'export') = (format IS NOT NULL)),
  ADD CHECK (kind = 'deletion' OR NOT (suppress OR confirm OR export_first OR expedite IS NOT NULL)),
  ADD CHECK (kind = 'export' OR backup_of IS NULL),
  ADD CHECK (scope = 'data' OR NOT suppress);
CREATE INDEX requests_backups ON lethe.requests (backup_of) WHERE backup_of IS NOT NULL;
CREATE INDEX requests_export_first ON lethe.requests (project) WHERE export_first AND concluded_at IS NULL;
CREATE INDEX requests_open_exports ON lethe.requests (project) WHERE kind = 'export' AND concluded_at IS NULL;

-- `scheduled`: of a part-deletion, which hides nobody (rule 16): found, and waiting for its run.
-- `wanted`, `exported`, `left_out`: of an export, which owns nobody and hides nobody: to be collected; in the archive that
-- is ready; claimed by a deletion before that.
ALTER TABLE lethe.subjects
  ADD COLUMN scope     text NOT NULL DEFAULT 'data' CHECK (scope IN ('data', 'categories', 'sources')),
  -- Of a deletion that exports first: it is in an archive that is ready.
  ADD COLUMN backed_up boolean NOT NULL DEFAULT false,
  ALTER COLUMN hard_delete_at DROP NOT NULL,
  DROP CONSTRAINT subjects_state_check,
  ADD CONSTRAINT subjects_state_check CHECK (state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'claimed', 'deleted',
    'partially_deleted', 'cancelling', 'cancelled', 'attached', 'not_found', 'wanted', 'exported', 'left_out')),
  ADD CHECK (state NOT IN ('scheduled', 'wanted', 'exported', 'left_out') OR (NOT hidden AND owner_request IS NULL)),
  ADD CHECK (scope = 'data' OR NOT hidden),
  ADD CHECK (state <> 'scheduled' OR scope <> 'data');
-- A part-deletion owns nobody: what it empties, a whole deletion may still remove.
DROP INDEX lethe.subjects_one_owner;
CREATE UNIQUE INDEX subjects_one_owner ON lethe.subjects (project, kind, digest)
  WHERE scope = 'data' AND state IN ('resolved', 'soft_deleted', 'claimed', 'cancelling');
DROP INDEX lethe.subjects_due;
CREATE INDEX subjects_due ON lethe.subjects (project, hard_delete_at) WHERE state IN ('resolved', 'soft_deleted', 'scheduled');
CREATE INDEX subjects_not_backed_up ON lethe.subjects (project) WHERE state = 'attached' AND NOT backed_up;

ALTER TABLE lethe.attention
  DROP CONSTRAINT attention_step_check,
  ADD CONSTRAINT attention_step_check CHECK (step IN ('resolve', 'inspect', 'visibility', 'delete', 'verify', 'conclude',
    'collect', 'package', 'backup'));

-- What opens an archive and its parts, sealed with a digest key. Destroyed first: what it opened is unreadable from then on.
CREATE TABLE lethe.archive_keys (
  request_id text PRIMARY KEY REFERENCES lethe.requests,
  sealed     bytea NOT NULL,
  digest_key text NOT NULL
);

-- How far one processor is collected in one epoch of an export.
CREATE TABLE lethe.collections (
  request_id text NOT NULL REFERENCES lethe.requests,
  epoch      integer NOT NULL,
  processor  text NOT NULL,
  state      text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'collected')),
  -- All of its tables stand as they stood at this instant.
  cut_off_at timestamptz,
  rows       bigint NOT NULL DEFAULT 0,
  bytes      bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (request_id, epoch, processor),
  CHECK ((state = 'collected') = (cut_off_at IS NOT NULL))
);

-- The tables of a collection that is whole: each is an object in the storage.
CREATE TABLE lethe.collected_tables (
  request_id text NOT NULL,
  epoch      integer NOT NULL,
  processor  text NOT NULL,
  number     integer NOT NULL CHECK (number >= 1),
  object     text NOT NULL,
  -- Table, meaning, columns, windowed, retained, rows, bytes, sha256: no value of any row.
  facts      json NOT NULL,
  PRIMARY KEY (request_id, epoch, processor, number),
  FOREIGN KEY (request_id, epoch, processor) REFERENCES lethe.collections
);

-- The archive of an export that is, or was, ready.
CREATE TABLE lethe.archives (
  request_id   text PRIMARY KEY REFERENCES lethe.requests,
  object       text NOT NULL,
  rows         bigint NOT NULL,
  bytes        bigint NOT NULL,
  sha256       bytea NOT NULL,
  ready_at     timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  -- When its key was destroyed, and why.
  destroyed_at timestamptz,
  reason       text CHECK (reason IN ('expired', 'subject_deleted', 'destroyed')),
  CHECK ((destroyed_at IS NULL) = (reason IS NULL))
);

-- One download each. The token stands nowhere but in the link.
CREATE TABLE lethe.links (
  id         text PRIMARY KEY,
  request_id text NOT NULL REFERENCES lethe.requests,
  sha256     bytea NOT NULL UNIQUE,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  revoked_by text,
  -- The transfer that is under way, and when it last gave a sign of life.
  transfer   text,
  alive_at   timestamptz,
  used_at    timestamptz,
  CHECK (expires_at > created_at AND expires_at <= created_at + interval '7 days'),
  CHECK ((transfer IS NULL) = (alive_at IS NULL))
);
CREATE INDEX links_of_request ON lethe.links (request_id, id);
