-- Until when the last of all access tokens lives: raised by every process before it issues tokens that live longer, and read, under
-- the lock that orders revocations, by whoever writes one. So a revocation is remembered long enough, whatever the settings of the
-- process that writes it, and whatever they were when the tokens were issued.
ALTER TABLE revocation_counter ADD COLUMN access_tokens_until TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now();
-- How long tokens live that were issued before this is not known: a day at most. Processes of the version before may go on for a while.
UPDATE revocation_counter SET access_tokens_until = latchkey_now() + interval '25 hours' WHERE EXISTS (SELECT 1 FROM clients);
