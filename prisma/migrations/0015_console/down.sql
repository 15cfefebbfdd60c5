DROP TABLE idempotent_requests;
DROP TABLE revocation_job_targets;
DROP TABLE revocation_jobs;
DROP INDEX sessions_started_at_id_idx;
DROP INDEX sessions_address_idx;
ALTER TABLE sessions ALTER COLUMN address TYPE TEXT USING host(address);
