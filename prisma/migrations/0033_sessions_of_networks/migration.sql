-- Where very many sessions come from a network, and none lately, the latest are found by its parts: by each /24, or /48 of IPv6, an index
-- has them in their order (server/sessions/session-networks.ts). Ends and uses change nothing in it.
CREATE INDEX sessions_network_idx ON sessions
  ((network(set_masklen(address, CASE family(address) WHEN 4 THEN 24 ELSE 48 END))), started_at DESC, id DESC) WHERE address IS NOT NULL;
