// Revocations straight from the server's Redis, by ioredis and by node-redis: as they happen, from the beginning, after Redis was
// emptied, and when nobody writes into it any more.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { BasicClientSideCache, createClient, RESP_TYPES } from 'redis'
import type { GuardOptions } from '../../guard/main.ts'
import { redisUrl } from '../support/redis.ts'
import { outcomeOf, startTrial, until } from './trial.ts'

const STREAM = 'latchkey:revocations'
const url = redisUrl()
const admin = new Redis(url)
const clients: Redis[] = [admin]
/** Those of node-redis. */
const owned: Owned[] = []

type Client = NonNullable<GuardOptions['redis']> & { ping(): Promise<unknown> }

beforeEach(async () => {
  await admin.del(STREAM)
})

/** What writes signs of life. */
const signers: AsyncDisposable[] = []

afterEach(async () => {
  for (const signer of signers.splice(0)) await signer[Symbol.asyncDispose]()
})

afterAll(() => {
  for (const client of clients) client.disconnect()
  for (const client of owned) client.destroy()
})

/** The ids of the connections to this test's database. */
function connectionsHere(): Promise<string[]> {
  return connectionsWith(` db=${admin.options.db} `)
}

/** Those of them that wait for entries: guards, and nobody else. */
function readersHere(): Promise<string[]> {
  return connectionsWith(` db=${admin.options.db} `, ' cmd=xread ')
}

async function connectionsWith(...words: string[]): Promise<string[]> {
  const lines = String(await admin.client('LIST')).split('\n')
  const found = lines.filter((line) => words.every((word) => line.includes(word)))
  return found.map((line) => /^id=(\d+)/.exec(line)?.[1] ?? '')
}

async function add(sequence: number, jti: string): Promise<void> {
  const until = String(Math.floor(Date.now() / 1000) + 900)
  await admin.xadd(STREAM, `${sequence}-0`, 'kind', 'jti', 'value', jti, 'until', until)
}

interface Signs {
  readonly issuer: string
  /** Up to where the list is complete, in the eyes of the server. */
  sequence: number
  aheadSeconds: number
  /** `frozen`: the same time over and over again. */
  writing: 'well' | 'no more' | 'frozen'
}

/** Gives signs of life as the server does, five times as often. */
function startSigning(issuer: string, sequence = 0): Signs {
  const signs: Signs = { issuer, sequence, aheadSeconds: 0, writing: 'well' }
  let frozen: number | undefined
  let last = ''
  let running: Promise<void> = Promise.resolve()
  async function sign(): Promise<void> {
    if (signs.writing === 'no more') return
    const now = signs.writing === 'frozen' && frozen !== undefined ? frozen : Date.now() / 1000 + signs.aheadSeconds
    frozen = now
    const [newest] = await admin.xrevrange(STREAM, '+', '-', 'COUNT', 1)
    const number = Math.max(Number(newest?.[0].split('-')[0] ?? 0), signs.sequence)
    const id = `${number}-${Math.max(Date.now(), 1 + Number(newest?.[0].split('-')[1] ?? 0))}`
    await admin.xadd(STREAM, id, 'now', now.toFixed(3), 'sequence', String(number), 'issuer', signs.issuer, 'lineage', 'one')
    if (last !== '') await admin.xdel(STREAM, last)
    last = id
  }
  const timer = setInterval(() => {
    // Where an entry came in between, which the server does in one step, the next one is as good.
    running = running.then(sign).catch(() => undefined)
  }, 200)
  signers.push({
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await running
    },
  })
  return signs
}

/** As the project's own connections are: in no mood to wait. */
function ioredis(): Redis {
  const client = new Redis(url, { commandTimeout: 500, enableOfflineQueue: false, keyPrefix: 'app:' })
  clients.push(client)
  return client
}

interface Owned {
  on(event: 'error', listener: () => void): unknown
  connect(): Promise<unknown>
  destroy(): void
}

/** One of node-redis, as its owner has it. */
async function connected<C extends Owned>(client: C): Promise<C> {
  client.on('error', () => undefined)
  await client.connect()
  owned.push(client)
  return client
}

/** With the names, types and habits of its owner, who is in no mood to wait either. */
const setInItsWays = () =>
  createClient({
    url,
    keyPrefix: 'app:',
    disableOfflineQueue: true,
    socket: { socketTimeout: 400 },
    commandOptions: { timeout: 300, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.MAP]: Array } },
    clientSideCache: new BasicClientSideCache(),
  })

const CLIENTS: [string, () => Promise<Client>][] = [
  ['ioredis', async () => ioredis()],
  ['node-redis', () => connected(createClient({ url }))],
  ['node-redis, RESP2', () => connected(createClient({ url, RESP: 2 }))],
  ['node-redis, set in its ways', () => connected(setInItsWays())],
]

