// The accounts as administrators look for them: a page at a time, however many there are, and one with all that is known of it.
import { Prisma } from '../../prisma/client/client.ts'
import { type AccountConsent, consentsOfAccount } from '../grants/consents.ts'
import type { Database } from '../storage/postgres.ts'
import { GRANT_RUNS, isVoidRow } from '../tokens/standing.ts'
import { type AccountFilter, type AccountPlace, pageOfIds } from './account-filter.ts'
import type { AccountLocks, LockoutState } from './account-locks.ts'
import { accountVersion } from './account-version.ts'
import type { Account } from './accounts-store.ts'
import { areManyLocked } from './sign-in-failures-store.ts'

/** An account in a list. */
export interface AccountItem extends Account {
  readonly createdAt: Date
  readonly updatedAt: Date
  /** Since when it has its password; undefined when it has none. */
  readonly passwordSetAt?: Date
  /** Undefined: never. */
  readonly lastSignedInAt?: Date
}

/** An account with all that is known of it. */
export interface AccountDetails extends AccountItem {
  /** What an `If-Match` names. */
  readonly version: string
  /** Live ones, counted no further than MOST_COUNTED. */
  readonly sessions: number
  readonly grants: number
  readonly consents: readonly AccountConsent[]
  readonly lockout: LockoutState
  /** A one-time link to set a password, which is still good. */
  readonly passwordLink?: { readonly expiresAt: Date; readonly mailed: boolean }
}

/** What is asked for. */
export interface AccountQuery {
  readonly filter: AccountFilter
  readonly limit: number
  readonly after?: AccountPlace
}

/** Looks for accounts. */
export interface AccountSearch {
  page(query: AccountQuery): Promise<(AccountItem & { readonly place: AccountPlace })[]>
  find(id: string): Promise<AccountDetails | undefined>
}

/** Of one account no more are counted. */
export const MOST_COUNTED = 10_000

/** Makes it. */
export function createAccountSearch({ db, locks }: { readonly db: Database; readonly locks: AccountLocks }): AccountSearch {
  return {
    async page({ filter, ...paging }) {
      const manyLocked = filter.locked !== undefined && (await areManyLocked(db))
      const read = db.$queryRaw<(ItemRow & { place: AccountPlace })[]>(Prisma.sql`
        SELECT ${COLUMNS}, found.place
        FROM (SELECT *, row_number() OVER () AS at FROM (${pageOfIds(filter, { ...paging, manyLocked })}) f) found
        JOIN accounts a ON a.id = found.id ORDER BY found.at`)
      const rows = manyLocked ? (await db.$transaction([roomForMany(db), read]))[1] : await read
      return rows.map(({ place, ...row }) => ({ ...itemOf(row), place }))
    },

    async find(id) {
      const rows = await db.$queryRaw<DetailsRow[]>(Prisma.sql`
        SELECT ${COLUMNS}, a.email_key AS "emailKey", l.expires_at AS "linkExpiresAt", l.mailed,
          (SELECT count(*)::int FROM (SELECT FROM sessions s WHERE s.account_id = a.id AND s.ended_at IS NULL AND s.closed_at IS NULL
            AND s.expires_at > latchkey_now() LIMIT ${MOST_COUNTED}) AS found) AS sessions,
          (SELECT count(*)::int FROM (SELECT FROM grants g WHERE g.account_id = a.id AND g.ended_at IS NULL
            AND ${GRANT_RUNS} AND NOT ${isVoidRow('g')} LIMIT ${MOST_COUNTED}) AS found) AS grants
        FROM accounts a LEFT JOIN password_links l ON l.account_id = a.id AND l.expires_at > latchkey_now()
        WHERE a.id = ${id} AND a.status <> 'deleted'`)
      const row = rows[0]
      if (row === undefined) return undefined
      const { emailKey, linkExpiresAt, mailed, sessions, grants, ...rest } = row
      const item = itemOf(rest)
      const [consents, lockout] = await Promise.all([consentsOfAccount(db, id), locks.stateOf({ id, emailKey })])
      return {
        ...item,
        ...{ sessions, grants, consents, lockout, version: accountVersion(item) },
        ...(linkExpiresAt === null ? {} : { passwordLink: { expiresAt: linkExpiresAt, mailed: mailed === true } }),
      }
    },
  }
}

/** So that a query finds the room to keep in mind who is locked. */
function roomForMany(db: Database) {
  return db.$executeRaw(Prisma.sql`SELECT set_config('work_mem', '64MB', true)`)
}

const COLUMNS = Prisma.sql`a.id, a.email, a.email_verified AS "emailVerified", a.name, a.profile, a.roles, a.status,
  a.managed_by AS "managedBy", a.created_at AS "createdAt", a.updated_at AS "updatedAt", a.password_set_at AS "passwordSetAt",
  a.last_signed_in_at AS "lastSignedInAt"`

interface ItemRow {
  readonly id: string
  readonly email: string
  readonly emailVerified: boolean
  readonly name: string | null
  readonly profile: Prisma.JsonObject
  readonly roles: readonly string[]
  readonly status: string
  readonly managedBy: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly passwordSetAt: Date | null
  readonly lastSignedInAt: Date | null
}

interface DetailsRow extends ItemRow {
  readonly emailKey: string
  readonly sessions: number
  readonly grants: number
  readonly linkExpiresAt: Date | null
  readonly mailed: boolean | null
}

function itemOf({ name, managedBy, passwordSetAt, lastSignedInAt, status, ...row }: ItemRow): AccountItem {
  return {
    ...row,
    status: status === 'active' ? 'active' : 'suspended',
    ...(name === null ? {} : { name }),
    ...(managedBy === null ? {} : { managedBy }),
    ...(passwordSetAt === null ? {} : { passwordSetAt }),
    ...(lastSignedInAt === null ? {} : { lastSignedInAt }),
  }
}
