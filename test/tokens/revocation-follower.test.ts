// Whoever follows the revocation list misses no entry, however transactions overlap and whatever is lost on the way; and the copy
// in Redis is whole again after it was emptied.
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { Secret } from '../../config/secrets.ts'
import { type Database, type OpenDatabase, openPostgres } from '../../server/storage/postgres.ts'
import { openRedis } from '../../server/storage/redis.ts'
import { createSealer } from '../../server/storage/sealing.ts'
import { createLateCommits } from '../../server/tokens/late-commits.ts'
import { createRevocationFollower } from '../../server/tokens/revocation-follower.ts'
import { createRevocationRelay } from '../../server/tokens/revocation-relay.ts'
import { isOutrun, type RevocationEntry, writeRevocations } from '../../server/tokens/revocations.ts'
import { createDatabase, moveDatabaseClock, PATIENT } from '../support/postgres.ts'
import { startPrivateRedis } from '../support/redis.ts'

let database: { url: string; drop(): Promise<void> }
let opened: OpenDatabase

beforeEach(async () => {
  database = await createDatabase()
  opened = await openPostgres({ url: database.url, poolSize: 30, ...PATIENT })
})

afterEach(async () => {
  await opened.close()
  await database.drop()
})

const ISSUER = 'https://id.example'
const LIFE = { lifeSeconds: 900, reason: 'tried' }
const jti = (value: string): RevocationEntry => ({ kind: 'jti', value })

/** Writes entries, and holds the transaction open for a while after. */
const write = (entries: readonly RevocationEntry[], heldMs = 0) =>
  opened.db.$transaction(
    async (tx) => {
      const sequence = await writeRevocations(tx, entries, LIFE)
      if (heldMs > 0) await tx.$executeRaw`SELECT pg_sleep(${heldMs / 1000})`
      return sequence
    },
    { timeout: 20_000, maxWait: 20_000 },
  )

test('numbers come in the order of commits: a reader who has seen one never finds an earlier one later', async () => {
  const follower = createRevocationFollower(opened)
  const seen: number[] = []
  follower.subscribe((news) => {
    if (news.what === 'added') for (const { sequence } of news.entries) seen.push(sequence)
  })
  let done = false
  const reading = (async () => {
    while (!done) await follower.catchUp()
  })()
  // Some hold the counter for a while before they commit, some write several entries, some are rolled back.
  const works = Array.from({ length: 50 }, async (_, index) => {
    const entries = Array.from({ length: 1 + (index % 3) }, (_unused, part) => jti(`${index}-${part}`))
    if (index % 7 !== 6) return write(entries, index % 5 === 0 ? 20 : 0)
    const failed = opened.db.$transaction(
      async (tx) => {
        await writeRevocations(tx, entries, LIFE)
        throw new Error('never mind')
      },
      { maxWait: 20_000 },
    )
    return expect(failed).rejects.toThrow('never mind')
  })
  await Promise.all(works)
  done = true
  await reading
  await follower.catchUp()
  const all = await opened.db.revocation.findMany({ orderBy: { sequence: 'asc' } })
  expect(all.length).toBeGreaterThan(50)
  expect(seen).toEqual(all.map(({ sequence }) => Number(sequence)))
  // None of those that were rolled back left a gap either.
  expect(seen).toEqual(seen.map((_, index) => index + 1))
})

