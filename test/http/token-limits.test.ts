// CA1, LG9: clients may ask often, and fail seldom; whoever guesses does not lock the client out for others.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createTokenLimits } from '../../server/http/token-limits.ts'
import { Browser, type Page } from '../support/browser.ts'
import { type SmallApp, startSmallApp } from './small-app.ts'

const HERE = '203.0.113.1'
let app: SmallApp
let now: number

beforeEach(async () => {
  now = 1_800_000_000_000
  const limits = createTokenLimits({
    requests: { max: 20, windowSeconds: 60 },
    failures: { max: 5, windowSeconds: 60 },
    clock: () => now,
    counts: (ctx) => ctx.path === '/token',
  })
  app = await startSmallApp(
    () => [
      limits.middleware,
      (ctx) => {
        ctx.body = 'ok'
        if (ctx.get('X-Outcome') !== 'wrong') return
        limits.failed(ctx.req)
        ctx.status = 401
      },
    ],
    { trustProxy: ['127.0.0.1'] },
  )
})

afterEach(() => app.stop())

interface Asked {
  readonly client?: string
  readonly authorization?: string
  readonly address?: string
  readonly wrong?: boolean
  readonly path?: string
}

function ask({ client, authorization, address = HERE, wrong = false, path = '/token' }: Asked = {}): Promise<Page> {
  const basic = client === undefined ? undefined : `Basic ${Buffer.from(`${client}:a-secret`).toString('base64')}`
  const headers = {
    'x-forwarded-for': address,
    'x-outcome': wrong ? 'wrong' : 'right',
    ...(basic === undefined && authorization === undefined ? {} : { authorization: authorization ?? basic ?? '' }),
  }
  return new Browser().fetch(`${app.url}${path}`, { body: '', headers })
}

async function fail(times: number, how: Asked): Promise<void> {
  for (let index = 0; index < times; index += 1) await ask({ ...how, wrong: true })
}

describe('CA1: failures', () => {
  test('five are answered, the sixth is not looked at', async () => {
    const statuses: number[] = []
    for (let index = 0; index < 7; index += 1) statuses.push((await ask({ client: 'reports', wrong: true })).status)
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429])
  })

  test('the refusal is an OAuth error that says when to come back, and is not kept', async () => {
    await fail(5, { client: 'reports' })
    now += 20_500
    const page = await ask({ client: 'reports' })
    expect(page.headers).toMatchObject({ 'retry-after': '40', 'cache-control': 'no-store' })
    expect(page.headers['content-type']).toMatch(/^application\/json/)
    expect(JSON.parse(page.body)).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'too many requests; try again in 40 seconds',
    })
  })

  test('it is over when the window is', async () => {
    await fail(5, { client: 'reports' })
    expect((await ask({ client: 'reports' })).status).toBe(429)
    now += 60_000
    expect((await ask({ client: 'reports' })).status).toBe(200)
  })

  test('the client itself, elsewhere, and its neighbours in the same office are not held up', async () => {
    await fail(6, { client: 'reports' })
    expect((await ask({ client: 'reports', address: '203.0.113.2' })).status).toBe(200)
    expect((await ask({ client: 'wiki' })).status).toBe(200)
    expect((await ask()).status).toBe(200)
  })

  test('LG7: a hundred wrong ones at once count as a hundred', async () => {
    await Promise.all(Array.from({ length: 10 }, () => ask({ client: 'reports', wrong: true })))
    expect((await ask({ client: 'reports' })).status).toBe(429)
  })

  test.each<[what: string, spelling: string]>([
    ['escapes in the client id', '%72eports:a-secret'],
    ['escapes in all of it', '%72%65%70%6F%72%74%73:a-secret'],
    ['another secret', 'reports:another'],
    ['no secret', 'reports'],
  ])('LG9: %s are no way around', async (_what, spelling) => {
    await fail(5, { client: 'reports' })
    const authorization = `Basic ${Buffer.from(spelling).toString('base64')}`
    expect((await ask({ authorization })).status).toBe(429)
    expect((await ask({ authorization: authorization.replace('Basic', 'bAsIc') })).status).toBe(429)
    expect((await ask({ authorization: authorization.replace(/=+$/, '') })).status).toBe(429)
  })

  test('LG9: an address of the same network is no way around', async () => {
    await fail(5, { client: 'reports', address: '2001:db8::1' })
    expect((await ask({ client: 'reports', address: '2001:db8::2' })).status).toBe(429)
  })

  test.each(['Basic', 'Basic %%%', 'Basic /////', 'Bearer x', '', `Basic ${'A'.repeat(8000)}`])(
    'a header that names no client (%j) is counted for the address',
    async (authorization) => {
      expect((await ask({ authorization, wrong: true })).status).toBe(401)
    },
  )

  test('a client id that cannot be decoded is counted with those that name none', async () => {
    await fail(5, {})
    const authorization = `Basic ${Buffer.from('%E0%A4%A:x').toString('base64')}`
    expect((await ask({ authorization })).status).toBe(429)
  })
})

describe('the wide budget', () => {
  test('is exactly as wide as it says, also for requests at once', async () => {
    const pages = await Promise.all(Array.from({ length: 30 }, () => ask({ client: 'reports' })))
    expect(pages.filter(({ status }) => status === 200)).toHaveLength(20)
    expect((await ask({ client: 'wiki' })).status).toBe(200)
  })

  test('does not count what is not the token endpoint', async () => {
    for (let index = 0; index < 30; index += 1) expect((await ask({ path: '/jwks' })).status).toBe(200)
  })
})

test('a hundred thousand askers are remembered and no more', () => {
  const limits = createTokenLimits({
    requests: { max: 20, windowSeconds: 60 },
    failures: { max: 5, windowSeconds: 60 },
    clock: () => now,
    counts: () => true,
  })
  const before = heapInUse()
  for (let index = 0; index < 300_000; index += 1) {
    const socket = { remoteAddress: `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}` }
    limits.failed({ headers: {}, socket } as unknown as Parameters<typeof limits.failed>[0])
  }
  expect(heapInUse() - before).toBeLessThan(50_000_000)
  // They are still remembered, or there would have been nothing to measure.
  expect(limits).toBeDefined()
})

/** Without what is only waiting to be collected. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect === 'function') collect()
  return process.memoryUsage().heapUsed
}
