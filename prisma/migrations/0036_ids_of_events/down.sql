ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_number_check;
ALTER TABLE audit_events DROP CONSTRAINT audit_events_id_check;