describe('an entry whose commit took longer than until the moment that it names', () => {
  const entry = { kind: 'sub', value: 'acc_1', issuedUntilNow: true, stillIssuedSeconds: 10 } as const
  const written = () => opened.db.revocation.findMany({ where: { value: 'acc_1' }, orderBy: { sequence: 'asc' } })

  /** Writes it, with so many seconds between its statement and its commit. */
  const commitLate = (seconds: number, meanwhile: () => Promise<unknown> = async () => undefined) =>
    opened.db.$transaction(async (tx) => {
      await writeRevocations(tx, [entry], LIFE)
      await moveDatabaseClock(database.url, seconds)
      await meanwhile()
    })

  test('is written once more, by one of fifty who see it', async () => {
    const followers = Array.from({ length: 50 }, () => createRevocationFollower(opened))
    const lateCommits = followers.map((follower) => createLateCommits({ ...opened, follower }))
    const look = () => Promise.all(followers.map((follower) => follower.catchUp()))
    await look()
    await commitLate(4, look)
    await look()
    await Promise.all(lateCommits.map(({ run }) => run()))
    const [first, again, ...more] = await written()
    expect(more).toEqual([])
    // Its moment is as much later as the commit was, and its life as long as it was.
    expect(again?.reason).toBe('tried')
    expect(seconds(again?.before, first?.before)).toBeGreaterThanOrEqual(4)
    expect(seconds(again?.before, again?.createdAt)).toBeGreaterThan(10)
    expect(seconds(again?.until, again?.createdAt)).toBeGreaterThanOrEqual(seconds(first?.until, first?.createdAt))
    await look()
    await Promise.all(lateCommits.map(({ run }) => run()))
    expect(await written()).toHaveLength(2)
  })

  test('is written once more with the thousand others of its commit', async () => {
    const followers = Array.from({ length: 3 }, () => createRevocationFollower(opened))
    const lateCommits = followers.map((follower) => createLateCommits({ ...opened, follower }))
    const look = () => Promise.all(followers.map((follower) => follower.catchUp()))
    await look()
    const many = Array.from({ length: 1201 }, (_, n) => ({ ...entry, value: `acc_of_many_${n}` }))
    await opened.db.$transaction(async (tx) => {
      await writeRevocations(tx, many, LIFE)
      await moveDatabaseClock(database.url, 4)
      await look()
    })
    await look()
    await Promise.all(lateCommits.map(({ run }) => run()))
    const times = await opened.db.revocation.groupBy({
      by: ['value'],
      where: { value: { startsWith: 'acc_of_many_' } },
      _count: true,
    })
    expect(times).toHaveLength(many.length)
    expect(new Set(times.map(({ _count }) => _count))).toEqual(new Set([2]))
    for (const { close } of lateCommits) close()
  })

  test('is written once more when PostgreSQL was away at first', async () => {
    let away = true
    const db = {
      $transaction: (work: never) => (away ? Promise.reject(new Error('away')) : opened.db.$transaction(work)),
    } as unknown as Database
    const follower = createRevocationFollower(opened)
    const lateCommits = createLateCommits({ db, follower })
    await follower.catchUp()
    await commitLate(4, follower.catchUp)
    await follower.catchUp()
    await expect(lateCommits.run()).rejects.toThrow('away')
    away = false
    await lateCommits.run()
    expect(await written()).toHaveLength(2)
    lateCommits.close()
  })

  test('is late for the one who wrote it, however long others may not have heard of it', async () => {
    await commitLate(0)
    expect(await isOutrun(opened.db, 1, 1)).toBe(false)
    await commitLate(4)
    expect(await isOutrun(opened.db, 2, 1)).toBe(true)
  })

  test('is left as it is where nobody can tell that it was late', async () => {
    const follower = createRevocationFollower(opened)
    const lateCommits = createLateCommits({ ...opened, follower })
    // Who has only begun to look, who did not look meanwhile, and whose commit was in time.
    await commitLate(4)
    await follower.catchUp()
    await commitLate(8)
    await follower.catchUp()
    await opened.db.$transaction((tx) => writeRevocations(tx, [entry], LIFE))
    await follower.catchUp()
    await lateCommits.run()
    expect(await written()).toHaveLength(3)
  })
})

/** From the second to the first. */
const seconds = (one: Date | null | undefined, other: Date | null | undefined) => (Number(one) - Number(other)) / 1000

test('what was committed before the question is in the answer, also when a look is under way', async () => {
  const follower = createRevocationFollower(opened)
  for (let round = 0; round < 30; round += 1) {
    const early = follower.catchUp()
    const sequence = await write([jti(`round ${round}`)])
    await follower.catchUp()
    expect(follower.log.sequence).toBeGreaterThanOrEqual(sequence)
    await early
  }
})

