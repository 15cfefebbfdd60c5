// Builds the way of mail: the outbox, what carries it, and the delivery in between.
import type { Config } from '../../config/config.ts'
import type { Secrets } from '../../config/secrets.ts'
import { recordAudit } from '../audit/audit.ts'
import type { Log } from '../http/log.ts'
import type { Metrics } from '../http/metrics.ts'
import { createDelivery, type Delivery } from '../mail/delivery.ts'
import type { MailCarrier } from '../mail/mail.ts'
import { createMailbox, type Mailbox } from '../mail/mailbox.ts'
import { createOutbox, type Outbox } from '../mail/outbox.ts'
import { createSmtpCarrier } from '../mail/smtp.ts'
import type { OpenStores } from './stores.ts'

/** The way of mail. */
export interface MailParts {
  readonly outbox: Outbox
  readonly delivery: Delivery
  /** Where mail is kept instead of sent; of development only. */
  readonly mailbox: Mailbox | undefined
}

/** Builds it. */
export function createMail(deps: {
  readonly config: Config
  readonly secrets: Secrets
  readonly log: Log
  readonly stores: OpenStores
  readonly metrics: Metrics
}): MailParts {
  const { config, log, metrics, stores } = deps
  if (config.mail === 'off') log.warn('no mail is sent: SMTP_URL is not set, so nobody hears by mail when an app is signed out')
  const mailbox = config.mail === 'mailbox' ? createMailbox({ dataDir: config.dataDir }) : undefined
  const outbox = createOutbox({
    db: stores.db,
    sealer: stores.sealer,
    enabled: config.mail !== 'off',
    recordGivenUp: (tx, { kind, accountId, attempts }, reason) =>
      recordAudit(tx, { name: 'mail.given_up', actor: 'system', accountId, reason, detail: { kind, attempts } }),
  })
  const delivery = createDelivery({
    outbox,
    carrier: mailbox ?? smtpCarrier(deps),
    tried(outcome, { id, kind, attempts }, error) {
      metrics.count('mails', { outcome })
      if (outcome === 'given_up') log.error({ mail: id, kind, attempts, err: error }, 'a mail was given up')
      else if (outcome === 'postponed') log.warn({ mail: id, kind, attempts, err: error }, 'a mail will be tried again')
    },
  })
  metrics.whenAsked(async () => metrics.set('mailsWaiting', {}, await outbox.waiting()))
  return { outbox, delivery, mailbox }
}

function smtpCarrier({ config, secrets }: { config: Config; secrets: Secrets }): MailCarrier | undefined {
  if (secrets.smtpUrl === undefined || config.mailFrom === undefined) return undefined
  return createSmtpCarrier({ url: secrets.smtpUrl, from: config.mailFrom, issuer: config.issuer })
}
