-- Whoever is told of every change of a request's status.
CREATE TABLE lethe.webhooks (
  id          text PRIMARY KEY,
  project     text NOT NULL REFERENCES lethe.projects,
  url         text NOT NULL,
  created_at  timestamptz NOT NULL,
  created_by  text NOT NULL,
  -- When it answered 410: it is told nothing until an owner enables it again.
  disabled_at timestamptz,
  removed_at  timestamptz
);
CREATE INDEX webhooks_of_project ON lethe.webhooks (project) WHERE removed_at IS NULL;

-- Sealed with a digest key. While one takes the place of another, both sign.
CREATE TABLE lethe.webhook_secrets (
  webhook_id text NOT NULL REFERENCES lethe.webhooks,
  number     integer NOT NULL,
  sealed     bytea NOT NULL,
  digest_key text NOT NULL,
  expires_at timestamptz,
  PRIMARY KEY (webhook_id, number)
);

-- A change of status that somebody is still to be told of, or was told of: written in the transaction of the change.
CREATE TABLE lethe.deliveries (
  id         text PRIMARY KEY,
  -- In the order of happening: changes of one request are committed one after the other.
  seq        bigint GENERATED ALWAYS AS IDENTITY,
  project    text NOT NULL REFERENCES lethe.projects,
  -- `mail`, or the id of a webhook.
  channel    text NOT NULL,
  -- Of a mail, until it has left.
  recipient  text,
  request_id text NOT NULL REFERENCES lethe.requests,
  kind       text NOT NULL,
  status     text NOT NULL,
  at         timestamptz NOT NULL,
  attempts   integer NOT NULL DEFAULT 0,
  next_at    timestamptz NOT NULL,
  ended_at   timestamptz,
  outcome    text CHECK (outcome IN ('delivered', 'given_up', 'withheld')),
  -- Why the last attempt failed: a closed code, never what the other side said.
  last_code  text,
  CHECK ((ended_at IS NULL) = (outcome IS NULL)),
  CHECK ((channel = 'mail' AND ended_at IS NULL) = (recipient IS NOT NULL))
);
CREATE INDEX deliveries_due ON lethe.deliveries (project, channel, next_at) WHERE ended_at IS NULL;
CREATE INDEX deliveries_untold ON lethe.deliveries (request_id) WHERE ended_at IS NULL;
CREATE INDEX deliveries_of_channel ON lethe.deliveries (channel, at DESC, id DESC);

-- Which storage the archives of this ledger lie in: whatever sees another one is refused.
CREATE TABLE lethe.archive_storage (one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row), mark text NOT NULL);
