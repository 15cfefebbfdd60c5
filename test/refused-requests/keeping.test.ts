// How refused requests are kept: few, alike ones together, nothing secret, and never in the way of an answer.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { createRedirectUriTest } from '../../server/clients/redirect-uri-test.ts'
import { createLog } from '../../server/http/log.ts'
import type { Refusal } from '../../server/refused-requests/refusal.ts'
import { createRefusedRequests } from '../../server/refused-requests/refused-requests.ts'
import { StorageUnavailable } from '../../server/storage/errors.ts'
import { createMemoryRecentLog, type RecentLog } from '../../server/storage/recent-log.ts'
import { openRedis } from '../../server/storage/redis.ts'
import { createSealer } from '../../server/storage/sealing.ts'
import { obtainCode } from '../attacks/attempts.ts'
import { Browser } from '../support/browser.ts'
import { MACHINE, SPA, WEB } from '../support/clients.ts'
import { authorizationRequest, basic, clientRequest, obtainTokens, redeem, refresh } from '../support/oauth.ts'
import { redisUrl, startPrivateRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startServer, type TestServer } from '../support/server.ts'

const KEY = 'latchkey:refused-requests'
const sealer = createSealer([{ reveal: () => Buffer.alloc(32, 7).toString('base64url') } as never])
const log = createLog({ level: 'silent', format: 'json' })
const SIZE = { key: 'refused-requests', most: 20, lifeSeconds: 3600 } as const

interface Kept {
  readonly log: RecentLog
  close(): Promise<void>
}

let now = 1_795_000_000_000
const clock = () => now

async function inRedis(): Promise<Kept> {
  const opened = await openRedis({ url: redisUrl(), sealer, clock, commandTimeoutMs: 5000 })
  return { log: opened.recentLog(SIZE), close: () => opened.store.close() }
}

async function inMemory(): Promise<Kept> {
  return { log: createMemoryRecentLog({ sealer, clock, size: SIZE }), close: async () => undefined }
}

async function textsOf({ read }: RecentLog, wanted?: (kind: string) => boolean): Promise<string[]> {
  const texts: string[] = []
  for await (const text of read(wanted)) texts.push(text)
  return texts
}

const some = (kind: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({ kind, text: `${kind} ${from + index}` }))

describe.each([
  ['Redis', inRedis],
  ['memory', inMemory],
])('the log in %s', (_name, open) => {
  let kept: Kept
  beforeAll(async () => {
    kept = await open()
  })
  afterAll(() => kept?.close())

  test('keeps so many, the latest first, and of the kind that there is most of the oldest goes', async () => {
    expect(await textsOf(kept.log)).toEqual([])
    await kept.log.add(some('quiet', 3))
    for (let round = 0; round < 10; round += 1) {
      now += 1000
      await kept.log.add(some('loud', 10, round * 10))
    }
    const texts = await textsOf(kept.log)
    expect(texts).toHaveLength(20)
    expect(texts.slice(0, 2)).toEqual(['loud 99', 'loud 98'])
    expect(texts.slice(-4)).toEqual(['loud 83', 'quiet 2', 'quiet 1', 'quiet 0'])
    expect(await textsOf(kept.log, (kind) => kind === 'quiet')).toEqual(['quiet 2', 'quiet 1', 'quiet 0'])
    await kept.log.add(Array.from({ length: 20 }, (_, index) => ({ kind: `kind ${index}`, text: `kind ${index}` })))
    const mixed = await textsOf(kept.log)
    expect(mixed).toHaveLength(20)
    expect(mixed[0]).toBe('kind 19')
  })

  test('does not go back in time, and forgets what is old', async () => {
    now -= 5000
    await kept.log.add(some('late', 2))
    expect((await textsOf(kept.log)).slice(0, 2)).toEqual(['late 1', 'kind 19'])
    now += 5000 + 3_601_000
    expect(await textsOf(kept.log)).toEqual([])
    await kept.log.add(some('new', 1))
    expect(await textsOf(kept.log)).toEqual(['new 0'])
  })
})

test('a key of another kind, and values that are not ours, count as absent', async () => {
  const url = redisUrl()
  const opened = await openRedis({ url, sealer, clock, commandTimeoutMs: 5000 })
  const redis = new Redis(url)
  await redis.set(KEY, 'a text')
  expect(await textsOf(opened.recentLog(SIZE))).toEqual([])
  await opened.recentLog(SIZE).add(some('ours', 1))
  await redis.xadd(KEY, '*', 'k', 'theirs', 'd', '{"cause": "other"}')
  expect(await textsOf(opened.recentLog(SIZE))).toEqual(['ours 0'])
  expect(await redis.pttl(KEY)).toBeGreaterThan(0)
  await redis.quit()
  await opened.store.close()
})

