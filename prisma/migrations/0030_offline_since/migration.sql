-- When a client got `offline_access` back: what was given before does not outlive its session again.
ALTER TABLE clients ADD COLUMN offline_since TIMESTAMPTZ(3);
