// Brings a person the one-time link by which they set their password.
import { type Written, writeLetter } from './letter.ts'

/** What is known of it. */
export interface SetPasswordLetter {
  readonly url: string
  readonly expiresAt: Date
  readonly issuer: string
}

const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })

/** Writes the mail. */
export function setPasswordMail({ url, expiresAt, issuer }: SetPasswordLetter): Written {
  return writeLetter({
    subject: 'Set your password',
    story: [
      'An administrator has made you a link by which you set the password of your account. It works once.',
      'If you have a password, it goes on working until you use the link.',
    ],
    facts: [{ label: 'The link works until', value: `${TIME.format(expiresAt)} UTC` }],
    advice: [
      { text: 'Set your password:', link: url },
      { text: 'If you did not expect this, leave it: the link does nothing by itself. Give it to nobody.' },
    ],
    issuer,
  })
}