describe('refusals that are alike', () => {
  const refusal = (more: Partial<Refusal> = {}): Refusal => ({
    ...{ at: now, requestId: randomBytes(8).toString('hex'), address: '192.0.2.1', endpoint: 'token' },
    ...{ error: { code: 'invalid_client', detail: 'invalid secret provided' }, params: {}, clientId: 'app', known: true },
    shownBy: 'none',
    ...more,
  })

  async function record(refusals: readonly Refusal[]) {
    let lookedUp = 0
    const requests = createRefusedRequests({
      recent: createMemoryRecentLog({ sealer, clock, size: { ...SIZE, most: 1000 } }),
      lookUp: async () => {
        lookedUp += 1
        return { issuer: 'https://login.example', testRedirectUri: createRedirectUriTest(() => false) }
      },
      placeOf: (address) => address,
      clock,
      log,
    })
    for (const one of refusals) requests.record(one)
    const found = await requests.page({ filter: {}, limit: 1000 })
    return { requests, found, lookedUp }
  }

  test('are one entry, which each of the first finds', async () => {
    const many = Array.from({ length: 5000 }, () => refusal())
    const { requests, found, lookedUp } = await record(many)
    expect([found.length, found[0]?.times, found[0]?.requestIds.length, lookedUp]).toEqual([1, 5000, 20, 1])
    expect(await requests.find(many[19]?.requestId ?? '')).toEqual(found[0])
    expect(await requests.find(many[20]?.requestId ?? '')).toBeUndefined()
  })

  test('but not those of another app, cause or place', async () => {
    const { requests, found } = await record([
      refusal(),
      refusal({ clientId: 'other' }),
      refusal({ address: '192.0.2.2' }),
      refusal({ error: { code: 'invalid_client', detail: 'client not found' } }),
    ])
    expect(found).toHaveLength(4)
    // A page that begins after one that was pushed out meanwhile goes on with what is older.
    const olderThan = (at: number) => requests.page({ filter: {}, limit: 3, after: { at, requestId: 'gone' } })
    expect([(await olderThan(now + 1)).length, (await olderThan(now)).length]).toEqual([3, 0])
  })

  test('nor those that brought something else, which each have their own explanation', async () => {
    const names = ['notes-sap', 'nots-spa']
    const uris = ['https://notes.example/callback', 'https://notes.example/cb']
    const misspelled = names.map((clientId) => refusal({ clientId, known: false }))
    const elsewhere = uris.map((redirect_uri) => refusal({ params: { redirect_uri }, error: { code: 'invalid_redirect_uri' } }))
    const { requests } = await record([
      ...misspelled,
      ...elsewhere,
      ...misspelled.map((one) => ({ ...one, requestId: `again-${one.clientId}` })),
    ])
    for (const [index, { requestId }] of misspelled.entries()) {
      const found = await requests.find(requestId)
      expect(found).toMatchObject({ clientId: names[index], times: 2, requestIds: [requestId, `again-${names[index]}`] })
    }
    for (const { requestId } of elsewhere) expect((await requests.find(requestId))?.requestIds).toEqual([requestId])
  })

  test('but of very many from one place, the first few', async () => {
    const many = Array.from({ length: 500 }, (_, index) => refusal({ params: { scope: `scope-${index}` } }))
    const { found, lookedUp } = await record([...many, refusal({ address: '192.0.2.2' })])
    expect([found.length, lookedUp]).toEqual([6, 6])
    expect(found.reduce((sum, { times }) => sum + times, 0)).toBe(501)
  })

  test('and a flood of names that are made up, from everywhere, is little', async () => {
    const flood = Array.from({ length: 2000 }, (_, index) =>
      refusal({ known: false, clientId: `made-up-${index}`, address: `198.51.100.${index % 200}` }),
    )
    const { found, lookedUp } = await record(flood)
    expect(found.length).toBeLessThanOrEqual(20)
    expect(lookedUp).toBeLessThanOrEqual(20)
    expect(found.reduce((sum, { times }) => sum + times, 0)).toBe(2000)
  })

  /** Refusals of an app for four causes, each with five things that it may have brought. */
  const flood = (app: Partial<Refusal>): Refusal[] =>
    ['unsupported_response_mode', 'unsupported_response_type', 'unsupported_grant_type', 'login_required'].flatMap((code) =>
      Array.from({ length: 5 }, (_, index) => refusal({ error: { code }, params: { scope: `scope-${index}` }, ...app })),
    )

  /** What is found of each, by its id. */
  async function foundBy(refusals: readonly Refusal[], { requests }: Awaited<ReturnType<typeof record>>) {
    return Promise.all(refusals.map(async ({ requestId }) => (await requests.find(requestId))?.clientId))
  }

  const other = (more: Partial<Refusal> = {}) =>
    refusal({
      clientId: 'other',
      error: { code: 'invalid_redirect_uri' },
      params: { redirect_uri: 'https://other.example/cb' },
      ...more,
    })

  test.each<[who: string, many: () => Refusal[], address: string]>([
    ['one place, of one app', () => flood({}), '192.0.2.2'],
    ['the same place, of another app', () => flood({}), '192.0.2.1'],
    ['the same place, of no app', () => flood({ known: false, clientId: 'made-up' }), '192.0.2.1'],
    [
      'one place, of twenty apps',
      () => Array.from({ length: 20 }, (_, index) => refusal({ clientId: `app-${index}` })),
      '192.0.2.2',
    ],
    [
      'twenty places, of no app',
      () => Array.from({ length: 20 }, (_, index) => refusal({ known: false, address: `198.51.100.${index}` })),
      '192.0.2.2',
    ],
    [
      'twenty places, of one app',
      () => Array.from({ length: 20 }, (_, index) => refusal({ address: `198.51.100.${index}` })),
      '192.0.2.2',
    ],
  ])('a flood from %s leaves room for what is none of it', async (_who, many, address) => {
    const late = other({ address })
    const recorded = await record([...many(), late, ...many()])
    expect(await foundBy([late], recorded)).toEqual(['other'])
    expect([recorded.found.length, recorded.lookedUp]).toEqual([20, 20])
  })

  test('and a flood from one place takes nothing from another, of many apps or of the same', async () => {
    const elsewhere = ['a', 'b', 'c', 'd'].map((name) =>
      other({ address: '192.0.2.2', params: { redirect_uri: `https://other.example/${name}` } }),
    )
    const apps = Array.from({ length: 40 }, (_, index) => refusal({ clientId: `app-${index}` }))
    const same = flood({ clientId: 'other' })
    for (const many of [apps, same]) {
      const recorded = await record([...elsewhere, ...many, ...flood({ known: false, clientId: 'made-up' })])
      expect(await foundBy(elsewhere, recorded)).toEqual(['other', 'other', 'other', 'other'])
    }
  })

  test('who has to make room is counted with those that are left of its like', async () => {
    const many = flood({})
    const { requests, found } = await record([...many, other()])
    const left = await foundBy(many, { requests, found, lookedUp: 0 })
    expect(left).toEqual(many.map(() => 'app'))
    expect(found.reduce((sum, { times }) => sum + times, 0)).toBe(21)
  })
})

