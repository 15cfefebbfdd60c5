-- Webhooks: programs that are told what happens, in the form of Standard Webhooks. What they are told stands in the audit log.
CREATE TABLE webhooks (
  id TEXT NOT NULL,
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  events TEXT[] NOT NULL,
  enabled BOOLEAN NOT NULL DEFAULT true,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  updated_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  CONSTRAINT webhooks_pkey PRIMARY KEY (id)
);

CREATE TABLE webhook_secrets (
  id TEXT NOT NULL,
  webhook_id TEXT NOT NULL,
  sealed BYTEA NOT NULL,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  expires_at TIMESTAMPTZ(3),
  CONSTRAINT webhook_secrets_pkey PRIMARY KEY (id),
  CONSTRAINT webhook_secrets_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX webhook_secrets_webhook_id_idx ON webhook_secrets (webhook_id);

-- It refers to no other table: whoever writes an event must not wait for somebody who changes a webhook.
CREATE TABLE webhook_deliveries (
  id TEXT NOT NULL,
  webhook_id TEXT NOT NULL,
  event_id BIGINT NOT NULL,
  event TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting',
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at TIMESTAMPTZ(3) DEFAULT latchkey_now(),
  give_up_at TIMESTAMPTZ(3) NOT NULL,
  last_attempt_at TIMESTAMPTZ(3),
  last_status INTEGER,
  last_error TEXT,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  finished_at TIMESTAMPTZ(3),
  CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id),
  CONSTRAINT webhook_deliveries_state_check CHECK (state IN ('waiting', 'retrying', 'delivered', 'failed'))
);
CREATE INDEX webhook_deliveries_webhook_id_created_at_idx ON webhook_deliveries (webhook_id, created_at);
CREATE INDEX webhook_deliveries_created_at_idx ON webhook_deliveries (created_at);
CREATE INDEX webhook_deliveries_finished_at_idx ON webhook_deliveries (finished_at);
-- Whose turn it is, webhook by webhook: one that does not answer is passed over with all that waits for it.
CREATE INDEX webhook_deliveries_turn_idx ON webhook_deliveries (webhook_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- Puts in what is to be delivered of the events that a statement has written: in its transaction, whoever wrote them. Where nobody
-- listens that is a look into an empty table. That a delivery failed is not delivered, or it would fail and fail.
CREATE FUNCTION latchkey_deliver_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM webhooks WHERE enabled) THEN
    INSERT INTO webhook_deliveries (id, webhook_id, event_id, event, give_up_at)
    SELECT 'msg_' || replace(gen_random_uuid()::text, '-', ''), w.id, a.id, a.name, latchkey_now() + interval '1 day'
    FROM recorded a
    JOIN webhooks w ON w.enabled AND EXISTS (
      SELECT 1 FROM unnest(w.events) AS wanted (name)
      WHERE wanted.name = a.name OR (right(wanted.name, 1) = '*' AND starts_with(a.name, left(wanted.name, -1))))
    WHERE NOT starts_with(a.name, 'webhook_delivery.');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_events_deliver AFTER INSERT ON audit_events REFERENCING NEW TABLE AS recorded
  FOR EACH STATEMENT EXECUTE FUNCTION latchkey_deliver_audit_events();

-- Shared signals (OpenID Shared Signals Framework 1.0): a stream for a client that asked for one, and the security events that are
-- to reach it, by push (RFC 8935) or when it asks (RFC 8936). The tokens (RFC 8417) are made when they are sent.
CREATE TABLE signal_streams (
  id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  method TEXT NOT NULL,
  endpoint_url TEXT,
  sealed_authorization BYTEA,
  events_requested TEXT[] NOT NULL,
  events TEXT[] NOT NULL,
  description TEXT NOT NULL,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  CONSTRAINT signal_streams_pkey PRIMARY KEY (id),
  CONSTRAINT signal_streams_method_check CHECK (method = CASE WHEN endpoint_url IS NULL THEN 'poll' ELSE 'push' END),
  CONSTRAINT signal_streams_client_id_fkey FOREIGN KEY (client_id) REFERENCES clients (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX signal_streams_client_id_key ON signal_streams (client_id);

CREATE TABLE signals (
  id TEXT NOT NULL,
  stream_id TEXT NOT NULL,
  event TEXT NOT NULL,
  account_id TEXT,
  session_id TEXT,
  cause TEXT NOT NULL,
  initiator TEXT,
  state TEXT NOT NULL DEFAULT 'waiting',
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at TIMESTAMPTZ(3),
  give_up_at TIMESTAMPTZ(3) NOT NULL,
  last_attempt_at TIMESTAMPTZ(3),
  last_status INTEGER,
  last_error TEXT,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  finished_at TIMESTAMPTZ(3),
  expires_at TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT signals_pkey PRIMARY KEY (id),
  CONSTRAINT signals_state_check CHECK (state IN ('waiting', 'retrying', 'delivered', 'failed'))
);
CREATE INDEX signals_stream_id_created_at_idx ON signals (stream_id, created_at);
CREATE INDEX signals_expires_at_idx ON signals (expires_at);
CREATE INDEX signals_turn_idx ON signals (stream_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;

CREATE FUNCTION latchkey_signal(event text, account_id text, session_id text, cause text, initiator text) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO signals (id, stream_id, event, account_id, session_id, cause, initiator, next_attempt_at, give_up_at, expires_at)
  SELECT 'set_' || replace(gen_random_uuid()::text, '-', ''), s.id, $1, $2, $3, $4, $5,
    CASE s.method WHEN 'push' THEN latchkey_now() END, latchkey_now() + interval '1 day', latchkey_now() + interval '8 days'
  FROM signal_streams s JOIN clients c ON c.id = s.client_id AND c.status = 'active'
  WHERE $1 = ANY (s.events)
$$;

-- Every end of a session, by whatever way; that it merely ran out is no end. Once a statement: an account may have thousands of them.
CREATE FUNCTION latchkey_signal_session_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM signal_streams) THEN
    PERFORM latchkey_signal('session-revoked', a.account_id, a.id, COALESCE(a.end_reason, 'ended'), NULL)
    FROM rows_after a JOIN rows_before b ON b.id = a.id AND b.ended_at IS NULL
    WHERE a.ended_at IS NOT NULL;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER sessions_signal_end AFTER UPDATE ON sessions REFERENCING OLD TABLE AS rows_before NEW TABLE AS rows_after
  FOR EACH STATEMENT EXECUTE FUNCTION latchkey_signal_session_end();

CREATE FUNCTION latchkey_signal_credential_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM latchkey_signal('credential-change', NEW.account_id, NULL, NEW.name,
    CASE WHEN NEW.actor = NEW.account_id THEN 'user' WHEN NEW.actor = 'system' THEN 'system' ELSE 'admin' END);
  RETURN NULL;
END $$;
CREATE TRIGGER audit_events_signal_credential AFTER INSERT ON audit_events
  FOR EACH ROW WHEN (NEW.name IN ('password.changed', 'password.reset') AND NEW.account_id IS NOT NULL)
  EXECUTE FUNCTION latchkey_signal_credential_change();

-- Whoever gets a client_id anew gets no stream with it.
CREATE FUNCTION latchkey_end_signal_stream() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM signal_streams WHERE client_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER clients_end_signal_stream AFTER UPDATE OF status ON clients
  FOR EACH ROW WHEN (NEW.status = 'deleted') EXECUTE FUNCTION latchkey_end_signal_stream();
