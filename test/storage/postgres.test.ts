// PostgreSQL through Prisma: its clock, its time-outs, and that a database which is gone or hangs is told as such, soon.
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { StorageUnavailable } from '../../server/storage/errors.ts'
import { postgresMigrationTarget } from '../../server/storage/migration-target.ts'
import { migrate } from '../../server/storage/migrations.ts'
import { allowLongStatements, type OpenDatabase, openPostgres, type Transaction } from '../../server/storage/postgres.ts'
import { insist } from '../support/in-time.ts'
import {
  createDatabase,
  moveDatabaseClock,
  run,
  startPrivatePostgres,
  type TestDatabase,
  urlOfDatabase,
} from '../support/postgres.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { freePort } from '../support/server-process.ts'

/** Issue 2: whatever hangs, every request is answered within two seconds. */
const IN_TIME_MS = 2000

async function expectUnavailable(call: Promise<unknown>): Promise<StorageUnavailable> {
  const begun = performance.now()
  const outcome = await call.then(
    () => 'answered',
    (error: unknown) => error,
  )
  expect(performance.now() - begun).toBeLessThan(IN_TIME_MS)
  if (!(outcome instanceof StorageUnavailable)) throw new Error('It is not told as unavailable.', { cause: outcome })
  expect(outcome.store).toBe('postgres')
  expect(outcome.message).not.toContain('\n')
  return outcome
}

