// Slows guesses at one account, whatever addresses they come from. Nothing is ever locked for good: an outsider could
// lock others out that way. After some failures in a row each further attempt has to wait, longer each time up to a
// bound; and from places where the account has signed in before, attempts have a count of their own, so that a stranger
// who keeps guessing does not keep its owner out. Accounts that do not exist are counted alike, so nothing is told.
import type { Database } from '../storage/postgres.ts'
import { createLockoutKeys, type LockoutKey, mailbox, subjectOf } from './lockout-keys.ts'
import {
  countAttempt,
  forgetFailures,
  knownAddresses,
  type Slowing,
  type Tried,
  uncountAttempt,
} from './sign-in-failures-store.ts'

/** An attempt that has been counted as failed, until it turns out otherwise. */
export interface Attempt {
  /** False: it is refused without a look at the password, and nothing was counted. */
  readonly allowed: boolean
  /** When the next attempt will be allowed; 0 when this one is. */
  readonly retryAfterSeconds: number
  /** A digest of the subject, for the audit log: tells that two attempts were at the same account, and not at which. */
  readonly subjectDigest: string
  /** It was right: failures before it are forgotten. */
  succeeded(): Promise<void>
  /** Its password was never looked at: it does not count. */
  release(): Promise<void>
}

/** Counts attempts. */
export interface Lockout {
  /** `key` is the e-mail address typed, in canonical form. */
  reserveSignIn(who: { readonly key: string; readonly address?: string | undefined }): Promise<Attempt>
  /** The current password, asked again within a session. Counted apart, so that no outsider uses the attempts up. */
  reserveConfirmation(accountId: string): Promise<Attempt>
}

/** Ten failures are free; then 15 s, 30 s, 1 min … 15 min. */
export const SLOWING: Slowing = {
  freeFailures: 10,
  firstWaitSeconds: 15,
  longestWaitSeconds: 900,
  forgetAfterSeconds: 86_400,
}

/** What it needs: `secret` keys the digests, so that the table does not tell who tried to sign in. */
export interface LockoutDependencies {
  readonly db: Database
  readonly secret: Buffer
  /** Maps an address to what counts as one place (IPv6 by its network). */
  readonly addressKey: (address: string) => string
  readonly slowing?: Slowing
  /** False: nothing is counted and every attempt is allowed. For tests and benchmarks. */
  readonly enabled?: boolean
}

/** Makes it. */
export function createLockout(deps: LockoutDependencies): Lockout {
  const { db, addressKey, slowing = SLOWING, enabled = true } = deps
  const keys = createLockoutKeys(deps)

  async function reserve(tried: Tried, forgotten: LockoutKey[] = [tried.key]): Promise<Attempt> {
    const { key } = tried
    const wait = enabled ? await countAttempt(db, tried, slowing) : 0
    return {
      allowed: wait === 0,
      retryAfterSeconds: wait,
      subjectDigest: subjectOf(key),
      succeeded: async () => (enabled ? forgetFailures(db, forgotten) : undefined),
      release: async () => (enabled && wait === 0 ? uncountAttempt(db, key) : undefined),
    }
  }

  return {
    async reserveSignIn({ key, address }) {
      const at = mailbox(key)
      const everywhere = { key: keys.signIn(key), what: 'sign_in', at } as const
      if (address === undefined) return reserve(everywhere)
      const here = { key: keys.signInFrom(key, address), what: 'sign_in_from_known_place', at } as const
      const attempt = await reserve(everywhere, [everywhere.key, here.key])
      if (attempt.allowed) return attempt
      // Asked for accounts that do not exist as well: the same work, whoever is meant.
      const places = (await knownAddresses(db, key)).map(addressKey)
      return places.includes(addressKey(address)) ? reserve(here) : attempt
    },

    reserveConfirmation: (accountId) =>
      reserve({ key: keys.confirmation(accountId), what: 'password_change', at: { accountId } }),
  }
}
