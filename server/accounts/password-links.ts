// One-time links by which people set a password that nobody else knows: of an account that was made for them, or in the place of one
// that they have forgotten. Whoever makes the link sees it once, or it is mailed and nobody sees it.
import { createHash, randomBytes } from 'node:crypto'
import type { PasswordPolicy } from '../../config/password-policy.ts'
import type { Origin } from '../audit/audit.ts'
import { type Change, recordChange } from '../audit/change.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import type { Ended, Endings } from '../tokens/ending.ts'
import { resetPassword } from './account-changes.ts'
import { endAllOfAccount } from './account-ends.ts'
import { AccountOutOfReach, AccountRefused, keepAnOwner, lockedAccount, mayBecome } from './account-standing.ts'
import { type Account, lockActiveAccount, retirePassword, selectAccount, verifyEmail } from './accounts-store.ts'
import { passwordLinkUntil, putPasswordLink, selectPasswordLink, takePasswordLink } from './password-links-store.ts'
import { findPasswordFault, type PasswordFault } from './password-policy.ts'
import type { Passwords } from './passwords.ts'
import { wasUsedBefore } from './used-passwords.ts'

/** A link that was just made. */
export interface PasswordLink {
  /** Holds the secret: for whoever made it, once. Undefined when it was mailed. */
  readonly url?: string
  readonly mailed: boolean
  readonly expiresAt: Date
}

/** How a link gets to the person. */
export type PasswordLinkWay = 'shown' | 'mailed'

/** What came of using a link. */
export type PasswordLinkOutcome =
  | { readonly outcome: 'done'; readonly account: Account; readonly ended: Ended }
  /** It was used, has expired, another one took its place, or it never was. */
  | { readonly outcome: 'dead_link' }
  | { readonly outcome: 'refused'; readonly reason: 'used_before' | PasswordFault }

/** A link that is asked for. */
export interface PasswordLinkRequest {
  readonly accountId: string
  readonly way: PasswordLinkWay
  /** All that the account has ends now, and not when the link is used. */
  readonly endSessions: boolean
  /** The password that there is lets nobody in from now on: the person has to set another one. */
  readonly forceChange?: boolean
  /** Until when the link can be used that the asker knows of, undefined for none: one that they do not know of stays good. */
  readonly known?: { readonly until: Date | undefined }
}

/** The links. */
export interface PasswordLinks {
  /** Makes one in the transaction in which the account is made, or is locked. @throws AccountRefused when it cannot be mailed */
  issueWithin(tx: Transaction, account: Account, way: PasswordLinkWay, change: Change): Promise<PasswordLink>
  /**
   * Makes one for an account that is there. The password that it has stays good until the link is used, unless a change is forced.
   * @throws AccountRefused also when a change would be forced on the last owner, who might get no other password
   */
  issue(request: PasswordLinkRequest, change: Change): Promise<{ readonly link: PasswordLink; readonly ended: Ended }>
  /** Whose link it is, while it can be used. */
  find(token: string): Promise<Account | undefined>
  /** Sets the password; all that the account had ends. Of any number at once, exactly one is done. @throws HashingBusy */
  redeem(token: string, password: string, origin: Origin): Promise<PasswordLinkOutcome>
}

/** What they need. */
export interface PasswordLinksDeps {
  readonly db: Database
  readonly endings: Endings
  readonly passwords: Pick<Passwords, 'hash' | 'verify'>
  readonly policy: PasswordPolicy
  readonly lifeSeconds: number
  /** The address of the page that takes a link. */
  readonly urlOf: (token: string) => string
  /** Mails a link, in the transaction that makes it; undefined where no mail is sent. */
  readonly mail:
    | ((tx: Transaction, account: Account, link: { readonly url: string; readonly expiresAt: Date }) => Promise<void>)
    | undefined
  /** What slowed sign-ins to the account down is forgotten: the person has a new password. */
  readonly forgetFailures: (tx: Transaction, account: Account) => Promise<void>
}

/** A form that is sent twice does not take back the link that was handed out meanwhile. @throws AccountRefused */
async function keepUnknown(tx: Transaction, accountId: string, known: Date | undefined): Promise<void> {
  const until = await passwordLinkUntil(tx, accountId)
  if (until !== undefined && until.getTime() !== known?.getTime())
    throw new AccountRefused('a link was made since this page was opened: make another one only when that one is lost')
}

