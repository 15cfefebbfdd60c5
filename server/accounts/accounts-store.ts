// The statements about accounts and their passwords. An account that was deleted leaves a row without contents, which nothing here
// finds: its id is never given again.
import { Prisma } from '../../prisma/client/client.ts'
import { LAST_END } from '../sessions/sign-ins-under-way.ts'
import type { Database, Transaction } from '../storage/postgres.ts'

/** A person who can sign in. */
export interface Account {
  /** `acc_…`, the `sub` of tokens. */
  readonly id: string
  /** As the person wrote it. */
  readonly email: string
  readonly emailVerified: boolean
  readonly name?: string
  /** Further OpenID Connect standard claims, by their names. */
  readonly profile: Prisma.JsonObject
  readonly roles: readonly string[]
  readonly status: 'active' | 'suspended'
  /** `provision` or `demo`, when a file or the demo made it. */
  readonly managedBy?: string
}

/** A stored password. */
export interface StoredPassword {
  readonly id: bigint
  readonly hash: string
}

/** A row to be. */
export interface NewAccount {
  readonly id: string
  readonly email: string
  readonly emailKey: string
  readonly emailVerified: boolean
  readonly name: string | null
  readonly profile: Prisma.InputJsonObject
  readonly roles: string[]
  readonly managedBy: string | null
}

type Connection = Database | Transaction

type AccountRow = Prisma.AccountGetPayload<{ select: typeof ACCOUNT }>

const ACCOUNT = {
  id: true,
  email: true,
  emailVerified: true,
  name: true,
  profile: true,
  roles: true,
  status: true,
  managedBy: true,
} satisfies Prisma.AccountSelect

/** The same, of the table `accounts` under the name `a`. */
const ACCOUNT_COLUMNS = Prisma.sql`a.id, a.email, a.email_verified AS "emailVerified", a.name, a.profile, a.roles, a.status,
  a.managed_by AS "managedBy"`

/** Those of the accounts that there are, by their ids. */
export async function selectAccounts(db: Database, ids: readonly string[]): Promise<ReadonlyMap<string, Account>> {
  const rows = await db.$queryRaw<AccountRow[]>`
    SELECT ${ACCOUNT_COLUMNS} FROM accounts a WHERE a.id = ANY(${[...ids]}::text[]) AND a.status <> 'deleted'`
  return new Map(rows.map((row) => [row.id, accountOf(row)]))
}

export async function selectAccount(
  db: Connection,
  where: { readonly id: string } | { readonly emailKey: string },
): Promise<Account | undefined> {
  const row = await db.account.findUnique({ where: { ...where, status: { not: 'deleted' } }, select: ACCOUNT })
  return row === null ? undefined : accountOf(row)
}

/** An account with its current password, and the end that it comes after: one statement, whether there is one or not, so that its time tells nothing. */
export async function selectAccountAndPassword(
  db: Connection,
  by: { readonly id: string } | { readonly emailKey: string },
): Promise<{ readonly account: Account; readonly password: StoredPassword | undefined; readonly afterEnd: string } | undefined> {
  const is = 'id' in by ? Prisma.sql`a.id = ${by.id}` : Prisma.sql`a.email_key = ${by.emailKey}`
  const rows = await db.$queryRaw<(AccountRow & { passwordId: bigint | null; hash: string | null; afterEnd: string })[]>`
    SELECT ${ACCOUNT_COLUMNS}, p.id AS "passwordId", p.hash, ${LAST_END} AS "afterEnd"
    FROM accounts a LEFT JOIN passwords p ON p.account_id = a.id AND p.retired_at IS NULL
    WHERE ${is} AND a.status <> 'deleted'`
  const row = rows[0]
  if (row === undefined) return undefined
  const { passwordId, hash, afterEnd, ...account } = row
  return {
    account: accountOf(account),
    afterEnd,
    password: passwordId === null || hash === null ? undefined : { id: passwordId, hash },
  }
}

/** False when the e-mail address is taken: the unique index decides, so of two at once one is made. */
export async function insertAccount(tx: Connection, account: NewAccount): Promise<boolean> {
  const { count } = await tx.account.createMany({ data: [account], skipDuplicates: true })
  return count === 1
}

export async function insertPassword(tx: Connection, accountId: string, hash: string): Promise<void> {
  await tx.$executeRaw`
    WITH made AS (INSERT INTO passwords (account_id, hash) VALUES (${accountId}, ${hash}) RETURNING account_id, created_at)
    UPDATE accounts a SET password_set_at = made.created_at FROM made WHERE a.id = made.account_id`
}

