ALTER TABLE sign_in_failures DROP COLUMN what;
ALTER TABLE sign_in_failures DROP COLUMN account_ids;