/** Makes them. */
export function createPasswordLinks(deps: PasswordLinksDeps): PasswordLinks {
  const { db, endings, lifeSeconds } = deps

  async function issueWithin(tx: Transaction, account: Account, way: PasswordLinkWay, change: Change): Promise<PasswordLink> {
    const mailed = way === 'mailed'
    if (!mailed && !mayBecome(account, change)) {
      throw new AccountOutOfReach(
        'whoever is shown this link could do what you may not: have it mailed to the person, or ask an owner',
      )
    }
    if (mailed && deps.mail === undefined) throw new AccountRefused('no mail is sent from here: SMTP_URL is not set')
    const token = `pwd_${randomBytes(32).toString('base64url')}`
    const expiresAt = await putPasswordLink(tx, { digest: digestOf(token), accountId: account.id, mailed, lifeSeconds })
    const url = deps.urlOf(token)
    if (mailed) await deps.mail?.(tx, account, { url, expiresAt })
    await recordChange(tx, 'password_link.created', change, { accountId: account.id, detail: { mailed } })
    return { mailed, expiresAt, ...(mailed ? {} : { url }) }
  }

  return {
    issueWithin,

    async issue({ accountId, way, endSessions, forceChange = false, known }, change) {
      let link: PasswordLink | undefined
      const ended = await endings.run('signed_out_everywhere', async (ending) => {
        if (forceChange) await keepAnOwner(ending.tx, accountId)
        const account = await lockedAccount(ending.tx, accountId, change)
        if (account.status !== 'active') throw new AccountRefused('the account is suspended: reinstate it first')
        if (known !== undefined) await keepUnknown(ending.tx, accountId, known.until)
        link = await issueWithin(ending.tx, account, way, change)
        if (forceChange && (await retirePassword(ending.tx, accountId)))
          await recordChange(ending.tx, 'password.change_forced', change, { accountId })
        if (!endSessions) return
        await endAllOfAccount(ending, accountId)
        await recordChange(ending.tx, 'account.signed_out_everywhere', change, { accountId })
      })
      if (link === undefined) throw new Error('a transaction that was committed made no link')
      return { link, ended }
    },

    async find(token) {
      const found = await selectPasswordLink(db, digestOf(token))
      return found === undefined ? undefined : selectAccount(db, { id: found.accountId })
    },

    async redeem(token, password, origin) {
      const digest = digestOf(token)
      // Looked at before anything is hashed, so that strangers cannot make the server work; and again under the lock.
      const found = await selectPasswordLink(db, digest)
      const account = found === undefined ? undefined : await selectAccount(db, { id: found.accountId })
      if (account === undefined) return { outcome: 'dead_link' }
      const reason = await whyRefused(deps, account, password)
      if (reason !== undefined) return { outcome: 'refused', reason }
      const hash = await deps.passwords.hash(password)
      const ended = await setPassword(deps, { digest, account, hash }, { actor: account.id, origin })
      return ended === undefined ? { outcome: 'dead_link' } : { outcome: 'done', account, ended }
    },
  }
}

async function whyRefused(
  { db, passwords, policy }: PasswordLinksDeps,
  account: Account,
  password: string,
): Promise<'used_before' | PasswordFault | undefined> {
  const fault = await findPasswordFault(password, policy, account)
  if (fault !== undefined) return fault
  return (await wasUsedBefore({ db, passwords, policy }, account.id, password)) ? 'used_before' : undefined
}

/** What it ended; undefined when the link was no good any more, and nothing has happened. */
async function setPassword(
  deps: PasswordLinksDeps,
  { digest, account, hash }: { readonly digest: Digest; readonly account: Account; readonly hash: string },
  change: Change,
): Promise<Ended | undefined> {
  let done = false
  const ended = await deps.endings.run('password_reset', async (ending) => {
    const { tx } = ending
    if (!(await lockActiveAccount(tx, account.id))) return
    const link = await takePasswordLink(tx, digest, account.id)
    if (link === undefined) return
    await resetPassword(ending, { accountId: account.id, hash, history: deps.policy.history }, change)
    // Whoever came by a mailed link gets mail at the address: a change of address voids the link.
    if (link.mailed) await verifyEmail(tx, account.id)
    await deps.forgetFailures(tx, account)
    done = true
  })
  return done ? ended : undefined
}

type Digest = Buffer<ArrayBuffer>

/** The secret is random and long, so a plain digest keeps it. */
function digestOf(token: string): Digest {
  return Buffer.from(createHash('sha256').update(token).digest())
}
