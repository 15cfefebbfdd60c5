-- The audit log: appended to and never changed, chained so that a change would show, and looked through by administrators.

-- A transaction has a number before any of its events has one. So whoever has read how far the ids have come knows of every
-- transaction that may still bring one of them, and can wait until it is over (server/audit/sealer.ts).
CREATE FUNCTION latchkey_audit_event_id() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('audit_events_id_seq') END
$$;
ALTER TABLE audit_events ALTER COLUMN id SET DEFAULT latchkey_audit_event_id();

-- Addresses are kept as such, so that a network can be looked for. What is none says nothing, and nobody could find it.
CREATE FUNCTION latchkey_address(address text) RETURNS inet LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  -- By far the most, and catching errors costs more than looking first.
  IF address ~ '^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$' THEN
    RETURN address::inet;
  END IF;
  BEGIN
    RETURN host(address::inet)::inet;
  EXCEPTION WHEN invalid_text_representation THEN
    RETURN NULL;
  END;
END
$$;
ALTER TABLE audit_events ALTER COLUMN address TYPE INET USING latchkey_address(address);
DROP FUNCTION latchkey_address(text);

-- The latest first, by whatever they are about. What most events do not have costs them nothing.
DROP INDEX audit_events_account_id_at_idx;
CREATE INDEX audit_events_name_id_idx ON audit_events (name, id);
CREATE INDEX audit_events_account_id_id_idx ON audit_events (account_id, id) WHERE account_id IS NOT NULL;
CREATE INDEX audit_events_actor_id_idx ON audit_events (actor, id) WHERE actor IS DISTINCT FROM account_id;
CREATE INDEX audit_events_client_id_id_idx ON audit_events (client_id, id) WHERE client_id IS NOT NULL;
CREATE INDEX audit_events_client_id_name_id_idx ON audit_events (client_id, name, id) WHERE client_id IS NOT NULL;
CREATE INDEX audit_events_session_id_id_idx ON audit_events (session_id, id) WHERE session_id IS NOT NULL;
CREATE INDEX audit_events_grant_id_id_idx ON audit_events (grant_id, id) WHERE grant_id IS NOT NULL;
CREATE INDEX audit_events_address_id_idx ON audit_events (address, id) WHERE address IS NOT NULL;
-- What a reason begins with; the whole of it may be too long for an index.
CREATE INDEX audit_events_reason_id_idx ON audit_events (left(reason, 100) text_pattern_ops, id) WHERE reason IS NOT NULL;
CREATE INDEX audit_events_request_id_idx ON audit_events USING hash (request_id);

-- The chain: a seal is put on some events at a time, in the order of their commits. `marks` has eight bytes of the digest of each,
-- so that it can be said which of them was changed; `digest` is over all of them and the seal before, `mac` says who made it.
CREATE TABLE audit_seals (
  number     BIGINT PRIMARY KEY,
  first_id   BIGINT NOT NULL,
  last_id    BIGINT NOT NULL,
  event_ids  BIGINT[] NOT NULL,
  marks      BYTEA NOT NULL,
  digest     BYTEA NOT NULL,
  mac        BYTEA NOT NULL,
  sealed_at  TIMESTAMPTZ(3) NOT NULL,
  removed_at TIMESTAMPTZ(3)
);
CREATE INDEX audit_seals_last_id_idx ON audit_seals (last_id);

-- How far the sealer has come: everything up to `watermark` has its seal, and of what is beyond it only these. Everything up to
-- `candidate` will be there when no transaction below `candidate_xid` is under way any more.
CREATE TABLE audit_sealing (
  id            INTEGER PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  watermark     BIGINT NOT NULL DEFAULT 0,
  beyond        BIGINT[] NOT NULL DEFAULT '{}',
  candidate     BIGINT NOT NULL DEFAULT 0,
  candidate_xid BIGINT NOT NULL DEFAULT 0
);
INSERT INTO audit_sealing (id) VALUES (1);

