// LG7, LG8: how often people may ask, with Redis and without.
import { afterEach, describe, expect, test } from '@jest/globals'
import type { Redis } from 'ioredis'
import type { Log } from '../../server/http/log.ts'
import { createLimit } from '../../server/http/rate-limit.ts'
import { connectRedis } from '../../server/storage/redis-client.ts'
import { Browser, type Page } from '../support/browser.ts'
import { redisUrl, startPrivateRedis } from '../support/redis.ts'
import { type SmallApp, startSmallApp } from './small-app.ts'

const LIMIT = { max: 10, windowSeconds: 900 }
const endings: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end()
})

async function start(redis: Parameters<typeof createLimit>[0]['redis'], limit = LIMIT): Promise<SmallApp> {
  const counted = (log: Log) => createLimit({ limit, redis, counts: ({ path }) => path.startsWith('/people'), log })
  const app = await startSmallApp(
    (_url, log) => [
      counted(log),
      (ctx) => {
        ctx.body = 'a page'
      },
    ],
    { trustProxy: ['127.0.0.1'] },
  )
  endings.push(() => app.stop())
  return app
}

async function connected(url: string): ReturnType<typeof connectRedis> {
  const redis = await connectRedis({ url, keyPrefix: '' })
  endings.push(() => redis.disconnect())
  return redis
}

function ask(app: SmallApp, address = '203.0.113.1', path = '/people'): Promise<Page> {
  return new Browser().fetch(`${app.url}${path}`, { headers: { 'x-forwarded-for': address } })
}

