-- A session that runs out ends nothing, and what was given in it stood as live for as long as a grant may last, though nothing comes of it any
-- more once its last access token is over. No index: it is never looked for by that.
ALTER TABLE grants ADD COLUMN closes_at timestamptz(3);
