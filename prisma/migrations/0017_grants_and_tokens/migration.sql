-- The list of all grants, and of those of one client; none of those that were not ended, for the reason given with sessions.
CREATE INDEX grants_created_at_id_idx ON grants (created_at DESC, id DESC);
CREATE INDEX grants_client_id_created_at_id_idx ON grants (client_id, created_at DESC, id DESC);
DROP INDEX grants_client_id_idx;

-- What a grant reaches, so that it is found by it: `scope notes:read`, `resource https://notes.example/api`. It is a column and no
-- index on an expression: that would be worked out again for each row that an end changes.
CREATE FUNCTION latchkey_grant_reach(payload jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ARRAY(
    SELECT 'scope ' || word FROM pg_catalog.unnest(pg_catalog.string_to_array(payload #>> '{openid,scope}', ' ')) AS word
    UNION
    SELECT 'scope ' || word FROM pg_catalog.jsonb_each_text(
        CASE WHEN pg_catalog.jsonb_typeof(payload -> 'resources') = 'object' THEN payload -> 'resources' ELSE '{}'::jsonb END),
      pg_catalog.unnest(pg_catalog.string_to_array(value, ' ')) AS word
    UNION
    SELECT 'resource ' || key FROM pg_catalog.jsonb_object_keys(
        CASE WHEN pg_catalog.jsonb_typeof(payload -> 'resources') = 'object' THEN payload -> 'resources' ELSE '{}'::jsonb END) AS key)
$$;
ALTER TABLE grants ADD COLUMN reach text[] NOT NULL DEFAULT '{}';
UPDATE grants SET reach = latchkey_grant_reach(payload);
CREATE FUNCTION latchkey_set_grant_reach() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.reach := latchkey_grant_reach(NEW.payload);
  RETURN NEW;
END $$;
CREATE TRIGGER grants_reach BEFORE INSERT OR UPDATE OF payload ON grants FOR EACH ROW EXECUTE FUNCTION latchkey_set_grant_reach();
CREATE INDEX grants_reach_idx ON grants USING gin (reach);

-- An ID token names its session by the client's own name for it.
CREATE INDEX session_clients_sid_idx ON session_clients (sid);

-- Notifications are listed, by client and account too; and those that did not arrive are few among many.
DROP INDEX logout_notifications_created_at_idx;
CREATE INDEX logout_notifications_created_at_id_idx ON logout_notifications (created_at DESC, id DESC);
CREATE INDEX logout_notifications_client_id_created_at_id_idx ON logout_notifications (client_id, created_at DESC, id DESC);
CREATE INDEX logout_notifications_account_id_created_at_id_idx ON logout_notifications (account_id, created_at DESC, id DESC);
CREATE INDEX logout_notifications_undelivered_idx ON logout_notifications (created_at DESC, id DESC) WHERE state <> 'delivered';
