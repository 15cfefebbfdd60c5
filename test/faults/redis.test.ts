// Redis in every trouble it can be in, one at a time: refresh, revocation and introspection go on, sign-in says what it
// cannot do, and nothing that was ended comes back.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { createGuard, type GuardOptions } from '../../guard/main.ts'
import { outcomeOf, until } from '../guard/trial.ts'
import { Browser } from '../support/browser.ts'
import { NOTES, SPA, WEB } from '../support/clients.ts'
import { authorizationRequest, callbackParams, clientRequest, obtainTokens, redeem, refresh } from '../support/oauth.ts'
import { startPrivateRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { limitMemory, lock, makeReadOnly, makeWritable, memoryOf, unlock } from './redis-states.ts'
import { IN_TIME, openSignIn, prepare, recovers, signedIn, timely, untilItWorks, worksWithoutRedis } from './under-fault.ts'

const KNOCKS = 12
const GUARD = { client_id: 'notes-guard', client_secret: 'a-secret-of-the-guard-that-is-long-enough' }

let redis: RedisServer
let proxy: TcpProxy
let server: TestServer
let admin: Redis

beforeAll(async () => {
  redis = await startPrivateRedis()
  proxy = await startTcpProxy(redis.port)
  admin = new Redis(redis.url, { retryStrategy: () => 50 })
  // Killing it is part of the tests.
  admin.on('error', () => undefined)
  const clients = [{ ...GUARD, grant_types: ['client_credentials'], scope: 'revocations:read' }]
  server = await startServer({ redisUrl: `redis://127.0.0.1:${proxy.port}`, settings: IN_TIME, provision: { clients } })
}, 60_000)

afterAll(async () => {
  await server?.stop()
  admin?.disconnect()
  proxy?.close()
  await redis?.stop()
})

interface Trouble {
  readonly begin: () => unknown
  readonly end: () => unknown
  /** Whether people can sign in meanwhile; when they cannot, they are told with 503. */
  readonly signIn: 'works' | 'refused'
}

const troubles: { readonly [title: string]: Trouble } = {
  'FT1: killed': { begin: () => redis.kill(), end: () => redis.restart(), signIn: 'refused' },
  'FT2: stopped without closing': { begin: () => redis.pause(), end: () => redis.resume(), signIn: 'refused' },
  'FT3: two seconds slow': { begin: () => proxy.slow(2000), end: () => proxy.heal(), signIn: 'refused' },
  'FT4: emptied': { begin: () => admin.flushall(), end: () => undefined, signIn: 'works' },
  'FT5: full, and it may not evict': {
    begin: () => limitMemory(admin, 1, 'noeviction'),
    end: () => limitMemory(admin, 0, 'noeviction'),
    signIn: 'refused',
  },
  'FT6: a read-only replica': {
    begin: () => makeReadOnly(admin, redis),
    end: () => makeWritable(admin),
    signIn: 'refused',
  },
  'FT8: the wrong password': {
    begin: () => lock(admin, [proxy]),
    end: () => unlock(admin),
    signIn: 'refused',
  },
  'FT9: restarted empty': { begin: () => redis.restart(), end: () => undefined, signIn: 'works' },
}

describe('Redis', () => {
  test.each(Object.entries(troubles))(
    '%s; FT11: nothing revoked lives; FT12: all comes back',
    async (_title, trouble) => {
      const tokens = await prepare(server)
      await trouble.begin()
      try {
        if (trouble.signIn === 'refused') {
          const page = await timely(() => openSignIn(server))
          expect([page.status, page.headers['retry-after']]).toEqual([503, '2'])
          expect(page.body).toContain('Not available right now')
        }
        await worksWithoutRedis(server, tokens)
        if (trouble.signIn === 'works') await untilItWorks(async () => (await openSignIn(server)).status)
      } finally {
        await trouble.end()
      }
      await recovers(server, tokens)
    },
    60_000,
  )
})

describe('guards that go by Redis, which answers them while the server cannot write there', () => {
  const client = { id: GUARD.client_id, secret: GUARD.client_secret }

  async function withGuard(
    options: Partial<GuardOptions>,
    judge: (guard: Awaited<ReturnType<typeof createGuard>>, lines: string[]) => Promise<void>,
  ): Promise<void> {
    const own = new Redis(redis.url)
    own.on('error', () => undefined)
    const lines: string[] = []
    const log = ({ message }: { message: string }) => void lines.push(message)
    const more = { redis: own, maxStalenessSeconds: 8, log, ...options }
    const guard = await createGuard({ issuer: server.issuer, audience: NOTES, ...more })
    try {
      await judge(guard, lines)
    } finally {
      await guard.close()
      own.disconnect()
    }
  }

  const CANNOT_WRITE = 'the authorization server writes no longer into it'

  test.each(['FT5: full, and it may not evict', 'FT6: a read-only replica'])(
    '%s: without a client nobody is let in, with one the feed is asked, and both say what to do',
    async (title) => {
      const trouble = troubles[title]
      const access = async () => (await obtainTokens(server, WEB)).tokens.body.access_token ?? ''
      const [revoked, living] = [await access(), await access()]
      await withGuard({}, (alone, told) =>
        withGuard({ client }, async (both, toldBoth) => {
          for (const guard of [alone, both]) {
            await until(() => guard.status().following === 'redis')
            expect(await outcomeOf(guard, revoked)).toBe('good')
          }
          await trouble?.begin()
          try {
            await clientRequest(server, '/revoke', WEB, { token: revoked })
            await until(async () => (await outcomeOf(both, revoked)) === 'InvalidToken: revoked', 12_000)
            await until(async () => (await outcomeOf(alone, living)) === 'FeedUnavailable', 12_000)
            await until(() => [told, toldBoth].every((lines) => lines.some((line) => line.includes(CANNOT_WRITE))), 15_000)
            expect(alone.status()).toMatchObject({ stale: true, following: 'nothing' })
            expect(alone.status().fault?.fix).toContain('noeviction')
            expect(await outcomeOf(both, living)).toBe('good')
            expect(both.status()).toMatchObject({ stale: false, following: 'polling' })
            expect(both.status().fault?.message).toContain(CANNOT_WRITE)
          } finally {
            await trouble?.end()
          }
          for (const guard of [alone, both]) {
            await until(() => guard.status().following === 'redis', 20_000)
            await until(async () => (await outcomeOf(guard, revoked)) === 'InvalidToken: revoked', 12_000)
            await until(async () => (await outcomeOf(guard, living)) === 'good', 12_000)
          }
        }),
      )
    },
    90_000,
  )
})

describe('FT5: a Redis that evicts what it likes', () => {
  afterEach(() => limitMemory(admin, 0, 'noeviction'))

  test('people are asked again, or told that their sign-in has expired; nothing revoked lives', async () => {
    const tokens = await prepare(server)
    const { used } = await memoryOf(admin)
    await limitMemory(admin, used + 40_000, 'allkeys-random')
    // Each begins a sign-in that takes memory from the others.
    const pages = []
    for (let count = 0; count < 60; count += 1) pages.push(await timely(() => openSignIn(server)))
    expect((await memoryOf(admin)).evicted).toBeGreaterThan(0)
    for (const page of pages) expect([200, 400, 503]).toContain(page.status)
    await worksWithoutRedis(server, tokens)
    await limitMemory(admin, 0, 'noeviction')
    await recovers(server, tokens)
  }, 60_000)
})

describe('FT7: a failover that loses the last second', () => {
  /** What Redis holds now; given back, it forgets all that came later. */
  async function remember(): Promise<() => Promise<void>> {
    const keys = await admin.keys('*')
    const dumps = await Promise.all(
      keys.map(async (key) => ({ key, ttl: await admin.pttl(key), data: await admin.dumpBuffer(key) })),
    )
    return async () => {
      await admin.flushall()
      // The server may have given its sign of life meanwhile.
      for (const { key, ttl, data } of dumps) if (data !== null) await admin.restore(key, Math.max(ttl, 0), data, 'REPLACE')
    }
  }

  test('a code that was redeemed in it is not redeemed again, and ends what it gave', async () => {
    const { browser } = await signedIn(server)
    const request = authorizationRequest(server, SPA)
    const { code = '' } = callbackParams(await browser.open(request.url))
    const goBack = await remember()
    const first = await redeem(server, SPA, request, code)
    expect(first.status).toBe(200)
    await goBack()
    expect((await redeem(server, SPA, request, code)).body.error).toBe('invalid_grant')
    expect((await refresh(server, SPA, first.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  })

  test('a session that was left in it is not entered again, and its tokens are dead', async () => {
    const { browser } = await signedIn(server)
    const { tokens } = await obtainTokens(server, WEB, { browser })
    const thief = browser.copy()
    const goBack = await remember()
    await browser.submit(await browser.open(new URL('/logout', server.issuer)))
    await goBack()
    expect((await thief.open(authorizationRequest(server, WEB).url)).body).toContain('name="password"')
    expect((await refresh(server, WEB, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  })
})

describe('I7: limits without Redis', () => {
  let limited: TestServer

  beforeAll(async () => {
    const settings = { ...IN_TIME, LATCHKEY_RATE_LIMITS: 'on', LATCHKEY_RATE_LIMIT_PEOPLE: String(KNOCKS) }
    limited = await startServer({ redisUrl: `redis://127.0.0.1:${proxy.port}`, settings })
  })

  afterAll(() => limited?.stop())

  test.each(['refuse', 'hang'] as const)('the line %ss: the process counts by itself', async (how) => {
    proxy[how]()
    try {
      const pages = Array.from({ length: 3 * KNOCKS }, () => new Browser().fetch(`${limited.issuer}/interactions/nobody`))
      const statuses = (await timely(() => Promise.all(pages))).map(({ status }) => status)
      expect(statuses.filter((status) => status !== 429).length).toBeLessThanOrEqual(KNOCKS)
    } finally {
      proxy.heal()
    }
    await untilItWorks(async () => (await openSignIn(server)).status)
  })
})