test('a long list is read in parts, and what is over is forgotten', async () => {
  await write(Array.from({ length: 12_000 }, (_, index) => jti(`${index}`)))
  await opened.db.$executeRaw`UPDATE revocations SET until = latchkey_now() - interval '1 second' WHERE sequence <= 100`
  const follower = createRevocationFollower(opened)
  await follower.catchUp()
  expect(follower.log.sequence).toBe(12_000)
  expect(follower.log.size).toBe(11_900)
  expect(follower.log.after(0, 1)[0]?.sequence).toBe(101)
  expect(follower.log.after(11_998, 10).map(({ value }) => value)).toEqual(['11998', '11999'])
  expect(follower.log.countAfter(11_000)).toBe(1000)
})

test('a database that was put back is read anew, and listeners are told', async () => {
  const follower = createRevocationFollower(opened)
  await write([jti('one'), jti('two'), jti('three')])
  await follower.catchUp()
  const news: string[] = []
  follower.subscribe(({ what }) => news.push(what))
  await opened.db.$executeRaw`DELETE FROM revocations WHERE sequence > 1`
  await opened.db.$executeRaw`UPDATE revocation_counter SET sequence = 1`
  await follower.catchUp()
  expect(news).toEqual(['put_back', 'added'])
  expect(follower.log.after(0, 10).map(({ value }) => value)).toEqual(['one'])
})

test('a database that was put back and has gone on since, as far as it was before, is read anew as well', async () => {
  const follower = createRevocationFollower(opened)
  await write([jti('one'), jti('lost')])
  await follower.catchUp()
  await opened.db.$executeRaw`DELETE FROM revocations WHERE sequence > 1`
  await opened.db.$executeRaw`UPDATE revocation_counter SET sequence = 1`
  await write([jti('another')])
  const news: string[] = []
  follower.subscribe(({ what }) => news.push(what))
  await follower.catchUp()
  expect(news).toEqual(['put_back', 'added'])
  expect(follower.log.after(0, 10).map(({ value }) => value)).toEqual(['one', 'another'])
  expect(follower.highestSeen()).toBe(2)
})

test('the latest bound of a name is known: what is issued until then is dead', async () => {
  const follower = createRevocationFollower(opened)
  await write([{ kind: 'client_id', value: 'reports', issuedUntilNow: true }, jti('one')])
  await follower.catchUp()
  const [{ second } = { second: 0 }] = await opened.db.$queryRaw<{ second: number }[]>`
    SELECT EXTRACT(EPOCH FROM latchkey_now())::float8 AS second`
  expect(Math.abs((follower.log.bound('client_id', 'reports') ?? 0) - second)).toBeLessThan(5)
  expect(follower.log.bound('jti', 'one')).toBeUndefined()
})