describe.each(CLIENTS)('%s', (_name, client) => {
  test('entries of before and of now are known at once, and freshness comes from Redis', async () => {
    await using trial = await startTrial()
    const signs = startSigning(trial.issuer.url)
    await add(1001, 'before')
    const guard = await trial.redisGuard({ redis: await client() })
    const token = (jti: string) => trial.issuer.accessToken({ jti })
    await until(async () => (await outcomeOf(guard, await token('other'))) === 'good')
    expect(await outcomeOf(guard, await token('before'))).toBe('InvalidToken: revoked')
    const now = await token('now')
    await add(1002, 'now')
    await until(async () => (await outcomeOf(guard, now)) === 'InvalidToken: revoked', 3000)
    expect(guard.status()).toMatchObject({ following: 'redis', sequence: 1002, stale: false })
    trial.advance(12)
    signs.aheadSeconds = 12
    await until(() => (guard.status().stalenessSeconds ?? 99) < 2)
    expect(trial.issuer.requests.filter((request) => request.includes('revocations'))).toEqual([])
  })

  test('Redis emptied: all is read again, nothing known is forgotten, and lower numbers are not overlooked', async () => {
    await using trial = await startTrial()
    startSigning(trial.issuer.url)
    await add(1001, 'kept')
    const guard = await trial.redisGuard({ redis: await client() })
    await until(() => guard.status().sequence === 1001)
    await admin.del(STREAM)
    await add(3, 'after the flush')
    const token = await trial.issuer.accessToken({ jti: 'after the flush' })
    await until(async () => (await outcomeOf(guard, token)) === 'InvalidToken: revoked', 4000)
    expect(await outcomeOf(guard, await trial.issuer.accessToken({ jti: 'kept' }))).toBe('InvalidToken: revoked')
  })

  test('a connection that breaks is made again, and what came meanwhile is known', async () => {
    await using trial = await startTrial()
    startSigning(trial.issuer.url)
    const others = await connectionsHere()
    const guard = await trial.redisGuard({ redis: await client() })
    await until(() => guard.status().following === 'redis')
    for (const id of await connectionsHere()) if (!others.includes(id)) await admin.client('KILL', 'ID', id)
    await add(1001, 'while it was broken')
    const token = await trial.issuer.accessToken({ jti: 'while it was broken' })
    await until(async () => (await outcomeOf(guard, token)) === 'InvalidToken: revoked')
    await until(() => guard.status().following === 'redis')
  })

  test("when the guard is closed nothing of it stays at Redis, and its owner's connection does", async () => {
    await using trial = await startTrial()
    startSigning(trial.issuer.url)
    await until(async () => (await readersHere()).length === 0)
    const owners = await client()
    const guard = await trial.redisGuard({ redis: owners })
    await until(() => guard.status().following === 'redis')
    await until(async () => (await readersHere()).length === 1)
    const [reader = ''] = await readersHere()
    await guard.close()
    await until(async () => !(await connectionsHere()).includes(reader))
    expect(await readersHere()).toEqual([])
    // One that its owner has set to end when it is idle is made again by the next command.
    await until(async () => String(await owners.ping().catch(() => '')) === 'PONG')
  })
})

describe.each<[string, ((socket: Socket) => void) | undefined]>([
  ['is not there', undefined],
  ['takes connections and does not answer', () => undefined],
  ['breaks off at once', (socket) => void socket.destroy()],
])('a Redis that %s', (_what, onConnection) => {
  test.each(['ioredis', 'node-redis'])(
    '%s: it is said why, and the program ends when the guard is closed',
    async (name) => {
      await using trial = await startTrial()
      const server = createServer(onConnection).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      if (onConnection === undefined) server.close()
      const program = fileURLToPath(new URL('programs/without-redis.ts', import.meta.url))
      const child = spawn(process.execPath, [program, name, `redis://127.0.0.1:${port}`, trial.issuer.url], {
        // Whoever does not end by himself is ended, and is found out by that.
        timeout: 60_000,
      })
      const ended = once(child, 'close')
      const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
      expect([out, err]).toEqual([expect.stringMatching(/^Redis cannot be read /), ''])
      expect(await ended).toEqual([0, null])
      server.close()
    },
    20_000,
  )
})

