-- The way back: the index that the first schema had.
CREATE INDEX refresh_families_absolute_expires_at_idx ON refresh_families (absolute_expires_at);
