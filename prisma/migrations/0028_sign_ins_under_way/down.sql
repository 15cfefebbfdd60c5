ALTER TABLE revocation_counter DROP COLUMN all_ended_at;
ALTER TABLE accounts DROP COLUMN all_ended_at;
