-- Whose sign-ins are slowed down, so that all of them are found however many others fail: the accounts that an attempt was at when it
-- was counted, and what was tried. What was counted before has neither until it is counted again, or is forgotten within a day.
ALTER TABLE sign_in_failures ADD COLUMN account_ids TEXT[] NOT NULL DEFAULT '{}';
ALTER TABLE sign_in_failures ADD COLUMN what TEXT;
