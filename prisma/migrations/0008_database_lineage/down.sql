-- The way back: a restored backup is no longer noticed.
ALTER TABLE revocation_counter DROP COLUMN lineage;
