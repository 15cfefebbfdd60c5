-- How far a job is was counted each time somebody looked: up to a hundred thousand rows, each second for each page that shows it.
ALTER TABLE revocation_jobs ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
UPDATE revocation_jobs j SET taken = j.total - (SELECT count(*) FROM revocation_job_targets t WHERE t.job_id = j.id)
WHERE j.total IS NOT NULL;
