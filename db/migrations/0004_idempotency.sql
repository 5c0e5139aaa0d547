-- Which request a caller's Idempotency-Key stands for. No body is kept: the answer is made again from the request's row.
CREATE TABLE lethe.idempotency_keys (
  member_id   text NOT NULL REFERENCES lethe.members,
  -- Both keyed digests: a key may say anything, and a fingerprint without a key would tell whoever guesses the body.
  key_digest  bytea NOT NULL,
  fingerprint bytea NOT NULL,
  digest_key  text NOT NULL,
  request_id  text NOT NULL REFERENCES lethe.requests,
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (member_id, key_digest)
);
CREATE INDEX idempotency_keys_by_age ON lethe.idempotency_keys (created_at);

-- Of an uploaded file, the line on which the identity stands; null where there was no file.
ALTER TABLE lethe.submitted_identities ADD COLUMN line integer CHECK (line >= 1);
