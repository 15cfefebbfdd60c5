// The statements that remove what has expired: which tables, from when on a row may go, and how a few are taken at a time.
// A batch is one statement, and so one short transaction. It takes the turn of all processes for itself, or does nothing; it
// passes over rows that somebody else holds, so that it waits for nobody.
import { LONGEST_ACCESS_TOKEN } from '../../config/lifetimes.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { KNOWN_PLACE_SECONDS } from '../accounts/sign-in-failures-store.ts'
import { HOURS_KEPT_SECONDS } from '../overview/event-counts.ts'
import type { Database } from '../storage/postgres.ts'
import { CLOCK_SKEW_SECONDS } from '../tokens/revocations.ts'

/** A table whose rows can be found by the end of their life, since that is indexed. */
export interface ExpiringTable {
  readonly table: string
  readonly key: string
  /** The column that says when a row's life ends. */
  readonly end: string
  /** How long the row is kept after that, because something may still ask for it. */
  readonly keptSeconds: number
}

/** So long the operator can see which apps were told of the end of a session, and which webhooks of what. */
const TOLD_KEPT_SECONDS = 7 * 86_400

/** So long the operator can see what came of an end of many things at once. */
const JOB_KEPT_SECONDS = 90 * 86_400

/** What hangs from a grant or a family, an access token, may have been issued in its last second. */
const LAST_TOKEN_SECONDS = LONGEST_ACCESS_TOKEN + CLOCK_SKEW_SECONDS

const DAY_SECONDS = 86_400

/** Time enough to find what nobody fetched, also for processes that begin again. */
const UNFETCHED_KEPT_SECONDS = 3600

export const EXPIRING_TABLES: readonly ExpiringTable[] = [
  { table: 'access_tokens', key: 'digest', end: 'expires_at', keptSeconds: 0 },
  { table: 'redeemed_codes', key: 'digest', end: 'expires_at', keptSeconds: 0 },
  { table: 'replay_ids', key: 'digest', end: 'expires_at', keptSeconds: 0 },
  { table: 'revocations', key: 'sequence', end: 'until', keptSeconds: 0 },
  // There is one for each process that ever listened; it has no key of one column, but a place.
  { table: 'revocation_acknowledgements', key: 'ctid', end: 'acknowledged_at', keptSeconds: DAY_SECONDS },
  { table: 'sign_in_failures', key: 'key', end: 'expires_at', keptSeconds: 0 },
  { table: 'logout_notifications', key: 'id', end: 'finished_at', keptSeconds: TOLD_KEPT_SECONDS },
  { table: 'webhook_deliveries', key: 'id', end: 'finished_at', keptSeconds: TOLD_KEPT_SECONDS },
  // What nobody fetched is recorded first (signals/unfetched.ts).
  { table: 'signals', key: 'id', end: 'expires_at', keptSeconds: UNFETCHED_KEPT_SECONDS },
  { table: 'idempotent_requests', key: 'digest', end: 'expires_at', keptSeconds: 0 },
  { table: 'revocation_jobs', key: 'id', end: 'finished_at', keptSeconds: JOB_KEPT_SECONDS },
  // Its findings go with it.
  { table: 'session_reviews', key: 'id', end: 'expires_at', keptSeconds: 0 },
  { table: 'password_links', key: 'digest', end: 'expires_at', keptSeconds: 0 },
  // Never more than a few, which is why there is no index.
  { table: 'setup_links', key: 'digest', end: 'expires_at', keptSeconds: 0 },
  // An API whose clock is behind still asks. Of lists there are never more than a few.
  { table: 'status_lists', key: 'id', end: 'expires_at', keptSeconds: CLOCK_SKEW_SECONDS },
  { table: 'referenced_tokens', key: 'ctid', end: 'expires_at', keptSeconds: CLOCK_SKEW_SECONDS },
  // Hours that are on no page any more; the key has two columns.
  { table: 'event_counts', key: 'ctid', end: 'hour', keptSeconds: HOURS_KEPT_SECONDS },
  // Without its grant a JWT is dead.
  { table: 'grants', key: 'id', end: 'expires_at', keptSeconds: LAST_TOKEN_SECONDS },
]

/**
 * A table whose rows end at a time that moves while they are used. An index on it would cost every use more than it saves the
 * purge; so that goes through the pages of the table.
 */
export interface SweptTable {
  readonly table: string
  readonly end: string
  readonly keptSeconds: number
  /** What is forgotten of rows that stay. */
  readonly forget?: { readonly column: string; readonly when: Prisma.Sql }
}

/** A successor is good for 300 seconds at most (the replay window); a family that refreshes every quarter of an hour is left alone. */
const SUCCESSOR_KEPT_SECONDS = 3600

export const SWEPT_TABLES: readonly SweptTable[] = [
  // Its apps go with it. Sign-in asks from where an account has signed in lately.
  { table: 'sessions', end: 'expires_at', keptSeconds: Math.max(LAST_TOKEN_SECONDS, KNOWN_PLACE_SECONDS) },
  {
    table: 'refresh_families',
    end: 'idle_expires_at',
    keptSeconds: LAST_TOKEN_SECONDS,
    forget: {
      column: 'successor',
      when: Prisma.sql`rotated_at <= latchkey_now() - make_interval(secs => ${SUCCESSOR_KEPT_SECONDS})`,
    },
  },
]

/** Rows of a batch: a few milliseconds of work. */
export const BATCH_ROWS = 500

