-- The way back: sessions end when they would have ended without further use.
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
ALTER TABLE sessions DROP COLUMN absolute_expires_at;
