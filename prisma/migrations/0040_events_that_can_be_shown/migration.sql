-- Whoever may add to the audit log could write an event that no page, answer or export could show, and with it none that had it on it: of a
-- year that has more than four digits, or with details that have no names. Nobody can change or remove one. What there is already is not
-- looked at here.
ALTER TABLE audit_events DROP CONSTRAINT audit_events_at_check;
ALTER TABLE audit_events ADD CONSTRAINT audit_events_at_check CHECK (at >= '1970-01-01Z' AND at < '3000-01-01Z') NOT VALID;
ALTER TABLE audit_events ADD CONSTRAINT audit_events_detail_check CHECK (jsonb_typeof(detail) = 'object') NOT VALID;
