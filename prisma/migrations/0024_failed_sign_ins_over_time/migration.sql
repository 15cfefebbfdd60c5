-- Sign-ins that failed are counted by the hour over a week: from the index alone, since there may be very many of them.
CREATE INDEX audit_events_failed_sign_in_at_idx ON audit_events (at, reason) WHERE name = 'sign_in.failed';
