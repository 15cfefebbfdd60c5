// The pool of connections when they are slow to be made: whoever waits is told in time, and what was begun is not begun again.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import pg from 'pg'
import { ConnectionPool } from '../../server/storage/connection-pool.ts'
import { StorageUnavailable } from '../../server/storage/errors.ts'
import { type OpenDatabase, openPostgres, POOL_WAIT_MS } from '../../server/storage/postgres.ts'
import { insist } from '../support/in-time.ts'
import { createDatabase, run, type TestDatabase } from '../support/postgres.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

/** In each direction, so that even the greeting takes longer than anybody waits. */
const SLOW_MS = 400

let database: TestDatabase
let proxy: TcpProxy
let url: string
let open: OpenDatabase

beforeAll(async () => {
  database = await createDatabase()
  proxy = await startTcpProxy(Number(new URL(database.url).port))
  const behind = new URL(database.url)
  behind.port = String(proxy.port)
  url = behind.href
})

afterAll(async () => {
  proxy.close()
  await database.drop()
})

beforeEach(async () => {
  proxy.heal()
  // A busy machine may take longer for the first connection than anybody waits.
  open = await insist(() => openPostgres({ url, poolSize: 4, statementTimeoutMs: 6000, poolWaitMs: POOL_WAIT_MS }))
})

afterEach(async () => {
  proxy.heal()
  await open.close()
})

const backends = async () => {
  const [row] = await run(
    database.url,
    "SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'latchkey'",
  )
  return Number(row?.count)
}

test('one that takes longer than anybody waits is there for the next: after an outage all is well again', async () => {
  proxy.cut()
  proxy.slow(SLOW_MS)
  const outcomes: string[] = []
  // Each of them waits for a moment only; the connections that the first ones asked for are there soon after.
  for (let tries = 0; tries < 6 && outcomes.at(-1) !== 'answered'; tries += 1) {
    const several = await Promise.allSettled(Array.from({ length: 4 }, () => open.ping()))
    for (const each of several) if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(StorageUnavailable)
    outcomes.push(several.every(({ status }) => status === 'fulfilled') ? 'answered' : 'not now')
  }
  expect(outcomes.at(0)).toBe('not now')
  expect(outcomes.at(-1)).toBe('answered')
  expect(await backends()).toBeLessThanOrEqual(4)
})

test('nobody waits longer for it, and who waits no more is not counted', async () => {
  const pool = new ConnectionPool({ connectionString: url, max: 4, waitMs: 300 })
  proxy.hang()
  try {
    const began = performance.now()
    const waiting = Promise.allSettled(Array.from({ length: 50 }, () => pool.connect()))
    expect(pool.waiting).toBe(50)
    expect((await waiting).every(({ status }) => status === 'rejected')).toBe(true)
    expect(performance.now() - began).toBeLessThan(2000)
    expect(pool.waiting).toBe(0)
    expect(pool.totalCount).toBe(4)
  } finally {
    proxy.heal()
    await pool.end()
  }
})

test('few are made at a time, also when all of a large pool are lost at once, and everybody gets one in the end', async () => {
  let [making, most] = [0, 0]
  class CountedClient extends pg.Client {
    constructor(options?: pg.ClientConfig) {
      super(options)
      making += 1
      most = Math.max(most, making)
      this.once('connect', () => {
        making -= 1
      })
    }
  }
  const pool = new ConnectionPool({ connectionString: url, max: 20, waitMs: 60_000, Client: CountedClient })
  proxy.slow(50)
  const take = (count: number) => Promise.all(Array.from({ length: count }, () => pool.connect()))
  try {
    const held = await take(20)
    expect([most, making, pool.totalCount]).toEqual([5, 0, 20])
    const waiting = Array.from({ length: 40 }, () => pool.query('SELECT 1 AS one'))
    expect([making, pool.waiting]).toEqual([0, 40])
    most = 0
    for (const client of held) client.release(true)
    for (const { rows } of await Promise.all(waiting)) expect(rows).toEqual([{ one: 1 }])
    expect([most, making, pool.waiting]).toEqual([5, 0, 0])
  } finally {
    proxy.heal()
    await pool.end()
  }
})

test('connections come to those who still wait, however many have gone', async () => {
  const pool = new ConnectionPool({ connectionString: url, max: 1, waitMs: 1500 })
  try {
    const held = await pool.connect()
    const gone = await Promise.allSettled(Array.from({ length: 15_000 }, () => pool.connect()))
    expect(gone.every(({ status }) => status === 'rejected')).toBe(true)
    const last = pool.query('SELECT 1 AS one')
    held.release()
    expect((await last).rows).toEqual([{ one: 1 }])
    expect(pool.waiting).toBe(0)
    expect(pool.totalCount).toBe(1)
  } finally {
    await pool.end()
  }
})
