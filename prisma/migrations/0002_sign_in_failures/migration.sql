-- Counts sign-ins that failed one after the other, so that guesses at one account are slowed whatever address they come from.
CREATE TABLE sign_in_failures (
  key BYTEA NOT NULL,
  failures INTEGER NOT NULL,
  next_attempt_at TIMESTAMPTZ(3),
  expires_at TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT sign_in_failures_pkey PRIMARY KEY (key)
);
CREATE INDEX sign_in_failures_expires_at_idx ON sign_in_failures (expires_at);
