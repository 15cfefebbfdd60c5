-- The way back: each process goes by its own settings again.
ALTER TABLE revocation_counter DROP COLUMN access_tokens_until;
