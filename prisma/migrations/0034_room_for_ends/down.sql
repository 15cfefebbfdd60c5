ALTER TABLE sessions SET (fillfactor = 85);
ALTER TABLE grants SET (fillfactor = 85);
ALTER TABLE refresh_families SET (fillfactor = 70);
