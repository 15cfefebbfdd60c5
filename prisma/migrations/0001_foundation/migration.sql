-- The first schema. Every time that a statement of ours compares or writes is latchkey_now(), the database's own clock: the clocks
-- of hosts decide nothing, and tests can move it by replacing the function.
CREATE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT statement_timestamp() $$;

CREATE TABLE accounts (
  id TEXT NOT NULL,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL,
  email_verified BOOLEAN NOT NULL DEFAULT false,
  name TEXT,
  profile JSONB NOT NULL DEFAULT '{}',
  roles TEXT[] DEFAULT ARRAY[]::TEXT[],
  status TEXT NOT NULL DEFAULT 'active',
  managed_by TEXT,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  updated_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  CONSTRAINT accounts_pkey PRIMARY KEY (id),
  CONSTRAINT accounts_status_check CHECK (status IN ('active', 'suspended'))
);
CREATE UNIQUE INDEX accounts_email_key_key ON accounts (email_key);

CREATE TABLE clients (
  id TEXT NOT NULL,
  metadata JSONB NOT NULL,
  status TEXT NOT NULL DEFAULT 'active',
  managed_by TEXT,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  updated_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  CONSTRAINT clients_pkey PRIMARY KEY (id),
  CONSTRAINT clients_status_check CHECK (status IN ('active', 'suspended'))
);

CREATE TABLE resource_servers (
  identifier TEXT NOT NULL,
  name TEXT,
  scopes TEXT[],
  access_token_format TEXT NOT NULL DEFAULT 'jwt',
  access_token_ttl INTEGER NOT NULL DEFAULT 900,
  is_default BOOLEAN NOT NULL DEFAULT false,
  managed_by TEXT,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  updated_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  CONSTRAINT resource_servers_pkey PRIMARY KEY (identifier),
  CONSTRAINT resource_servers_access_token_format_check CHECK (access_token_format IN ('jwt', 'opaque')),
  CONSTRAINT resource_servers_access_token_ttl_check CHECK (access_token_ttl > 0)
);

