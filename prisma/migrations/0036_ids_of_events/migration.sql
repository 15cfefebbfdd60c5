-- The sequences begin with 1. Whoever may add to the audit log could write an event below that, where the chain does not begin: it got no
-- seal, and stood among the others. What there is already is not looked at here: "latchkey audit verify" finds it.
ALTER TABLE audit_events ADD CONSTRAINT audit_events_id_check CHECK (id > 0) NOT VALID;
ALTER TABLE audit_seals ADD CONSTRAINT audit_seals_number_check CHECK (number > 0) NOT VALID;
