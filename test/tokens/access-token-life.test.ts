// How long revocations are remembered: as long as the last access token may live, whichever process issued it, under whatever
// settings, and whichever process ends it.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import pg from 'pg'
import { API, MACHINE, NOTES, SPA, WEB } from '../support/clients.ts'
import { until } from '../support/logout-app.ts'
import { claimsOf, introspect, obtainTokens, tokenRequest } from '../support/oauth.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'

const DAY = 86_400
const SKEW = 60
/** How far ahead a life is noted. */
const AHEAD = 60

let database: TestDatabase
const started: TestServer[] = []

beforeEach(async () => {
  database = await createDatabase()
})

afterEach(async () => {
  for (const server of started.splice(0)) await server.stop()
  await database.drop()
})

/** A process on the same database. */
async function start(settings: { readonly [name: string]: string } = {}): Promise<TestServer> {
  const [first] = started
  const same = first === undefined ? {} : { ISSUER: first.issuer }
  const server = await startServer({ databaseUrl: database.url, settings: { ...same, ...settings } })
  started.push(server)
  return server
}

/** Ends the session of a token; until when that is remembered, and how long it has till then, in seconds. */
async function endSessionOf(server: TestServer, accessToken: string | undefined) {
  const { sub = '', sid } = claimsOf(accessToken)
  await server.latchkey.nouns.sessions.end({ accountId: sub, sessionId: String(sid), origin: {} })
  const [entry] = server.latchkey.revocations.follower.log.after(0, 1000).filter(({ value }) => value === sid)
  return { until: entry?.until ?? 0, left: (entry?.until ?? 0) - Math.floor(Date.now() / 1000) }
}

/** Gives the API of the tests another life of access tokens. */
async function changeLife({ latchkey }: TestServer, accessTokenTtl: number): Promise<void> {
  await latchkey.stores.db.resourceServer.update({ where: { identifier: NOTES }, data: { accessTokenTtl } })
}

/** A token that lives for so long: the process takes a change over within a second. */
async function tokenOfLife(server: TestServer, seconds: number): Promise<string> {
  let token = ''
  await until(async () => {
    const { tokens } = await obtainTokens(server, SPA)
    token = tokens.body.access_token ?? ''
    const { exp = 0, iat = 0 } = claimsOf(token)
    return exp - iat === seconds
  })
  return token
}

describe('a revocation is remembered until the last token has expired', () => {
  test('no longer than that, where all have one life', async () => {
    const server = await start()
    const { tokens } = await obtainTokens(server, SPA)
    const { left } = await endSessionOf(server, tokens.body.access_token)
    expect(left).toBeGreaterThanOrEqual(900)
    expect(left).toBeLessThanOrEqual(900 + SKEW + AHEAD + 2)
  })

  test.each(['the settings', 'its API'])(
    'when the life is shorter since a restart, by %s',
    async (what) => {
      const before = await start(what === 'its API' ? {} : { LATCHKEY_ACCESS_TOKEN_TTL: String(DAY) })
      if (what === 'its API') await changeLife(before, DAY)
      const token = await tokenOfLife(before, DAY)
      const after = await start()
      const { until: remembered } = await endSessionOf(after, token)
      expect(remembered).toBeGreaterThan(claimsOf(token).exp ?? Number.POSITIVE_INFINITY)
      // As whoever takes the list, and the server itself, find it long after.
      await after.advance(DAY / 2)
      expect(after.latchkey.revocations.follower.log.after(0, 1000).map(({ value }) => value)).toContain(claimsOf(token).sid)
      expect(await introspect(after, API, token)).toEqual({ active: false })
    },
    60_000,
  )

  test('when another process issues tokens that live longer', async () => {
    const long = await start({ LATCHKEY_ACCESS_TOKEN_TTL: String(DAY) })
    const { tokens } = await obtainTokens(long, WEB, { params: { scope: 'openid email' } })
    const token = tokens.body.access_token ?? ''
    const { exp = 0, iat = 0, sid, sub } = await introspect(long, WEB, token)
    expect(Number(exp) - Number(iat)).toBe(DAY)
    const short = await start({ LATCHKEY_ACCESS_TOKEN_TTL: '900' })
    await short.latchkey.nouns.sessions.end({ accountId: String(sub), sessionId: String(sid), origin: {} })
    const entry = short.latchkey.revocations.follower.log.after(0, 1000).find(({ value }) => value === sid)
    expect(entry?.until).toBeGreaterThan(Number(exp))
  }, 60_000)

  test('a longer life is noted before the first token that has it', async () => {
    const server = await start()
    await changeLife(server, 7200)
    const token = await tokenOfLife(server, 7200)
    const { accessTokensUntil } = await server.latchkey.stores.db.revocationCounter.findUniqueOrThrow({ where: { id: 1 } })
    expect(accessTokensUntil.getTime() / 1000).toBeGreaterThan(claimsOf(token).exp ?? Number.POSITIVE_INFINITY)
  })

  test('a life that nobody uses any more is forgotten with its last token', async () => {
    const server = await start()
    await changeLife(server, 7200)
    await tokenOfLife(server, 7200)
    await changeLife(server, 900)
    await tokenOfLife(server, 900)
    const next = await start()
    await server.advance(7200 + AHEAD)
    const { tokens } = await obtainTokens(server, SPA)
    const { left } = await endSessionOf(next, tokens.body.access_token)
    expect(left).toBeLessThanOrEqual(900 + SKEW + AHEAD + 2)
  }, 60_000)
})

test('a process that cannot note how long its tokens live issues none; what is only asked goes on', async () => {
  const server = await start()
  const { tokens } = await obtainTokens(server, SPA)
  const rival = new pg.Client({ connectionString: database.url })
  await rival.connect()
  await rival.query('BEGIN')
  await rival.query('SELECT 1 FROM revocation_counter FOR UPDATE')
  // What was noted has run out by then.
  await server.advance(AHEAD)
  const ask = () => tokenRequest(server, MACHINE, { grant_type: 'client_credentials', resource: NOTES, scope: 'notes:read' })
  await until(async () => (await ask()).status === 503, 40_000)
  expect(server.log.text).toContain('how long access tokens live was last noted too long ago')
  expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })
  await rival.query('ROLLBACK')
  await rival.end()
  await until(async () => (await ask()).status === 200)
}, 90_000)
