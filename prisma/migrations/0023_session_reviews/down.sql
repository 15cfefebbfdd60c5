DROP INDEX client_secrets_created_at_id_idx;
DROP TABLE session_review_findings;
DROP TABLE session_review_parts;
DROP TABLE session_reviews;
