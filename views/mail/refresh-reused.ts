// Tells a person that a spent copy of a sign-in came back, and that the app was signed out for it.
import { type Written, writeLetter } from './letter.ts'

/** What is known of it. */
export interface RefreshReused {
  readonly clientName: string
  readonly at: Date
  /** From where the copy came. */
  readonly address?: string
  /** "Chrome on Windows". */
  readonly device?: string
  readonly issuer: string
}

const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })

/** Writes the mail. */
export function refreshReusedMail({ clientName, at, address, device, issuer }: RefreshReused): Written {
  const app = plain(clientName)
  return writeLetter({
    subject: `You were signed out of ${app}`,
    story: [
      `An old copy of your sign-in to ${app} was used again after a newer one had taken its place. Either the app made a mistake, or somebody else has a copy.`,
      `Nobody can tell which, so we ended this sign-in: no copy of it works any more. Your password was not used for it, and your other apps and devices are as they were.`,
    ],
    facts: [
      { label: 'App', value: app },
      { label: 'When', value: `${TIME.format(at)} UTC` },
      ...(address === undefined ? [] : [{ label: 'Came from', value: address }]),
      ...(device === undefined ? [] : [{ label: 'Device', value: device }]),
    ],
    advice: [
      { text: `Sign in to ${app} again. If it happens once and you know the device, that is all.` },
      { text: 'See where you are signed in, and sign out what you do not know:', link: `${issuer}/account` },
      { text: 'If you do not know what this was, change your password:', link: `${issuer}/account/password` },
    ],
    issuer,
  })
}

/** An app's name is written by others: it is one line, of the length of a name. */
function plain(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 100)
}
