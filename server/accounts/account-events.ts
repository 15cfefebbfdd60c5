// What happens to an account and ends something, as every surface calls it: each is one transaction with its audit event, and
// answers what it ended.
import type { PasswordPolicy } from '../../config/password-policy.ts'
import type { Change } from '../audit/change.ts'
import type { Database } from '../storage/postgres.ts'
import type { Ended, Endings } from '../tokens/ending.ts'
import { changeEmail, changeRoles, type EmailChange, resetPassword } from './account-changes.ts'
import {
  ACCOUNT_CHECKS,
  type AccountDeed,
  AccountRefused,
  containAccount,
  deleteAccount,
  reinstateAccount,
  suspendAccount,
} from './account-standing.ts'
import { selectAccount } from './accounts-store.ts'
import { findPasswordFault, type PasswordFault } from './password-policy.ts'
import type { Passwords } from './passwords.ts'
import { wasUsedBefore } from './used-passwords.ts'

/** What came of a password that was to be reset. */
export type PasswordResetOutcome =
  | { readonly outcome: 'reset'; readonly ended: Ended }
  | { readonly outcome: 'refused'; readonly reason: 'used_before' | PasswordFault }

/** The events. Each throws `AccountRefused` when there is no such account, or what is asked would leave no owner. */
export interface AccountEvents {
  /** All of the account's ends, and nobody can sign in to it until it is reinstated. */
  suspend(accountId: string, change: Change): Promise<Ended>
  /** Lets the person sign in again. Nothing that was ended comes back. */
  reinstate(accountId: string, change: Change): Promise<Ended>
  /** All of the account's ends, and nobody gets in by its password until that is reset. */
  contain(accountId: string, change: Change): Promise<Ended>
  /** All of the account's ends, and what is known of the person is erased; the audit log stays. */
  delete(accountId: string, change: Change): Promise<Ended>
  /** Asks whether one of these would be done, and does nothing. */
  check(deed: AccountDeed, accountId: string, change: Change): Promise<void>
  /** With a role that was taken the access tokens end that carry it. */
  changeRoles(roles: { readonly accountId: string; readonly roles: readonly string[] }, change: Change): Promise<Ended>
  /** All of the account's ends, but the session in which the person does it. */
  changeEmail(email: EmailChange, change: Change): Promise<Ended>
  /** Sets a password without the old one, whose right to do so is the caller's to see to; all of the account's ends. @throws HashingBusy */
  resetPassword(password: { readonly accountId: string; readonly next: string }, change: Change): Promise<PasswordResetOutcome>
}

/** Makes them. */
export function createAccountEvents(deps: {
  readonly db: Database
  readonly endings: Endings
  readonly passwords: Pick<Passwords, 'hash' | 'verify'>
  readonly policy: PasswordPolicy
}): AccountEvents {
  const { endings } = deps
  return {
    suspend: (id, change) => endings.run('account_suspended', (ending) => suspendAccount(ending, id, change)),
    reinstate: (id, change) => endings.run('account_reinstated', (ending) => reinstateAccount(ending, id, change)),
    contain: (id, change) => endings.run('account_contained', (ending) => containAccount(ending, id, change)),
    delete: (id, change) => endings.run('account_deleted', (ending) => deleteAccount(ending, id, change)),
    check: async (deed, id, change) => void (await endings.rehearse((tx) => ACCOUNT_CHECKS[deed](tx, id, change))),
    changeRoles: (roles, change) => endings.run('roles_changed', (ending) => changeRoles(ending, roles, change)),
    changeEmail: (email, change) => endings.run('email_changed', (ending) => changeEmail(ending, email, change)),

    async resetPassword({ accountId, next }, change) {
      const reason = await whyRefused(deps, accountId, next)
      if (reason !== undefined) return { outcome: 'refused', reason }
      const hash = await deps.passwords.hash(next)
      const { history } = deps.policy
      const ended = await endings.run('password_reset', (ending) => resetPassword(ending, { accountId, hash, history }, change))
      return { outcome: 'reset', ended }
    },
  }
}

async function whyRefused(
  { db, passwords, policy }: Pick<Parameters<typeof createAccountEvents>[0], 'db' | 'passwords' | 'policy'>,
  accountId: string,
  next: string,
): Promise<'used_before' | PasswordFault | undefined> {
  const account = await selectAccount(db, { id: accountId })
  if (account === undefined) throw new AccountRefused(`there is no account ${accountId}`)
  const fault = await findPasswordFault(next, policy, account)
  if (fault !== undefined) return fault
  return (await wasUsedBefore({ db, passwords, policy }, accountId, next)) ? 'used_before' : undefined
}
