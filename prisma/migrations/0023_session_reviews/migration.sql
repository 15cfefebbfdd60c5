-- Session audits: what there was that nobody uses, or that is older than it should be, written down at one time, to be walked through and
-- signed off. Of people and apps only ids are kept: an account that is deleted leaves nothing else here.
CREATE TABLE session_reviews (
  id             TEXT PRIMARY KEY,
  scheduled      BOOLEAN NOT NULL,
  actor          TEXT NOT NULL,
  ages           JSONB NOT NULL,
  created_at     TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  lease_until    TIMESTAMPTZ(3),
  made_at        TIMESTAMPTZ(3),
  signed_off_at  TIMESTAMPTZ(3),
  signed_off_by  TEXT,
  sign_off_note  TEXT,
  outcome        JSONB,
  reminders      INTEGER NOT NULL DEFAULT 0,
  expires_at     TIMESTAMPTZ(3)
);
CREATE INDEX session_reviews_created_at_id_idx ON session_reviews (created_at DESC, id DESC);
CREATE INDEX session_reviews_signed_off_at_idx ON session_reviews (signed_off_at);
CREATE INDEX session_reviews_expires_at_idx ON session_reviews (expires_at);
-- One is made at a time.
CREATE UNIQUE INDEX session_reviews_under_way_idx ON session_reviews ((true)) WHERE made_at IS NULL;

-- How far each kind of finding was looked for: a process that dies leaves the rest to the next one.
CREATE TABLE session_review_parts (
  review_id TEXT NOT NULL REFERENCES session_reviews (id) ON DELETE CASCADE ON UPDATE CASCADE,
  kind      TEXT NOT NULL CHECK (kind IN ('old_session', 'dormant_grant', 'unused_refresh_token', 'old_client_secret', 'unused_account')),
  place     INTEGER NOT NULL,
  looked    INTEGER NOT NULL DEFAULT 0,
  found     INTEGER NOT NULL DEFAULT 0,
  after_at  TIMESTAMPTZ(3),
  after_id  TEXT,
  done      BOOLEAN NOT NULL DEFAULT false,
  PRIMARY KEY (review_id, kind)
);

CREATE TABLE session_review_findings (
  review_id  TEXT NOT NULL REFERENCES session_reviews (id) ON DELETE CASCADE ON UPDATE CASCADE,
  kind       TEXT NOT NULL CHECK (kind IN ('old_session', 'dormant_grant', 'unused_refresh_token', 'old_client_secret', 'unused_account')),
  number     INTEGER NOT NULL,
  subject    TEXT NOT NULL,
  account_id TEXT,
  client_id  TEXT,
  since      TIMESTAMPTZ(3) NOT NULL,
  used_at    TIMESTAMPTZ(3),
  kept_at    TIMESTAMPTZ(3),
  kept_by    TEXT,
  kept_note  TEXT,
  PRIMARY KEY (review_id, kind, number)
);
CREATE INDEX session_review_findings_review_id_kind_subject_idx ON session_review_findings (review_id, kind, subject);

-- The oldest secrets, whichever client's.
CREATE INDEX client_secrets_created_at_id_idx ON client_secrets (created_at, id);
