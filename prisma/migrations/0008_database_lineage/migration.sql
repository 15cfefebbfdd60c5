-- Names this database and every copy of it that was restored from a backup, so that what is remembered of it elsewhere (how far
-- its revocations had come) is never taken for that of another one.
ALTER TABLE revocation_counter ADD COLUMN lineage UUID NOT NULL DEFAULT gen_random_uuid();
