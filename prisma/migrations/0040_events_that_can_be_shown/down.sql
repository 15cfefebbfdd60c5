ALTER TABLE audit_events DROP CONSTRAINT audit_events_detail_check;
ALTER TABLE audit_events DROP CONSTRAINT audit_events_at_check;
ALTER TABLE audit_events ADD CONSTRAINT audit_events_at_check CHECK (isfinite(at)) NOT VALID;