describe('a database that runs', () => {
  let database: TestDatabase
  let open: OpenDatabase

  beforeAll(async () => {
    database = await createDatabase()
    open = await insist(() => openPostgres({ url: database.url, poolSize: 2 }))
  })

  afterAll(async () => {
    await open.close()
    await database.drop()
  })

  const databaseNow = async () => {
    const [row] = await open.db.$queryRaw<{ now: Date }[]>`SELECT latchkey_now() AS now, ${'x'}::text AS named`
    return row?.now.getTime() ?? 0
  }

  test('its clock is moved in statements that were prepared before, on every connection', async () => {
    await Promise.all([databaseNow(), databaseNow()])
    for (const offsetSeconds of [3600, -3600, 0]) {
      await moveDatabaseClock(database.url, offsetSeconds)
      for (const now of await Promise.all([databaseNow(), databaseNow(), databaseNow()])) {
        expect(Math.abs(now - (Date.now() + offsetSeconds * 1000))).toBeLessThan(5000)
      }
    }
  })

  test('a transaction whose turn does not come, or that takes too long, is told as unavailable', async () => {
    const held: (() => void)[] = []
    const holding = Array.from({ length: 2 }, () =>
      open.db.$transaction(async (tx) => {
        await tx.$queryRaw`SELECT 1`
        await new Promise<void>((resolve) => held.push(resolve))
      }),
    )
    while (held.length < 2) await wait(5)
    await expectUnavailable(open.db.$transaction(async (tx) => tx.$queryRaw`SELECT 1`, { maxWait: 20 }))
    for (const letGo of held) letGo()
    await Promise.all(holding)
    const long = async (tx: { $queryRaw(query: TemplateStringsArray): Promise<unknown> }) => {
      await wait(150)
      return tx.$queryRaw`SELECT 1`
    }
    await expectUnavailable(open.db.$transaction(long, { timeout: 50 }))
  })

  test('its clock stands in defaults and conditions too', async () => {
    await moveDatabaseClock(database.url, 7200)
    await open.db.setupLink.create({ data: { digest: Buffer.from('a'), expiresAt: new Date(Date.now() + 3_600_000) } })
    const link = await open.db.setupLink.findUniqueOrThrow({ where: { digest: Buffer.from('a') } })
    expect(link.createdAt.getTime()).toBeGreaterThan(Date.now() + 7_000_000)
    const live = await open.db.$queryRaw`SELECT 1 FROM setup_links WHERE expires_at > latchkey_now()`
    expect(live).toEqual([])
    await moveDatabaseClock(database.url, 0)
    expect(await open.db.$queryRaw`SELECT 1 FROM setup_links WHERE expires_at > latchkey_now()`).toHaveLength(1)
  })

  test('times are right wherever the database believes itself to be', async () => {
    await run(database.url, `ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET TimeZone = 'America/St_Johns'`)
    const abroad = await insist(() => openPostgres({ url: database.url, poolSize: 1 }))
    const [row] = await abroad.db.$queryRaw<{ at: Date }[]>`SELECT '2026-11-24T12:00:00Z'::timestamptz AS at`
    expect(row?.at.toISOString()).toBe('2026-11-24T12:00:00.000Z')
    await abroad.close()
  })

  test('statements are prepared once under a name and used again', async () => {
    const alone = await insist(() => openPostgres({ url: database.url, poolSize: 1 }))
    for (const key of ['a', 'b', 'c']) await alone.db.account.findUnique({ where: { emailKey: key } })
    const prepared = await alone.db.$queryRaw<{ uses: bigint }[]>`
      SELECT generic_plans + custom_plans AS uses FROM pg_prepared_statements WHERE statement LIKE '%"email_key"%' AND statement NOT LIKE '%pg_prepared%'`
    expect(prepared.map(({ uses }) => uses)).toEqual([3n])
    await alone.close()
  })

  test('a statement that takes too long is ended and told as unavailable, and its connection is used again', async () => {
    await expectUnavailable(open.db.$executeRaw`SELECT pg_sleep(10)`)
    await expectUnavailable(open.db.$transaction((tx) => tx.$executeRaw`SELECT pg_sleep(10)`))
    await open.ping()
  })

  test('in a transaction that may take longer its statements may, and none after it', async () => {
    const alone = await insist(() => openPostgres({ url: database.url, poolSize: 1 }))
    await alone.db.$transaction(
      async (tx) => {
        await allowLongStatements(tx)
        await tx.$executeRaw`SELECT pg_sleep(1.5)`
      },
      { timeout: 5000 },
    )
    await expectUnavailable(alone.db.$executeRaw`SELECT pg_sleep(1.5)`)
    const undone = async (tx: Transaction) => {
      await allowLongStatements(tx)
      throw new Error('undone')
    }
    await expect(alone.db.$transaction(undone)).rejects.toThrow('undone')
    await expectUnavailable(alone.db.$executeRaw`SELECT pg_sleep(1.5)`)
    await alone.close()
  })

  test('where statements may take longer anyway, they are not given less', async () => {
    const patient = await insist(() => openPostgres({ url: database.url, poolSize: 1, statementTimeoutMs: 60_000 }))
    const timeouts = await patient.db.$transaction(async (tx) => {
      await allowLongStatements(tx)
      return tx.$queryRaw<{ timeout: string }[]>`SELECT current_setting('statement_timeout') AS timeout`
    })
    expect(timeouts).toEqual([{ timeout: '1min' }])
    await patient.close()
  })

  test('when all connections are taken, one that waits is told so', async () => {
    const blocked = [1, 2].map(() => open.db.$executeRaw`SELECT pg_sleep(0.9)`.then(() => 'slept'))
    await wait(50)
    await expectUnavailable(open.ping())
    await Promise.all(blocked)
    await open.ping()
  })

  test('what is wrong with a statement is not told as unavailable', async () => {
    await expect(open.db.$queryRawUnsafe('SELECT nonsense')).rejects.not.toThrow(StorageUnavailable)
    await open.db.setupLink.create({ data: { digest: Buffer.from('twice'), expiresAt: new Date() } })
    const again = open.db.setupLink.create({ data: { digest: Buffer.from('twice'), expiresAt: new Date() } })
    await expect(again).rejects.toMatchObject({ code: 'P2002' })
  })

  test('whoever changes clients or resource servers raises the version of the registry', async () => {
    const version = async () => (await open.db.registryVersion.findUniqueOrThrow({ where: { id: 1 } })).version
    const versions = [await version()]
    const record = async (change: PromiseLike<unknown>) => {
      await change
      versions.push(await version())
    }
    await record(open.db.client.create({ data: { id: 'app', metadata: {} } }))
    await record(open.db.clientSecret.create({ data: { id: 'sec_1', clientId: 'app', digest: Buffer.from('x') } }))
    await record(open.db.resourceServer.create({ data: { identifier: 'https://api.example', scopes: ['read'] } }))
    await record(open.db.resourceServerClient.create({ data: { identifier: 'https://api.example', clientId: 'app' } }))
    await record(open.db.client.update({ where: { id: 'app' }, data: { status: 'suspended' } }))
    await record(open.db.client.delete({ where: { id: 'app' } }))
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => Number(a - b)))
    await open.db.setupLink.deleteMany()
    expect(await version()).toBe(versions.at(-1))
  })

  test('an account has one current password', async () => {
    await open.db.account.create({ data: { id: 'acc_1', email: 'a@b.example', emailKey: 'a@b.example' } })
    const password = (retiredAt: Date | null) => open.db.password.create({ data: { accountId: 'acc_1', hash: 'h', retiredAt } })
    await password(new Date())
    await password(new Date())
    await password(null)
    await expect(password(null)).rejects.toMatchObject({ code: 'P2002' })
  })
})

