-- Mail that waits to be handed to the mail server: written in the transaction of what it tells of, gone when it was delivered.
CREATE TABLE mail_outbox (
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  account_id TEXT NOT NULL,
  sealed BYTEA NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  CONSTRAINT mail_outbox_pkey PRIMARY KEY (id)
);
CREATE INDEX mail_outbox_next_attempt_at_idx ON mail_outbox (next_attempt_at);
