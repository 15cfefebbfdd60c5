// All that has to wait now after failures in a row, whether it is an account's or not.
import { scopesOfRoles } from '../../config/roles.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { type Change, reaches, recordChange } from '../audit/change.ts'
import type { Database } from '../storage/postgres.ts'
import { AccountOutOfReach, lockedAccount } from './account-standing.ts'
import { keysOfSubject, type LockoutKey, subjectOf } from './lockout-keys.ts'
import { type Counted, deleteFailures } from './sign-in-failures-store.ts'

/** Something that has to wait. */
export interface SignInBlock {
  /** What the audit log calls it as well: a digest, since most of what is tried out is no account's address. */
  readonly id: string
  readonly failures: number
  readonly until: Date
  /** What is slowed down, and whose it is; undefined when it is no account's. */
  readonly what?: Counted
  readonly account?: { readonly id: string; readonly email: string; readonly name?: string }
}

/** Looks at them, and lifts them. */
export interface SignInBlocks {
  /** The longest first. `after`: the last of the page before. */
  page(query: { readonly limit: number; readonly after?: Pick<SignInBlock, 'id' | 'until'> }): Promise<SignInBlock[]>
  /** Lifts one; false when there is none. @throws AccountRefused */
  lift(id: string, change: Change): Promise<boolean>
}

/** Makes it. */
export function createSignInBlocks({ db }: { readonly db: Database }): SignInBlocks {
  return {
    async page({ limit, after }) {
      const first = after === undefined ? undefined : keysOfSubject(after.id)?.first
      const beyond =
        after === undefined || first === undefined
          ? Prisma.sql`true`
          : Prisma.sql`(next_attempt_at, key) < (${after.until}, ${first})`
      const rows = await db.$queryRaw<BlockRow[]>(Prisma.sql`
        SELECT f.key, f.failures, f.until, f.what, a.id AS "accountId", a.email, a.name
        FROM (SELECT key, failures, next_attempt_at AS until, what, account_ids FROM sign_in_failures
              WHERE next_attempt_at > latchkey_now() AND ${beyond} ORDER BY next_attempt_at DESC, key DESC LIMIT ${limit}) f
        LEFT JOIN LATERAL (
          -- Of those that share a mailbox the one with its plain address.
          SELECT * FROM accounts a WHERE ${IS_ITS} ORDER BY length(a.email_key), a.id LIMIT 1) a ON true
        ORDER BY f.until DESC, f.key DESC`)
      return rows.map(blockOf)
    },

    async lift(id, change) {
      const range = keysOfSubject(id)
      if (range === undefined) return false
      return db.$transaction(async (tx) => {
        const rows = await tx.$queryRaw<{ key: LockoutKey; what: Counted | null; accountIds: string[] }[]>(Prisma.sql`
          SELECT f.key, f.what, ARRAY(SELECT a.id FROM accounts a WHERE ${IS_ITS} ORDER BY a.id) AS "accountIds"
          FROM sign_in_failures f WHERE f.key BETWEEN ${range.first} AND ${range.last} AND f.next_attempt_at > latchkey_now()`)
        let lifted = 0
        for (const { key, what, accountIds } of rows) {
          // It was counted by a server that did not write down whose it is: anybody's, for all that is known.
          if (what === null && !reaches(change, scopesOfRoles(['owner'])))
            throw new AccountOutOfReach('whose this is will be known after the next attempt; until then an owner can lift it')
          for (const accountId of accountIds) await lockedAccount(tx, accountId, change)
          const counts = await deleteFailures(tx, [key])
          lifted += counts
          const concerned = accountIds.length > 0 ? accountIds.map((accountId) => ({ accountId })) : [{ detail: { subject: id } }]
          if (counts > 0) for (const of of concerned) await recordChange(tx, 'account.unlocked', change, of)
        }
        return lifted > 0
      })
    },
  }
}

/** An account `a` that there is, at which the failures `f` were counted. */
const IS_ITS = Prisma.sql`a.id = ANY (f.account_ids) AND a.status <> 'deleted'`

interface BlockRow {
  readonly key: Uint8Array
  readonly failures: number
  readonly until: Date
  readonly what: Counted | null
  readonly accountId: string | null
  readonly email: string | null
  readonly name: string | null
}

function blockOf({ key, failures, until, what, accountId, email, name }: BlockRow): SignInBlock {
  const block = { id: subjectOf(key), failures, until }
  if (accountId === null || email === null || what === null) return block
  return { ...block, what, account: { id: accountId, email, ...(name === null ? {} : { name }) } }
}