describe('the copy in Redis', () => {
  const keyed = async (
    work: (parts: {
      raw: Redis
      relay: () => ReturnType<typeof createRevocationRelay>
      wake: () => Promise<void>
    }) => Promise<void>,
  ) => {
    const server = await startPrivateRedis()
    const sealer = createSealer([new Secret(Buffer.alloc(32, 1).toString('base64url'))])
    const { store, revocationCopy } = await openRedis({ url: server.url, sealer, clock: Date.now, commandTimeoutMs: 5000 })
    const raw = new Redis(server.url)
    const follower = createRevocationFollower(opened)
    const relays: ReturnType<typeof createRevocationRelay>[] = []
    try {
      await work({
        raw,
        relay() {
          const relay = createRevocationRelay({ follower, copy: revocationCopy, lineage: 'this database', issuer: ISSUER })
          relays.push(relay)
          return relay
        },
        wake: follower.catchUp,
      })
    } finally {
      for (const relay of relays) relay.close()
      raw.disconnect()
      await store.close()
      await server.stop()
    }
  }

  interface InStream {
    readonly id: string
    readonly [field: string]: string | undefined
  }

  const allOf = async (raw: Redis): Promise<InStream[]> =>
    (await raw.xrange('latchkey:revocations', '-', '+')).map(([id, fields]) => {
      const pairs = fields.flatMap((field, index) => (index % 2 === 0 ? [[field, fields[index + 1]]] : []))
      return { id, ...Object.fromEntries(pairs) }
    })
  /** Without the sign of life. */
  const streamOf = async (raw: Redis) => (await allOf(raw)).filter(({ kind }) => kind !== undefined)
  const signsOf = async (raw: Redis) => (await allOf(raw)).filter(({ kind }) => kind === undefined)

  test('has each entry once, whoever adds it, under its number, and a key for it that goes with the last token', () =>
    keyed(async ({ raw, relay, wake }) => {
      await write([jti('one'), { kind: 'client_id', value: 'reports', issuedUntilNow: true }])
      await wake()
      await Promise.all([relay(), relay(), relay()].map((each) => each.run()))
      expect(await streamOf(raw)).toEqual([
        {
          id: '1-0',
          kind: 'jti',
          value: 'one',
          until: expect.stringMatching(/^\d+$/),
          at: expect.stringMatching(/^\d+(\.\d+)?$/),
          lineage: 'this database',
        },
        {
          id: '2-0',
          kind: 'client_id',
          value: 'reports',
          until: expect.stringMatching(/^\d+$/),
          at: expect.stringMatching(/^\d+(\.\d+)?$/),
          lineage: 'this database',
          before: expect.stringMatching(/^\d+$/),
        },
      ])
      expect(await raw.get('latchkey:revoked:jti:one')).toBe('0')
      expect(Number(await raw.get('latchkey:revoked-until:client_id:reports'))).toBeGreaterThan(Date.now() / 1000 - 5)
      const life = await raw.pttl('latchkey:revoked:jti:one')
      expect(life).toBeGreaterThan(950_000)
      expect(life).toBeLessThan(962_000)
    }))

  test('RV11: is whole again after Redis was emptied, in order, and goes on', () =>
    keyed(async ({ raw, relay, wake }) => {
      const copy = relay()
      await write(Array.from({ length: 1200 }, (_, index) => jti(`${index}`)))
      await wake()
      await copy.run()
      await raw.flushall()
      await write([jti('after')])
      await wake()
      await copy.run()
      const ids = (await streamOf(raw)).map(({ id }) => id)
      expect(ids).toEqual(Array.from({ length: 1201 }, (_, index) => `${index + 1}-0`))
      // And with nothing new either.
      await raw.flushall()
      await copy.run()
      expect(await streamOf(raw)).toHaveLength(1201)
      expect(await raw.exists('latchkey:revoked:jti:after')).toBe(1)
    }))

  test('RV11: has the keys again that Redis evicted, each in its turn', () =>
    keyed(async ({ raw, relay, wake }) => {
      const copy = relay()
      await write(Array.from({ length: 450 }, (_, index) => jti(`${index}`)))
      await wake()
      await copy.run()
      for (const index of [0, 199, 200, 449]) await raw.del(`latchkey:revoked:jti:${index}`)
      for (let runs = 0; runs < 3; runs += 1) await copy.run()
      expect((await raw.keys('latchkey:revoked:jti:*')).length).toBe(450)
      expect(await raw.pttl('latchkey:revoked:jti:449')).toBeGreaterThan(900_000)
    }))

  test('RV11: is whole again after Redis had no room for it and evicted what it had not used for longest', () =>
    keyed(async ({ raw, relay, wake }) => {
      const copy = relay()
      await write([jti('one'), { kind: 'client_id', value: 'reports', issuedUntilNow: true }])
      await wake()
      await copy.run()
      await raw.config('SET', 'maxmemory-policy', 'allkeys-lru')
      await raw.config('SET', 'maxmemory', '1mb')
      for (let filler = 0; (await raw.keys('latchkey:*')).length > 0; filler += 1) {
        expect(filler).toBeLessThan(2000)
        await raw.set(`filler:${filler}`, 'x'.repeat(8192)).catch(() => undefined)
      }
      await raw.config('SET', 'maxmemory', '0')
      await copy.run()
      expect((await streamOf(raw)).map(({ id }) => id)).toEqual(['1-0', '2-0'])
      expect(await raw.exists('latchkey:revoked:jti:one', 'latchkey:revoked-until:client_id:reports')).toBe(2)
    }))

  test('RV11: is whole again when a replica that never had it takes over', () =>
    keyed(async ({ raw, relay, wake }) => {
      const copy = relay()
      await write([jti('one')])
      await wake()
      await copy.run()
      const empty = await startPrivateRedis()
      try {
        await raw.replicaof('127.0.0.1', empty.port)
        for (let tries = 0; !(await raw.info('replication')).includes('master_link_status:up'); tries += 1) {
          expect(tries).toBeLessThan(1000)
          await wait(20)
        }
        // While it is a replica nothing can be added; the next look is as good.
        await copy.run().catch(() => undefined)
        await raw.replicaof('NO', 'ONE')
        expect(await raw.keys('*')).toEqual([])
        await write([jti('two')])
        await wake()
        // The connection begins anew when it has met a replica.
        for (let tries = 0; (await copy.run().catch(String)) !== undefined; tries += 1) {
          expect(tries).toBeLessThan(1000)
          await wait(20)
        }
        expect((await streamOf(raw)).map(({ value }) => value)).toEqual(['one', 'two'])
        expect(await raw.exists('latchkey:revoked:jti:one', 'latchkey:revoked:jti:two')).toBe(2)
      } finally {
        await empty.stop()
      }
    }))

  test('RV10: has nothing that is over: its keys and stream go with the last token, and are not written again', () =>
    keyed(async ({ raw, relay, wake }) => {
      const copy = relay()
      // With the skew of clocks it is two seconds.
      await write([{ kind: 'jti', value: 'short', lifeSeconds: -58 }])
      await wake()
      await copy.run()
      const life = await raw.pttl('latchkey:revoked:jti:short')
      expect(life).toBeGreaterThan(0)
      expect(life).toBeLessThanOrEqual(3000)
      // The sign of life outlives it by a minute, should none follow.
      expect(await raw.pttl('latchkey:revocations')).toBeLessThanOrEqual(60_000)
      await wait(life + 50)
      expect(await raw.keys('*')).toEqual(['latchkey:revocations'])
      // What is over may still be in memory for some seconds; it gets no key of its own, nor stays in the stream.
      await write([jti('long')])
      await wake()
      await copy.run()
      expect(await raw.keys('latchkey:revoked:*')).toEqual(['latchkey:revoked:jti:long'])
    }))

  test('has one sign of life, the newest of all, and only as of a look at PostgreSQL', () =>
    keyed(async ({ raw, relay, wake }) => {
      const copy = relay()
      const now = async () => {
        const [row] = await opened.db.$queryRaw<{ now: number }[]>`SELECT EXTRACT(EPOCH FROM latchkey_now())::float8 AS now`
        return row?.now ?? 0
      }
      const before = await now()
      await copy.run()
      const [first, ...others] = await signsOf(raw)
      expect(others).toEqual([])
      expect(first).toMatchObject({ sequence: '0', issuer: ISSUER, lineage: 'this database' })
      expect(Number(first?.now)).toBeGreaterThanOrEqual(before)
      expect(Number(first?.now)).toBeLessThanOrEqual(await now())
      await write(Array.from({ length: 700 }, (_, index) => jti(`${index}`)))
      await wake()
      await Promise.all([copy, relay(), relay()].map((each) => each.run()))
      const all = await allOf(raw)
      expect(all).toHaveLength(701)
      expect(all.at(-1)).toMatchObject({ sequence: '700', issuer: ISSUER })
      expect(all.at(-1)?.id).toMatch(/^700-\d+$/)
      // The next one takes its place, also where nothing has happened.
      await wait(600)
      await copy.run()
      const next = await signsOf(raw)
      expect(next).toHaveLength(1)
      expect(Number(next[0]?.now)).toBeGreaterThan(Number(all.at(-1)?.now))
      // PostgreSQL does not answer: what is known is copied, and nothing is said.
      await opened.db.$executeRaw`ALTER TABLE revocation_counter RENAME TO away`
      await copy.run()
      const [last] = await signsOf(raw)
      await wait(600)
      await raw.flushall()
      await copy.run()
      expect(await streamOf(raw)).toHaveLength(700)
      expect((await signsOf(raw)).map((sign) => sign.now)).toEqual([last?.now])
      await opened.db.$executeRaw`ALTER TABLE away RENAME TO revocation_counter`
    }))

  test('gives none while entries cannot be added: full, and it may not evict', () =>
    keyed(async ({ raw, relay, wake }) => {
      const copy = relay()
      await copy.run()
      const signs = await signsOf(raw)
      await raw.config('SET', 'maxmemory', '1')
      await wait(600)
      await expect(copy.run()).rejects.toThrow()
      await write([jti('one')])
      await wake()
      await expect(copy.run()).rejects.toThrow()
      expect(await allOf(raw)).toEqual(signs)
      await raw.config('SET', 'maxmemory', '0')
      await copy.run()
      expect((await allOf(raw)).map(({ id }) => id)).toEqual(['1-0', expect.stringMatching(/^1-\d{13,}$/)])
    }))

  test('lets go of what is over, also behind an entry that lives for long', () =>
    keyed(async ({ raw, relay, wake }) => {
      const copy = relay()
      await write([{ kind: 'kid', value: 'stolen', lifeSeconds: 86_400 }])
      await write(Array.from({ length: 450 }, (_, index) => ({ ...jti(`${index}`), lifeSeconds: -58 })))
      await write([jti('long')])
      await wake()
      await copy.run()
      expect((await streamOf(raw)).length).toBe(452)
      await wait(3100)
      await copy.run()
      expect((await streamOf(raw)).map(({ value }) => value)).toEqual(['stolen', 'long'])
    }))

  test('of a database whose clock was set back gives signs of life again', () =>
    keyed(async ({ raw, relay, wake }) => {
      const copy = relay()
      await write([jti('one')])
      await wake()
      await moveDatabaseClock(database.url, 600)
      await copy.run()
      const [ahead] = await signsOf(raw)
      await moveDatabaseClock(database.url, 0)
      await copy.run()
      const [behind] = await signsOf(raw)
      expect(Number(ahead?.now) - Number(behind?.now)).toBeGreaterThan(500)
      expect((await streamOf(raw)).map(({ value }) => value)).toEqual(['one'])
    }))

  test('of another database, or of another kind, is thrown away', () =>
    keyed(async ({ raw, relay, wake }) => {
      await raw.xadd('latchkey:revocations', '99999-0', 'kind', 'jti', 'value', 'old', 'lineage', 'another database')
      await write([jti('one')])
      await wake()
      const copy = relay()
      await copy.run()
      expect((await streamOf(raw)).map(({ value }) => value)).toEqual(['one'])
      await raw.set('latchkey:revocations', 'nonsense')
      await copy.run()
      expect((await streamOf(raw)).map(({ value }) => value)).toEqual(['one'])
    }))

  test('of a database that was put back has what that has, under the same numbers', () =>
    keyed(async ({ raw, relay, wake }) => {
      const copy = relay()
      await write([jti('one'), jti('lost')])
      await wake()
      await copy.run()
      await opened.db.$executeRaw`DELETE FROM revocations WHERE sequence > 1`
      await opened.db.$executeRaw`UPDATE revocation_counter SET sequence = 1`
      await write([jti('another')])
      await wake()
      await copy.run()
      expect((await streamOf(raw)).map(({ id, value }) => [id, value])).toEqual([
        ['1-0', 'one'],
        ['2-0', 'another'],
      ])
    }))

  test('of two entries with one name the longer life stays', () =>
    keyed(async ({ raw, relay, wake }) => {
      await write([jti('one')])
      await write([{ kind: 'jti', value: 'one', lifeSeconds: 5 }])
      await wake()
      await relay().run()
      expect(await raw.pttl('latchkey:revoked:jti:one')).toBeGreaterThan(900_000)
    }))
})
