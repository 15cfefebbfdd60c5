-- The way back: what was deleted goes for good with all that hangs from it, what is void is ended, and compromised keys are removed.
DROP TRIGGER signing_keys_raise_registry_version ON signing_keys;
DELETE FROM signing_keys WHERE status = 'compromised';
ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_status_check;
ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_status_check CHECK (status IN ('announced', 'signing', 'retired'));
UPDATE grants g SET ended_at = latchkey_now(), end_reason = 'client_ended'
  FROM clients c WHERE c.id = g.client_id AND g.created_at <= c.void_until AND g.ended_at IS NULL;
UPDATE access_tokens t SET ended_at = latchkey_now()
  FROM clients c WHERE c.id = t.client_id AND t.created_at <= c.void_until AND t.ended_at IS NULL;
DELETE FROM clients WHERE status = 'deleted';
ALTER TABLE clients DROP COLUMN void_rows;
ALTER TABLE clients DROP COLUMN void_until;
ALTER TABLE clients DROP CONSTRAINT clients_status_check;
ALTER TABLE clients ADD CONSTRAINT clients_status_check CHECK (status IN ('active', 'suspended'));
DROP INDEX accounts_deleted_idx;
DELETE FROM accounts WHERE status = 'deleted';
ALTER TABLE accounts DROP CONSTRAINT accounts_status_check;
ALTER TABLE accounts ADD CONSTRAINT accounts_status_check CHECK (status IN ('active', 'suspended'));
