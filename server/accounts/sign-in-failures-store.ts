// The statements that count failed sign-ins. Each is one step that other processes see whole: an attempt is counted before
// its password is looked at, so a hundred guesses at once count as a hundred.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { LAST_CHARACTER } from './email-key.ts'
import type { LockoutKey, Mailbox } from './lockout-keys.ts'

/** How guesses are slowed. */
export interface Slowing {
  /** Failures in a row before the first wait. */
  readonly freeFailures: number
  /** It doubles with each failure, up to the longest. */
  readonly firstWaitSeconds: number
  readonly longestWaitSeconds: number
  /** After so long without an attempt the failures are forgotten. */
  readonly forgetAfterSeconds: number
}

/** What is counted: sign-ins from wherever, those from places that are known, and changes of the password. */
export type Counted = 'sign_in' | 'sign_in_from_known_place' | 'password_change'

/** What is tried, at whom, and the key under which it is counted. */
export interface Tried {
  readonly key: LockoutKey
  readonly what: Counted
  readonly at: Mailbox | { readonly accountId: string }
}

/** Counts an attempt as failed, unless its time has not come: then it returns the seconds to wait, and counts nothing. */
export async function countAttempt(db: Database, { key, what, at }: Tried, slowing: Slowing): Promise<number> {
  const { freeFailures, firstWaitSeconds, longestWaitSeconds, forgetAfterSeconds } = slowing
  const counted = await db.$executeRaw`
    INSERT INTO sign_in_failures AS known (key, what, account_ids, failures, expires_at)
    VALUES (${key}, ${what}, ${accountsAt(at)}, 1, latchkey_now() + make_interval(secs => ${forgetAfterSeconds}))
    ON CONFLICT (key) DO UPDATE SET
      failures = CASE WHEN known.expires_at <= latchkey_now() THEN 1 ELSE known.failures + 1 END,
      next_attempt_at = CASE
        WHEN known.expires_at <= latchkey_now() OR known.failures + 1 < ${freeFailures} THEN NULL
        ELSE latchkey_now() + make_interval(secs => LEAST(${longestWaitSeconds},
          ${firstWaitSeconds} * power(2, LEAST(known.failures + 1 - ${freeFailures}, 20))))
      END,
      what = EXCLUDED.what, account_ids = EXCLUDED.account_ids, expires_at = EXCLUDED.expires_at
    WHERE known.next_attempt_at IS NULL OR known.next_attempt_at <= latchkey_now()`
  if (counted === 1) return 0
  const rows = await db.$queryRaw<{ wait: number }[]>`
    SELECT EXTRACT(EPOCH FROM next_attempt_at - latchkey_now())::float8 AS wait FROM sign_in_failures WHERE key = ${key}`
  return Math.max(1, Math.ceil(rows[0]?.wait ?? 1))
}

/** Their ids. They are looked for whether there are any or not: the same work, whoever is meant. */
function accountsAt(at: Tried['at']): Prisma.Sql {
  if ('accountId' in at) return Prisma.sql`ARRAY[${at.accountId}]::text[]`
  const { address, others } = at
  const email = Prisma.sql`a.email_key COLLATE "C"`
  const other =
    others === undefined
      ? Prisma.sql`false`
      : Prisma.sql`${email} >= ${others.beginning} AND ${email} < ${others.beginning + LAST_CHARACTER}
          AND right(a.email_key, ${[...others.end].length}::int) = ${others.end}`
  return Prisma.sql`ARRAY(SELECT a.id FROM accounts a WHERE a.status <> 'deleted' AND (${email} = ${address} OR ${other}) ORDER BY a.id)`
}

/** Takes back an attempt whose password was never looked at. */
export async function uncountAttempt(db: Database, key: Uint8Array<ArrayBuffer>): Promise<void> {
  await db.$executeRaw`
    UPDATE sign_in_failures SET failures = GREATEST(failures - 1, 0), next_attempt_at = NULL WHERE key = ${key}`
}

/** Forgets the failures of these keys. */
export async function forgetFailures(db: Database, keys: Uint8Array<ArrayBuffer>[]): Promise<void> {
  await db.signInFailure.deleteMany({ where: { key: { in: keys } } })
}

/** Failures in a row that are not forgotten yet. */
export interface Failures {
  readonly key: Uint8Array
  readonly failures: number
  /** Null: the next attempt may be made now. */
  readonly until: Date | null
}

/** Those that are counted under some of these keys. */
export async function selectFailures(db: Database, keys: readonly Uint8Array<ArrayBuffer>[]): Promise<Failures[]> {
  return db.$queryRaw<Failures[]>`
    SELECT key, failures, CASE WHEN next_attempt_at > latchkey_now() THEN next_attempt_at END AS until FROM sign_in_failures
    WHERE key = ANY (${[...keys]}::bytea[]) AND expires_at > latchkey_now() AND failures > 0 ORDER BY key`
}

/** The ids of the accounts at which an attempt has to wait now: a query, which may name one more than once. */
export const LOCKED_ACCOUNTS = Prisma.sql`
  SELECT unnest(f.account_ids) AS id FROM sign_in_failures f WHERE f.next_attempt_at > latchkey_now()`

/** Whether they are so many that looking for each of them takes longer than going through the accounts. */
export async function areManyLocked(db: Database): Promise<boolean> {
  const [row] = await db.$queryRaw<{ many: boolean }[]>(Prisma.sql`
    SELECT count(*) > ${FEW_LOCKED} AS many FROM (SELECT FROM (${LOCKED_ACCOUNTS}) locked LIMIT ${FEW_LOCKED + 1}) counted`)
  return row?.many === true
}

const FEW_LOCKED = 2000

/** How many they are. */
export async function countLockedAccounts(db: Database): Promise<number> {
  const [row] = await db.$queryRaw<{ count: number }[]>(Prisma.sql`
    SELECT count(DISTINCT id)::int AS count FROM (${LOCKED_ACCOUNTS}) locked`)
  return row?.count ?? 0
}

/** Failures of these kinds are not at the account any more, since it has lost its address, or is no more. */
export async function disownFailures(tx: Transaction, accountId: string, kinds: readonly Counted[]): Promise<void> {
  await tx.$executeRaw`
    UPDATE sign_in_failures SET account_ids = array_remove(account_ids, ${accountId})
    WHERE next_attempt_at > latchkey_now() AND what = ANY (${[...kinds]}::text[]) AND ${accountId} = ANY (account_ids)`
}

/** Forgets the failures of these keys, and tells how many counts there were. */
export async function deleteFailures(tx: Transaction, keys: readonly Uint8Array<ArrayBuffer>[]): Promise<number> {
  const { count } = await tx.signInFailure.deleteMany({ where: { key: { in: [...keys] } } })
  return count
}

/** How long a place counts as known after a sign-in there: 30 days. */
export const KNOWN_PLACE_SECONDS = 30 * 86_400

/** The addresses from which an account has signed in lately; none for an account that does not exist. */
export async function knownAddresses(db: Database | Transaction, emailKey: string): Promise<string[]> {
  const rows = await db.$queryRaw<{ address: string }[]>`
    SELECT DISTINCT host(s.address) AS address FROM sessions s JOIN accounts a ON a.id = s.account_id
    WHERE a.email_key = ${emailKey} AND s.address IS NOT NULL AND s.started_at > latchkey_now() - make_interval(secs => ${KNOWN_PLACE_SECONDS})`
  return rows.map((row) => row.address)
}
