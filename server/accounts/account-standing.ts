// Whether an account may be used at all: suspended, let in again, contained, deleted. Each belongs to an end in progress
// (tokens/ending.ts), whose transaction it is part of.
import { powersOfRoles } from '../../config/access.ts'
import { scopesOfRoles } from '../../config/roles.ts'
import { type Change, reaches, recordChange } from '../audit/change.ts'
import { deleteConsentsOfAccount } from '../grants/consents.ts'
import { forgetPlaces } from '../sessions/erasure.ts'
import { TransactionLost } from '../storage/errors.ts'
import type { Transaction } from '../storage/postgres.ts'
import type { Ending } from '../tokens/ending.ts'
import { allowForAccount } from '../tokens/large-ends.ts'
import { endAccountForGood, endAllOfAccount } from './account-ends.ts'
import { type Account, emptyAccount, isOwner, lockAccount, lockOwners, retirePassword, updateStatus } from './accounts-store.ts'
import { voidPasswordLink } from './password-links-store.ts'
import { disownFailures } from './sign-in-failures-store.ts'

/** An account cannot be changed as asked; the message says why. */
export class AccountRefused extends Error {
  override readonly name = 'AccountRefused'
}

/** There is no such account. */
export class AccountUnknown extends AccountRefused {}

/** The account may do more than the one who would change it. */
export class AccountOutOfReach extends AccountRefused {}

/**
 * Whether somebody may change an account at all. Whoever took over an account that may do more would have its powers, so it is out of
 * reach for those who have less: also one's own, for an app that was given some of them only. The surfaces ask it too, so as to offer
 * nothing that `lockedAccount` would refuse.
 */
export function isInReach({ id, roles }: Pick<Account, 'id' | 'roles'>, change: Change): boolean {
  // What somebody does to their own account as a person needs no powers.
  const asItself = change.actor === id && change.powers === undefined
  return asItself || reaches(change, scopesOfRoles(roles))
}

/**
 * Whether somebody who got into an account would have nothing that they lack. A link to its password that is shown to them is a way in, and
 * roles that may not be taken over by others have more than their scopes.
 */
export function mayBecome({ id, roles }: Pick<Account, 'id' | 'roles'>, change: Change): boolean {
  const asItself = change.actor === id && change.powers === undefined
  return asItself || reaches(change, powersOfRoles(roles))
}

/** An account that is there and in reach, its row locked: changes of it come one after the other. @throws AccountRefused */
export async function lockedAccount(tx: Transaction, id: string, change: Change): Promise<Account> {
  const account = await lockAccount(tx, id)
  if (account === undefined) throw new AccountUnknown(`there is no account ${id}`)
  if (!isInReach(account, change)) throw new AccountOutOfReach('this account has roles that may do more than yours')
  return account
}

/** The same of one that nobody will be able to sign in to any more. @throws AccountRefused also for the last owner */
async function lockedToStop(tx: Transaction, id: string, change: Change): Promise<Account> {
  await keepAnOwner(tx, id)
  return lockedAccount(tx, id, change)
}

/** What each deed asks before it does anything. @throws AccountRefused */
export const ACCOUNT_CHECKS = {
  suspend: lockedToStop,
  reinstate: lockedAccount,
  contain: lockedAccount,
  delete: lockedToStop,
} as const

/** What can be done to an account. */
export type AccountDeed = keyof typeof ACCOUNT_CHECKS

/** Nobody can sign in to the account, and all that it has ends. @throws AccountRefused also for the last owner */
export async function suspendAccount(ending: Ending, id: string, change: Change): Promise<void> {
  const account = await ACCOUNT_CHECKS.suspend(ending.tx, id, change)
  if (account.status === 'suspended') return
  await updateStatus(ending.tx, id, 'suspended')
  await voidPasswordLink(ending.tx, id)
  await endAllOfAccount(ending, id)
  await recordChange(ending.tx, 'account.suspended', change, { accountId: id })
}

/** The person can sign in again. Nothing that was ended comes back. @throws AccountRefused */
export async function reinstateAccount(ending: Ending, id: string, change: Change): Promise<void> {
  const account = await ACCOUNT_CHECKS.reinstate(ending.tx, id, change)
  if (account.status === 'active') return
  await updateStatus(ending.tx, id, 'active')
  await recordChange(ending.tx, 'account.reinstated', change, { accountId: id })
}

/**
 * Somebody else may be using the account: all that it has ends, and nobody gets in by its password until that is reset. The
 * account itself stays active. That of the last owner is no exception: whoever has it must lose it. @throws AccountRefused
 */
export async function containAccount(ending: Ending, id: string, change: Change): Promise<void> {
  await ACCOUNT_CHECKS.contain(ending.tx, id, change)
  await retirePassword(ending.tx, id)
  await voidPasswordLink(ending.tx, id)
  await endAllOfAccount(ending, id)
  await recordChange(ending.tx, 'account.contained', change, { accountId: id })
}

/** Deletes an account. @throws AccountRefused also for the last owner */
export async function deleteAccount(ending: Ending, id: string, change: Change): Promise<void> {
  await ACCOUNT_CHECKS.delete(ending.tx, id, change)
  await removeAccount(ending, id, change)
}

/**
 * Deletes an account, be it the last owner: all that it has ends, and what is known of the person is erased. The id stays taken.
 * The audit log keeps what it says of that id. @throws AccountRefused
 */
export async function removeAccount(ending: Ending, id: string, change: Change): Promise<void> {
  await lockedAccount(ending.tx, id, change)
  await allowForAccount(ending.tx, id)
  // In the order in which others take these locks: consents before grants, all sessions before any grant.
  await deleteConsentsOfAccount(ending.tx, id)
  await forgetPlaces(ending.tx, id)
  await endAccountForGood(ending, id)
  await voidPasswordLink(ending.tx, id)
  await disownFailures(ending.tx, id, ['sign_in', 'sign_in_from_known_place', 'password_change'])
  await emptyAccount(ending.tx, id)
  await recordChange(ending.tx, 'account.deleted', change, { accountId: id })
}

/**
 * Without an owner nobody could make another one. To be called before the account's row is locked.
 * @throws TransactionLost when the account has become an owner's at this moment: what is tried again knows
 */
export async function keepAnOwner(tx: Transaction, without: string): Promise<void> {
  if (!(await isOwner(tx, without))) {
    if (await isOwner(tx, without, { locked: true }))
      throw new TransactionLost('postgres', 'an account became an owner’s meanwhile')
    return
  }
  const owners = await lockOwners(tx)
  if (owners.length === 1 && owners[0] === without) {
    throw new AccountRefused('this is the last owner who can sign in: make another one first')
  }
}
