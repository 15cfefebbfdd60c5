// How many sessions and grants are live. No index could tell, since it would cost each use and each end more than it saves here; so the
// tables are gone through now and then, some pages at a time, and what was found is kept with when it was.
import { setTimeout as wait } from 'node:timers/promises'
import { Prisma } from '../../prisma/client/client.ts'
import { LIVES as GRANT_LIVES } from '../grants/grant-filter.ts'
import { LIVE as LIVE_SESSION } from '../sessions/session-filter.ts'
import type { Database } from '../storage/postgres.ts'

/** What was counted, and how large the tables are. */
export interface LiveCounts {
  readonly sessions: number
  readonly grants: number
  readonly pages: number
}

/** Pages of a statement: a few milliseconds of work, so that nobody waits behind one, and far from the time that a statement may take. */
const PAGES_AT_ONCE = 100

/** So many times as long as a statement took the others have the processors to themselves. */
const PAUSE = 3

/** Counts both; undefined when the signal ended it. */
export async function countLive(db: Database, signal?: AbortSignal): Promise<LiveCounts | undefined> {
  const sessions = await countRows(
    db,
    { table: 'sessions', from: SESSIONS, place: Prisma.sql`s.ctid`, live: LIVE_SESSION },
    signal,
  )
  const grants = await countRows(db, { table: 'grants', from: GRANTS, place: Prisma.sql`g.ctid`, live: GRANT_LIVES }, signal)
  if (sessions === undefined || grants === undefined) return undefined
  return { sessions: sessions.rows, grants: grants.rows, pages: sessions.pages + grants.pages }
}

const SESSIONS = Prisma.sql`sessions s`
/** Joined once, instead of looked up for each. */
const GRANTS = Prisma.sql`grants g JOIN clients c ON c.id = g.client_id`

interface Counted {
  readonly table: string
  readonly from: Prisma.Sql
  readonly place: Prisma.Sql
  readonly live: Prisma.Sql
}

async function countRows(
  db: Database,
  { table, from, place, live }: Counted,
  signal: AbortSignal | undefined,
): Promise<{ readonly rows: number; readonly pages: number } | undefined> {
  const [{ pages } = { pages: 0 }] = await db.$queryRaw<{ pages: number }[]>(Prisma.sql`
    SELECT (pg_relation_size(${table}::text::regclass) / current_setting('block_size')::int)::int AS pages`)
  let rows = 0
  for (let page = 0; page < pages; page += PAGES_AT_ONCE) {
    if (signal?.aborted === true) return undefined
    const startedAt = performance.now()
    const [{ count } = { count: 0 }] = await db.$queryRaw<{ count: number }[]>(Prisma.sql`
      SELECT count(*)::int AS count FROM ${from}
      WHERE ${place} >= ${`(${page},0)`}::text::tid AND ${place} < ${`(${page + PAGES_AT_ONCE},0)`}::text::tid AND ${live}`)
    rows += count
    await wait(PAUSE * (performance.now() - startedAt), undefined, { ref: false })
  }
  return { rows, pages }
}