/** Pages of a batch: as much work. */
export const BATCH_PAGES = 100

/** How far rows that should be gone are counted. */
export const MOST_COUNTED = 10_001

/** What a batch did; undefined when another process has the turn. */
export type Batch = { readonly removed: number } | undefined

/** Removes the rows of a table that ended first; fewer than BATCH_ROWS when there are no more. */
export async function removeExpired(db: Database, expiring: ExpiringTable): Promise<Batch> {
  const { table, key, end } = names(expiring)
  // An array and not a join: whatever is known of the table, each row is then found by its key.
  const rows = await db.$queryRaw<TurnRow[]>(Prisma.sql`
    WITH ${TURN}, gone AS (
      DELETE FROM ${table} WHERE ${key} = ANY(ARRAY(
        SELECT ${key} FROM ${table} WHERE (SELECT mine FROM turn) AND ${isOver(expiring)}
        ORDER BY ${end} LIMIT ${Prisma.raw(String(BATCH_ROWS))} FOR UPDATE SKIP LOCKED))
      RETURNING 1
    )
    SELECT turn.mine, (SELECT count(*) FROM gone)::int AS removed FROM turn`)
  return batchOf(rows)
}

/** How many rows of a table are left though they may go, up to MOST_COUNTED. */
export async function countExpired(db: Database, expiring: ExpiringTable): Promise<number> {
  const { table, end } = names(expiring)
  // Ordered for the sake of the index: without, the whole table might be read.
  const rows = await db.$queryRaw<{ count: number }[]>(Prisma.sql`
    SELECT count(*)::int AS count FROM (
      SELECT 1 FROM ${table} WHERE ${isOver(expiring)} ORDER BY ${end} LIMIT ${MOST_COUNTED}) AS those`)
  return rows[0]?.count ?? 0
}

/** The pages that a table takes up, and PostgreSQL's time in seconds. */
export async function measurePages(db: Database, table: string): Promise<{ readonly pages: number; readonly now: number }> {
  const rows = await db.$queryRaw<{ pages: number; now: number }[]>(Prisma.sql`
    SELECT (pg_relation_size(${table}::text::regclass) / current_setting('block_size')::int)::int AS pages,
      EXTRACT(EPOCH FROM latchkey_now())::float8 AS now`)
  return rows[0] ?? { pages: 0, now: 0 }
}

/** Goes through some pages of a table: rows that have ended are removed, and of the others is forgotten what can be. */
export async function sweepPages(db: Database, swept: SweptTable, fromPage: number, toPage: number): Promise<Batch> {
  const { forget } = swept
  const table = Prisma.raw(swept.table)
  const column = Prisma.raw(forget?.column ?? '')
  const over = isOver(swept)
  const wanted = forget === undefined ? over : Prisma.sql`(${over} OR (${column} IS NOT NULL AND ${forget.when}))`
  const forgotten = Prisma.sql`, forgotten AS (
      UPDATE ${table} SET ${column} = NULL WHERE id = ANY(ARRAY(SELECT id FROM found WHERE NOT over)))`
  const rows = await db.$queryRaw<TurnRow[]>(Prisma.sql`
    WITH ${TURN}, found AS MATERIALIZED (
      SELECT id, ${over} AS over FROM ${table}
      WHERE (SELECT mine FROM turn) AND ${inPages(fromPage, toPage)} AND ${wanted} FOR UPDATE SKIP LOCKED
    ), gone AS (
      DELETE FROM ${table} WHERE id = ANY(ARRAY(SELECT id FROM found WHERE over)) RETURNING 1
    )${forget === undefined ? Prisma.empty : forgotten}
    SELECT turn.mine, (SELECT count(*) FROM gone)::int AS removed FROM turn`)
  return batchOf(rows)
}

/** How many rows of some pages are left though they may go, up to MOST_COUNTED. */
export async function countInPages(db: Database, swept: SweptTable, fromPage: number, toPage: number): Promise<number> {
  const rows = await db.$queryRaw<{ count: number }[]>(Prisma.sql`
    SELECT count(*)::int AS count FROM (
      SELECT 1 FROM ${Prisma.raw(swept.table)} WHERE ${inPages(fromPage, toPage)} AND ${isOver(swept)}
      LIMIT ${MOST_COUNTED}) AS those`)
  return rows[0]?.count ?? 0
}

interface TurnRow {
  readonly mine: boolean
  readonly removed: number
}

/** Held to the end of the statement: a process that dies holds nothing. */
const TURN = Prisma.sql`turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(hashtextextended('latchkey purge', 0)) AS mine)`

function isOver({ end, keptSeconds }: Pick<ExpiringTable, 'end' | 'keptSeconds'>): Prisma.Sql {
  return Prisma.sql`(${Prisma.raw(end)} <= latchkey_now() - make_interval(secs => ${keptSeconds}))`
}

function inPages(fromPage: number, toPage: number): Prisma.Sql {
  return Prisma.sql`ctid >= ${`(${fromPage},0)`}::text::tid AND ctid < ${`(${toPage},0)`}::text::tid`
}

/** The names stand in the tables above, and come from nowhere else. */
function names({ table, key, end }: ExpiringTable) {
  return { table: Prisma.raw(table), key: Prisma.raw(key), end: Prisma.raw(end) }
}

function batchOf([row]: readonly TurnRow[]): Batch {
  return row?.mine === true ? { removed: row.removed } : undefined
}
