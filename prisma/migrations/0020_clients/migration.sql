-- Administrators look for clients: by the beginning of an id or a name, by kind, by who made them, and those that are suspended.
CREATE FUNCTION latchkey_client_kind(metadata jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN NOT COALESCE(metadata->'grant_types', '["authorization_code"]'::jsonb) ? 'authorization_code' THEN 'machine'
    WHEN metadata->>'application_type' = 'native' THEN 'native'
    WHEN metadata->>'token_endpoint_auth_method' = 'none' THEN 'spa'
    ELSE 'web'
  END
$$;
CREATE INDEX clients_lower_id_idx ON clients (lower(id) text_pattern_ops);
CREATE INDEX clients_lower_name_idx ON clients (lower(metadata->>'client_name') text_pattern_ops);
CREATE INDEX clients_kind_idx ON clients (latchkey_client_kind(metadata), id);
CREATE INDEX clients_managed_by_id_idx ON clients (managed_by, id);
CREATE INDEX clients_scopes_idx ON clients USING gin (string_to_array(metadata->>'scope', ' '));
CREATE INDEX clients_suspended_idx ON clients (id) WHERE status = 'suspended';

-- A secret that somebody else has had is never good again for its client, whoever brings it: it may still stand in a file.
CREATE TABLE compromised_client_secrets (
  client_id      TEXT NOT NULL,
  digest         BYTEA NOT NULL,
  compromised_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  CONSTRAINT compromised_client_secrets_pkey PRIMARY KEY (client_id, digest),
  CONSTRAINT compromised_client_secrets_client_id_fkey FOREIGN KEY (client_id) REFERENCES clients (id) ON DELETE CASCADE ON UPDATE CASCADE
);

-- What people read on the consent page: scope → text.
ALTER TABLE resource_servers ADD COLUMN scope_descriptions JSONB NOT NULL DEFAULT '{}';

-- Keys take turns: announced, signing, retired, removed.
ALTER TABLE signing_keys ADD COLUMN signs_from TIMESTAMPTZ(3);
ALTER TABLE signing_keys ADD COLUMN published_until TIMESTAMPTZ(3);
ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_status_check;
ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_status_check
  CHECK (status IN ('announced', 'signing', 'retired', 'removed', 'compromised'));

-- The deliveries of a webhook that have come so far, the latest first.
CREATE INDEX webhook_deliveries_webhook_id_state_created_at_id_idx ON webhook_deliveries (webhook_id, state, created_at, id);
