-- Where very many events come from a network, and none lately, the latest are found by its parts: by each /24, or /48 of IPv6, an index has
-- them in the order of their ids (server/audit/audit-networks.ts).
CREATE INDEX audit_events_network_id_idx ON audit_events
  ((network(set_masklen(address, CASE family(address) WHEN 4 THEN 24 ELSE 48 END))), id) WHERE address IS NOT NULL;
CREATE INDEX audit_events_network_name_id_idx ON audit_events
  ((network(set_masklen(address, CASE family(address) WHEN 4 THEN 24 ELSE 48 END))), name, id) WHERE address IS NOT NULL;
