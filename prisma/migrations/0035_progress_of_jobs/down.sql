ALTER TABLE revocation_jobs DROP COLUMN taken;
