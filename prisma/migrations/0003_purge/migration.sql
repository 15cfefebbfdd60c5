-- Nothing looks for families by their absolute end: they are found by going through the table (maintenance/expired-rows-store.ts),
-- since an index on what a refresh changes would cost every refresh more than it saves.
DROP INDEX refresh_families_absolute_expires_at_idx;
