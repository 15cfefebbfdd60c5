// What somebody has to do again and again so that the server stays well, or because something has come up: each duty is a question, and
// looks by itself how it stands. Another one is one more function of the list that they are handed around in.
import { ACCESS } from '../../config/access.ts'
import type { AccessRule } from '../../config/roles.ts'
import { SECRET_DUE_SECONDS, type SecretAges } from '../clients/secret-ages.ts'
import type { KeyItem } from '../keys/key-turns.ts'
import { MOST_UNTOLD, type Untold } from '../logout-notifications/untold.ts'
import type { FailingWebhook } from '../webhooks/last-deliveries.ts'
import type { Figure } from './figures.ts'

/** How a duty stands. `due`: it is to be done now, or by a time that comes soon. */
export interface DutyStanding {
  readonly state: 'done' | 'due' | 'overdue'
  /** When it is due, or has been. Left out of what has come up by itself. */
  readonly at?: Date
  /** What is so, in a sentence. */
  readonly says: string
  /** What to do about it; left out when there is nothing to do. */
  readonly todo?: string
  /** The page of the console on which it is done. */
  readonly href: string
}

/** A duty. */
export interface Duty {
  /** For programs; it stays the same. */
  readonly name: string
  /** For people. */
  readonly question: string
  /** Who sees it: whoever may open the page on which it is done. */
  readonly access: AccessRule
  look(): Promise<DutyStanding>
}

/** So long before it is due, a duty is called due. */
const SOON_SECONDS = 14 * 86_400

/** What fails for so long does not mend by itself. */
export const LONG_SECONDS = 3600

/** Replacing what grows old: done, until a while before it is due. `now` in milliseconds since the epoch. */
export function standingBy(at: Date, now: number): Pick<DutyStanding, 'state' | 'at'> {
  const left = at.getTime() - now
  if (left <= 0) return { state: 'overdue', at }
  return { state: left <= SOON_SECONDS * 1000 ? 'due' : 'done', at }
}

/** Client secrets are replaced before they are too old. */
export function clientSecretDuty(read: () => Promise<SecretAges>, clock: () => number): Duty {
  const days = SECRET_DUE_SECONDS / 86_400
  return {
    name: 'client_secrets',
    question: `Were client secrets replaced in the last ${days} days?`,
    access: ACCESS.clients.read,
    async look() {
      const { oldest, older } = await read()
      if (oldest === undefined) return { state: 'done', says: 'No app has a secret.', href: '/admin/clients' }
      const standing = standingBy(new Date(oldest.at.getTime() + SECRET_DUE_SECONDS * 1000), clock())
      if (standing.state === 'done') return { ...standing, says: 'Yes, of every app.', href: '/admin/clients' }
      const todo = 'Give it another one, and delete the old one when it is used no more.'
      const its = `/admin/clients/${encodeURIComponent(oldest.clientId)}`
      if (standing.state === 'due') return { ...standing, says: `Soon that of ${oldest.clientId} is older.`, todo, href: its }
      const says = `Those of ${many(older, 'app')} were not.`
      return { ...standing, says, todo: `Open each. ${todo}`, href: '/admin/secrets?state=due' }
    },
  }
}

/** So are the secrets by which deliveries to webhooks are signed. `read`: when each that is current should be replaced. */
export function webhookSecretDuty(read: () => Promise<readonly Date[]>, clock: () => number): Duty {
  return {
    name: 'webhook_secrets',
    question: `Were webhook secrets replaced in the last ${SECRET_DUE_SECONDS / 86_400} days?`,
    access: ACCESS.webhooks.read,
    async look() {
      const dues = (await read()).toSorted((one, other) => one.getTime() - other.getTime())
      const [first] = dues
      if (first === undefined)
        return { state: 'done', says: 'There is no webhook that is told anything.', href: '/admin/webhooks' }
      const standing = standingBy(first, clock())
      if (standing.state === 'done') return { ...standing, says: 'Yes, of every webhook.', href: '/admin/webhooks' }
      const late = dues.filter((at) => at.getTime() <= clock()).length
      const says = late > 0 ? `Those of ${many(late, 'webhook')} were not.` : 'Soon the oldest is older.'
      const todo = 'Give it another one: the old one overlaps for as long as you say.'
      return { ...standing, says, todo, href: late > 0 ? '/admin/secrets?state=due' : '/admin/secrets' }
    },
  }
}

