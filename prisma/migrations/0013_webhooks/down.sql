-- The way back: nobody is told any more, and what was not delivered is not.
DROP TRIGGER clients_end_signal_stream ON clients;
DROP TRIGGER audit_events_signal_credential ON audit_events;
DROP TRIGGER sessions_signal_end ON sessions;
DROP FUNCTION latchkey_end_signal_stream();
DROP FUNCTION latchkey_signal_credential_change();
DROP FUNCTION latchkey_signal_session_end();
DROP FUNCTION latchkey_signal(text, text, text, text, text);
DROP TABLE signals;
DROP TABLE signal_streams;
DROP TRIGGER audit_events_deliver ON audit_events;
DROP FUNCTION latchkey_deliver_audit_events();
DROP TABLE webhook_deliveries;
DROP TABLE webhook_secrets;
DROP TABLE webhooks;
