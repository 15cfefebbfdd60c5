ALTER TABLE grants DROP COLUMN closes_at;