-- Whoever may write here may add, and nothing else. What was kept for long enough goes by latchkey_trim_audit_log() alone.
CREATE FUNCTION latchkey_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is only added to: % of % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_events_no_change BEFORE UPDATE OR TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION latchkey_refuse_audit_change();
CREATE TRIGGER audit_seals_no_truncate BEFORE TRUNCATE ON audit_seals
  FOR EACH STATEMENT EXECUTE FUNCTION latchkey_refuse_audit_change();

CREATE FUNCTION latchkey_check_audit_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM gone WHERE at > latchkey_now() - interval '30 days')
    OR EXISTS (SELECT id FROM gone EXCEPT SELECT unnest(event_ids) FROM audit_seals WHERE removed_at IS NOT NULL) THEN
    RAISE EXCEPTION 'the audit log is only added to: events of the last 30 days, and such as have no seal that was removed, stay'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_events_removal AFTER DELETE ON audit_events REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION latchkey_check_audit_removal();

CREATE FUNCTION latchkey_check_audit_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.sealed_at <= latchkey_now() - interval '30 days' THEN
    IF TG_OP = 'DELETE' THEN
      IF OLD.removed_at IS NOT NULL THEN RETURN OLD; END IF;
    ELSIF NEW.removed_at IS NOT NULL
      AND (NEW.number, NEW.digest, NEW.mac, NEW.sealed_at) IS NOT DISTINCT FROM (OLD.number, OLD.digest, OLD.mac, OLD.sealed_at) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'the audit log is only added to: seal % stays as it is', OLD.number USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_seals_removal BEFORE UPDATE OR DELETE ON audit_seals
  FOR EACH ROW EXECUTE FUNCTION latchkey_check_audit_seal();

-- Not turned off by a session that says it is a replica.
ALTER TABLE audit_events ENABLE ALWAYS TRIGGER audit_events_no_change;
ALTER TABLE audit_events ENABLE ALWAYS TRIGGER audit_events_removal;
ALTER TABLE audit_seals ENABLE ALWAYS TRIGGER audit_seals_no_truncate;
ALTER TABLE audit_seals ENABLE ALWAYS TRIGGER audit_seals_removal;

-- Removes the events of the oldest seals, a few thousand at a time. The last of these seals stays, without its events: the chain goes
-- on from it. It runs as the owner of the tables, so that the server itself needs no right to delete, and keeps 30 days whatever it is told.
CREATE FUNCTION latchkey_trim_audit_log(kept_seconds double precision, OUT events bigint, OUT through bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  horizon CONSTANT timestamptz := latchkey_now() - make_interval(secs => greatest(kept_seconds, 30 * 86400));
BEGIN
  events := 0;
  PERFORM pg_advisory_xact_lock(hashtextextended('latchkey audit log', 0));
  SELECT max(number) INTO through FROM (
    SELECT number, bool_and(sealed_at < horizon) OVER before AS over,
      sum(cardinality(event_ids)) OVER before AS so_far, row_number() OVER before AS place
    FROM (SELECT number, sealed_at, event_ids FROM audit_seals WHERE removed_at IS NULL ORDER BY number LIMIT 500) oldest
    WINDOW before AS (ORDER BY number)) counted
  WHERE over AND (so_far <= 2000 OR place = 1);
  IF through IS NULL THEN RETURN; END IF;
  UPDATE audit_seals SET removed_at = latchkey_now() WHERE number <= through AND removed_at IS NULL;
  DELETE FROM audit_events WHERE id = ANY(ARRAY(SELECT unnest(event_ids) FROM audit_seals WHERE number <= through));
  GET DIAGNOSTICS events = ROW_COUNT;
  DELETE FROM audit_seals WHERE number < through;
  UPDATE audit_seals SET event_ids = '{}', marks = '' WHERE number = through;
END $$;
