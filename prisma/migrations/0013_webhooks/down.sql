-- The way back: nobody is told any more, and what was not delivered is not.
DROP TRIGGER audit_events_deliver ON audit_events;
DROP FUNCTION latchkey_deliver_audit_events();
DROP TABLE webhook_deliveries;
DROP TABLE webhook_secrets;
DROP TABLE webhooks;
