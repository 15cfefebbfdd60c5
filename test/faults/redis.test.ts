// Redis in every trouble it can be in, one at a time: refresh, revocation and introspection go on, sign-in says what it
// cannot do, and nothing that was ended comes back.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { Browser } from '../support/browser.ts'
import { SPA, WEB } from '../support/clients.ts'
import { authorizationRequest, callbackParams, obtainTokens, redeem, refresh } from '../support/oauth.ts'
import { startPrivateRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { IN_TIME, openSignIn, prepare, recovers, signedIn, timely, untilItWorks, worksWithoutRedis } from './under-fault.ts'

const KNOCKS = 12

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
  server = await startServer({ redisUrl: `redis://127.0.0.1:${proxy.port}`, settings: IN_TIME })
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
    begin: () => limitMemory('1', 'noeviction'),
    end: () => limitMemory('0', 'noeviction'),
    signIn: 'refused',
  },
  'FT6: a read-only replica': {
    begin: () => admin.replicaof('127.0.0.1', redis.port + 1),
    end: () => admin.replicaof('NO', 'ONE'),
    signIn: 'refused',
  },
  'FT8: the wrong password': {
    async begin() {
      await admin.config('SET', 'requirepass', 'another password')
      proxy.cut()
    },
    end: () => admin.config('SET', 'requirepass', ''),
    signIn: 'refused',
  },
  'FT9: restarted empty': { begin: () => redis.restart(), end: () => undefined, signIn: 'works' },
}

async function limitMemory(most: string, policy: string): Promise<void> {
  await admin.config('SET', 'maxmemory-policy', policy)
  await admin.config('SET', 'maxmemory', most)
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

describe('FT5: a Redis that evicts what it likes', () => {
  afterEach(() => limitMemory('0', 'noeviction'))

  test('people are asked again, or told that their sign-in has expired; nothing revoked lives', async () => {
    const tokens = await prepare(server)
    const used = Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1])
    await limitMemory(String(used + 40_000), 'allkeys-random')
    // Each begins a sign-in that takes memory from the others.
    const pages = []
    for (let count = 0; count < 60; count += 1) pages.push(await timely(() => openSignIn(server)))
    expect(Number(/evicted_keys:(\d+)/.exec(await admin.info('stats'))?.[1])).toBeGreaterThan(0)
    for (const page of pages) expect([200, 400, 503]).toContain(page.status)
    await worksWithoutRedis(server, tokens)
    await limitMemory('0', 'noeviction')
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
      for (const { key, ttl, data } of dumps) if (data !== null) await admin.restore(key, Math.max(ttl, 0), data)
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
