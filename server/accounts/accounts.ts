// Accounts: who can sign in. An account is found by its id or by the canonical form of its e-mail address.

import { createHash, randomBytes } from 'node:crypto'
import { isNameOfPerson } from '../../config/plain-text.ts'
import type { Prisma } from '../../prisma/client/client.ts'
import { type Origin, recordAudit } from '../audit/audit.ts'
import { gather } from '../storage/gathering.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { accountDifferences } from './account-differences.ts'
import { type Account, insertAccount, insertPassword, selectAccount, selectAccounts, updateName } from './accounts-store.ts'
import { emailKey, isEmailAddress } from './email-key.ts'
import type { Passwords } from './passwords.ts'

export type { Account } from './accounts-store.ts'

/** Another account has this e-mail address. */
export class EmailTaken extends Error {
  override readonly name = 'EmailTaken'
}

/** Something about the account to be is wrong; the message names it, without a secret. */
export class InvalidAccount extends Error {
  override readonly name = 'InvalidAccount'
}

/** What an account is made of. At most one of `password` and `passwordHash`; with neither, nobody can sign in by password. */
export interface AccountInput {
  /** Made up beforehand (`accountIdFor`), so that what is asked for twice is made once; left out: a new one. */
  readonly id?: string
  readonly email: string
  readonly emailVerified?: boolean
  readonly name?: string
  /** In clear; the password policy is the caller's to check. */
  readonly password?: string
  /** argon2id, bcrypt, scrypt or pbkdf2, as another system stored it. */
  readonly passwordHash?: string
  readonly roles?: readonly string[]
  readonly profile?: Prisma.InputJsonObject
  readonly managedBy?: string
}

/** The accounts of one database. */
export interface Accounts {
  findById(id: string): Promise<Account | undefined>
  findByEmail(email: string): Promise<Account | undefined>
  /** Makes an account, in the caller's transaction if one is given. @throws EmailTaken @throws InvalidAccount */
  create(input: AccountInput, tx?: Transaction): Promise<Account>
  /** Changes how a person is called; an empty name takes it away. @throws InvalidAccount */
  rename(request: { readonly accountId: string; readonly name: string; readonly origin: Origin }): Promise<void>
}

/** The most characters of a name. */
export const NAME_MAX_LENGTH = 200

/** Makes it. */
export function createAccounts({ db, passwords }: { readonly db: Database; readonly passwords: Passwords }): Accounts {
  return {
    findById: gather(async (ids) => {
      const found = await selectAccounts(db, ids)
      return ids.map((id) => found.get(id))
    }),

    findByEmail: (email) => selectAccount(db, { emailKey: emailKey(email) }),

    async create(input, tx) {
      // Hashing takes long: it comes before any transaction of our own.
      const { row, hash } = await prepareAccount(passwords, input)
      return tx === undefined ? db.$transaction((own) => write(own, row, hash)) : write(tx, row, hash)
    },

    async rename({ accountId, name, origin }) {
      const wanted = nameOf(name)
      await db.$transaction(async (tx) => {
        const renamed = await updateName(tx, accountId, wanted)
        if (renamed === undefined) return
        const changes = accountDifferences({ name: renamed.before }, { name: wanted })
        await recordAudit(tx, { name: 'account.renamed', actor: accountId, accountId, ...origin, detail: { changes } })
      })
    },
  }
}

/** A new account id: 128 random bits, never given twice. */
export function newAccountId(): string {
  return `acc_${randomBytes(16).toString('base64url')}`
}

/**
 * The id of the account that is made for an address by one form, however often that is sent. Nobody who fills in a form can choose it:
 * apps know people by it, also people who are no longer here.
 */
export function accountIdFor(form: string, email: string): string {
  const digest = createHash('sha256')
    .update(`account\n${form}\n${emailKey(email)}`)
    .digest()
  return `acc_${digest.subarray(0, 16).toString('base64url')}`
}

/** Checks an account to be and hashes its password. @throws InvalidAccount @throws PasswordTooLong @throws HashingBusy */
async function prepareAccount(passwords: Passwords, input: AccountInput) {
  const email = input.email.trim()
  if (!isEmailAddress(email)) throw new InvalidAccount('the e-mail address is not one')
  const name = nameOf(input.name ?? '')
  if (input.password !== undefined && input.passwordHash !== undefined) {
    throw new InvalidAccount('there is both a password and a password hash')
  }
  if (input.passwordHash !== undefined && !passwords.isUsableHash(input.passwordHash)) {
    throw new InvalidAccount('the password hash is of no known form, or its parameters are out of bounds')
  }
  const hash = input.password === undefined ? input.passwordHash : await passwords.hash(input.password)
  const row = {
    id: input.id ?? newAccountId(),
    email,
    emailKey: emailKey(email),
    emailVerified: input.emailVerified ?? false,
    name,
    profile: input.profile ?? {},
    roles: [...(input.roles ?? [])],
    managedBy: input.managedBy ?? null,
  }
  return { row, hash }
}

async function write(tx: Transaction, row: Parameters<typeof insertAccount>[1], hash: string | undefined): Promise<Account> {
  if (!(await insertAccount(tx, row))) {
    if ((await selectAccount(tx, { emailKey: row.emailKey })) !== undefined)
      throw new EmailTaken('an account with this e-mail address exists')
    // The id of one that is deleted stays taken.
    throw new InvalidAccount('the account was made already, and is deleted since: send the form again to make another one')
  }
  if (hash !== undefined) await insertPassword(tx, row.id, hash)
  const made = await selectAccount(tx, { id: row.id })
  if (made === undefined) throw new Error('an account that was just written is not there')
  return made
}

/** A name as it is kept; null for none. @throws InvalidAccount */
export function nameOf(text: string): string | null {
  const name = text.trim()
  if (name.length > NAME_MAX_LENGTH || !isNameOfPerson(name)) {
    throw new InvalidAccount(`a name has ${NAME_MAX_LENGTH} characters at most, and no control characters`)
  }
  return name === '' ? null : name
}
