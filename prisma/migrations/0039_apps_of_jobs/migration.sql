-- What a job ends is told of in the audit log by events of its own. They named the person who began it, and not the app through which
-- they did.
ALTER TABLE revocation_jobs ADD COLUMN through TEXT;
