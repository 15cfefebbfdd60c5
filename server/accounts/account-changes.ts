// Changes of an account that end something of what it has: its roles, its e-mail address, a password that was reset. Each belongs
// to an end in progress (tokens/ending.ts), whose transaction it is part of.
import { scopesOfRoles } from '../../config/roles.ts'
import { type Change, reaches, recordChange } from '../audit/change.ts'
import { maskedEmail } from '../audit/differences.ts'
import type { Ending } from '../tokens/ending.ts'
import { endAllOfAccount } from './account-ends.ts'
import { AccountOutOfReach, AccountRefused, keepAnOwner, lockedAccount } from './account-standing.ts'
import { replacePassword, updateEmail, updateRoles } from './accounts-store.ts'
import { emailKey, isEmailAddress } from './email-key.ts'
import { voidPasswordLink } from './password-links-store.ts'
import { disownFailures } from './sign-in-failures-store.ts'

/**
 * Gives an account other roles. Access tokens carry them: those that say too much are dead, and a refresh gets the new ones.
 * @throws AccountRefused also when it would leave no owner
 */
export async function changeRoles(
  ending: Ending,
  { accountId, roles }: { readonly accountId: string; readonly roles: readonly string[] },
  change: Change,
): Promise<void> {
  if (!roles.includes('owner')) await keepAnOwner(ending.tx, accountId)
  const { roles: before } = await lockedAccount(ending.tx, accountId, change)
  const after = [...new Set(roles)]
  const given = after.filter((role) => !before.includes(role))
  if (!reaches(change, scopesOfRoles(given))) throw new AccountOutOfReach('nobody can give roles that may do more than their own')
  if (before.length === after.length && before.every((role) => after.includes(role))) return
  await updateRoles(ending.tx, accountId, after)
  if (before.some((role) => !after.includes(role))) ending.entries.push({ kind: 'sub', value: accountId, issuedUntilNow: true })
  await recordChange(ending.tx, 'account.roles_changed', change, {
    accountId,
    detail: { roles: after, roles_before: [...before] },
  })
}

/**
 * Gives an account another e-mail address, and ends all that it has but the session it keeps: whoever got in by the old address
 * is out. @throws AccountRefused also when the address is none, or another account's
 */
export async function changeEmail(
  ending: Ending,
  { accountId, email, verified, keepSessionId }: EmailChange,
  change: Change,
): Promise<void> {
  const address = email.trim()
  if (!isEmailAddress(address)) throw new AccountRefused('the e-mail address is not one')
  const account = await lockedAccount(ending.tx, accountId, change)
  if (account.email === address) return
  if (!(await updateEmail(ending.tx, accountId, { email: address, emailKey: emailKey(address), verified }))) {
    throw new AccountRefused('an account with this e-mail address exists')
  }
  await voidPasswordLink(ending.tx, accountId)
  await disownFailures(ending.tx, accountId, ['sign_in', 'sign_in_from_known_place'])
  await endAllOfAccount(ending, accountId, keepSessionId)
  const session = keepSessionId === undefined ? {} : { sessionId: keepSessionId }
  // Not whole: what is in the log stays, also when the account is erased.
  const detail = { email: { from: maskedEmail(account.email), to: maskedEmail(address) }, verified }
  await recordChange(ending.tx, 'account.email_changed', change, { accountId, ...session, detail })
}

/** Another address. */
export interface EmailChange {
  readonly accountId: string
  readonly email: string
  /** Whether the person has shown to get mail there. */
  readonly verified: boolean
  /** The session in which the person changes it; left out when somebody else does. */
  readonly keepSessionId?: string
}

/** Puts a password in the place of one that was lost or taken, and ends all that the account has. @throws AccountRefused */
export async function resetPassword(
  ending: Ending,
  { accountId, hash, history }: { readonly accountId: string; readonly hash: string; readonly history: number },
  change: Change,
): Promise<void> {
  await lockedAccount(ending.tx, accountId, change)
  await replacePassword(ending.tx, accountId, hash, history)
  await voidPasswordLink(ending.tx, accountId)
  await endAllOfAccount(ending, accountId)
  await recordChange(ending.tx, 'password.reset', change, { accountId })
}
