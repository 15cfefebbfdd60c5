-- What the first page of the console tells, counted beforehand: nobody who opens it waits for a table of millions to be gone through.

-- Events of some names, by the hour in which they happened. Each is counted once, when it has its seal (server/overview/event-counts.ts).
CREATE TABLE event_counts (
  hour  TIMESTAMPTZ(3) NOT NULL,
  name  TEXT NOT NULL,
  count INTEGER NOT NULL,
  CONSTRAINT event_counts_pkey PRIMARY KEY (hour, name)
);

-- One row: how far events are counted, how many of what else there were when it was last looked, and when it is to be looked again.
CREATE TABLE overview_figures (
  id                 INTEGER PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  counted_seal       BIGINT NOT NULL DEFAULT 0,
  counted_until      TIMESTAMPTZ(3),
  locked_accounts    INTEGER,
  locked_accounts_at TIMESTAMPTZ(3),
  sessions           INTEGER,
  grants             INTEGER,
  live_at            TIMESTAMPTZ(3),
  look_due_at        TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now(),
  live_due_at        TIMESTAMPTZ(3) NOT NULL DEFAULT latchkey_now()
);
-- What was sealed so long ago is on no page.
INSERT INTO overview_figures (id, counted_seal)
  SELECT 1, COALESCE(max(number), 0) FROM audit_seals WHERE sealed_at < latchkey_now() - interval '8 days';