/** Takes the lock of an account's row, which orders changes of the account; false when there is no such active account. */
export async function lockActiveAccount(tx: Transaction, accountId: string): Promise<boolean> {
  const rows = await tx.$queryRaw<
    unknown[]
  >`SELECT 1 FROM accounts WHERE id = ${accountId} AND status = 'active' FOR NO KEY UPDATE`
  return rows.length === 1
}

/** Takes the lock of an account's row and reads it; undefined when there is no such account. */
export async function lockAccount(tx: Transaction, id: string): Promise<Account | undefined> {
  await tx.$queryRaw`SELECT 1 FROM accounts WHERE id = ${id} FOR NO KEY UPDATE`
  return selectAccount(tx, { id })
}

/**
 * Lets one change at a time decide who the last owner is; the ids of those owners who can sign in, which takes a password. Their rows
 * stay free: all that an account has may take seconds to end, and owners sign in meanwhile.
 */
export async function lockOwners(tx: Transaction): Promise<string[]> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('latchkey owners', 0))`
  // Only now: what a statement that waits sees is as it was before it waited.
  const rows = await tx.$queryRaw<{ id: string }[]>`
    SELECT a.id FROM accounts a JOIN passwords p ON p.account_id = a.id AND p.retired_at IS NULL
    WHERE a.status = 'active' AND 'owner' = ANY (a.roles) ORDER BY a.id`
  return rows.map((row) => row.id)
}

/** Whether an account has the role of an owner. @param locked takes the lock of its row as well */
export async function isOwner(tx: Transaction, id: string, { locked = false }: { locked?: boolean } = {}): Promise<boolean> {
  const rows = await tx.$queryRaw<{ owner: boolean }[]>(Prisma.sql`
    SELECT 'owner' = ANY (roles) AS owner FROM accounts WHERE id = ${id} ${locked ? Prisma.sql`FOR NO KEY UPDATE` : Prisma.empty}`)
  return rows[0]?.owner ?? false
}

export async function updateStatus(tx: Transaction, id: string, status: Account['status']): Promise<void> {
  await tx.$executeRaw`UPDATE accounts SET status = ${status}, updated_at = latchkey_now() WHERE id = ${id}`
}

export async function updateRoles(tx: Transaction, id: string, roles: readonly string[]): Promise<void> {
  await tx.$executeRaw`UPDATE accounts SET roles = ${[...roles]}::text[], updated_at = latchkey_now() WHERE id = ${id}`
}

/** False when another account has the address: the unique index decides. */
export async function updateEmail(
  tx: Transaction,
  id: string,
  { email, emailKey, verified }: { readonly email: string; readonly emailKey: string; readonly verified: boolean },
): Promise<boolean> {
  const changed = await tx.$executeRaw`
    UPDATE accounts SET email = ${email}, email_key = ${emailKey}, email_verified = ${verified}, updated_at = latchkey_now()
    WHERE id = ${id} AND NOT EXISTS (SELECT 1 FROM accounts other WHERE other.email_key = ${emailKey} AND other.id <> ${id})`
  return changed === 1
}

/** The person has shown to get mail at the account's address. */
export async function verifyEmail(tx: Transaction, id: string): Promise<void> {
  await tx.$executeRaw`
    UPDATE accounts SET email_verified = true, updated_at = latchkey_now() WHERE id = ${id} AND NOT email_verified`
}

/** Nobody can sign in by the password any more; it is remembered as one that was used. @returns whether there was one */
export async function retirePassword(tx: Transaction, accountId: string): Promise<boolean> {
  const retired = await tx.$executeRaw`
    UPDATE passwords SET retired_at = latchkey_now() WHERE account_id = ${accountId} AND retired_at IS NULL`
  await tx.$executeRaw`UPDATE accounts SET password_set_at = NULL WHERE id = ${accountId}`
  return retired > 0
}

/** Leaves nothing of an account but its id: its address can be another account's. */
export async function emptyAccount(tx: Transaction, id: string): Promise<void> {
  await tx.password.deleteMany({ where: { accountId: id } })
  await tx.$executeRaw`
    UPDATE accounts SET status = 'deleted', email = '', email_key = ${`deleted:${id}`}, email_verified = false, name = NULL,
      profile = '{}'::jsonb, roles = '{}', managed_by = NULL, password_set_at = NULL,
      first_signed_in_at = NULL, last_signed_in_at = NULL, updated_at = latchkey_now()
    WHERE id = ${id}`
}

/**
 * A statement that notes that the person signs in by a password that was read before. It finds nothing when that is no longer the
 * current one of an active account.
 */
export function signInByPassword(passwordId: bigint): Prisma.Sql {
  return Prisma.sql`
    UPDATE accounts a SET first_signed_in_at = COALESCE(a.first_signed_in_at, latchkey_now()), last_signed_in_at = latchkey_now()
    FROM passwords p
    WHERE p.id = ${passwordId} AND p.retired_at IS NULL AND a.id = p.account_id AND a.status = 'active' RETURNING a.id`
}

/** Whether a password that was read before is still the current one of an active account. */
export async function isStillCurrent(tx: Transaction, passwordId: bigint): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>`
    SELECT 1 FROM passwords p JOIN accounts a ON a.id = p.account_id AND a.status = 'active'
    WHERE p.id = ${passwordId} AND p.retired_at IS NULL`
  return rows.length === 1
}

/** The last passwords of an account, the current one first. */
export async function selectLastPasswords(db: Connection, accountId: string, count: number): Promise<StoredPassword[]> {
  return await db.password.findMany({
    where: { accountId },
    select: { id: true, hash: true },
    orderBy: { id: 'desc' },
    take: count,
  })
}

/** Puts a stronger hash of the same password in place of `old`; nothing happens when the password was changed meanwhile. */
export async function renewHash(db: Connection, old: StoredPassword, hash: string): Promise<void> {
  await db.password.updateMany({ where: { id: old.id, hash: old.hash, retiredAt: null }, data: { hash } })
}

/** Makes `hash` the current password and forgets all but the last `keep`, this one included. The account's row is locked. */
export async function replacePassword(tx: Transaction, accountId: string, hash: string, keep: number): Promise<void> {
  await tx.$executeRaw`
    UPDATE passwords SET retired_at = latchkey_now() WHERE account_id = ${accountId} AND retired_at IS NULL`
  await insertPassword(tx, accountId, hash)
  await tx.$executeRaw`
    DELETE FROM passwords WHERE account_id = ${accountId} AND retired_at IS NOT NULL AND id NOT IN (
      SELECT id FROM passwords WHERE account_id = ${accountId} ORDER BY id DESC LIMIT ${Math.max(keep, 1)})`
  await tx.$executeRaw`UPDATE accounts SET updated_at = latchkey_now() WHERE id = ${accountId}`
}

/** Changes the name. @returns what it was before; undefined when there is no such account, or it has that name already */
export async function updateName(
  tx: Connection,
  accountId: string,
  name: string | null,
): Promise<{ readonly before: string | null } | undefined> {
  const [changed] = await tx.$queryRaw<{ before: string | null }[]>`
    UPDATE accounts a SET name = ${name}, updated_at = latchkey_now()
    FROM (SELECT id, name FROM accounts WHERE id = ${accountId} FOR NO KEY UPDATE) old
    WHERE a.id = old.id AND old.name IS DISTINCT FROM ${name}::text RETURNING old.name AS before`
  return changed
}

/** What ends nothing when it changes. */
export interface AccountFacts {
  readonly name?: string | null
  readonly profile?: Prisma.JsonObject
  readonly emailVerified?: boolean
}

/** Changes what is given. */
export async function updateFacts(tx: Transaction, id: string, { name, profile, emailVerified }: AccountFacts): Promise<void> {
  const set = [
    Prisma.sql`updated_at = latchkey_now()`,
    ...(name === undefined ? [] : [Prisma.sql`name = ${name}`]),
    ...(profile === undefined ? [] : [Prisma.sql`profile = ${JSON.stringify(profile)}::jsonb`]),
    ...(emailVerified === undefined ? [] : [Prisma.sql`email_verified = ${emailVerified}`]),
  ]
  await tx.$executeRaw(Prisma.sql`UPDATE accounts SET ${Prisma.join(set)} WHERE id = ${id}`)
}

export async function countActiveOwners(db: Connection): Promise<number> {
  // Those with roles are found by an index of their own, and few.
  const [row] = await db.$queryRaw<{ owners: number }[]>`
    SELECT count(*)::int AS owners FROM accounts WHERE status = 'active' AND roles <> '{}' AND 'owner' = ANY (roles)`
  return row?.owners ?? 0
}

function accountOf(row: AccountRow): Account {
  const { name, managedBy, profile, status, ...rest } = row
  return {
    ...rest,
    // A status that is not known must not let anyone in.
    status: status === 'active' ? 'active' : 'suspended',
    profile: isObject(profile) ? profile : {},
    ...(name === null ? {} : { name }),
    ...(managedBy === null ? {} : { managedBy }),
  }
}

function isObject(value: Prisma.JsonValue): value is Prisma.JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
