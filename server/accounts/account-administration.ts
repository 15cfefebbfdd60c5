// What administrators make and change of accounts, as every surface calls it: each is one transaction with its audit events.
import { isDeepStrictEqual } from 'node:util'
import { scopesOfRoles } from '../../config/roles.ts'
import type { Prisma } from '../../prisma/client/client.ts'
import { type Change, reaches, recordChange } from '../audit/change.ts'
import type { Database } from '../storage/postgres.ts'
import type { Ended, Ending, Endings } from '../tokens/ending.ts'
import { changeEmail, changeRoles } from './account-changes.ts'
import { accountDifferences } from './account-differences.ts'
import { AccountOutOfReach, keepAnOwner, lockedAccount } from './account-standing.ts'
import { accountVersion, StaleAccount } from './account-version.ts'
import { type Account, type AccountInput, type Accounts, nameOf } from './accounts.ts'
import { type AccountFacts, updateFacts } from './accounts-store.ts'
import type { PasswordLink, PasswordLinks, PasswordLinkWay } from './password-links.ts'

/** An account to be: nobody but the person is to know the password, so there is none in clear. */
export interface NewAccount
  extends Pick<AccountInput, 'id' | 'email' | 'emailVerified' | 'name' | 'passwordHash' | 'roles' | 'profile'> {
  /** How the person gets a link to set the password; undefined: not at all. */
  readonly link?: PasswordLinkWay
}

/** What is to be changed of an account. What is left out stays. */
export interface AccountChanges {
  readonly email?: string
  readonly emailVerified?: boolean
  /** Null takes it away. */
  readonly name?: string | null
  readonly profile?: Prisma.JsonObject
  readonly roles?: readonly string[]
}

/** What administrators do. */
export interface AccountAdministration {
  /** @throws EmailTaken @throws InvalidAccount @throws AccountRefused */
  create(account: NewAccount, change: Change): Promise<{ readonly account: Account; readonly link?: PasswordLink }>
  /**
   * Changes an account; with its address all that it has ends, and with a role that is taken the tokens that carry it.
   * @param ifVersion what whoever changes it has seen; undefined: whatever there is
   * @throws StaleAccount @throws InvalidAccount @throws AccountRefused
   */
  update(
    request: { readonly accountId: string; readonly changes: AccountChanges; readonly ifVersion?: string | undefined },
    change: Change,
  ): Promise<Ended>
}

/** Makes it. */
export function createAccountAdministration(deps: {
  readonly db: Database
  readonly endings: Endings
  readonly accounts: Pick<Accounts, 'create'>
  readonly links: Pick<PasswordLinks, 'issueWithin'>
}): AccountAdministration {
  const { db, endings, accounts, links } = deps
  return {
    create: ({ link: way, ...input }, change) =>
      db.$transaction(async (tx) => {
        if (!reaches(change, scopesOfRoles(input.roles ?? []))) {
          throw new AccountOutOfReach('nobody can give roles that may do more than their own')
        }
        const account = await accounts.create(input, tx)
        await recordChange(tx, 'account.created', change, { accountId: account.id, detail: { roles: [...account.roles] } })
        return { account, ...(way === undefined ? {} : { link: await links.issueWithin(tx, account, way, change) }) }
      }),

    update: ({ accountId, changes, ifVersion }, change) =>
      endings.run(causeOf(changes), async (ending) => {
        // Before the account's own lock, as whoever else takes both.
        if (changes.roles !== undefined && !changes.roles.includes('owner')) await keepAnOwner(ending.tx, accountId)
        const account = await lockedAccount(ending.tx, accountId, change)
        if (ifVersion !== undefined && ifVersion !== accountVersion(account)) throw new StaleAccount('the account was changed')
        await write(ending, account, changes, change)
      }),
  }
}

/** The word for what ends by it. */
function causeOf({ email, roles }: AccountChanges): string {
  if (email !== undefined) return 'email_changed'
  return roles === undefined ? 'account_updated' : 'roles_changed'
}

async function write(ending: Ending, account: Account, changes: AccountChanges, change: Change): Promise<void> {
  const { id: accountId } = account
  const { email, emailVerified, roles } = changes
  const moves = email !== undefined && email.trim() !== account.email
  if (moves) await changeEmail(ending, { accountId, email, verified: emailVerified ?? false }, change)
  if (roles !== undefined) await changeRoles(ending, { accountId, roles }, change)
  const facts = factsOf(account, moves ? { ...changes, emailVerified: undefined } : changes)
  if (Object.keys(facts).length === 0) return
  await updateFacts(ending.tx, accountId, facts)
  const { name, ...others } = facts
  if (name !== undefined) {
    const detail = { changes: accountDifferences(account, { name }) }
    await recordChange(ending.tx, 'account.renamed', change, { accountId, detail })
  }
  const members = Object.keys(others).map((fact) => (fact === 'emailVerified' ? 'email_verified' : fact))
  if (members.length === 0) return
  const detail = { members, changes: accountDifferences(account, others) }
  await recordChange(ending.tx, 'account.updated', change, { accountId, detail })
}

/** What is not so already. @throws InvalidAccount */
function factsOf(
  account: Account,
  { name, profile, emailVerified }: { [Member in keyof AccountChanges]: AccountChanges[Member] | undefined },
): AccountFacts {
  const wanted = name === undefined ? undefined : nameOf(name ?? '')
  return {
    ...(wanted === undefined || wanted === (account.name ?? null) ? {} : { name: wanted }),
    ...(profile === undefined || isDeepStrictEqual(profile, account.profile) ? {} : { profile }),
    ...(emailVerified === undefined || emailVerified === account.emailVerified ? {} : { emailVerified }),
  }
}
