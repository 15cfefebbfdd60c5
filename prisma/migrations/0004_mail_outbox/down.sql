-- The way back: mail that waits is not sent.
DROP TABLE mail_outbox;
