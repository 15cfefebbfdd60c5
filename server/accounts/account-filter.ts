// Which accounts are meant when administrators look for them, and in which order they come.
import type { Role } from '../../config/roles.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { emailKey, LAST_CHARACTER } from './email-key.ts'
import { LOCKED_ACCOUNTS } from './sign-in-failures-store.ts'

/** All that is given must be so. */
export interface AccountFilter {
  /** The beginning of an e-mail address, or of any word of a name and what comes after it, in whatever case. */
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

/**
 * Where a page ended: the latest come first; of a search those by address, then those by the beginning of their name, then those by a
 * further word of it, each in the order of letters.
 */
export type AccountPlace =
  | readonly [createdAt: number, id: string]
  | readonly [by: 'email', emailKey: string]
  | readonly [by: 'name', name: string, id: string]
  | readonly [by: 'word', nameEnd: string, id: string]

/**
 * The query for the ids of a page, each with its place, in order.
 * @param manyLocked there are so many that it needs room for them: `work_mem`
 */
export function pageOfIds(
  { search, ...filter }: AccountFilter,
  { limit, after, manyLocked }: { readonly limit: number; readonly after?: AccountPlace; readonly manyLocked: boolean },
): Prisma.Sql {
  const condition = conditionOf(filter, manyLocked)
  if (search !== undefined) return found(search, condition, limit, after)
  const beyond =
    after === undefined ? Prisma.sql`true` : Prisma.sql`(a.created_at, a.id) < (${new Date(Number(after[0]))}, ${after[1]})`
  return Prisma.sql`
    SELECT a.id, jsonb_build_array((EXTRACT(EPOCH FROM a.created_at) * 1000)::bigint, a.id) AS place FROM accounts a
    WHERE ${condition} AND ${beyond} ORDER BY a.created_at DESC, a.id DESC LIMIT ${limit}`
}

/**
 * Three ranges of three indexes, each read in its order and no further than the page: however many there are, nothing is sorted. What is
 * found by its address is not found again by its name.
 */
function found(search: string, condition: Prisma.Sql, limit: number, after: AccountPlace | undefined): Prisma.Sql {
  const beginning = emailKey(search)
  const byEmail =
    beginning === ''
      ? Prisma.sql`false`
      : Prisma.sql`a.email_key COLLATE "C" >= ${beginning} AND a.email_key COLLATE "C" < ${beginning + LAST_CHARACTER}`
  const afterEmail =
    after?.[0] === 'email' ? Prisma.sql`a.email_key COLLATE "C" > ${after[1]}` : Prisma.sql`${after === undefined}`
  return Prisma.sql`
    SELECT id, place FROM (
      (SELECT a.id, jsonb_build_array('email', a.email_key) AS place, 1 AS part, a.email_key COLLATE "C" AS word FROM accounts a
       WHERE ${condition} AND ${byEmail} AND ${afterEmail} ORDER BY a.email_key COLLATE "C" LIMIT ${limit})
      ${byName(search.trim(), Prisma.sql`${condition} AND NOT (${byEmail})`, limit, after)}
    ) AS parts ORDER BY part, word, id LIMIT ${limit}`
}

/** Those that are called so from the first word of their name on, and those from a further one. */
function byName(called: string, condition: Prisma.Sql, limit: number, after: AccountPlace | undefined): Prisma.Sql {
  const begins = (text: Prisma.Sql) => Prisma.sql`${text} >= lower(${called}) AND ${text} < lower(${called}) || ${LAST_CHARACTER}`
  const [name, end] = [Prisma.sql`lower(a.name) COLLATE "C"`, Prisma.sql`e.name_end COLLATE "C"`]
  const afterName =
    after?.[0] === 'name'
      ? Prisma.sql`(${name}, a.id) > (${String(after[1])}, ${String(after[2])})`
      : Prisma.sql`${after?.[0] !== 'word'}`
  const afterEnd =
    after?.[0] === 'word' ? Prisma.sql`(${end}, e.account_id) > (${String(after[1])}, ${String(after[2])})` : Prisma.sql`true`
  return Prisma.sql`
      UNION ALL
      (SELECT a.id, jsonb_build_array('name', lower(a.name), a.id), 2, ${name} FROM accounts a
       WHERE ${condition} AND a.name IS NOT NULL AND ${begins(name)} AND ${afterName} ORDER BY ${name}, a.id LIMIT ${limit})
      UNION ALL
      (SELECT a.id, jsonb_build_array('word', e.name_end, a.id), 3, ${end} FROM account_name_ends e JOIN accounts a ON a.id = e.account_id
       WHERE ${begins(end)} AND ${afterEnd} AND ${condition} AND NOT (${begins(name)})
         -- Two words of one name may begin so: the first of them in the order of letters is the one by which it is found.
         AND NOT EXISTS (SELECT FROM account_name_ends o WHERE o.account_id = e.account_id
           AND o.name_end COLLATE "C" >= lower(${called}) AND o.name_end COLLATE "C" < ${end})
       ORDER BY ${end}, e.account_id LIMIT ${limit})`
}

/** The condition on the table `accounts` under the name `a`. */
function conditionOf(filter: Omit<AccountFilter, 'search'>, manyLocked: boolean): Prisma.Sql {
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
  when(filter.locked, (wanted) => {
    if (!wanted) return Prisma.sql`a.id NOT IN (${LOCKED_ACCOUNTS})`
    // A few are looked for, each by its id. Of many it is asked whether an account is one of them, in the order of the page.
    return manyLocked ? Prisma.sql`(a.id IN (${LOCKED_ACCOUNTS})) IS TRUE` : Prisma.sql`a.id = ANY (ARRAY(${LOCKED_ACCOUNTS}))`
  })
  when(filter.since, (date) => Prisma.sql`a.created_at >= ${date}`)
  when(filter.before, (date) => Prisma.sql`a.created_at < ${date}`)
  return Prisma.join(conditions, ' AND ')
}