/** Keys that sign are replaced before they are too old. */
export function signingKeyDuty(read: () => Promise<readonly KeyItem[]>, clock: () => number): Duty {
  const href = '/admin/keys'
  return {
    name: 'signing_keys',
    question: 'Were signing keys replaced in the last 90 days?',
    access: ACCESS.keys.read,
    async look() {
      const dues = (await read()).flatMap(({ due }) => (due?.what === 'rotate' ? [due.at] : []))
      const [first] = dues.toSorted((one, other) => one.getTime() - other.getTime())
      if (first === undefined) return { state: 'done', says: 'No key signs yet.', href }
      const standing = standingBy(first, clock())
      const late = dues.filter((at) => at.getTime() <= clock()).length
      if (standing.state === 'done') return { ...standing, says: 'Yes, all that sign.', href }
      const says = late > 0 ? `${many(late, 'key')} should have been.` : 'Soon the oldest is no longer.'
      return { ...standing, says, todo: 'Announce new keys: nobody notices.', href }
    },
  }
}

/** How it stands with session audits. */
export interface SessionAudits {
  /** When one was signed off last; undefined: none ever was. */
  readonly signedOffAt: Date | undefined
  /** One that is made and waits to be signed off. */
  readonly waiting: { readonly id: string } | undefined
  /** When the next one is made by itself; undefined: none is. */
  readonly nextAt: Date | undefined
}

/** Somebody looks each month at what nobody uses, and signs it off. */
export function sessionAuditDuty(read: () => Promise<SessionAudits>, clock: () => number): Duty {
  const page = '/admin/session-audits'
  return {
    name: 'session_audit',
    question: 'Were sessions audited in the last month?',
    access: ACCESS.sessionReviews.read,
    async look() {
      const { signedOffAt, waiting, nextAt } = await read()
      const until = signedOffAt === undefined ? nextAt : new Date(signedOffAt.getTime() + AUDITED_FOR_SECONDS * 1000)
      const late = until === undefined || until.getTime() <= clock()
      const at = until === undefined ? {} : { at: until }
      if (waiting !== undefined) {
        const says = signedOffAt === undefined ? 'The first report is there.' : 'The next report is there.'
        const todo = 'Go through what it found, end what nobody needs, and sign it off.'
        return { state: late && signedOffAt !== undefined ? 'overdue' : 'due', ...at, says, todo, href: `${page}/${waiting.id}` }
      }
      if (!late)
        return { state: 'done', ...at, says: signedOffAt === undefined ? 'The first report is to come.' : 'Yes.', href: page }
      return { state: 'overdue', ...at, says: 'No.', todo: 'Make a report, go through it, and sign it off.', href: page }
    },
  }
}

/** A month, with a day to do it in. */
const AUDITED_FOR_SECONDS = 32 * 86_400

/** Accounts at which sign-ins have to wait: somebody has forgotten a password, or tries out some. */
export function lockedAccountDuty(read: () => Promise<Figure | undefined>): Duty {
  const href = '/admin/blocks'
  return {
    name: 'locked_accounts',
    question: 'Are there locked accounts to look at?',
    access: ACCESS.accounts.read,
    async look() {
      const figure = await read()
      if (figure === undefined) return { state: 'done', says: 'That is looked at within a minute of the start.', href }
      if (figure.count === 0) return { state: 'done', says: 'At no account has anybody to wait.', href }
      const todo = 'Somebody has forgotten a password, or tries some out: look from where.'
      return { state: 'due', says: `At ${many(figure.count, 'account')} the next sign-in has to wait.`, todo, href }
    },
  }
}