describe('Redis answers, and nobody writes into it', () => {
  const NO_SIGN = /^Redis answers, but the authorization server /

  test('from the start, as in a wrong database: nobody is let in, and it is said what to do', async () => {
    await using trial = await startTrial()
    await add(1001, 'of another time')
    const guard = await trial.redisGuard({ redis: ioredis() })
    await expect(guard.verify(await trial.issuer.accessToken())).rejects.toMatchObject({
      name: 'FeedUnavailable',
      message: expect.stringContaining('does not write into it'),
      fix: expect.stringContaining('database number'),
    })
    expect(guard.status()).toMatchObject({ stale: true, stalenessSeconds: null, following: 'nothing', sequence: undefined })
    expect(guard.status().fault).toMatchObject({
      message: expect.stringMatching(NO_SIGN),
      fix: expect.stringContaining('noeviction'),
    })
    expect(trial.lines).toContainEqual({ level: 'warn', message: expect.stringMatching(NO_SIGN) })
  }, 90_000)

  test.each(['no more', 'frozen'] as const)(
    '%s: what is known grows old, and is new again when they are',
    async (writing) => {
      await using trial = await startTrial()
      const signs = startSigning(trial.issuer.url, 1000)
      const guard = await trial.redisGuard({ redis: ioredis() })
      const token = await trial.issuer.accessToken({ jti: 'one' })
      expect(await outcomeOf(guard, token)).toBe('good')
      expect(guard.status()).toMatchObject({ sequence: 1000, following: 'redis' })
      signs.writing = writing
      await until(() => NO_SIGN.test(guard.status().fault?.message ?? ''), 10_000)
      trial.advance(14)
      await until(async () => (await outcomeOf(guard, token)) === 'FeedUnavailable', 5000)
      expect(guard.status().following).toBe('nothing')
      await add(1001, 'one')
      signs.aheadSeconds = 20
      signs.writing = 'well'
      await until(async () => (await outcomeOf(guard, token)) === 'InvalidToken: revoked')
      await until(async () => (await outcomeOf(guard, await trial.issuer.accessToken())) === 'good')
      await until(() => guard.status().fault === undefined)
    },
    30_000,
  )

  test('with a client: the feed is asked instead, and Redis stays a fault', async () => {
    await using trial = await startTrial()
    const signs = startSigning(trial.issuer.url, 1000)
    const guard = await trial.guard({ redis: ioredis() })
    await until(() => guard.status().following === 'redis')
    signs.writing = 'no more'
    trial.issuer.revoke({ kind: 'jti', value: 'never in Redis' })
    const token = await trial.issuer.accessToken({ jti: 'never in Redis' })
    await until(async () => (await outcomeOf(guard, token)) === 'InvalidToken: revoked', 15_000)
    expect(guard.status()).toMatchObject({ following: 'polling', stale: false })
    expect(guard.status().fault?.message).toMatch(NO_SIGN)
  }, 30_000)

  test('somebody else writes there: the Redis of another server is told from this one', async () => {
    await using trial = await startTrial()
    startSigning('https://staging.example')
    const guard = await trial.redisGuard({ redis: ioredis() })
    expect(await outcomeOf(guard, await trial.issuer.accessToken())).toBe('FeedUnavailable')
    expect(guard.status().fault?.message).toContain('https://staging.example')
  })
})

test('the time of signs of life decides what has expired, whatever this machine thinks', async () => {
  await using trial = await startTrial()
  startSigning(trial.issuer.url)
  trial.advance(-3600)
  const guard = await trial.redisGuard({ redis: ioredis() })
  const now = Math.floor(Date.now() / 1000)
  expect(await outcomeOf(guard, await trial.issuer.accessToken({ exp: now - 60 }))).toBe('InvalidToken: expired')
  expect(guard.status().clockAheadSeconds).toBe(-3600)
})

test('emptied in the middle: what Redis lost is got from the feed', async () => {
  await using trial = await startTrial()
  startSigning(trial.issuer.url)
  await add(1001, 'first')
  trial.issuer.revoke({ kind: 'jti', value: 'first' })
  const guard = await trial.guard({ redis: ioredis() })
  await until(() => guard.status().following === 'redis')
  trial.issuer.revoke({ kind: 'jti', value: 'never in Redis' })
  await admin.del(STREAM)
  const token = await trial.issuer.accessToken({ jti: 'never in Redis' })
  await until(async () => (await outcomeOf(guard, token)) === 'InvalidToken: revoked', 4000)
})

test('a Redis that is away: the feed is asked instead; without one nobody is let in', async () => {
  await using trial = await startTrial()
  const away = new Redis('redis://127.0.0.1:1', { retryStrategy: () => 50, lazyConnect: true })
  away.on('error', () => undefined)
  clients.push(away)
  const guard = await trial.guard({ redis: away })
  expect(await outcomeOf(guard, await trial.issuer.accessToken())).toBe('good')
  trial.advance(6)
  trial.issuer.aheadSeconds = 6
  await until(() => guard.status().following === 'polling' && (guard.status().stalenessSeconds ?? 99) < 3)
  const alone = await trial.redisGuard({ redis: away, startTimeoutSeconds: 1 })
  expect(await outcomeOf(alone, await trial.issuer.accessToken())).toBe('FeedUnavailable')
  await until(() => trial.lines.some(({ message }) => message.includes('Redis cannot be read')), 10_000)
})
