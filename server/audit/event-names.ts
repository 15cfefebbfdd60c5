// The names of all events of the audit log: what happened, dotted and in the past tense. Whoever asks for events by name, as webhooks
// do, is told when there is no such thing.

/** Every name there is. */
export const AUDIT_EVENT_NAMES = [
  'access_token.refused',
  'access_token.revoked',
  'access_tokens.revoked',
  'account.contained',
  'account.created',
  'account.deleted',
  'account.email_changed',
  'account.reinstated',
  'account.renamed',
  'account.roles_changed',
  'account.signed_out_everywhere',
  'account.suspended',
  'account.unlocked',
  'account.updated',
  'admin_access.refused',
  'audit_events.exported',
  'audit_events.removed',
  'authorization_code.replayed',
  'client.created',
  'client.deleted',
  'client.reinstated',
  'client.signed_in',
  'client.suspended',
  'client.updated',
  'client_authentication.failed',
  'client_secret.compromised',
  'client_secret.created',
  'client_secret.deleted',
  'consent.denied',
  'consent.given',
  'consent.narrowed',
  'consent.withdrawn',
  'every_session.ended',
  'everything.ended',
  'grant.revoked',
  'logout_notification.failed',
  'logout_notification.retried',
  'mail.given_up',
  'password.change_forced',
  'password.change_refused',
  'password.changed',
  'password.reset',
  'password_link.created',
  'rate_limit.lifted',
  'rate_limit.reached',
  'refresh_token.reused',
  'resource_server.created',
  'resource_server.deleted',
  'resource_server.updated',
  'revocation_job.begun',
  'session.expired',
  'session.revoked',
  'session.signed_out',
  'session.started',
  'session_review.begun',
  'session_review.exported',
  'session_review.kept',
  'session_review.made',
  'session_review.signed_off',
  'session_review.unkept',
  'setup.completed',
  'setup_link.created',
  'sign_in.failed',
  'sign_in.succeeded',
  'signal.failed',
  'signal_stream.created',
  'signal_stream.deleted',
  'signing_key.activated',
  'signing_key.announced',
  'signing_key.compromised',
  'signing_key.created',
  'signing_key.removed',
  'signing_key.retired',
  'webhook.created',
  'webhook.deleted',
  'webhook.disabled',
  'webhook.tested',
  'webhook.updated',
  'webhook_delivery.failed',
  'webhook_delivery.resent',
  'webhook_secret.rotated',
] as const

/** One of them. */
export type AuditEventName = (typeof AUDIT_EVENT_NAMES)[number]

/** How it went, for whoever did it. */
export const AUDIT_OUTCOMES = ['succeeded', 'failed'] as const
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number]

const FAILED = /[._](?:denied|failed|given_up|reached|refused|replayed|reused)$/

/** Whether an event tells of something that was done, or of something that failed, was refused or should not have been tried. */
export function outcomeOf(name: string): AuditOutcome {
  return FAILED.test(name) ? 'failed' : 'succeeded'
}
