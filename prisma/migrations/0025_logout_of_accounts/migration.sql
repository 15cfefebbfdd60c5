-- An app that does not need to know the session is told by one token that all sessions of an account have ended. It is found from each
-- of them by the time at which they ended.
ALTER TABLE logout_notifications ADD COLUMN account_ended_at TIMESTAMPTZ(3);
CREATE INDEX logout_notifications_account_id_account_ended_at_idx ON logout_notifications (account_id, account_ended_at)
  WHERE account_ended_at IS NOT NULL;
