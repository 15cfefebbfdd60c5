-- What was to be told of grants has no place any more.
DELETE FROM logout_notifications WHERE grant_id <> '';
DROP INDEX logout_notifications_session_id_client_id_grant_id_key;
ALTER TABLE logout_notifications DROP COLUMN grant_id;
CREATE UNIQUE INDEX logout_notifications_session_id_client_id_key ON logout_notifications (session_id, client_id);
