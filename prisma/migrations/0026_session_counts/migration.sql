-- Who has very many sessions is looked for among a million of them. What is kept here is at least as many as an account has that are
-- live, without those that began since it was counted (server/sessions/session-counts.ts): sign-ins and ends write nothing here.
CREATE TABLE session_counts (
  account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE ON UPDATE CASCADE,
  sessions   INTEGER NOT NULL,
  CONSTRAINT session_counts_pkey PRIMARY KEY (account_id)
);
CREATE INDEX session_counts_sessions_idx ON session_counts (sessions);

-- One row: which sessions are counted, when there is to be counted again, and how far the counts have been looked at again.
CREATE TABLE session_counting (
  id           INTEGER PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  counted_to   TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  due_at       TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  looked_again TEXT NOT NULL DEFAULT ''
);
INSERT INTO session_counting (id) VALUES (1);
INSERT INTO session_counts (account_id, sessions)
  SELECT account_id, count(*) FROM sessions WHERE ended_at IS NULL AND closed_at IS NULL AND expires_at > latchkey_now()
  GROUP BY account_id HAVING count(*) > 1;
