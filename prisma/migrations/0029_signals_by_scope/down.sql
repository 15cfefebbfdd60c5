CREATE OR REPLACE FUNCTION latchkey_signal(event text, account_id text, session_id text, cause text, initiator text) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO signals (id, stream_id, event, account_id, session_id, cause, initiator, next_attempt_at, give_up_at, expires_at)
  SELECT 'set_' || replace(gen_random_uuid()::text, '-', ''), s.id, $1, $2, $3, $4, $5,
    CASE s.method WHEN 'push' THEN latchkey_now() END, latchkey_now() + interval '1 day', latchkey_now() + interval '8 days'
  FROM signal_streams s JOIN clients c ON c.id = s.client_id AND c.status = 'active'
  WHERE $1 = ANY (s.events)
$$;
