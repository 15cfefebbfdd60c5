-- An app is also told that its own grant was revoked, in a session that goes on. Whoever used it again afterwards is in that session
-- still, so the end of the session itself is told as well.
ALTER TABLE logout_notifications ADD COLUMN grant_id TEXT NOT NULL DEFAULT '';
DROP INDEX logout_notifications_session_id_client_id_key;
CREATE UNIQUE INDEX logout_notifications_session_id_client_id_grant_id_key
  ON logout_notifications (session_id, client_id, grant_id);
