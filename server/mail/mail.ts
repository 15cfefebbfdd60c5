// What a mail is, and what carries one.

/** A mail, ready to be sent. */
export interface Mail {
  /** The account's own address. */
  readonly to: string
  readonly subject: string
  readonly text: string
  /** The same for those who read HTML. */
  readonly html: string
}

/** A mail in the outbox. */
export interface OutgoingMail extends Mail {
  readonly id: string
  readonly createdAt: Date
}

/** Carries mail: a mail server, or the mailbox of development. */
export interface MailCarrier {
  /** @throws MailRefused when this mail will never be taken @throws Error when it may be tried again */
  carry(mail: OutgoingMail, signal: AbortSignal): Promise<void>
}

/** The mail server refuses this very mail or its recipient, for good. */
export class MailRefused extends Error {
  override readonly name = 'MailRefused'
}