-- The time of last use is updated in place.
CREATE TABLE sessions (
  id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  address TEXT,
  user_agent TEXT,
  methods TEXT[],
  started_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  last_used_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  expires_at TIMESTAMPTZ(3) NOT NULL,
  ended_at TIMESTAMPTZ(3),
  end_reason TEXT,
  CONSTRAINT sessions_pkey PRIMARY KEY (id),
  CONSTRAINT sessions_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE ON UPDATE CASCADE
) WITH (fillfactor = 85);
CREATE INDEX sessions_account_id_idx ON sessions (account_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

CREATE TABLE grants (
  id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  session_id TEXT,
  payload JSONB NOT NULL,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  expires_at TIMESTAMPTZ(3) NOT NULL,
  ended_at TIMESTAMPTZ(3),
  end_reason TEXT,
  CONSTRAINT grants_pkey PRIMARY KEY (id),
  CONSTRAINT grants_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT grants_client_id_fkey FOREIGN KEY (client_id) REFERENCES clients(id) ON DELETE CASCADE ON UPDATE CASCADE
) WITH (fillfactor = 85);
CREATE INDEX grants_account_id_client_id_idx ON grants (account_id, client_id);
CREATE INDEX grants_client_id_idx ON grants (client_id);
CREATE INDEX grants_session_id_idx ON grants (session_id);
CREATE INDEX grants_expires_at_idx ON grants (expires_at);

CREATE TABLE passwords (
  id BIGSERIAL NOT NULL,
  account_id TEXT NOT NULL,
  hash TEXT NOT NULL,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  retired_at TIMESTAMPTZ(3),
  CONSTRAINT passwords_pkey PRIMARY KEY (id),
  CONSTRAINT passwords_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX passwords_account_id_idx ON passwords (account_id);
-- An account has one current password.
CREATE UNIQUE INDEX passwords_current_key ON passwords (account_id) WHERE retired_at IS NULL;

CREATE TABLE setup_links (
  digest BYTEA NOT NULL,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  expires_at TIMESTAMPTZ(3) NOT NULL,
  used_at TIMESTAMPTZ(3),
  CONSTRAINT setup_links_pkey PRIMARY KEY (digest)
);

CREATE TABLE audit_events (
  id BIGSERIAL NOT NULL,
  at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  name TEXT NOT NULL,
  actor TEXT,
  account_id TEXT,
  client_id TEXT,
  session_id TEXT,
  grant_id TEXT,
  address TEXT,
  user_agent TEXT,
  request_id TEXT,
  reason TEXT,
  detail JSONB NOT NULL DEFAULT '{}',
  CONSTRAINT audit_events_pkey PRIMARY KEY (id)
);
CREATE INDEX audit_events_at_idx ON audit_events (at);
CREATE INDEX audit_events_account_id_at_idx ON audit_events (account_id, at);

CREATE TABLE client_secrets (
  id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  digest BYTEA NOT NULL,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  expires_at TIMESTAMPTZ(3),
  CONSTRAINT client_secrets_pkey PRIMARY KEY (id),
  CONSTRAINT client_secrets_client_id_fkey FOREIGN KEY (client_id) REFERENCES clients(id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX client_secrets_client_id_idx ON client_secrets (client_id);

CREATE TABLE resource_server_clients (
  identifier TEXT NOT NULL,
  client_id TEXT NOT NULL,
  CONSTRAINT resource_server_clients_pkey PRIMARY KEY (identifier,client_id),
  CONSTRAINT resource_server_clients_identifier_fkey FOREIGN KEY (identifier) REFERENCES resource_servers(identifier) ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT resource_server_clients_client_id_fkey FOREIGN KEY (client_id) REFERENCES clients(id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX resource_server_clients_client_id_idx ON resource_server_clients (client_id);

-- The one row that tells processes that what they keep in memory of clients and resource servers is out of date.
CREATE TABLE registry_version (
  id INTEGER NOT NULL DEFAULT 1,
  version BIGINT NOT NULL DEFAULT 0,
  CONSTRAINT registry_version_pkey PRIMARY KEY (id),
  CONSTRAINT registry_version_one_row_check CHECK (id = 1)
);

CREATE TABLE consents (
  account_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  openid TEXT[],
  resources JSONB NOT NULL DEFAULT '{}',
  given_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  CONSTRAINT consents_pkey PRIMARY KEY (account_id,client_id),
  CONSTRAINT consents_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX consents_client_id_idx ON consents (client_id);

CREATE TABLE signing_keys (
  id TEXT NOT NULL,
  alg TEXT NOT NULL,
  public_jwk JSONB NOT NULL,
  sealed_private BYTEA NOT NULL,
  status TEXT NOT NULL DEFAULT 'signing',
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  signing_since TIMESTAMPTZ(3),
  retired_at TIMESTAMPTZ(3),
  CONSTRAINT signing_keys_pkey PRIMARY KEY (id),
  CONSTRAINT signing_keys_status_check CHECK (status IN ('announced', 'signing', 'retired'))
);

CREATE TABLE session_clients (
  session_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  sid TEXT NOT NULL,
  grant_id TEXT,
  first_used_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  CONSTRAINT session_clients_pkey PRIMARY KEY (session_id,client_id),
  CONSTRAINT session_clients_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX session_clients_client_id_idx ON session_clients (client_id);

-- A refresh updates one row in place and touches no index: room is left in each page so that it stays there (a HOT update).
CREATE TABLE refresh_families (
  id BYTEA NOT NULL,
  generation INTEGER NOT NULL DEFAULT 0,
  current_digest BYTEA NOT NULL,
  previous_digest BYTEA,
  successor BYTEA,
  rotated_at TIMESTAMPTZ(3),
  grant_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  session_id TEXT,
  session_bound BOOLEAN NOT NULL,
  sender_key TEXT,
  payload JSONB NOT NULL,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  idle_expires_at TIMESTAMPTZ(3) NOT NULL,
  absolute_expires_at TIMESTAMPTZ(3) NOT NULL,
  ended_at TIMESTAMPTZ(3),
  end_reason TEXT,
  CONSTRAINT refresh_families_pkey PRIMARY KEY (id)
) WITH (fillfactor = 70);
CREATE INDEX refresh_families_grant_id_idx ON refresh_families (grant_id);
CREATE INDEX refresh_families_account_id_idx ON refresh_families (account_id);
CREATE INDEX refresh_families_client_id_idx ON refresh_families (client_id);
CREATE INDEX refresh_families_session_id_idx ON refresh_families (session_id);
CREATE INDEX refresh_families_absolute_expires_at_idx ON refresh_families (absolute_expires_at);

CREATE TABLE access_tokens (
  digest BYTEA NOT NULL,
  kind TEXT NOT NULL,
  grant_id TEXT,
  account_id TEXT,
  client_id TEXT NOT NULL,
  session_id TEXT,
  payload JSONB NOT NULL,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  expires_at TIMESTAMPTZ(3) NOT NULL,
  ended_at TIMESTAMPTZ(3),
  CONSTRAINT access_tokens_pkey PRIMARY KEY (digest)
);
CREATE INDEX access_tokens_grant_id_idx ON access_tokens (grant_id);
CREATE INDEX access_tokens_session_id_idx ON access_tokens (session_id);
CREATE INDEX access_tokens_expires_at_idx ON access_tokens (expires_at);

CREATE TABLE redeemed_codes (
  digest BYTEA NOT NULL,
  grant_id TEXT NOT NULL,
  redeemed_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  expires_at TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT redeemed_codes_pkey PRIMARY KEY (digest)
);
CREATE INDEX redeemed_codes_expires_at_idx ON redeemed_codes (expires_at);

CREATE TABLE replay_ids (
  digest BYTEA NOT NULL,
  expires_at TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT replay_ids_pkey PRIMARY KEY (digest)
);
CREATE INDEX replay_ids_expires_at_idx ON replay_ids (expires_at);

CREATE TABLE revocations (
  sequence BIGINT NOT NULL,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  before TIMESTAMPTZ(3),
  until TIMESTAMPTZ(3) NOT NULL,
  reason TEXT NOT NULL,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  CONSTRAINT revocations_pkey PRIMARY KEY (sequence),
  CONSTRAINT revocations_kind_check CHECK (kind IN ('jti', 'sid', 'grant_id', 'sub', 'client_id', 'kid'))
);
CREATE INDEX revocations_until_idx ON revocations (until);
CREATE UNIQUE INDEX revocations_kind_value_sequence_key ON revocations (kind, value, sequence);

-- The one row that gives revocations their order: its lock is held to the commit.
CREATE TABLE revocation_counter (
  id INTEGER NOT NULL DEFAULT 1,
  sequence BIGINT NOT NULL DEFAULT 0,
  CONSTRAINT revocation_counter_pkey PRIMARY KEY (id),
  CONSTRAINT revocation_counter_one_row_check CHECK (id = 1)
);

INSERT INTO revocation_counter (id, sequence) VALUES (1, 0);
INSERT INTO registry_version (id, version) VALUES (1, 0);

-- Whoever changes clients or resource servers, by whichever door, raises the version in the same transaction.
CREATE FUNCTION latchkey_raise_registry_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE registry_version SET version = version + 1 WHERE id = 1;
  RETURN NULL;
END
$$;
CREATE TRIGGER clients_raise_registry_version AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON clients
  FOR EACH STATEMENT EXECUTE FUNCTION latchkey_raise_registry_version();
CREATE TRIGGER client_secrets_raise_registry_version AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON client_secrets
  FOR EACH STATEMENT EXECUTE FUNCTION latchkey_raise_registry_version();
CREATE TRIGGER resource_servers_raise_registry_version AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON resource_servers
  FOR EACH STATEMENT EXECUTE FUNCTION latchkey_raise_registry_version();
CREATE TRIGGER resource_server_clients_raise_registry_version AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON resource_server_clients
  FOR EACH STATEMENT EXECUTE FUNCTION latchkey_raise_registry_version();
