-- What administrators ask of accounts and could not find among a million without it: since when an account has its password, and when
-- the person signed in for the first and the last time. Sessions do not tell: they are removed after a while. No index names the
-- last time, so that a sign-in writes into none.
ALTER TABLE accounts ADD COLUMN password_set_at TIMESTAMPTZ(3);
ALTER TABLE accounts ADD COLUMN first_signed_in_at TIMESTAMPTZ(3);
ALTER TABLE accounts ADD COLUMN last_signed_in_at TIMESTAMPTZ(3);
UPDATE accounts a SET
  password_set_at = (SELECT p.created_at FROM passwords p WHERE p.account_id = a.id AND p.retired_at IS NULL),
  first_signed_in_at = (SELECT min(e.at) FROM audit_events e WHERE e.account_id = a.id AND e.name = 'sign_in.succeeded'),
  last_signed_in_at = (SELECT max(e.at) FROM audit_events e WHERE e.account_id = a.id AND e.name = 'sign_in.succeeded')
WHERE a.status <> 'deleted';

-- The list of all accounts, and those of its filters that may find few among many.
CREATE INDEX accounts_created_at_id_idx ON accounts (created_at DESC, id DESC) WHERE status <> 'deleted';
CREATE INDEX accounts_with_roles_idx ON accounts (created_at DESC, id DESC) WHERE status <> 'deleted' AND roles <> '{}';
CREATE INDEX accounts_suspended_idx ON accounts (created_at DESC, id DESC) WHERE status = 'suspended';
CREATE INDEX accounts_with_password_idx ON accounts (created_at DESC, id DESC) WHERE status <> 'deleted' AND password_set_at IS NOT NULL;
CREATE INDEX accounts_without_password_idx ON accounts (created_at DESC, id DESC) WHERE status <> 'deleted' AND password_set_at IS NULL;
CREATE INDEX accounts_signed_in_idx ON accounts (created_at DESC, id DESC) WHERE status <> 'deleted' AND first_signed_in_at IS NOT NULL;
CREATE INDEX accounts_never_signed_in_idx ON accounts (created_at DESC, id DESC) WHERE status <> 'deleted' AND first_signed_in_at IS NULL;
-- Beginnings of addresses and names: as bytes, whatever the database's own order of letters.
CREATE INDEX accounts_email_beginning_idx ON accounts (email_key COLLATE "C") WHERE status <> 'deleted';
CREATE INDEX accounts_name_beginning_idx ON accounts (lower(name) COLLATE "C", id) WHERE status <> 'deleted' AND name IS NOT NULL;

-- What is slowed down now, the longest first.
CREATE INDEX sign_in_failures_next_attempt_at_idx ON sign_in_failures (next_attempt_at DESC, key DESC) WHERE next_attempt_at IS NOT NULL;

-- Sign-ins that failed, by what they have in common.
CREATE INDEX audit_events_failed_sign_in_address_idx ON audit_events (address, id) WHERE name = 'sign_in.failed';
CREATE INDEX audit_events_failed_sign_in_reason_idx ON audit_events (reason, id) WHERE name = 'sign_in.failed';
CREATE INDEX audit_events_failed_sign_in_subject_idx ON audit_events ((detail->>'subject'), id) WHERE name = 'sign_in.failed';

-- One-time links by which people set a password: one for an account, the newest.
CREATE TABLE password_links (
  digest     BYTEA NOT NULL,
  account_id TEXT NOT NULL,
  mailed     BOOLEAN NOT NULL,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  expires_at TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT password_links_pkey PRIMARY KEY (digest),
  CONSTRAINT password_links_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX password_links_account_id_key ON password_links (account_id);
CREATE INDEX password_links_expires_at_idx ON password_links (expires_at);
