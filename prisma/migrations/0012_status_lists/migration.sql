-- Status lists: which access token has which place in which list, and what would end it.
CREATE TABLE status_lists (
  id TEXT NOT NULL,
  seed BYTEA NOT NULL,
  taken INTEGER NOT NULL DEFAULT 0,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  closes_at TIMESTAMPTZ(3) NOT NULL,
  expires_at TIMESTAMPTZ(3) NOT NULL,
  ended_at TIMESTAMPTZ(3),
  CONSTRAINT status_lists_pkey PRIMARY KEY (id)
);

CREATE TABLE referenced_tokens (
  list_id TEXT NOT NULL,
  idx INTEGER NOT NULL,
  jti TEXT NOT NULL,
  client_id TEXT NOT NULL,
  account_id TEXT,
  grant_id TEXT,
  session_id TEXT,
  kid TEXT,
  issued_at TIMESTAMPTZ(3) NOT NULL,
  expires_at TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT referenced_tokens_pkey PRIMARY KEY (list_id, idx)
);
CREATE INDEX referenced_tokens_expires_at_idx ON referenced_tokens (expires_at);

-- The place of the n-th token of a list: a permutation of 0 to 65535 that the list's seed decides (a Feistel network of two
-- bytes), so that each place is given once, and who knows some places knows nothing of the others.
CREATE FUNCTION latchkey_status_index(seed bytea, n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  high integer := n >> 8;
  low integer := n & 255;
  mixed integer;
BEGIN
  FOR turn IN 1..8 LOOP
    mixed := high # get_byte(sha256(seed || set_byte(set_byte('\x0000'::bytea, 0, turn), 1, low)), 0);
    high := low;
    low := mixed;
  END LOOP;
  RETURN (high << 8) | low;
END $$;
