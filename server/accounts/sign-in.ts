// Signing in by e-mail address and password. An unknown address, a wrong password, a suspended account and an attempt
// that comes too soon get the same answer; all but the last cost the same work.
import { changeWithAudit, type Origin, recordAudit } from '../audit/audit.ts'
import type { Database } from '../storage/postgres.ts'
import { type Account, renewHash, type StoredPassword, selectAccountAndPassword, signInByPassword } from './accounts-store.ts'
import { emailKey } from './email-key.ts'
import { HashingBusy } from './hashing-pool.ts'
import type { Attempt, Lockout } from './lockout.ts'
import type { Passwords } from './passwords.ts'

/** What came of it. Whoever shows a refusal must not tell its reason, which is in the audit log only. */
export type SignInOutcome =
  /** `afterEnd`: the last end of all that the account had, when its password was read. */
  | { readonly outcome: 'ok'; readonly account: Account; readonly afterEnd: string }
  | {
      readonly outcome: 'refused'
      /** Set when there were many failures in a row, for known and unknown accounts alike: when to try again. */
      readonly retryAfterSeconds?: number
    }

/** Signs people in. */
export interface SignIn {
  /** @throws HashingBusy */
  signIn(request: { readonly username: string; readonly password: string; readonly origin: Origin }): Promise<SignInOutcome>
}

/** Why a sign-in was refused, for the operator. */
export type SignInRefusal = 'too_many_failures' | 'unknown_account' | 'wrong_password' | 'suspended' | 'changed_meanwhile'

/** Makes it. */
export function createSignIn(deps: {
  readonly db: Database
  readonly passwords: Passwords
  readonly lockout: Lockout
  /** Told how each attempt went. */
  readonly tried?: (outcome: 'succeeded' | 'busy' | SignInRefusal) => void
}): SignIn {
  const { db, passwords, lockout } = deps

  async function verify(stored: StoredPassword | undefined, password: string, attempt: Attempt): Promise<boolean> {
    try {
      return await (stored === undefined ? passwords.burn(password) : passwords.verify(stored.hash, password))
    } catch (error) {
      if (error instanceof HashingBusy) {
        deps.tried?.('busy')
        await attempt.release()
      }
      throw error
    }
  }

  /** The password may have been changed, or the account suspended, while the hash was computed. */
  async function admit(account: Account, stored: StoredPassword, origin: Origin): Promise<boolean> {
    const event = { name: 'sign_in.succeeded' as const, actor: account.id, accountId: account.id, ...origin }
    return await changeWithAudit(db, signInByPassword(stored.id), event)
  }

  async function renew(stored: StoredPassword, password: string): Promise<void> {
    if (!passwords.needsRehash(stored.hash)) return
    try {
      await renewHash(db, stored, await passwords.hash(password))
    } catch (error) {
      // There is a next sign-in; this one is not held up for it.
      if (!(error instanceof HashingBusy)) throw error
    }
  }

  return {
    async signIn({ username, password, origin }) {
      const key = emailKey(username)
      const attempt = await lockout.reserveSignIn({ key, address: origin.address })
      const found = await selectAccountAndPassword(db, { emailKey: key })
      const refuse = async (why: SignInRefusal): Promise<SignInOutcome> => {
        deps.tried?.(why)
        // The address that was typed is not written down: it may be a password in the wrong field.
        const about = found === undefined ? { detail: { subject: attempt.subjectDigest } } : { accountId: found.account.id }
        await recordAudit(db, { name: 'sign_in.failed', reason: why, ...about, ...origin })
        return { outcome: 'refused', ...(attempt.allowed ? {} : { retryAfterSeconds: attempt.retryAfterSeconds }) }
      }
      if (!attempt.allowed) return refuse('too_many_failures')
      const right = await verify(found?.password, password, attempt)
      if (found === undefined) return refuse('unknown_account')
      if (!right || found.password === undefined) return refuse('wrong_password')
      if (found.account.status !== 'active') return refuse('suspended')
      if (!(await admit(found.account, found.password, origin))) return refuse('changed_meanwhile')
      deps.tried?.('succeeded')
      await attempt.succeeded()
      await renew(found.password, password)
      return { outcome: 'ok', account: found.account, afterEnd: found.afterEnd }
    },
  }
}
