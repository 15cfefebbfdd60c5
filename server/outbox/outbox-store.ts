// The statements of an outbox, the same for every table of the kind.
import { Prisma } from '../../prisma/client/client.ts'
import { gather } from '../storage/gathering.ts'
import type { Database } from '../storage/postgres.ts'
import { type Attempt, type Claimed, type FreePlaces, type OutboxTable, TRIED_FOR_SECONDS } from './outbox.ts'

/** Longer than an exchange may take (endpoint.ts), with time to note what came of it. */
const LEASE_SECONDS = 15

/** Whether somebody has claimed a row and not noted yet what came of it. */
export const IS_UNDER_WAY = Prisma.sql`(next_attempt_at = last_attempt_at + make_interval(secs => ${LEASE_SECONDS}))`

/** How many that wait are counted. */
const MOST_COUNTED = 10_001

/** Makes the function that notes attempts. Outcomes that come at once are written at once, by one connection. */
export function createNote(db: Database, table: OutboxTable): (attempt: Attempt) => Promise<void> {
  return gather((attempts: readonly Attempt[]) => writeAttempts(db, table, attempts), { statements: 1 })
}

/**
 * Goes from endpoint to endpoint, of those for which something waits, and takes of each what has waited longest: however much waits
 * for one that does not answer, it stands in nobody's way.
 * @param more what else is returned of each row, which is called `n`
 */
export async function claimDue<Row extends Claimed>(
  db: Database,
  { table, endpoint }: OutboxTable,
  free: FreePlaces,
  more: Prisma.Sql,
): Promise<readonly Row[]> {
  const rows = Prisma.raw(table)
  const column = Prisma.raw(endpoint)
  const endpoints = free.endpoints.map(({ endpointId }) => endpointId)
  const places = free.endpoints.map((known) => known.places)
  const doubts = free.endpoints.map(({ doubtful }) => doubtful)
  const after = (endpointId: Prisma.Sql) => Prisma.sql`(
    SELECT ${column} FROM ${rows} WHERE next_attempt_at IS NOT NULL AND ${column} > ${endpointId}
    ORDER BY ${column} LIMIT 1)`
  return db.$queryRaw<Row[]>(Prisma.sql`
    WITH RECURSIVE waiting (endpoint) AS (
      SELECT ${after(Prisma.sql`''`)}
      UNION ALL
      SELECT ${after(Prisma.sql`waiting.endpoint`)} FROM waiting WHERE waiting.endpoint IS NOT NULL
    ), free AS (
      SELECT waiting.endpoint, COALESCE(known.places, ${free.perEndpoint}::int) AS places,
        COALESCE(known.doubtful, false) AS doubtful
      FROM waiting
      LEFT JOIN unnest(${endpoints}::text[], ${places}::int[], ${doubts}::boolean[]) AS known (endpoint, places, doubtful)
        ON known.endpoint = waiting.endpoint
      WHERE waiting.endpoint IS NOT NULL
    ), due AS MATERIALIZED (
      SELECT turn.id, free.doubtful,
        row_number() OVER (PARTITION BY free.doubtful ORDER BY turn.next_attempt_at, turn.id) AS place
      FROM free CROSS JOIN LATERAL (
        SELECT id, next_attempt_at FROM ${rows}
        WHERE ${column} = free.endpoint AND next_attempt_at <= latchkey_now()
        ORDER BY next_attempt_at LIMIT free.places FOR UPDATE SKIP LOCKED
      ) AS turn
    ), taken AS MATERIALIZED (
      SELECT id FROM due WHERE NOT doubtful OR place <= ${free.doubtful}
      ORDER BY doubtful, place LIMIT ${free.places}
    )
    UPDATE ${rows} AS n
    SET attempts = n.attempts + 1, last_attempt_at = latchkey_now(),
      next_attempt_at = latchkey_now() + make_interval(secs => ${LEASE_SECONDS})
    FROM taken
    WHERE n.id = taken.id
    RETURNING n.id, n.${column} AS "endpointId", n.attempts, n.give_up_at <= latchkey_now() AS last, ${more}`)
}

/** Those of some endpoints for which something waits, or is under way: a claim is a lease, after which it waits again. */
export async function selectWaiting(
  db: Database,
  { table, endpoint }: OutboxTable,
  endpointIds: readonly string[],
): Promise<readonly string[]> {
  const rows = await db.$queryRaw<{ id: string }[]>(Prisma.sql`
    SELECT asked.id FROM unnest(${[...endpointIds]}::text[]) AS asked (id)
    WHERE EXISTS (
      SELECT 1 FROM ${Prisma.raw(table)} WHERE ${Prisma.raw(endpoint)} = asked.id AND next_attempt_at IS NOT NULL)`)
  return rows.map(({ id }) => id)
}

/** The statement that gives a row up; it returns the row's id when this claim still holds. */
export function givingUp(
  { table }: OutboxTable,
  { id, attempts }: Claimed,
  { status, error }: { readonly status: number | undefined; readonly error: string },
): Prisma.Sql {
  return Prisma.sql`
    UPDATE ${Prisma.raw(table)} SET state = 'failed', next_attempt_at = NULL, finished_at = latchkey_now(),
      last_status = ${status ?? null}::int, last_error = ${error}
    WHERE id = ${id} AND attempts = ${attempts} AND finished_at IS NULL RETURNING id`
}

/** The statement that has a row tried again, at once and for another day; it returns the row's id when it was in one of the states. */
export function tryingAgain(
  { table }: OutboxTable,
  id: string,
  states: readonly string[],
  condition: Prisma.Sql = Prisma.sql`true`,
): Prisma.Sql {
  return Prisma.sql`
    UPDATE ${Prisma.raw(table)} SET state = 'retrying', next_attempt_at = latchkey_now(), finished_at = NULL,
      give_up_at = latchkey_now() + make_interval(secs => ${TRIED_FOR_SECONDS})
    WHERE id = ${id} AND state = ANY(${[...states]}::text[]) AND ${condition} RETURNING id`
}

/** How many rows wait; large numbers are not counted to the end. */
export async function countWaiting(db: Database, { table }: OutboxTable): Promise<number> {
  const rows = await db.$queryRaw<{ count: number }[]>(Prisma.sql`
    SELECT count(*)::int AS count FROM (
      SELECT 1 FROM ${Prisma.raw(table)} WHERE next_attempt_at IS NOT NULL LIMIT ${MOST_COUNTED}) AS those`)
  return rows[0]?.count ?? 0
}

async function writeAttempts(db: Database, { table }: OutboxTable, attempts: readonly Attempt[]): Promise<readonly undefined[]> {
  const column = <Value>(of: (attempt: Attempt) => Value | undefined) => attempts.map((attempt) => of(attempt) ?? null)
  await db.$executeRaw(Prisma.sql`
    UPDATE ${Prisma.raw(table)} AS n
    SET state = told.state, last_status = told.status, last_error = told.error,
      next_attempt_at = latchkey_now() + make_interval(secs => told.wait),
      finished_at = CASE WHEN told.wait IS NULL THEN latchkey_now() END
    FROM unnest(${column(({ claimed }) => claimed.id)}::text[], ${column(({ claimed }) => claimed.attempts)}::int[],
      ${column(({ state }) => state)}::text[], ${column(({ waitSeconds }) => waitSeconds)}::float8[],
      ${column(({ status }) => status)}::int[], ${column(({ error }) => error)}::text[])
      AS told (id, attempts, state, wait, status, error)
    WHERE n.id = told.id AND n.attempts = told.attempts AND n.finished_at IS NULL`)
  return attempts.map(() => undefined)
}
