// What a client has been given and still holds: what its end would end. Counted no further than a bound, so that a client with a million
// grants is looked at as quickly as one with three.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { clientStands, GRANT_GIVEN } from '../tokens/standing.ts'

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
  const [row] = await db.$queryRaw<HoldingsRow[]>(Prisma.sql`
    SELECT g.*, f.*
    FROM (SELECT count(*)::int AS "grantsSeen", count(*) FILTER (WHERE live)::int AS grants,
            count(DISTINCT account_id) FILTER (WHERE live)::int AS accounts
          FROM (SELECT g.account_id, g.ended_at IS NULL AND g.expires_at > latchkey_now() AND ${clientStands(GRANT_GIVEN)} AS live
                FROM grants g JOIN clients c ON c.id = g.client_id
                WHERE g.client_id = ${clientId} LIMIT ${MOST_HOLDINGS + 1}) one) g,
         (SELECT count(*)::int AS "familiesSeen", count(*) FILTER (WHERE live)::int AS families
          FROM (SELECT f.ended_at IS NULL AND f.idle_expires_at > latchkey_now() AND ${clientStands(Prisma.sql`f.created_at`)} AS live
                FROM refresh_families f JOIN clients c ON c.id = f.client_id
                WHERE f.client_id = ${clientId} LIMIT ${MOST_HOLDINGS + 1}) one) f`)
  const { grantsSeen = 0, familiesSeen = 0, grants = 0, families = 0, accounts = 0 } = row ?? {}
  return { grants, refreshFamilies: families, accounts, more: grantsSeen > MOST_HOLDINGS || familiesSeen > MOST_HOLDINGS }
}

interface HoldingsRow {
  readonly grantsSeen: number
  readonly grants: number
  readonly accounts: number
  readonly familiesSeen: number
  readonly families: number
}
