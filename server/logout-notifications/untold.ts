// Which apps have not heard of ends for long, though they were to be told.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'

/** What apps have not heard. */
export interface Untold {
  /** How many notifications; large numbers are not counted to the end. */
  readonly count: number
  /** Some of the apps. */
  readonly clientIds: readonly string[]
  /** When the earliest of them was due. */
  readonly since?: Date
  /** Some were tried in vain for a day, and are tried no longer. */
  readonly givenUp: boolean
}

/** So many are looked at, the earliest first. */
export const MOST_UNTOLD = 1001

/** So many apps are named. */
const MOST_NAMED = 5

/** Reads it, of those that have waited for longer than so many seconds. */
export async function readUntold(db: Database, seconds: number): Promise<Untold> {
  const [row] = await db.$queryRaw<
    { count: number; clientIds: string[]; since: Date | null; givenUp: boolean | null }[]
  >(Prisma.sql`
    SELECT count(*)::int AS count, COALESCE((array_agg(DISTINCT client_id))[1:${MOST_NAMED}::int], '{}') AS "clientIds",
      min(created_at) AS since, bool_or(state = 'failed') AS "givenUp"
    FROM (
      SELECT client_id, created_at, state FROM logout_notifications
      WHERE state <> 'delivered' AND created_at <= latchkey_now() - make_interval(secs => ${seconds})
      ORDER BY created_at, id LIMIT ${MOST_UNTOLD}) untold`)
  const { count, clientIds, since, givenUp } = row ?? { count: 0, clientIds: [], since: null, givenUp: null }
  return { count, clientIds, givenUp: givenUp === true, ...(since === null ? {} : { since }) }
}
