// Sign-ins that failed, as the audit log tells of them: one by one, the latest first, and how many over time.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import type { SignInRefusal } from './sign-in.ts'

/** Why sign-ins are refused. */
export const SIGN_IN_REFUSALS = [
  'too_many_failures',
  'unknown_account',
  'wrong_password',
  'suspended',
  'changed_meanwhile',
] as const satisfies readonly SignInRefusal[]

/** All that is given must be so. */
export interface FailedSignInFilter {
  readonly accountId?: string
  /** What the audit log calls an address that is no account's. */
  readonly subject?: string
  readonly address?: string
  readonly reason?: SignInRefusal
  readonly since?: Date
  readonly before?: Date
}

/** One of them. */
export interface FailedSignIn {
  readonly id: string
  readonly at: Date
  readonly reason?: string
  /** Undefined: no account has the address that was typed. */
  readonly account?: { readonly id: string; readonly email: string; readonly name?: string }
  readonly subject?: string
  readonly address?: string
  readonly userAgent?: string
  readonly requestId?: string
}

/** How many there were from a moment on, for an hour or a day. */
export interface FailureBucket {
  readonly at: Date
  readonly count: number
  readonly reasons: { readonly [reason: string]: number }
}

/** Looks at them. */
export interface FailedSignIns {
  page(query: {
    readonly filter: FailedSignInFilter
    readonly limit: number
    /** The last of the page before. */
    readonly after?: string
  }): Promise<FailedSignIn[]>
  /** Of the last 24 hours by the hour and of the last 7 days by the day (UTC), the earliest first; the last ones are not over yet. */
  counts(
    filter: Pick<FailedSignInFilter, 'accountId' | 'subject' | 'address'>,
  ): Promise<{ readonly hours: readonly FailureBucket[]; readonly days: readonly FailureBucket[] }>
}

/** Makes it. */
export function createFailedSignIns({ db }: { readonly db: Database }): FailedSignIns {
  return {
    async page({ filter, limit, after }) {
      const beyond = after === undefined ? Prisma.sql`true` : Prisma.sql`e.id < ${BigInt(after)}`
      const rows = await db.$queryRaw<EventRow[]>(Prisma.sql`
        SELECT e.id, e.at, e.reason, e.account_id AS "accountId", a.email, a.name, e.detail->>'subject' AS subject, e.address,
          e.user_agent AS "userAgent", e.request_id AS "requestId"
        FROM (SELECT * FROM audit_events e WHERE ${conditionOf(filter)} AND ${beyond} ORDER BY e.id DESC LIMIT ${limit}) e
        LEFT JOIN accounts a ON a.id = e.account_id AND a.status <> 'deleted' ORDER BY e.id DESC`)
      return rows.map(failedSignInOf)
    },

    async counts(filter) {
      const rows = await db.$queryRaw<CountRow[]>(Prisma.sql`
        SELECT (EXTRACT(EPOCH FROM latchkey_now()) * 1000)::float8 AS now, hour, reason, count FROM (SELECT 1) one LEFT JOIN (
          SELECT (floor(EXTRACT(EPOCH FROM e.at) / 3600) * 3600000)::float8 AS hour, e.reason, count(*)::int AS count
          FROM audit_events e WHERE ${conditionOf(filter)} AND e.at >= latchkey_now() - interval '7 days' GROUP BY 1, 2
        ) AS counted ON true`)
      const now = rows[0]?.now ?? 0
      return { hours: buckets(rows, now, HOUR, 24), days: buckets(rows, now, DAY, 7) }
    },
  }
}

/** The condition on the table `audit_events` under the name `e`. */
function conditionOf(filter: FailedSignInFilter): Prisma.Sql {
  const conditions = [Prisma.sql`e.name = 'sign_in.failed'`]
  const when = <Value>(value: Value | undefined, condition: (value: Value) => Prisma.Sql) => {
    if (value !== undefined) conditions.push(condition(value))
  }
  when(filter.accountId, (id) => Prisma.sql`e.account_id = ${id}`)
  when(filter.subject, (subject) => Prisma.sql`e.detail->>'subject' = ${subject}`)
  when(filter.address, (address) => Prisma.sql`e.address = ${address}::inet`)
  when(filter.reason, (reason) => Prisma.sql`e.reason = ${reason}`)
  when(filter.since, (date) => notBefore(Prisma.sql`${date}::timestamptz`))
  when(filter.before, (date) => Prisma.sql`e.at < ${date}`)
  return Prisma.join(conditions, ' AND ')
}

/**
 * Events are found by their name in the order of their ids, which is that of time but for transactions at the same moment; so a time
 * says where to stop looking as well.
 */
function notBefore(time: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`e.at >= ${time} AND e.id >= COALESCE(
    (SELECT id FROM audit_events WHERE at >= ${time} - interval '1 minute' ORDER BY at LIMIT 1), 9223372036854775807)`
}

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Those without any are there as well. */
function buckets(rows: readonly CountRow[], now: number, length: number, many: number): FailureBucket[] {
  const last = Math.floor(now / length) * length
  return Array.from({ length: many }, (_, index) => {
    const at = last - (many - 1 - index) * length
    const inside = rows.flatMap(({ hour, ...row }) => (hour !== null && hour >= at && hour < at + length ? [row] : []))
    const reasons = new Map<string, number>()
    for (const { reason, count } of inside)
      reasons.set(reason ?? 'unknown', (reasons.get(reason ?? 'unknown') ?? 0) + (count ?? 0))
    const count = [...reasons.values()].reduce((sum, one) => sum + one, 0)
    return { at: new Date(at), count, reasons: Object.fromEntries(reasons) }
  })
}

interface CountRow {
  readonly now: number
  readonly hour: number | null
  readonly reason: string | null
  readonly count: number | null
}

interface EventRow {
  readonly id: bigint
  readonly at: Date
  readonly reason: string | null
  readonly accountId: string | null
  readonly email: string | null
  readonly name: string | null
  readonly subject: string | null
  readonly address: string | null
  readonly userAgent: string | null
  readonly requestId: string | null
}

function failedSignInOf({ id, at, accountId, email, name, ...rest }: EventRow): FailedSignIn {
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null))
  return {
    ...given,
    id: String(id),
    at,
    // Of an account that was deleted the log keeps the id.
    ...(accountId === null ? {} : { account: { id: accountId, email: email ?? '', ...(name === null ? {} : { name }) } }),
  }
}
