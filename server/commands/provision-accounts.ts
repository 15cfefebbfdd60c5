// The plan of a provisioning: accounts. What a person has of his own, his password above all, no file takes from him.
import { isDeepStrictEqual } from 'node:util'
import type { Prisma } from '../../prisma/client/client.ts'
import { changeRoles } from '../accounts/account-changes.ts'
import { accountDifferences } from '../accounts/account-differences.ts'
import { deleteAccount } from '../accounts/account-standing.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { type AccountFacts, insertPassword, updateFacts } from '../accounts/accounts-store.ts'
import { emailKey } from '../accounts/email-key.ts'
import type { Passwords } from '../accounts/passwords.ts'
import { recordChange } from '../audit/change.ts'
import { differences } from '../audit/differences.ts'
import type { AccountEntry } from './provision-entries.ts'
import type { Placed } from './provision-file.ts'
import { change, isOthers, othersMessage, type Plan, type PlannedChange, PROVISION } from './provision-plan.ts'
import type { ProvisionedAccount } from './provision-store.ts'

/** What accounts are made with. */
export interface AccountDeps {
  readonly accounts: Accounts
  readonly passwords: Passwords
  readonly prune: boolean
}

/** Plans the accounts of a file. `ownerIds` are the owners who can sign in now; there is one left after every plan. */
export function planAccounts(
  wanted: readonly Placed<AccountEntry>[],
  found: readonly ProvisionedAccount[],
  ownerIds: readonly string[],
  deps: AccountDeps,
): Plan {
  const plan: Plan = { changes: [], notes: [], faults: [] }
  const byKey = new Map(found.map((account) => [account.emailKey, account]))
  const owners = new Set(ownerIds)
  const demoted: string[] = []
  // Owners are made before others cease to be one, so that there is one at every moment.
  for (const { entry, place } of wanted.toSorted((one, other) => Number(makesOwner(other)) - Number(makesOwner(one)))) {
    const account = byKey.get(emailKey(entry.email))
    if (isOthers(account?.managedBy)) {
      plan.faults.push({ place, message: othersMessage(`account ${entry.email}`, account?.managedBy) })
    } else if (account === undefined) {
      plan.changes.push(newAccount(entry, deps))
      if (entry.roles?.includes('owner') && bringsPassword(entry)) owners.add(entry.email)
    } else {
      plan.changes.push(...changedAccount(entry, account, deps))
      if (!account.hasPassword && account.hadPassword && bringsPassword(entry)) plan.notes.push(lostMessage(entry.email))
      const canSignIn = account.status === 'active' && (account.hasPassword || getsPassword(entry, account))
      if (entry.roles?.includes('owner') && canSignIn) owners.add(account.id)
      else if (entry.roles?.includes('owner') === false && owners.delete(account.id)) demoted.push(place)
    }
  }
  if (owners.size === 0) {
    for (const place of demoted) plan.faults.push({ place, message: 'roles: this would leave no owner; make another one first' })
  }
  planPrune(plan, wanted, found, owners, deps.prune)
  return plan
}

function makesOwner({ entry }: Placed<AccountEntry>): boolean {
  return entry.roles?.includes('owner') === true
}

/** Whether the person can sign in with what the file has. */
function bringsPassword({ password, password_hash }: AccountEntry): boolean {
  return (password ?? password_hash) !== undefined
}

/**
 * Whether the file's password is set: where there never was one. One that was taken, since somebody else may have it, does not come back
 * at the next start.
 */
function getsPassword(entry: AccountEntry, { hadPassword }: ProvisionedAccount): boolean {
  return !hadPassword && bringsPassword(entry)
}

function lostMessage(email: string): string {
  return `account ${email} had a password that lets nobody in any more, and the file does not bring one back: an administrator makes a link`
}

function planPrune(
  plan: Plan,
  wanted: readonly Placed<AccountEntry>[],
  found: readonly ProvisionedAccount[],
  owners: Set<string>,
  prune: boolean,
): void {
  const keys = new Set(wanted.map(({ entry }) => emailKey(entry.email)))
  for (const { id, email, emailKey: key, managedBy } of found) {
    if (managedBy !== PROVISION || keys.has(key)) continue
    if (!prune) plan.notes.push(`account ${email} is no longer in the file; --prune removes it`)
    else if (owners.has(id) && owners.size === 1) plan.notes.push(`account ${email} is the last owner and stays`)
    else {
      owners.delete(id)
      plan.changes.push(removedAccount(id, email))
    }
  }
}

function newAccount(entry: AccountEntry, { accounts }: AccountDeps): PlannedChange {
  const { email, email_verified, name, password, password_hash, profile, roles } = entry
  return change('create', 'account', email, [], async (ending, by) => {
    const input = {
      email,
      managedBy: PROVISION,
      ...(email_verified === undefined ? {} : { emailVerified: email_verified }),
      ...(name === undefined ? {} : { name }),
      ...(password === undefined ? {} : { password }),
      ...(password_hash === undefined ? {} : { passwordHash: password_hash }),
      ...(profile === undefined ? {} : { profile: json(profile) }),
      ...(roles === undefined ? {} : { roles }),
    }
    const account = await accounts.create(input, ending.tx)
    await recordChange(ending.tx, 'account.created', by, { accountId: account.id, detail: { roles: [...account.roles] } })
  })
}

/** What the file states of an account and is not so. */
function changedAccount(entry: AccountEntry, account: ProvisionedAccount, { passwords }: AccountDeps): PlannedChange[] {
  const changes: AccountFacts = {
    ...(entry.email_verified === undefined || entry.email_verified === account.emailVerified
      ? {}
      : { emailVerified: entry.email_verified }),
    ...(entry.name === undefined || entry.name === (account.name ?? '') ? {} : { name: entry.name === '' ? null : entry.name }),
    ...(entry.profile === undefined || isDeepStrictEqual(json(entry.profile), account.profile)
      ? {}
      : { profile: json(entry.profile) }),
  }
  const roles = entry.roles === undefined || sameRoles(entry.roles, account.roles) ? undefined : entry.roles
  const setsPassword = getsPassword(entry, account)
  const members = [...Object.keys(changes).map((name) => MEMBER_NAMES[name] ?? name), ...(setsPassword ? ['password'] : [])]
  if (members.length === 0 && roles === undefined) return []
  const make: PlannedChange['make'] = async (ending, by) => {
    const accountId = account.id
    if (members.length > 0) {
      await updateFacts(ending.tx, accountId, changes)
      const hash = entry.password === undefined ? entry.password_hash : await passwords.hash(entry.password)
      if (setsPassword && hash !== undefined) await insertPassword(ending.tx, accountId, hash)
      const told = setsPassword ? differences(['password'], {}, { password: 'set' }) : {}
      const detail = { members, changes: { ...accountDifferences(account, changes), ...told } }
      await recordChange(ending.tx, 'account.updated', by, { accountId, detail })
    }
    if (roles !== undefined) await changeRoles(ending, { accountId, roles }, by)
  }
  return [change('update', 'account', account.email, [...members, ...(roles === undefined ? [] : ['roles'])], make)]
}

function removedAccount(id: string, email: string): PlannedChange {
  return change('delete', 'account', email, [], (ending, by) => deleteAccount(ending, id, by))
}

const MEMBER_NAMES: Readonly<Record<string, string>> = { emailVerified: 'email_verified' }

function sameRoles(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((role) => other.includes(role))
}

/** Members that were left out are undefined, which JSON does not have. */
function json(profile: object): Prisma.JsonObject {
  return JSON.parse(JSON.stringify(profile)) as Prisma.JsonObject
}
