// Hands mail to a mail server (RFC 5321).
import { createTransport } from 'nodemailer'
import { isLoopbackHost } from '../../config/loopback.ts'
import type { Secret } from '../../config/secrets.ts'
import { timeFor } from '../outbox/time-for.ts'
import { type MailCarrier, MailRefused } from './mail.ts'

/** Shorter together than the lease of a claim (outbox.ts). */
const LONGEST_SENDING_MS = 30_000

/**
 * Makes the carrier. `smtps:` is TLS from the start. With `smtp:` the server must offer STARTTLS, unless it is on this machine or
 * the URL says `?requireTLS=false`: otherwise whoever sits in between could have the links that mails carry.
 * @param issuer names the host in the mail's identifier
 */
export function createSmtpCarrier({
  url,
  from,
  issuer,
}: {
  readonly url: Secret
  readonly from: string
  readonly issuer: string
}): MailCarrier {
  const transport = createTransport({ ...addressOf(new URL(url.reveal())), disableFileAccess: true, disableUrlAccess: true })
  const { hostname } = new URL(issuer)
  return {
    async carry({ id, to, subject, text, html, createdAt }, signal) {
      using time = timeFor(LONGEST_SENDING_MS, signal)
      try {
        await transport.sendMail({
          from,
          // As an object it is one address, whatever stands in it.
          to: { name: '', address: to },
          subject,
          text,
          html,
          date: createdAt,
          // The same however often it is sent, so that a mailbox that has it already can tell.
          messageId: `<${id}@${hostname}>`,
          // RFC 3834 §5: nobody's holiday notice is an answer to this.
          headers: { 'Auto-Submitted': 'auto-generated' },
          signal: time.signal,
        })
      } catch (error) {
        if (isForGood(error)) throw new MailRefused('the mail server refuses this mail', { cause: error })
        throw error
      }
    },
  }
}

function addressOf(url: URL) {
  const secure = url.protocol === 'smtps:'
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    requireTLS: !secure && !isLoopbackHost(url.hostname) && url.searchParams.get('requireTLS') !== 'false',
    ...(url.username === '' ? {} : { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }),
  }
}

/** A reply of 5xx to the recipient or the text (RFC 5321 §4.2.1). To anything else it means that we are set up wrongly. */
function isForGood(error: unknown): boolean {
  if (!(error instanceof Error) || !('responseCode' in error) || !('command' in error)) return false
  const { responseCode, command } = error
  return typeof responseCode === 'number' && responseCode >= 500 && (command === 'RCPT TO' || command === 'DATA')
}