describe('what is kept of secrets', () => {
  const url = redisUrl()
  let server: TestServer
  beforeAll(async () => {
    server = await startServer({ redisUrl: url })
  })
  afterAll(() => server?.stop())

  test('nothing is lost when the program ends', async () => {
    const own = redisUrl()
    const ending = await startServer({ redisUrl: own })
    await clientRequest(ending, '/token', { ...MACHINE, client_secret: 'wrong' }, { grant_type: 'client_credentials' })
    await ending.stop()
    expect(await dumpOf(own)).toContain(`${MACHINE.client_id} secret_wrong`)
  })

  test('ST1: no token, code, verifier, secret or password is in it, in clear or sealed, wherever it came', async () => {
    const { authorization, code, browser } = await obtainCode(server, SPA)
    const { tokens } = await obtainTokens(server, SPA, { browser })
    const refreshToken = tokens.body.refresh_token ?? ''
    const secret = 'a-wrong-secret-that-nobody-may-ever-read-again'
    const foreign = 'aB3'.repeat(15)
    const canaries = {
      code,
      refreshToken,
      secret,
      verifier: authorization.verifier,
      access: tokens.body.access_token ?? '',
      foreign,
    }
    await redeem(server, SPA, authorization, code, { redirect_uri: `https://spa.example/${code}` })
    await redeem(server, SPA, authorization, code, { code_verifier: canaries.access.slice(0, 100) })
    await redeem(server, SPA, authorization, canaries.access)
    await refresh(server, WEB, refreshToken)
    await refresh(server, SPA, `${refreshToken}x`, { scope: `openid ${refreshToken}` })
    await refresh(server, SPA, refreshToken, { scope: `openid ${refreshToken.slice(0, 20)} ${canaries.access}` })
    for (const params of [
      { grant_type: secret, client_secret: secret, client_id: MACHINE.client_id },
      { grant_type: canaries.access, client_id: SPA.client_id },
      { grant_type: 'client_credentials', client_id: foreign, client_secret: foreign },
      { grant_type: 'client_credentials', scope: foreign, resource: `https://user:${secret}@notes.example`, ...MACHINE },
    ]) {
      await fetch(new URL('/token', server.issuer), {
        method: 'POST',
        body: new URLSearchParams(params),
        headers: { 'user-agent': `agent ${canaries.access}` },
      })
    }
    await fetch(new URL('/token', server.issuer), { method: 'POST', headers: { authorization: basic(secret, 'x') } })
    await clientRequest(server, '/introspect', { ...WEB, client_secret: secret }, { token: refreshToken })
    const uri = `https://spa.example/callback?token=${canaries.access}&state=${authorization.state}`
    await new Browser().fetch(authorizationRequest(server, SPA, { redirect_uri: uri, state: authorization.state }).url)

    const found = await settled(server, 10)
    const shown = JSON.stringify(found)
    expect(shown).toContain('[hidden]')
    const names = Object.entries({ ...canaries, state: authorization.state }).filter(([, value]) => shown.includes(value))
    expect(names.map(([name]) => name)).toEqual([])
    const dump = await dumpOf(url)
    expect(Object.entries(canaries).filter(([, value]) => dump.includes(value))).toEqual([])
    expect(dump).toContain(`${SPA.client_id} redirect_uri`)
  })

  test('and what strangers send is cut', async () => {
    const long = `https://spa.example/${'a/'.repeat(1500)}`
    const answer = await new Browser().fetch(authorizationRequest(server, SPA, { redirect_uri: long, scope: 'openid' }).url)
    const [, id = ''] = [answer, String(answer.headers['x-request-id'])]
    await settled(server, 1)
    const found = await server.latchkey.administration.refusedRequests.find(id)
    expect(found?.received?.length).toBe(301)
    for (const reason of found?.reasons ?? []) expect(reason.length).toBeLessThanOrEqual(301)
  })
})

