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