describe('a server that runs, then not', () => {
  let server: PostgresServer
  let open: OpenDatabase

  beforeAll(async () => {
    server = await startPrivatePostgres()
    await migrate(postgresMigrationTarget(server.url))
    open = await insist(() => openPostgres({ url: server.url, poolSize: 3 }))
  })

  afterAll(async () => {
    await open.close()
    await server.stop()
  })

  const everyKind = () => [
    open.ping(),
    open.db.account.findUnique({ where: { id: 'x' } }),
    open.db.$transaction((tx) => tx.client.create({ data: { id: 'x', metadata: {} } })),
    open.db.$transaction([open.db.client.count()]),
  ]

  async function untilItAnswers(): Promise<void> {
    for (;;) {
      try {
        return await open.ping()
      } catch {
        await wait(20)
      }
    }
  }

  test('that hangs: each call fails in time; when it goes on, so do we', async () => {
    await insist(() => Promise.all([open.ping(), open.ping(), open.ping()]))
    server.pause()
    try {
      await Promise.all(everyKind().map(expectUnavailable))
      await Promise.all(everyKind().map(expectUnavailable))
    } finally {
      server.resume()
    }
    await untilItAnswers()
    expect(await open.db.client.count()).toBe(0)
  })

  test('that hangs in the middle of a transaction: the rollback is not waited for', async () => {
    try {
      await expectUnavailable(
        open.db.$transaction(async (tx) => {
          await tx.client.count()
          server.pause()
          await tx.client.create({ data: { id: 'half', metadata: {} } })
        }),
      )
    } finally {
      server.resume()
    }
    await untilItAnswers()
    expect(await open.db.client.count()).toBe(0)
  })

  test('that was killed: each call fails at once; when it is back, so are we', async () => {
    await server.kill()
    await Promise.all(everyKind().map(expectUnavailable))
    await server.restart()
    await untilItAnswers()
    expect(await open.db.client.count()).toBe(0)
  })
})

describe('a database that is not there at the start', () => {
  test('is told in one line that names the reason', async () => {
    const port = await freePort()
    const url = `postgresql://latchkey:the-password@127.0.0.1:${port}/latchkey`
    for (const attempt of [openPostgres({ url, poolSize: 1 }), migrate(postgresMigrationTarget(url))]) {
      const { message } = await expectUnavailable(attempt)
      expect(message).toBe(`PostgreSQL is not available: nothing answers at 127.0.0.1:${port}`)
    }
  })

  test('so is one that the server does not have', async () => {
    const database = await createDatabase()
    const url = urlOfDatabase(database.url, 'no_such_database')
    const { message } = await expectUnavailable(openPostgres({ url, poolSize: 1 }))
    expect(message).toBe('PostgreSQL is not available: database "no_such_database" does not exist')
    await database.drop()
  })
})
