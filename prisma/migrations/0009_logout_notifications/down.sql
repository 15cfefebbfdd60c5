-- The way back: apps that have not yet been told of the end of a session are not told.
ALTER TABLE sessions DROP COLUMN closed_at;
DROP TABLE logout_notifications;
