-- A session that is not used is over before its time. `expires_at` says when it is over as things stand, and use moves it on, up
-- to the absolute end; a session that was begun by an earlier version has none, and its `expires_at` is not moved on.
ALTER TABLE sessions ADD COLUMN absolute_expires_at TIMESTAMPTZ(3);
-- What is moved on all the time is better in no index; the purge goes through the table.
DROP INDEX sessions_expires_at_idx;
