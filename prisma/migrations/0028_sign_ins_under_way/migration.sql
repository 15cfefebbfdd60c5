-- When all that an account had was last ended, and all that everybody had: whoever typed a password before that and has not gone on
-- since gets no session for it (server/sessions/sign-ins-under-way.ts).
ALTER TABLE accounts ADD COLUMN all_ended_at TIMESTAMPTZ(6);
ALTER TABLE revocation_counter ADD COLUMN all_ended_at TIMESTAMPTZ(6);
