-- Where very many sessions come from a network, and none lately, the latest are found by its parts: by each /24, or /48 of IPv6, an index
-- has them in their order (server/sessions/session-networks.ts). Ends and uses change nothing in it.
CREATE INDEX sessions_network_idx ON sessions
  ((network(set_masklen(address, CASE family(address) WHEN 4 THEN 24 ELSE 48 END))), started_at DESC, id DESC) WHERE address IS NOT NULL;

-- What lives, in its order, however much of what began at the same time has ended: nobody goes through that one by one. An end writes
-- into the other indexes for it, once in the life of a session or a grant; uses do not.
CREATE INDEX sessions_standing_idx ON sessions (started_at DESC, id DESC) WHERE ended_at IS NULL AND closed_at IS NULL;
CREATE INDEX grants_standing_idx ON grants (created_at DESC, id DESC) WHERE ended_at IS NULL;
