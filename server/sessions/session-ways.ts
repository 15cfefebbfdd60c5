// Where the sessions are that a filter finds, so that a page of them does not take longer the fewer there are. PostgreSQL goes through the
// sessions in their order until the page is full; of those that few have, it would go through all.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { type Crowd, crowdOf } from './session-counts.ts'
import { conditionOf, isFrom, type SessionFilter } from './session-filter.ts'

/** A page to be: what is asked for, how many of them, and a condition that says where they begin. */
interface Page {
  readonly filter: SessionFilter
  readonly limit: number
  readonly beyond: Prisma.Sql
}

const LATEST_FIRST = Prisma.sql`s.started_at DESC, s.id DESC`

/** Not the order of an index: nobody is to go through all sessions for a few. */
const FEW_LATEST_FIRST = Prisma.sql`s.started_at + interval '0 s' DESC, s.id DESC`

/** So many from one network, or at one app, are sorted within some ten milliseconds; of more, one is never far. */
const FEW_FROM_NETWORK = 10_000
const FEW_AT_APP = 3000

/** A query for the rows of `sessions` of a page, in order. @throws AddressFilterFault */
export async function rowsOf(db: Database, { filter: { moreThan, ...filter }, limit, beyond }: Page): Promise<Prisma.Sql> {
  const crowd: Crowd = moreThan === undefined ? { condition: Prisma.sql`true`, order: LATEST_FIRST } : await crowdOf(db, moreThan)
  const order = crowd.order !== LATEST_FIRST || !(await areFew(db, filter)) ? crowd.order : FEW_LATEST_FIRST
  const of = (more: Prisma.Sql) => Prisma.sql`
    SELECT s.* FROM sessions s WHERE ${more} AND ${conditionOf(filter)} AND ${crowd.condition} AND ${beyond} ORDER BY ${order} LIMIT ${limit}`
  if (filter.method === undefined) return of(Prisma.sql`true`)
  return Prisma.sql`
    SELECT s.* FROM (${waysWith(filter.method)}) way CROSS JOIN LATERAL (${of(Prisma.sql`s.methods = way.methods`)}) s
    ORDER BY ${LATEST_FIRST} LIMIT ${limit}`
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
