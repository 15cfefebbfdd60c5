-- Administrators look for sessions by network. What is no address (there was none, or a test made it up) is left out.
ALTER TABLE sessions ALTER COLUMN address TYPE INET
  USING CASE WHEN address ~ '^([0-9]{1,3}\.){3}[0-9]{1,3}$' OR (address ~ '^[0-9A-Fa-f:.]+$' AND address ~ ':.*:') THEN address::inet END;
CREATE INDEX sessions_address_idx ON sessions (address);
-- The list of all sessions. There is none of those that are not over: an index whose condition looks at what an end writes would make
-- each end write into every index of the table.
CREATE INDEX sessions_started_at_id_idx ON sessions (started_at DESC, id DESC);

CREATE TABLE revocation_jobs (
  id                   TEXT PRIMARY KEY,
  noun                 TEXT NOT NULL CHECK (noun IN ('sessions', 'grants')),
  filter               JSONB NOT NULL,
  total                INTEGER,
  sessions             INTEGER NOT NULL DEFAULT 0,
  grants               INTEGER NOT NULL DEFAULT 0,
  refresh_families     INTEGER NOT NULL DEFAULT 0,
  logout_notifications INTEGER NOT NULL DEFAULT 0,
  sequence             BIGINT NOT NULL DEFAULT 0,
  actor                TEXT NOT NULL,
  reason               TEXT,
  address              TEXT,
  user_agent           TEXT,
  request_id           TEXT,
  lease_until          TIMESTAMPTZ(3),
  created_at           TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  finished_at          TIMESTAMPTZ(3)
);
CREATE INDEX revocation_jobs_created_at_idx ON revocation_jobs (created_at);
CREATE INDEX revocation_jobs_finished_at_idx ON revocation_jobs (finished_at);

CREATE TABLE revocation_job_targets (
  job_id    TEXT NOT NULL REFERENCES revocation_jobs (id) ON DELETE CASCADE ON UPDATE CASCADE,
  target_id TEXT NOT NULL,
  PRIMARY KEY (job_id, target_id)
);

CREATE TABLE idempotent_requests (
  digest     BYTEA PRIMARY KEY,
  request    BYTEA NOT NULL,
  answer     BYTEA,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  expires_at TIMESTAMPTZ(3) NOT NULL
);
CREATE INDEX idempotent_requests_expires_at_idx ON idempotent_requests (expires_at);
