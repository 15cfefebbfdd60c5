// The latest sessions of a network that has very many, and none of them lately: nobody goes through all that came since. They are found
// part by part, since an index has the sessions of each part in their order.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { isFrom, networkBounds } from './session-filter.ts'

/** What is looked for: conditions on the table `sessions` under the name `s`. */
interface NetworkQuery {
  readonly address: string
  /** What else is asked for. */
  readonly condition: Prisma.Sql
  readonly beyond: Prisma.Sql
  readonly limit: number
}

/** Sessions that are looked at one by one before a network is looked at part by part: some ten milliseconds of work. */
const NEAR = 10_000

/** From one part to the next it is a step in the index. Of a network of more parts a session is never far. */
const FEW_PARTS = 2000

const LATEST_FIRST = Prisma.sql`s.started_at DESC, s.id DESC`

/** Whether a page is full with sessions that are not far from where it begins. */
export async function areNear(db: Database, { address, condition, beyond, limit }: NetworkQuery): Promise<boolean> {
  const [row] = await db.$queryRaw<{ near: boolean }[]>(Prisma.sql`
    SELECT count(*) >= ${limit} AS near FROM (
      SELECT FROM (SELECT s.* FROM sessions s WHERE ${beyond} ORDER BY ${LATEST_FIRST} LIMIT ${NEAR}) s
      WHERE ${isFrom(address)} AND ${condition} LIMIT ${limit}) found`)
  return row?.near === true
}

/** What the index has, word for word: the /24 of an address, or its /48 where that is of IPv6. */
const PART = Prisma.sql`network(set_masklen(s.address, CASE family(s.address) WHEN 4 THEN 24 ELSE 48 END))`

/** All parts of a network, each found from the one before, and a condition on what is less than a part of it. */
function partsOf(address: string): { readonly parts: Prisma.Sql; readonly ofPart: Prisma.Sql } {
  const { network, from, to } = networkBounds(address)
  const bits = Number(network.split('/')[1])
  const most = network.includes(':') ? 48 : 24
  const next = (after: Prisma.Sql) => Prisma.sql`
    SELECT ${PART} AS part FROM sessions s WHERE s.address IS NOT NULL AND ${PART} ${after} AND ${PART} <= ${to} ORDER BY 1 LIMIT 1`
  return {
    parts: Prisma.sql`
      WITH RECURSIVE every AS (
        SELECT first.part FROM (${next(Prisma.sql`>= network(set_masklen(${from}, ${Math.min(bits, most)}::int))`)}) first
        UNION ALL SELECT (${next(Prisma.sql`> every.part`)}) FROM every WHERE every.part IS NOT NULL)
      SELECT part FROM every WHERE part IS NOT NULL`,
    // The index of addresses is kept out, which would go through all sessions of them for each part.
    ofPart: bits < most ? Prisma.sql`true` : Prisma.sql`s.address + 0 BETWEEN ${from} AND ${to}`,
  }
}

/** Whether a network has so few parts that they are looked at one by one. */
export async function areInFewParts(db: Database, { address }: NetworkQuery): Promise<boolean> {
  const [row] = await db.$queryRaw<{ few: boolean }[]>(Prisma.sql`
    SELECT count(*) <= ${FEW_PARTS} AS few FROM (SELECT FROM (${partsOf(address).parts}) p LIMIT ${FEW_PARTS + 1}) counted`)
  return row?.few === true
}

/** A query for the rows of a page. It is of as many parts as it has sessions at most: of those whose latest sessions are the latest. */
export function latestOfParts({ address, condition, beyond, limit }: NetworkQuery): Prisma.Sql {
  const { parts, ofPart } = partsOf(address)
  const inside = (what: Prisma.Sql, most: number) => Prisma.sql`
    SELECT ${what} FROM sessions s WHERE s.address IS NOT NULL AND ${PART} = p.part AND ${ofPart} AND ${condition} AND ${beyond}
    ORDER BY ${LATEST_FIRST} LIMIT ${most}`
  return Prisma.sql`
    SELECT s.* FROM (
      SELECT p.part FROM (${parts}) p CROSS JOIN LATERAL (${inside(Prisma.sql`s.started_at, s.id`, 1)}) s
      ORDER BY ${LATEST_FIRST} LIMIT ${limit}) p
    CROSS JOIN LATERAL (${inside(Prisma.sql`s.*`, limit)}) s
    ORDER BY ${LATEST_FIRST} LIMIT ${limit}`
}
