// How many events of some names there were in each hour. They are counted when they have their seal: under seals each event stands once,
// and in the order of commits, so that none is missed and none counted twice, whichever process counts and whenever it dies.
import { setTimeout as wait } from 'node:timers/promises'
import { Prisma } from '../../prisma/client/client.ts'
import type { AuditEventName } from '../audit/event-names.ts'
import { SEALED_BEYOND, unsealed } from '../audit/sealer.ts'
import type { Database } from '../storage/postgres.ts'

/** Those that are counted: sign-ins, sign-ins that failed, and tokens and codes that came twice. */
const SIGNED_IN = 'sign_in.succeeded'
const FAILED = 'sign_in.failed'
export const REUSES = ['refresh_token.reused', 'authorization_code.replayed'] as const
const COUNTED: readonly AuditEventName[] = [SIGNED_IN, FAILED, ...REUSES]

/** How many there were from a moment on, for an hour or a day (UTC). */
export interface EventBucket {
  readonly at: Date
  readonly signedIn: number
  readonly failed: number
  readonly reused: number
}

/** The last 24 hours by the hour and the last 7 days by the day (UTC), the earliest first; the last ones are not over yet. */
export interface EventCounts {
  readonly hours: readonly EventBucket[]
  readonly days: readonly EventBucket[]
  /** What happened before is counted. Undefined: nothing is counted yet. */
  readonly asOf?: Date
}

/** Counts them, and tells. */
export interface EventCounting {
  /** Counts what is new. @param signal ends it after the seals in progress @returns how many seals */
  run(signal?: AbortSignal): Promise<number>
  read(): Promise<EventCounts>
}

/** Seals that are counted in one statement: some two thousand events at most, and mostly a few. */
const SEALS_AT_ONCE = 2

/** So long an hour is kept. */
export const HOURS_KEPT_SECONDS = 8 * 86_400

/** Makes it. */
export function createEventCounting({ db }: { readonly db: Database }): EventCounting {
  return {
    async run(signal) {
      let seals = 0
      while (signal?.aborted !== true) {
        const startedAt = performance.now()
        const counted = await countSome(db)
        seals += counted
        if (counted < SEALS_AT_ONCE) break
        // Three quarters of the time belong to the others.
        await wait(3 * (performance.now() - startedAt), undefined, { ref: false })
      }
      await noteHowFar(db)
      return seals
    },

    async read() {
      const rows = await db.$queryRaw<CountRow[]>(Prisma.sql`
        SELECT (EXTRACT(EPOCH FROM latchkey_now()) * 1000)::float8 AS now, f.counted_until AS "asOf",
          (EXTRACT(EPOCH FROM c.hour) * 1000)::float8 AS hour, c.name, c.count
        FROM overview_figures f
        LEFT JOIN event_counts c ON c.hour >= latchkey_now() - interval '7 days'
        WHERE f.id = 1`)
      const [{ now, asOf } = { now: 0, asOf: null }] = rows
      return {
        hours: buckets(rows, now, HOUR, 24),
        days: buckets(rows, now, DAY, 7),
        ...(asOf === null ? {} : { asOf }),
      }
    },
  }
}

/** One statement, and so one transaction: what is counted, and how far it is. Another process that is at it is left alone. */
async function countSome(db: Database): Promise<number> {
  const rows = await db.$queryRaw<{ seals: number }[]>(Prisma.sql`
    WITH state AS MATERIALIZED (
      SELECT counted_seal FROM overview_figures WHERE id = 1 FOR UPDATE SKIP LOCKED
    ), seals AS MATERIALIZED (
      SELECT number, event_ids FROM audit_seals WHERE number > (SELECT counted_seal FROM state) ORDER BY number LIMIT ${SEALS_AT_ONCE}
    ), found AS (
      SELECT to_timestamp(floor(EXTRACT(EPOCH FROM e.at) / 3600) * 3600) AS hour, e.name, count(*)::int AS count
      FROM seals CROSS JOIN LATERAL unnest(seals.event_ids) AS under (id) JOIN audit_events e ON e.id = under.id
      WHERE e.name = ANY(${[...COUNTED]}::text[]) AND e.at > latchkey_now() - make_interval(secs => ${HOURS_KEPT_SECONDS})
      GROUP BY 1, 2 ORDER BY 1, 2
    ), counted AS (
      INSERT INTO event_counts AS known (hour, name, count) SELECT hour, name, count FROM found
      ON CONFLICT (hour, name) DO UPDATE SET count = known.count + EXCLUDED.count
    ), done AS (
      UPDATE overview_figures SET counted_seal = (SELECT max(number) FROM seals) WHERE id = 1 AND EXISTS (SELECT FROM seals)
    )
    SELECT count(*)::int AS seals FROM seals`)
  return rows[0]?.seals ?? 0
}

/** The first event that is not counted, under a seal or without one yet, says until when all are; where there is none, that is now. */
async function noteHowFar(db: Database): Promise<void> {
  await db.$executeRaw(Prisma.sql`
    UPDATE overview_figures f SET counted_until = LEAST(latchkey_now(),
      (SELECT e.at FROM audit_events e WHERE e.id =
        (SELECT s.first_id FROM audit_seals s WHERE s.number > f.counted_seal ORDER BY s.number LIMIT 1)),
      (SELECT e.at FROM audit_events e WHERE e.id = (SELECT min(id) FROM ${unsealed(1, SEALED_BEYOND)} AS waiting)))
    WHERE f.id = 1`)
}

const HOUR = 3_600_000
const DAY = 24 * HOUR

interface CountRow {
  readonly now: number
  readonly asOf: Date | null
  readonly hour: number | null
  readonly name: string | null
  readonly count: number | null
}

/** Those without any are there as well. */
function buckets(rows: readonly CountRow[], now: number, length: number, many: number): EventBucket[] {
  const last = Math.floor(now / length) * length
  return Array.from({ length: many }, (_, index) => {
    const at = last - (many - 1 - index) * length
    const inside = rows.filter(({ hour }) => hour !== null && hour >= at && hour < at + length)
    const of = (names: readonly string[]) =>
      inside.reduce((sum, { name, count }) => sum + (name !== null && names.includes(name) ? (count ?? 0) : 0), 0)
    return { at: new Date(at), signedIn: of([SIGNED_IN]), failed: of([FAILED]), reused: of(REUSES) }
  })
}
