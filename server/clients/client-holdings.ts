// What a client has been given and still holds: what its end would end. Counted no further than a bound, so that a client with a million
// grants is looked at as quickly as one with three.
import { Prisma } from '../../prisma/client/client.ts'
import { LIVES as GRANT_LIVES } from '../grants/grant-filter.ts'
import type { Database } from '../storage/postgres.ts'
import { clientStands } from '../tokens/standing.ts'

/** What a client holds. */
export interface ClientHoldings {
  readonly grants: number
  readonly refreshFamilies: number
  /** People who have signed in to it, and whose grants live. */
  readonly accounts: number
  /** There may be more than were looked at. */
  readonly more: boolean
}

/** As many rows are looked at, of either. */
export const MOST_HOLDINGS = 10_000

/** Counts it. */
export async function countHoldings(db: Database, clientId: string): Promise<ClientHoldings> {
  // Beside each other: there is much to read, and somebody waits.
  const [grants, families] = await Promise.all([
    first(
      db.$queryRaw<{ seen: number; live: number; accounts: number }[]>(Prisma.sql`
        SELECT count(*)::int AS seen, count(*) FILTER (WHERE live)::int AS live,
          count(DISTINCT account_id) FILTER (WHERE live)::int AS accounts
        FROM (SELECT g.account_id, ${GRANT_LIVES} AS live FROM grants g JOIN clients c ON c.id = g.client_id
              WHERE g.client_id = ${clientId} LIMIT ${MOST_HOLDINGS + 1}) one`),
    ),
    first(
      db.$queryRaw<{ seen: number; live: number }[]>(Prisma.sql`
        SELECT count(*)::int AS seen, count(*) FILTER (WHERE live)::int AS live
        FROM (SELECT f.ended_at IS NULL AND f.idle_expires_at > latchkey_now() AND ${clientStands(Prisma.sql`f.created_at`)} AS live
              FROM refresh_families f JOIN clients c ON c.id = f.client_id
              WHERE f.client_id = ${clientId} LIMIT ${MOST_HOLDINGS + 1}) one`),
    ),
  ])
  const more = grants.seen > MOST_HOLDINGS || families.seen > MOST_HOLDINGS
  return { grants: grants.live, refreshFamilies: families.live, accounts: grants.accounts, more }
}

async function first<Row>(rows: Promise<Row[]>): Promise<Row> {
  const [row] = await rows
  if (row === undefined) throw new Error('a count gave no row')
  return row
}
