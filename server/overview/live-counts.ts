// How many sessions and grants are live. No index could tell, since it would cost each use and each end more than it saves here; so the
// tables are gone through now and then, some pages at a time, and what was found is kept with when it was.
import { setTimeout as wait } from 'node:timers/promises'
import { Prisma } from '../../prisma/client/client.ts'
import { LIVE as LIVE_GRANT } from '../grants/grant-filter.ts'
import { LIVE as LIVE_SESSION } from '../sessions/session-filter.ts'
import type { Database } from '../storage/postgres.ts'

/** What was counted, and how large the tables are. */
export interface LiveCounts {
  readonly sessions: number
  readonly grants: number
  readonly pages: number
}

/** Pages of a statement: some milliseconds of work, and far from the time that a statement may take. */
const PAGES_AT_ONCE = 500

/** Counts both; undefined when the signal ended it. */
export async function countLive(db: Database, signal?: AbortSignal): Promise<LiveCounts | undefined> {
  const sessions = await countRows(db, { table: 'sessions', as: 's', live: LIVE_SESSION }, signal)
  const grants = await countRows(db, { table: 'grants', as: 'g', live: LIVE_GRANT }, signal)
  if (sessions === undefined || grants === undefined) return undefined
  return { sessions: sessions.rows, grants: grants.rows, pages: sessions.pages + grants.pages }
}

interface Counted {
  readonly table: string
  readonly as: string
  readonly live: Prisma.Sql
}

async function countRows(
  db: Database,
  { table, as, live }: Counted,
  signal: AbortSignal | undefined,
): Promise<{ readonly rows: number; readonly pages: number } | undefined> {
  const [{ pages } = { pages: 0 }] = await db.$queryRaw<{ pages: number }[]>(Prisma.sql`
    SELECT (pg_relation_size(${table}::text::regclass) / current_setting('block_size')::int)::int AS pages`)
  const place = Prisma.raw(`${as}.ctid`)
  let rows = 0
  for (let page = 0; page < pages; page += PAGES_AT_ONCE) {
    if (signal?.aborted === true) return undefined
    const startedAt = performance.now()
    const [{ count } = { count: 0 }] = await db.$queryRaw<{ count: number }[]>(Prisma.sql`
      SELECT count(*)::int AS count FROM ${Prisma.raw(`${table} ${as}`)}
      WHERE ${place} >= ${`(${page},0)`}::text::tid AND ${place} < ${`(${page + PAGES_AT_ONCE},0)`}::text::tid AND ${live}`)
    rows += count
    // Half of the time belongs to the others.
    await wait(performance.now() - startedAt, undefined, { ref: false })
  }
  return { rows, pages }
}
