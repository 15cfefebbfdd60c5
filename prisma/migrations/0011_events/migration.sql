-- What is deleted leaves a row without contents behind: that of an account, so that its id is never given again while anything
-- names it, and that of a client, so that what it had been given stays void if its client_id is registered anew.
ALTER TABLE accounts DROP CONSTRAINT accounts_status_check;
ALTER TABLE accounts ADD CONSTRAINT accounts_status_check CHECK (status IN ('active', 'suspended', 'deleted'));
CREATE INDEX accounts_deleted_idx ON accounts (id) WHERE status = 'deleted';

-- One row says that all of a client's grants and tokens up to a moment are void, however many there are; their own rows are
-- ended afterwards, a few at a time (maintenance/void-grants.ts).
ALTER TABLE clients DROP CONSTRAINT clients_status_check;
ALTER TABLE clients ADD CONSTRAINT clients_status_check CHECK (status IN ('active', 'suspended', 'deleted'));
ALTER TABLE clients ADD COLUMN void_until TIMESTAMPTZ(3);
ALTER TABLE clients ADD COLUMN void_rows BOOLEAN NOT NULL DEFAULT false;

-- A key that somebody else may have is kept for the record, and used for nothing.
ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_status_check;
ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_status_check CHECK (status IN ('announced', 'signing', 'retired', 'compromised'));
-- Every process keeps the keys in memory, and follows as it follows the registry.
CREATE TRIGGER signing_keys_raise_registry_version AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON signing_keys
  FOR EACH STATEMENT EXECUTE FUNCTION latchkey_raise_registry_version();