async function settled(server: TestServer, many: number) {
  const { refusedRequests } = server.latchkey.administration
  const until = performance.now() + 10_000
  for (;;) {
    const found = await refusedRequests.page({ filter: {}, limit: 1000 })
    if (found.length >= many || performance.now() > until) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function dumpOf(url: string): Promise<string> {
  const redis = new Redis(url)
  const entries = await redis.xrangeBuffer(KEY, '-', '+')
  await redis.quit()
  return entries.flatMap(([id, fields]) => [id, ...fields].map((part) => part.toString('latin1'))).join('\n')
}

describe('Redis is away', () => {
  let redis: RedisServer
  let server: TestServer
  beforeAll(async () => {
    redis = await startPrivateRedis()
    server = await startServer({ redisUrl: redis.url })
  }, 60_000)
  afterAll(async () => {
    await server?.stop()
    await redis?.stop()
  })

  test('a refusal is answered the same, and as fast', async () => {
    const send = async () => {
      const began = performance.now()
      const response = await clientRequest(
        server,
        '/token',
        { ...MACHINE, client_secret: 'wrong' },
        { grant_type: 'client_credentials' },
      )
      const { status } = response
      return { status, body: await response.json(), milliseconds: performance.now() - began }
    }
    const before = await send()
    redis.pause()
    const hanging = await send()
    redis.resume()
    await redis.kill()
    const gone = await send()
    await expect(server.latchkey.administration.refusedRequests.find('any')).rejects.toThrow(StorageUnavailable)
    await redis.restart()
    for (const answer of [hanging, gone]) {
      expect({ ...answer, milliseconds: 0 }).toEqual({ ...before, milliseconds: 0 })
      // A command to Redis is given up after 7.5 seconds here.
      expect(answer.milliseconds).toBeLessThan(4000)
    }
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(server.log.lines.filter(({ level }) => Number(level) >= 50)).toEqual([])
  })
})
