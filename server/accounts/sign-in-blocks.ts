// All that has to wait now after failures in a row, whether it is an account's or not.
import { Prisma } from '../../prisma/client/client.ts'
import { type Change, recordChange } from '../audit/change.ts'
import type { Database } from '../storage/postgres.ts'
import { lockedAccount } from './account-standing.ts'
import type { Counted, LockOwners } from './lock-owners.ts'
import { keysOfSubject, type LockoutKey, subjectOf } from './lockout-keys.ts'
import { deleteFailures } from './sign-in-failures-store.ts'

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
export function createSignInBlocks({ db, owners }: { readonly db: Database; readonly owners: LockOwners }): SignInBlocks {
  return {
    async page({ limit, after }) {
      const first = after === undefined ? undefined : keysOfSubject(after.id)?.first
      const beyond =
        after === undefined || first === undefined
          ? Prisma.sql`true`
          : Prisma.sql`(next_attempt_at, key) < (${after.until}, ${first})`
      const rows = await db.$queryRaw<{ key: Uint8Array; failures: number; until: Date }[]>(Prisma.sql`
        SELECT key, failures, next_attempt_at AS until FROM sign_in_failures
        WHERE next_attempt_at > latchkey_now() AND ${beyond} ORDER BY next_attempt_at DESC, key DESC LIMIT ${limit}`)
      const suspects = rows.length === 0 ? undefined : await owners.suspects()
      return rows.map(({ key, failures, until }) => {
        const owner = suspects?.get(key)
        const block = { id: subjectOf(key), failures, until }
        if (owner === undefined) return block
        const { id, email, name } = owner.account
        return { ...block, what: owner.what, account: { id, email, ...(name === null ? {} : { name }) } }
      })
    },

    async lift(id, change) {
      const range = keysOfSubject(id)
      if (range === undefined) return false
      const rows = await db.$queryRaw<{ key: LockoutKey }[]>(Prisma.sql`
        SELECT key FROM sign_in_failures
        WHERE key BETWEEN ${range.first} AND ${range.last} AND next_attempt_at > latchkey_now()`)
      const suspects = await owners.suspects()
      return db.$transaction(async (tx) => {
        let lifted = 0
        for (const { key } of rows) {
          const accountId = suspects.get(key)?.account.id
          if (accountId !== undefined) await lockedAccount(tx, accountId, change)
          const counts = await deleteFailures(tx, [key])
          lifted += counts
          const of = accountId === undefined ? { detail: { subject: id } } : { accountId }
          if (counts > 0) await recordChange(tx, 'account.unlocked', change, of)
        }
        return lifted > 0
      })
    },
  }
}
