// Where sessions are found: however many there are, a page of them is a look at few, wherever in time they lie and whatever PostgreSQL
// knows of the values that are asked for.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Prisma } from '../../prisma/client/client.ts'
import type { SessionFilter } from '../../server/sessions/session-filter.ts'
import { createSessionSearch } from '../../server/sessions/session-search.ts'
import { rowsOf } from '../../server/sessions/session-ways.ts'
import { type OpenDatabase, openPostgres } from '../../server/storage/postgres.ts'
import { createDatabase, PATIENT, run, type TestDatabase } from '../support/postgres.ts'

/** The latest are from 10.0.0.0/8, those of before from 172.16.0.0/16 and over; a few of those signed in in a rare way. */
const EACH = 12_000
const LIMIT = 51

let database: TestDatabase
let postgres: OpenDatabase

beforeAll(async () => {
  database = await createDatabase()
  postgres = await openPostgres({ url: database.url, poolSize: 2, ...PATIENT })
  await run(database.url, `INSERT INTO accounts (id, email, email_key) SELECT 'acc_' || n, n, n FROM generate_series(0, 999) n`)
  await run(
    database.url,
    `SET session_replication_role = replica;
     INSERT INTO sessions (id, account_id, address, methods, started_at, expires_at, ended_at)
     SELECT 'ses_' || lpad(n::text, 8, '0'), 'acc_' || n % 1000,
       CASE WHEN n < ${EACH} THEN '10.' || n % 200 || '.' || n % 250 || '.7' ELSE '172.16.' || n % 100 || '.' || n % 250 END::inet,
       CASE WHEN n % 400 = 399 THEN ARRAY['hwk'] ELSE ARRAY['pwd'] END,
       latchkey_now() - n * interval '1 minute', latchkey_now() + interval '1 day',
       CASE WHEN n >= ${EACH} AND n % 4000 <> 0 THEN latchkey_now() END
     FROM generate_series(0, ${2 * EACH - 1}) n`,
  )
  await run(database.url, 'VACUUM (ANALYZE) sessions')
}, 60_000)

afterAll(async () => {
  await postgres?.close()
  await database?.drop()
})

const ids = async (filter: SessionFilter) =>
  (await createSessionSearch(postgres).page({ filter, limit: LIMIT })).map(({ id }) => Number(id.slice(4)))

interface PlanNode {
  readonly 'Relation Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly PlanNode[]
}

/** How many rows of `sessions` are looked at for a page. */
async function lookedAt(filter: SessionFilter): Promise<number> {
  const rows = await rowsOf(postgres.db, { filter, limit: LIMIT, beyond: Prisma.sql`true` })
  const [plan] = await postgres.db.$queryRaw<{ 'QUERY PLAN': [{ Plan: PlanNode }] }[]>(
    Prisma.sql`EXPLAIN (ANALYZE, FORMAT JSON) ${rows}`,
  )
  const count = (node: PlanNode): number =>
    (node['Relation Name'] === 'sessions'
      ? node['Actual Loops'] * (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0))
      : 0) + (node.Plans ?? []).reduce((sum, inner) => sum + count(inner), 0)
  return plan === undefined ? 0 : count(plan['QUERY PLAN'][0].Plan)
}

const ofOldNetwork = (first: number) => Array.from({ length: LIMIT }, (_, index) => EACH + first + index)

describe('a page', () => {
  test('of a network that has many sessions, all of them long ago, is found by the parts of the network', async () => {
    expect(await ids({ address: '172.16.0.0/16' })).toEqual(ofOldNetwork(0))
    expect(await lookedAt({ address: '172.16.0.0/16' })).toBeLessThan(EACH / 2)
  })

  test('of such a network before a time begins there', async () => {
    const before = new Date(Date.now() - (EACH + 5000) * 60_000)
    const [first = 0, ...others] = await ids({ address: '172.16.0.0/12', before })
    expect(Math.abs(first - EACH - 5000)).toBeLessThan(30)
    expect(others).toEqual(Array.from({ length: LIMIT - 1 }, (_, index) => first + 1 + index))
  })

  test('of a network of another size is the same as when all are looked through', async () => {
    for (const address of [
      '172.16.7.0/24',
      '172.16.7.0/28',
      '172.16.0.0/20',
      '10.0.0.0/8',
      '10.7.0.0/16',
      '0.0.0.0/0',
      '172.16.7.7',
      '::/0',
    ]) {
      const all = await run(
        database.url,
        `SELECT id FROM sessions WHERE address <<= $1::inet ORDER BY started_at DESC, id DESC LIMIT ${LIMIT}`,
        [address],
      )
      expect({ address, ids: await ids({ address }) }).toEqual({ address, ids: all.map(({ id }) => Number(id.slice(4))) })
    }
  })

  test('of sessions in a way that few have is found by that way, also in a network', async () => {
    expect(await ids({ method: 'hwk' })).toEqual(Array.from({ length: LIMIT }, (_, index) => 399 + 400 * index))
    expect(await lookedAt({ method: 'hwk' })).toBeLessThan(200)
    expect(await ids({ method: 'hwk', address: '172.16.0.0/12' })).toHaveLength(EACH / 400)
    expect(await lookedAt({ method: 'hwk', address: '172.16.0.0/12' })).toBeLessThan(400)
  })
})
