// Tells an owner that a session audit waits to be walked through and signed off.
import { type Written, writeLetter } from './letter.ts'

/** What is known of it. */
export interface SessionReviewDue {
  /** Its page in the console. */
  readonly url: string
  readonly madeAt: Date
  /** How many things there are to look at. */
  readonly found: number
  /** It was told before, a week ago. */
  readonly again: boolean
  readonly issuer: string
}

const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })

/** Writes the mail. */
export function sessionReviewDueMail({ url, madeAt, found, again, issuer }: SessionReviewDue): Written {
  return writeLetter({
    subject: again ? 'The session audit still waits to be signed off' : 'A session audit waits for you',
    story: [
      again
        ? 'A week ago a session audit was made, and nobody has signed it off.'
        : 'It is time to look through the sessions of your server. A report was made of what nobody uses, and of what is older than it should be.',
      'It has ended nothing by itself. Walk through it, end what is not needed, say what stays and why, and sign it off.',
    ],
    facts: [
      { label: 'Made', value: `${TIME.format(madeAt)} UTC` },
      { label: 'To look at', value: found.toLocaleString('en-GB') },
    ],
    advice: [
      { text: 'Open the report:', link: url },
      { text: 'How often one is made is set by LATCHKEY_SESSION_REVIEW_EVERY on the server.' },
    ],
    issuer,
  })
}