/** Webhooks that fail for long. */
export function webhookDuty(read: () => Promise<readonly FailingWebhook[]>): Duty {
  return {
    name: 'webhooks',
    question: 'Do webhooks take what they are told?',
    access: ACCESS.webhooks.read,
    async look() {
      const failing = await read()
      const [first] = failing
      if (first === undefined) return { state: 'done', says: 'None fails for long.', href: '/admin/webhooks' }
      const names = [...new Set(failing.map(({ url }) => new URL(url).host))].slice(0, 5).join(', ')
      return {
        state: failing.some(({ givenUp }) => givenUp) ? 'overdue' : 'due',
        at: first.since,
        says: `${many(failing.length, 'webhook')} for more than an hour: ${names}.`,
        todo: 'Its page says what it answers, and what it missed can be sent again.',
        href: failing.length === 1 ? `/admin/webhooks/${first.id}` : '/admin/webhooks',
      }
    },
  }
}

/** Apps that do not hear of ends. */
export function logoutNotificationDuty(read: () => Promise<Untold>): Duty {
  const page = '/admin/logout-notifications'
  return {
    name: 'logout_notifications',
    question: 'Have apps heard of every sign-out?',
    access: ACCESS.sessions.read,
    async look() {
      const { count, clientIds, since, givenUp } = await read()
      if (count === 0) return { state: 'done', says: 'None has waited for more than an hour.', href: page }
      return {
        state: givenUp ? 'overdue' : 'due',
        ...(since === undefined ? {} : { at: since }),
        says: `${count >= MOST_UNTOLD ? 'More than 1,000 times' : many(count, 'time')} they have not: ${clientIds.join(', ')}.`,
        todo: 'See what the app answers, and tell it again.',
        href: `${page}?state=${givenUp ? 'failed' : 'retrying'}`,
      }
    },
  }
}

/** Mail that does not leave. `read`: how much waits for long. */
export function mailDuty(read: () => Promise<number>): Duty {
  const href = '/admin/settings'
  return {
    name: 'mail',
    question: 'Does mail leave the server?',
    access: ACCESS.settings.read,
    async look() {
      const late = await read()
      if (late === 0) return { state: 'done', says: 'None has waited for more than an hour.', href }
      const says = `${late > 1000 ? 'More than 1,000 mails have' : late === 1 ? 'One mail has' : `${late} mails have`} waited for more than an hour.`
      return { state: 'due', says, todo: 'Look at the mail server, at SMTP_URL, and at the log.', href }
    },
  }
}

/** A check of the server that runs. */
export interface CheckOutcome {
  readonly what: string
  readonly outcome: 'right' | 'look' | 'wrong'
}

/** What the doctor finds; but for what is a duty by itself. */
export function systemDuty(read: () => Promise<readonly CheckOutcome[]>): Duty {
  const href = '/admin/system'
  return {
    name: 'system',
    question: 'Is the server well?',
    access: ACCESS.system.read,
    async look() {
      const checks = (await read()).filter(({ what }) => !OF_THEIR_OWN.includes(what))
      const named = (outcome: CheckOutcome['outcome']) =>
        checks.filter((check) => check.outcome === outcome).map(({ what }) => what)
      const [wrong, look] = [named('wrong'), named('look')]
      if (wrong.length > 0)
        return { state: 'overdue', says: `Wrong: ${wrong.join(', ')}.`, todo: 'There it says what to do.', href }
      if (look.length > 0) return { state: 'due', says: `Look at: ${look.join(', ')}.`, todo: 'There it says what to do.', href }
      return { state: 'done', says: 'All that is checked is right.', href }
    },
  }
}

/** Checks (maintenance/checks.ts) that say no more than a duty does. */
const OF_THEIR_OWN = ['Signing keys', 'Webhooks']

function many(count: number, noun: string): string {
  return `${count.toLocaleString('en-GB')} ${noun}${count === 1 ? '' : 's'}`
}
