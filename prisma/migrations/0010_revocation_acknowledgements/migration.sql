-- How far those who listen to the revocation list have come: a row for each process of a resource server.
CREATE TABLE revocation_acknowledgements (
  client_id TEXT NOT NULL,
  instance TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  acknowledged_at TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  CONSTRAINT revocation_acknowledgements_pkey PRIMARY KEY (client_id, instance)
);
CREATE INDEX revocation_acknowledgements_acknowledged_at_idx ON revocation_acknowledgements (acknowledged_at);
