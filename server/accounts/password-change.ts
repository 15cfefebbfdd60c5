// Changing one's own password: the current one is asked, the last few are refused, and what was signed in elsewhere ends
// in the same transaction.
import type { PasswordPolicy } from '../../config/password-policy.ts'
import { type Origin, recordAudit } from '../audit/audit.ts'
import type { Database } from '../storage/postgres.ts'
import type { Ended, Ending, Endings } from '../tokens/ending.ts'
import {
  isStillCurrent,
  lockActiveAccount,
  replacePassword,
  type StoredPassword,
  selectAccountAndPassword,
} from './accounts-store.ts'
import { HashingBusy } from './hashing-pool.ts'
import type { Lockout } from './lockout.ts'
import { voidPasswordLink } from './password-links-store.ts'
import { findPasswordFault, type PasswordFault } from './password-policy.ts'
import type { Passwords } from './passwords.ts'
import { wasUsedBefore } from './used-passwords.ts'

/** Who changes which password. `sessionId` is the session that stays. */
export interface PasswordChangeRequest {
  readonly accountId: string
  readonly sessionId: string
  readonly current: string
  readonly next: string
  readonly origin: Origin
}

/** Why it was refused. */
export type PasswordChangeRefusal = 'wrong_current' | 'used_before' | PasswordFault

/** What came of it. */
export type PasswordChangeOutcome =
  | { readonly outcome: 'changed'; readonly ended: Ended }
  | { readonly outcome: 'refused'; readonly reason: PasswordChangeRefusal }

/** Changes a password. @throws HashingBusy */
export type ChangePassword = (request: PasswordChangeRequest) => Promise<PasswordChangeOutcome>

/** What it needs. */
export interface PasswordChangeDependencies {
  readonly db: Database
  readonly passwords: Passwords
  readonly lockout: Lockout
  readonly policy: PasswordPolicy
  readonly endings: Pick<Endings, 'run'>
  /** Ends all that the account has but one session, as a part of the change. */
  readonly endOthers: (ending: Ending, accountId: string, keepSessionId: string) => Promise<void>
}

/** Makes it. */
export function createPasswordChange(deps: PasswordChangeDependencies): ChangePassword {
  const { db, passwords, lockout, policy } = deps

  /** Guesses at the current password count, here as at sign-in. */
  async function isCurrent(stored: StoredPassword, accountId: string, current: string): Promise<boolean> {
    const attempt = await lockout.reserveConfirmation(accountId)
    if (!attempt.allowed) return false
    try {
      const right = await passwords.verify(stored.hash, current)
      if (right) await attempt.succeeded()
      return right
    } catch (error) {
      if (error instanceof HashingBusy) await attempt.release()
      throw error
    }
  }

  /** What it ended; undefined when another change, or a suspension, came first. */
  async function write(request: PasswordChangeRequest, verified: StoredPassword, hash: string): Promise<Ended | undefined> {
    const { accountId, sessionId, origin } = request
    let changed = false
    const ended = await deps.endings.run('password_changed', async (ending) => {
      const { tx } = ending
      changed = (await lockActiveAccount(tx, accountId)) && (await isStillCurrent(tx, verified.id))
      if (!changed) return
      await replacePassword(tx, accountId, hash, policy.history)
      await voidPasswordLink(tx, accountId)
      await recordAudit(tx, { name: 'password.changed', actor: accountId, accountId, sessionId, ...origin })
      await deps.endOthers(ending, accountId, sessionId)
    })
    return changed ? ended : undefined
  }

  return async (request) => {
    const { accountId, current, next } = request
    const found = await selectAccountAndPassword(db, { id: accountId })
    if (found?.password === undefined || found.account.status !== 'active') return refuse(db, request, 'wrong_current')
    if (!(await isCurrent(found.password, accountId, current))) return refuse(db, request, 'wrong_current')
    const fault = await findPasswordFault(next, policy, found.account)
    if (fault !== undefined) return refuse(db, request, fault)
    if (await wasUsedBefore(deps, accountId, next)) return refuse(db, request, 'used_before')
    const hash = await passwords.hash(next)
    const ended = await write(request, found.password, hash)
    return ended === undefined ? refuse(db, request, 'wrong_current') : { outcome: 'changed', ended }
  }
}

async function refuse(
  db: Database,
  { accountId, sessionId, origin }: PasswordChangeRequest,
  reason: PasswordChangeRefusal,
): Promise<PasswordChangeOutcome> {
  await recordAudit(db, { name: 'password.change_refused', actor: accountId, accountId, sessionId, reason, ...origin })
  return { outcome: 'refused', reason }
}
