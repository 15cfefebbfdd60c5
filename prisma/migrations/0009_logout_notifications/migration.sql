-- Clients that are to be told of the end of a session (OpenID Connect Back-Channel Logout 1.0): written in the transaction that
-- ends it, kept for some days after the outcome. It refers to no other table, since it outlives them: that an account was deleted
-- is told too.
CREATE TABLE logout_notifications (
  id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  sid TEXT NOT NULL,
  cause TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting',
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at TIMESTAMPTZ(3) DEFAULT latchkey_now(),
  give_up_at TIMESTAMPTZ(3) NOT NULL,
  last_attempt_at TIMESTAMPTZ(3),
  last_status INTEGER,
  last_error TEXT,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  finished_at TIMESTAMPTZ(3),
  CONSTRAINT logout_notifications_pkey PRIMARY KEY (id),
  CONSTRAINT logout_notifications_state_check CHECK (state IN ('waiting', 'retrying', 'delivered', 'failed'))
);
-- A client hears of the end of a session once.
CREATE UNIQUE INDEX logout_notifications_session_id_client_id_key ON logout_notifications (session_id, client_id);
CREATE INDEX logout_notifications_created_at_idx ON logout_notifications (created_at);
CREATE INDEX logout_notifications_finished_at_idx ON logout_notifications (finished_at);
-- Whose turn it is, client by client: one that does not answer is passed over with all that waits for it.
CREATE INDEX logout_notifications_turn_idx ON logout_notifications (client_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- When a session was found to be over without having been ended: from then on its apps have been told.
ALTER TABLE sessions ADD COLUMN closed_at TIMESTAMPTZ(3);
