// What is read slice by slice: to the end by whoever is patient, and as far as there is time by everybody else.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Prisma } from '../../prisma/client/client.ts'
import { StorageUnavailable } from '../../server/storage/errors.ts'
import { type OpenDatabase, openPostgres } from '../../server/storage/postgres.ts'
import { type Patience, readInSlices } from '../../server/storage/slices.ts'
import { createDatabase, PATIENT, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
let postgres: OpenDatabase

beforeAll(async () => {
  database = await createDatabase()
  postgres = await openPostgres({ url: database.url, poolSize: 2, ...PATIENT })
})

afterAll(async () => {
  await postgres?.close()
  await database?.drop()
})

/** As many of the numbers from 1 to 5000 as were read, and whether that was all. */
async function read(patience?: Patience, more = Prisma.sql`true`): Promise<{ read: number[]; all: boolean }> {
  const seen: number[] = []
  const all = await readInSlices<{ n: number }>(
    postgres.db,
    Prisma.sql`SELECT n FROM generate_series(1, ${5000}::int) n WHERE ${more}`,
    patience === undefined ? {} : { patience },
    async (rows) => void seen.push(...rows.map(({ n }) => n)),
  )
  return { read: seen, all }
}

/** Each look at it is so much later. */
function clock(stepMs: number): () => number {
  let now = 0
  return () => {
    now += stepMs
    return now
  }
}

describe('slices', () => {
  test('are read to the end, each row once and in order', async () => {
    const { read: rows, all } = await read()
    expect(all).toBe(true)
    expect(rows).toEqual(Array.from({ length: 5000 }, (_, index) => index + 1))
  })

  test('are read to the end where there is time for it', async () => {
    const { read: rows, all } = await read({ ms: 20_000, now: clock(1) })
    expect({ rows: rows.length, all }).toEqual({ rows: 5000, all: true })
  })

  test('are as large as there is time for, and none begins that will not be read in time', async () => {
    // Each takes five of thirty seconds, or ten with two looks at the clock: twice as many fit, then half of that.
    const { read: rows, all } = await read({ ms: 30_000, now: clock(5000) })
    expect({ rows: rows.length, all }).toEqual({ rows: 100 + 200 + 100, all: false })
  })

  test('are at least the first, when the time is over before', async () => {
    const { read: rows, all } = await read({ ms: 200, now: clock(5000) })
    expect({ rows: rows.length, all }).toEqual({ rows: 100, all: false })
  })

  test('and what was asked before has taken from the time', async () => {
    const { read: rows, all } = await read({ ms: 20_000, now: clock(1), since: -20_000 })
    expect({ rows: rows.length, all }).toEqual({ rows: 100, all: false })
  })

  test('end where a statement takes longer than somebody waits: what was read before stays', async () => {
    const slow = Prisma.sql`CASE WHEN n > 150 THEN pg_sleep(15) IS NOT NULL ELSE true END`
    const { read: rows, all } = await read({ ms: 200, now: clock(0) }, slow)
    expect({ rows: rows.length, all }).toEqual({ rows: 100, all: false })
  })

  test('fail where the database does, whoever waits', async () => {
    const lost = readInSlices(
      postgres.db,
      Prisma.sql`SELECT pg_terminate_backend(pg_backend_pid())::text AS n`,
      { patience: { ms: 5000, now: clock(0) } },
      async () => {},
    )
    await expect(lost).rejects.toThrow(StorageUnavailable)
  })
})
