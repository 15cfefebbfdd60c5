// Which accounts are meant when administrators look for them, and in which order they come.
import type { Role } from '../../config/roles.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { emailKey } from './email-key.ts'
import { LOCKED_ACCOUNTS } from './sign-in-failures-store.ts'

/** All that is given must be so. */
export interface AccountFilter {
  /** The beginning of an e-mail address or of a name, in whatever case. */
  readonly search?: string
  readonly role?: Role
  readonly status?: 'active' | 'suspended'
  readonly hasPassword?: boolean
  readonly neverSignedIn?: boolean
  /** Sign-ins to it have to wait now, after too many that failed. */
  readonly locked?: boolean
  /** Made at or after this, and before that. */
  readonly since?: Date
  readonly before?: Date
}

/** Where a page ended: the latest come first; of a search those by address, then those by name, each in the order of letters. */
export type AccountPlace =
  | readonly [createdAt: number, id: string]
  | readonly [by: 'email', emailKey: string]
  | readonly [by: 'name', name: string, id: string]

/** The query for the ids of a page, each with its place, in order. */
export function pageOfIds(
  { search, ...filter }: AccountFilter,
  { limit, after }: { readonly limit: number; readonly after?: AccountPlace },
): Prisma.Sql {
  const condition = conditionOf(filter)
  if (search !== undefined) return found(search, condition, limit, after)
  const beyond =
    after === undefined ? Prisma.sql`true` : Prisma.sql`(a.created_at, a.id) < (${new Date(Number(after[0]))}, ${after[1]})`
  return Prisma.sql`
    SELECT a.id, jsonb_build_array((EXTRACT(EPOCH FROM a.created_at) * 1000)::bigint, a.id) AS place FROM accounts a
    WHERE ${condition} AND ${beyond} ORDER BY a.created_at DESC, a.id DESC LIMIT ${limit}`
}

/**
 * Two ranges of two indexes, each read in its order and no further than the page: however many there are, nothing is sorted. What is
 * found by its address is not found again by its name.
 */
function found(search: string, condition: Prisma.Sql, limit: number, after: AccountPlace | undefined): Prisma.Sql {
  const beginning = emailKey(search)
  const called = search.trim()
  const byEmail =
    beginning === ''
      ? Prisma.sql`false`
      : Prisma.sql`a.email_key COLLATE "C" >= ${beginning} AND a.email_key COLLATE "C" < ${beginning + LAST_CHARACTER}`
  const afterEmail =
    after?.[0] === 'email' ? Prisma.sql`a.email_key COLLATE "C" > ${after[1]}` : Prisma.sql`${after === undefined}`
  const name = Prisma.sql`lower(a.name) COLLATE "C"`
  const afterName =
    after?.[0] === 'name' ? Prisma.sql`(${name}, a.id) > (${String(after[1])}, ${String(after[2])})` : Prisma.sql`true`
  return Prisma.sql`
    SELECT id, place FROM (
      (SELECT a.id, jsonb_build_array('email', a.email_key) AS place, 1 AS part, a.email_key COLLATE "C" AS word FROM accounts a
       WHERE ${condition} AND ${byEmail} AND ${afterEmail} ORDER BY a.email_key COLLATE "C" LIMIT ${limit})
      UNION ALL
      (SELECT a.id, jsonb_build_array('name', lower(a.name), a.id), 2, ${name} FROM accounts a
       WHERE ${condition} AND a.name IS NOT NULL AND ${name} >= lower(${called}) AND ${name} < lower(${called}) || ${LAST_CHARACTER}
         AND NOT (${byEmail}) AND ${afterName} ORDER BY ${name}, a.id LIMIT ${limit})
    ) AS parts ORDER BY part, word, id LIMIT ${limit}`
}

/** No text that begins with a word comes after the word with this at its end. */
const LAST_CHARACTER = '\u{10FFFF}'

/** The condition on the table `accounts` under the name `a`. */
function conditionOf(filter: Omit<AccountFilter, 'search'>): Prisma.Sql {
  const conditions = [Prisma.sql`a.status <> 'deleted'`]
  const when = <Value>(value: Value | undefined, condition: (value: Value) => Prisma.Sql) => {
    if (value !== undefined) conditions.push(condition(value))
  }
  when(filter.role, (role) => Prisma.sql`a.roles <> '{}' AND ${role} = ANY (a.roles)`)
  when(filter.status, (status) => (status === 'active' ? Prisma.sql`a.status = 'active'` : Prisma.sql`a.status = 'suspended'`))
  when(filter.hasPassword, (has) => (has ? Prisma.sql`a.password_set_at IS NOT NULL` : Prisma.sql`a.password_set_at IS NULL`))
  when(filter.neverSignedIn, (never) =>
    never ? Prisma.sql`a.first_signed_in_at IS NULL` : Prisma.sql`a.first_signed_in_at IS NOT NULL`,
  )
  when(filter.locked, (wanted) =>
    wanted ? Prisma.sql`a.id IN (${LOCKED_ACCOUNTS})` : Prisma.sql`a.id NOT IN (${LOCKED_ACCOUNTS})`,
  )
  when(filter.since, (date) => Prisma.sql`a.created_at >= ${date}`)
  when(filter.before, (date) => Prisma.sql`a.created_at < ${date}`)
  return Prisma.join(conditions, ' AND ')
}
