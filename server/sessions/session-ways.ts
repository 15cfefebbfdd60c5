// Where the sessions are that a filter finds, so that a page of them does not take longer the fewer there are. PostgreSQL goes through the
// sessions in their order until the page is full; of those that few have, it would go through all.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { crowdOf } from './session-counts.ts'
import { conditionOf, isFrom, type SessionFilter } from './session-filter.ts'
import { areInFewParts, areNear, latestOfParts } from './session-networks.ts'

/** A page to be: what is asked for, how many of them, and a condition that says where they begin. */
export interface SessionPage {
  readonly filter: SessionFilter
  readonly limit: number
  readonly beyond: Prisma.Sql
}

const LATEST_FIRST = Prisma.sql`s.started_at DESC, s.id DESC`

/** Not the order of an index: nobody is to go through all sessions for a few. */
const FEW_LATEST_FIRST = Prisma.sql`s.started_at + interval '0 s' DESC, s.id DESC`

/** So many from one network, or at one app, are sorted within some ten milliseconds, also where each lies elsewhere on the disk. */
const FEW_FROM_NETWORK = 1500
const FEW_AT_APP = 3000

/** So many that were signed in to in one way are gone through. */
const FEW_IN_A_WAY = 5000

/** A query for the rows of `sessions` of a page, the latest first. @throws AddressFilterFault */
export async function rowsOf(db: Database, { filter: { moreThan, ...filter }, limit, beyond }: SessionPage): Promise<Prisma.Sql> {
  const crowd = moreThan === undefined ? undefined : await crowdOf(db, moreThan)
  const here = crowd === undefined ? beyond : Prisma.sql`${crowd.condition} AND ${beyond}`
  const by = (order: Prisma.Sql) => inOrder({ filter, limit, beyond: here }, order)
  if (crowd?.few === true || (await areFew(db, filter))) return by(FEW_LATEST_FIRST)
  if (filter.accountId !== undefined) return by(LATEST_FIRST)
  if (filter.method !== undefined && (filter.address === undefined || (await isRareWay(db, filter.method))))
    return byWays({ filter, limit, beyond: here }, LATEST_FIRST)
  if (filter.address !== undefined) {
    const { address, ...others } = filter
    const before = others.before === undefined ? {} : { before: others.before }
    const of = { address, condition: conditionOf(others), beyond: Prisma.sql`${here} AND ${conditionOf(before)}`, limit }
    return !(await areNear(db, of)) && (await areInFewParts(db, of)) ? latestOfParts(of) : by(LATEST_FIRST)
  }
  return by(LATEST_FIRST)
}

/** The same in whatever order is the quickest, for whoever wants to count them. @throws AddressFilterFault */
export async function anyRowsOf(
  db: Database,
  { filter: { moreThan, ...filter }, limit, beyond }: SessionPage,
): Promise<Prisma.Sql> {
  const crowd = moreThan === undefined ? undefined : await crowdOf(db, moreThan)
  const page = { filter, limit, beyond: crowd === undefined ? beyond : Prisma.sql`${crowd.condition} AND ${beyond}` }
  return filter.method === undefined || (!(await isRareWay(db, filter.method)) && filter.address !== undefined)
    ? inOrder(page)
    : byWays(page)
}

function inOrder({ filter, limit, beyond }: SessionPage, order?: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`SELECT s.* FROM sessions s WHERE ${conditionOf(filter)} AND ${beyond} ${ordered(order)} LIMIT ${limit}`
}

function ordered(order: Prisma.Sql | undefined): Prisma.Sql {
  return order === undefined ? Prisma.empty : Prisma.sql`ORDER BY ${order}`
}

/**
 * What is asked of the sessions of a way does not name the method once more: PostgreSQL would take them for so few that it goes through all
 * sessions. In their order the index of ways has them.
 */
function byWays({ filter: { method = '', ...filter }, limit, beyond }: SessionPage, order?: Prisma.Sql): Prisma.Sql {
  const ofWay = inOrder({ filter, limit, beyond: Prisma.sql`s.methods = way.methods AND ${beyond}` }, LATEST_FIRST)
  return Prisma.sql`SELECT s.* FROM (${waysWith(method)}) way CROSS JOIN LATERAL (${ofWay}) s ${ordered(order)} LIMIT ${limit}`
}

/** There are few ways to sign in: from one to the next it is a step in the index. */
function waysWith(method: string): Prisma.Sql {
  return Prisma.sql`
    WITH RECURSIVE way AS (
      (SELECT methods FROM sessions ORDER BY methods LIMIT 1)
      UNION ALL
      SELECT (SELECT n.methods FROM sessions n WHERE n.methods > way.methods ORDER BY n.methods LIMIT 1) FROM way WHERE way.methods IS NOT NULL
    ) SELECT methods FROM way WHERE methods @> ARRAY[${method}]::text[]`
}

async function isRareWay(db: Database, method: string): Promise<boolean> {
  const of = Prisma.sql`(${waysWith(method)}) way CROSS JOIN LATERAL (
    SELECT FROM sessions s WHERE s.methods = way.methods ORDER BY ${LATEST_FIRST} LIMIT ${FEW_IN_A_WAY + 1}) s`
  const [row] = await db.$queryRaw<{ few: boolean }[]>(Prisma.sql`SELECT ${isFewer(of, FEW_IN_A_WAY)} AS few`)
  return row?.few === true
}

/** Whether what is asked for is in an index that leads to few sessions. */
async function areFew(db: Database, { accountId, address, clientId }: SessionFilter): Promise<boolean> {
  if (accountId !== undefined || (address === undefined && clientId === undefined)) return false
  const counted = [
    ...(address === undefined ? [] : [isFewer(Prisma.sql`sessions s WHERE ${isFrom(address)}`, FEW_FROM_NETWORK)]),
    ...(clientId === undefined ? [] : [isFewer(Prisma.sql`session_clients c WHERE c.client_id = ${clientId}`, FEW_AT_APP)]),
  ]
  const [row] = await db.$queryRaw<{ few: boolean }[]>(Prisma.sql`SELECT (${Prisma.join(counted, ' OR ')}) AS few`)
  return row?.few === true
}

function isFewer(rows: Prisma.Sql, than: number): Prisma.Sql {
  return Prisma.sql`(SELECT count(*) FROM (SELECT FROM ${rows} LIMIT ${than + 1}) counted) <= ${than}`
}
