ALTER TABLE audit_events DROP CONSTRAINT audit_events_at_check;
