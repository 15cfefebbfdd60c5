ALTER TABLE revocation_jobs DROP COLUMN through;
