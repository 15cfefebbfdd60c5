-- An event at infinity has no milliseconds: the sealer, which puts them into the digest, would stop at it, and nothing after it got a
-- seal. Whoever may add to the audit log could write one. What there is already is not looked at here.
ALTER TABLE audit_events ADD CONSTRAINT audit_events_at_check CHECK (isfinite(at)) NOT VALID;
