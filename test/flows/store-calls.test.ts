// What the requests that a server answers all day cost its stores, counted at the wire: round trips, and transactions that wait
// for the disk (docs/performance.md).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Counts } from '../../bench/counting/messages.ts'
import { type CountedStores, countStores } from '../../bench/counting/proxy.ts'
import type { Browser } from '../support/browser.ts'
import { API, BILLING, MACHINE, NOTES, PARTNER, SPA, WEB } from '../support/clients.ts'
import { clientRequest, introspect, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'

/** What is done beside the requests only adds to them, so the least of so many is what they cost. */
const REPEATS = 9

let database: TestDatabase
let stores: CountedStores
let server: TestServer
let browser: Browser
/** An access token for an API, a JWT, and one for no API, which is opaque. */
let jwt: string
let opaque: string
/** An opaque access token of a client's own. */
let machines: string
let refreshToken: string

beforeAll(async () => {
  database = await createDatabase()
  stores = await countStores({ databaseUrl: database.url, redisUrl: redisUrl() })
  server = await startServer(stores.addresses)
  const forApi = await obtainTokens(server, SPA)
  browser = forApi.browser
  jwt = forApi.tokens.body.access_token ?? ''
  refreshToken = forApi.tokens.body.refresh_token ?? ''
  const forNobody = await obtainTokens(server, SPA, { browser, params: { scope: 'openid profile email' } })
  opaque = forNobody.tokens.body.access_token ?? ''
  const own = { grant_type: 'client_credentials', scope: 'billing:read', resource: BILLING }
  machines = (await tokenRequest(server, MACHINE, own)).body.access_token ?? ''
})

afterAll(async () => {
  await server?.stop()
  await stores?.stop()
  await database?.drop()
})

async function storeCallsOf(request: () => Promise<void>): Promise<Counts> {
  await request()
  const each: Counts[] = []
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    const before = stores.counts()
    await request()
    const after = stores.counts()
    each.push({
      postgresTrips: after.postgresTrips - before.postgresTrips,
      commits: after.commits - before.commits,
      redisTrips: after.redisTrips - before.redisTrips,
    })
  }
  return {
    postgresTrips: least(each, 'postgresTrips'),
    commits: least(each, 'commits'),
    redisTrips: least(each, 'redisTrips'),
  }
}

function least(each: readonly Counts[], figure: keyof Counts): number {
  return Math.min(...each.map((counts) => counts[figure]))
}

async function userinfo(token: string): Promise<void> {
  const answer = await fetch(new URL('/userinfo', server.issuer), { headers: { authorization: `Bearer ${token}` } })
  expect(answer.status).toBe(200)
}

test('a JWT for a client asks no store', async () => {
  const calls = await storeCallsOf(async () => {
    const form = { grant_type: 'client_credentials', scope: 'notes:read', resource: NOTES }
    expect((await tokenRequest(server, MACHINE, form)).status).toBe(200)
  })
  expect(calls).toEqual({ postgresTrips: 0, commits: 0, redisTrips: 0 })
})

test('an opaque token for a client is one insert', async () => {
  const calls = await storeCallsOf(async () => {
    const form = { grant_type: 'client_credentials', scope: 'billing:read', resource: BILLING }
    expect((await tokenRequest(server, MACHINE, form)).status).toBe(200)
  })
  expect(calls).toEqual({ postgresTrips: 1, commits: 1, redisTrips: 0 })
})

test('a refresh is one read and one update', async () => {
  const calls = await storeCallsOf(async () => {
    const { status, body } = await refresh(server, SPA, refreshToken)
    expect(status).toBe(200)
    refreshToken = body.refresh_token ?? ''
  })
  expect(calls).toEqual({ postgresTrips: 2, commits: 1, redisTrips: 0 })
})

test.each([
  ['a JWT', () => jwt, API],
  ['an opaque token', () => machines, MACHINE],
] as const)('introspection of %s is one read', async (_kind, token, asker) => {
  const calls = await storeCallsOf(async () => {
    expect((await introspect(server, asker, token())).active).toBe(true)
  })
  expect(calls).toEqual({ postgresTrips: 1, commits: 0, redisTrips: 0 })
})

test.each([
  ['a JWT', () => jwt],
  ['an opaque token', () => opaque],
] as const)('userinfo by %s is one read', async (_kind, token) => {
  expect(await storeCallsOf(() => userinfo(token()))).toEqual({ postgresTrips: 1, commits: 0, redisTrips: 0 })
})

test('the code flow in a browser that is signed in is two reads and one write, and five visits to Redis', async () => {
  const calls = await storeCallsOf(async () => {
    expect((await obtainTokens(server, SPA, { browser })).tokens.status).toBe(200)
  })
  expect(calls).toEqual({ postgresTrips: 3, commits: 1, redisTrips: 5 })
})

test('a whole sign-in, of two pages and eight requests, asks PostgreSQL 15 times, for 7 commits, and Redis 27 times', async () => {
  const calls = await storeCallsOf(async () => {
    const { tokens } = await obtainTokens(server, PARTNER, { params: { prompt: 'consent' } })
    expect(tokens.status).toBe(200)
  })
  expect(calls).toEqual({ postgresTrips: 15, commits: 7, redisTrips: 27 })
})

describe('RV1 IN2: at /introspect and /revoke it costs the same one read', () => {
  const tokens = new Map<string, string>()

  beforeAll(async () => {
    const keep = (name: string, token: string | undefined) => tokens.set(name, token ?? '')
    const obtain = async (name: string, client: typeof SPA) => {
      const { tokens: forApi } = await obtainTokens(server, client)
      const { tokens: forNobody } = await obtainTokens(server, client, { params: { scope: 'openid email' } })
      keep(`JWT ${name}`, forApi.body.access_token)
      keep(`refresh token ${name}`, forApi.body.refresh_token)
      keep(`opaque token ${name}`, forNobody.body.access_token)
    }
    await obtain('expired', WEB)
    await server.advance(901)
    await obtain('revoked', WEB)
    await obtain('foreign', SPA)
    for (const kind of ['JWT', 'opaque token', 'refresh token']) {
      await clientRequest(server, '/revoke', WEB, { token: tokens.get(`${kind} revoked`) ?? '' })
    }
    keep('JWT unknown', `${tokens.get('JWT foreign')?.slice(0, -4)}AAAA`)
    keep('opaque token unknown', `at_${'A'.repeat(43)}`)
    keep('refresh token unknown', `rt_${'A'.repeat(22)}.0.${'B'.repeat(43)}`)
  })

  const states = ['unknown', 'foreign', 'revoked', 'expired']
  const cases = ['/introspect', '/revoke'].flatMap((path) =>
    // A refresh token that has expired is one whose family has: revoked and expired are one look-up of one row.
    ['JWT', 'opaque token', 'refresh token'].flatMap((kind) =>
      states.filter((state) => kind !== 'refresh token' || state !== 'expired').map((state) => [path, kind, state] as const),
    ),
  )

  test.each(cases)('%s: %s, %s', async (path, kind, state) => {
    const calls = await storeCallsOf(async () => {
      const answer = await clientRequest(server, path, WEB, { token: tokens.get(`${kind} ${state}`) ?? '' })
      expect([answer.status, await answer.text()]).toEqual([200, path === '/revoke' ? '' : '{"active":false}'])
    })
    expect(calls).toEqual({ postgresTrips: 1, commits: 0, redisTrips: 0 })
  })
})
