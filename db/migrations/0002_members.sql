-- Who may call. A member belongs to one project; whoever works in two is a member of both.
CREATE TABLE lethe.members (
  id         text PRIMARY KEY,
  project    text NOT NULL REFERENCES lethe.projects,
  -- How colleagues know the member; audit rows say the id.
  name       text NOT NULL,
  role       text NOT NULL CHECK (role IN ('owner', 'admin')),
  added_at   timestamptz NOT NULL,
  added_by   text NOT NULL,
  removed_at timestamptz
);
CREATE UNIQUE INDEX members_of_project ON lethe.members (project, name) WHERE removed_at IS NULL;

CREATE TABLE lethe.tokens (
  id           text PRIMARY KEY,
  member_id    text NOT NULL REFERENCES lethe.members,
  name         text NOT NULL,
  -- Of the whole token, which is shown once and stored nowhere.
  sha256       bytea NOT NULL UNIQUE,
  -- Never above the member's own; the lower of the two counts.
  role         text NOT NULL CHECK (role IN ('owner', 'admin')),
  -- A service token may be for some kinds of request only; null: all.
  kinds        text[] CHECK (kinds <@ ARRAY['export', 'deletion'] AND cardinality(kinds) > 0),
  read_only    boolean NOT NULL,
  created_at   timestamptz NOT NULL,
  created_by   text NOT NULL,
  expires_at   timestamptz NOT NULL,
  -- To the minute.
  last_used_at timestamptz,
  revoked_at   timestamptz,
  revoked_by   text,
  CHECK (expires_at > created_at AND expires_at <= created_at + interval '365 days')
);
CREATE INDEX tokens_of_member ON lethe.tokens (member_id);

-- Every call of the API takes a slot: without a log to flush this costs no wait for the disk. A crash empties the table,
-- and every budget begins anew.
ALTER TABLE lethe.slots SET UNLOGGED;