async function statuses(times: number, one: () => Promise<Page>): Promise<{ [status: string]: number }> {
  const counts: { [status: string]: number } = {}
  for (const { status } of await Promise.all(Array.from({ length: times }, one))) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

describe.each(['in the process', 'in Redis'])('the limit for people, counted %s', (where) => {
  const open = async (limit = LIMIT) => start(where === 'in Redis' ? await connected(redisUrl()) : undefined, limit)

  test('LG7: of a hundred requests at once exactly as many go through as may', async () => {
    const app = await open()
    expect(await statuses(100, () => ask(app))).toEqual({ 200: 10, 429: 90 })
  })

  test('each answer says how many are left, and in how many seconds there are more', async () => {
    const app = await open()
    for (let asked = 1; asked <= 12; asked += 1) {
      const { headers } = await ask(app)
      expect(headers).toMatchObject({ 'ratelimit-limit': '10', 'ratelimit-remaining': String(Math.max(0, 10 - asked)) })
      expect(Number(headers['ratelimit-reset'])).toBeGreaterThan(890)
      expect(Number(headers['ratelimit-reset'])).toBeLessThanOrEqual(900)
    }
  })

  test('the page of the refusal says how long to wait, in its words and in a header', async () => {
    const app = await open()
    await statuses(10, () => ask(app))
    const page = await ask(app)
    expect(page.status).toBe(429)
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(Number(page.headers['retry-after'])).toBeGreaterThan(890)
    expect(Number(page.headers['retry-after'])).toBeLessThanOrEqual(900)
    expect(page.body).toContain('Please wait 15 minutes')
  })

  test('when the wait is nearly over, it still says a second', async () => {
    const app = await open({ max: 1, windowSeconds: 1 })
    const pages = await Promise.all([ask(app), ask(app)])
    const refused = pages.find(({ status }) => status === 429)
    expect(refused?.headers['retry-after']).toBe('1')
    expect(refused?.body).toContain('Please wait a minute')
  })

  test('LG5: another address has its own count, another way to write one has not', async () => {
    const app = await open()
    await statuses(10, () => ask(app, '2001:db8:0:1::1'))
    expect((await ask(app, '2001:DB8::1:0:0:0:ffff')).status).toBe(429)
    expect((await ask(app, '2001:db8:0:2::1')).status).toBe(200)
    await statuses(10, () => ask(app, '203.0.113.1'))
    expect((await ask(app, '::ffff:203.0.113.1')).status).toBe(429)
    expect((await ask(app, '203.0.113.2')).status).toBe(200)
  })

  test('LG5: an address that the client made up to the left of its own changes nothing', async () => {
    const app = await open()
    let made = 0
    const counts = await statuses(30, () => ask(app, `198.51.100.${made++}, 203.0.113.1`))
    expect(counts).toEqual({ 200: 10, 429: 20 })
  })

  test('what is not for people is not counted', async () => {
    const app = await open()
    expect(await statuses(50, () => ask(app, '203.0.113.1', '/jwks'))).toEqual({ 200: 50 })
    expect((await ask(app)).status).toBe(200)
  })
})

test('LG7: two processes that share Redis count together', async () => {
  const url = redisUrl()
  const [first, second] = [await start(await connected(url)), await start(await connected(url))]
  await statuses(6, () => ask(first))
  expect(await statuses(6, () => ask(second))).toEqual({ 200: 4, 429: 2 })
})

test('the first request of all is counted in Redis, whatever else is being sent to it in that moment', async () => {
  const redis = await connected(redisUrl())
  const app = await startSmallApp(
    (_url, log) => [
      (_ctx, next) => {
        redis.get('something else').catch(() => undefined)
        return next()
      },
      createLimit({ limit: LIMIT, redis, counts: () => true, log }),
      (ctx) => {
        ctx.body = 'a page'
      },
    ],
    { trustProxy: ['127.0.0.1'] },
  )
  endings.push(() => app.stop())
  expect((await ask(app)).status).toBe(200)
  expect(await redis.keys('limit:*')).toEqual(['limit:203.0.113.1'])
})

describe('LG8: without Redis', () => {
  test.each<[what: string, redis: object]>([
    ['refuses commands', { ratelimiter: () => Promise.reject(new Error('ECONNREFUSED')) }],
    [
      'throws at once',
      {
        ratelimiter: () => {
          throw new Error('Connection is closed.')
        },
      },
    ],
    [
      'cannot take the script',
      {
        defineCommand: () => {
          throw new Error('Connection is closed.')
        },
      },
    ],
    ['answers nonsense', { ratelimiter: () => Promise.resolve(undefined) }],
  ])('a client that %s: the process counts, exactly, and never lets everything through', async (_what, redis) => {
    const app = await start(redis as Redis)
    expect(await statuses(100, () => ask(app))).toEqual({ 200: 10, 429: 90 })
    expect(app.lines.text).toContain('this process counts by itself')
  })

  test('a Redis that dies, and comes back', async () => {
    const server = await startPrivateRedis()
    endings.push(() => server.stop())
    const redis = await connected(server.url)
    const app = await start(redis)
    expect(await statuses(12, () => ask(app))).toEqual({ 200: 10, 429: 2 })
    await server.kill()
    // Who has used up the tries has no new ones, and others have theirs.
    expect(await statuses(100, () => ask(app))).toEqual({ 429: 100 })
    expect(await statuses(100, () => ask(app, '203.0.113.2'))).toEqual({ 200: 10, 429: 90 })
    await server.restart()
    await untilAnswers(redis)
    expect(await statuses(12, () => ask(app))).toEqual({ 200: 10, 429: 2 })
  })

  test('a Redis that hangs holds nobody up for long', async () => {
    const server = await startPrivateRedis()
    endings.push(() => server.stop())
    const redis = await connected(server.url)
    const app = await start(redis)
    await ask(app)
    server.pause()
    const begun = performance.now()
    expect(await statuses(20, () => ask(app))).toEqual({ 200: 9, 429: 11 })
    expect(performance.now() - begun).toBeLessThan(2000)
    server.resume()
  })
})

async function untilAnswers(redis: Awaited<ReturnType<typeof connectRedis>>): Promise<void> {
  const deadline = performance.now() + 10_000
  while (performance.now() < deadline) {
    const answer = await redis.ping().catch(() => undefined)
    if (answer === 'PONG') return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('Redis did not come back')
}
