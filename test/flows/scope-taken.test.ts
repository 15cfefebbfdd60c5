// A scope is taken from a client: what it gets afterwards no longer has it, whichever kind of scope it is, whatever was on its way at
// that moment, and whatever the process that is asked has heard of it.
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import pg from 'pg'
import { Browser } from '../support/browser.ts'
import { API, BILLING, MACHINE, NOTES, PARTNER, SPA, type TestClient, WEB } from '../support/clients.ts'
import {
  authorizationRequest,
  callbackParams,
  claimsOf,
  introspect,
  redeem,
  refresh,
  signIn,
  type TokenAnswer,
  tokenRequest,
} from '../support/oauth.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

let database: TestDatabase
let line: TcpProxy
let server: TestServer
/** Another process of the same installation, which can be cut off from PostgreSQL. */
let far: TestServer

beforeAll(async () => {
  database = await createDatabase()
  const redis = redisUrl()
  server = await startServer({ databaseUrl: database.url, redisUrl: redis })
  line = await startTcpProxy(Number(new URL(database.url).port))
  const through = new URL(database.url)
  through.host = `127.0.0.1:${line.port}`
  far = await startServer({ databaseUrl: through.href, redisUrl: redis, settings: { ISSUER: server.issuer } })
}, 60_000)

afterAll(async () => {
  await far?.stop()
  await server?.stop()
  line?.close()
  await database?.drop()
})

const BY = { actor: 'system' }
const registered = new Map<string, string>()

async function setScope(clientId: string, scope: (now: readonly string[]) => readonly string[]): Promise<void> {
  const { registered: known, clients } = server.latchkey.nouns.events
  const client = await known.clients.find(clientId)
  if (client === undefined) throw new Error(`${clientId} is gone`)
  const { metadata } = client
  if (!registered.has(clientId)) registered.set(clientId, metadata.scope)
  await clients.update({ ...metadata, scope: scope(metadata.scope.split(' ')).join(' ') }, BY)
}

const take = (clientId: string, ...scopes: readonly string[]) =>
  setScope(clientId, (now) => now.filter((scope) => !scopes.includes(scope)))

/** Whoever is told to come again does so. */
async function insist(ask: () => Promise<TokenAnswer>): Promise<TokenAnswer> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const answer = await ask()
    if (answer.status !== 503 || performance.now() > deadline) return answer
    await wait(50)
  }
}

/** A code. */
async function codeOf(client: TestClient, params: { readonly [name: string]: string } = {}) {
  const browser = new Browser()
  const authorization = authorizationRequest(server, client, params)
  const { code = '' } = callbackParams(await signIn(browser, await browser.open(authorization.url), server.ada))
  return { browser, redeem: () => redeem(server, client, authorization, code) }
}

async function obtain(client: TestClient, params?: { readonly [name: string]: string }) {
  const { browser, redeem: trade } = await codeOf(client, params)
  return { browser, tokens: await insist(trade) }
}

afterEach(async () => {
  for (const [clientId, scope] of registered) await setScope(clientId, () => [scope])
  registered.clear()
  await server.latchkey.registry.catchUp()
})

const userinfo = async (token: string | undefined): Promise<{ readonly [claim: string]: unknown }> => {
  const answer = await fetch(new URL('/userinfo', server.issuer), { headers: { authorization: `Bearer ${token}` } })
  return JSON.parse(await answer.text())
}

describe('a scope of OpenID Connect', () => {
  const params = { scope: 'openid email profile' }

  test('is in no token that a refresh gets, and its claims are told to nobody', async () => {
    const { tokens } = await obtain(WEB, params)
    expect(await userinfo(tokens.body.access_token)).toMatchObject({ email: server.ada.username })
    await take(WEB.client_id, 'email', 'profile')
    const next = await insist(() => refresh(server, WEB, tokens.body.refresh_token ?? ''))
    expect([next.status, next.body.scope]).toEqual([200, 'openid'])
    expect(await introspect(server, WEB, next.body.access_token ?? '')).toMatchObject({ active: true, scope: 'openid' })
    expect(Object.keys(await userinfo(next.body.access_token))).toEqual(['sub'])
    expect(Object.keys(claimsOf(next.body.id_token))).not.toContain('email')
  })

  test('is in no token that a code gets which was given before', async () => {
    const given = await codeOf(WEB, params)
    await take(WEB.client_id, 'email')
    const answer = await insist(given.redeem)
    expect([answer.status, answer.body.scope?.split(' ').sort()]).toEqual([200, ['openid', 'profile']])
  })

  test('comes back to those who had it when the client gets it back', async () => {
    const { tokens } = await obtain(WEB, params)
    await take(WEB.client_id, 'email')
    const less = await insist(() => refresh(server, WEB, tokens.body.refresh_token ?? ''))
    await setScope(WEB.client_id, () => [WEB.scope])
    const more = await insist(() => refresh(server, WEB, less.body.refresh_token ?? ''))
    expect(await userinfo(more.body.access_token)).toMatchObject({ email: server.ada.username })
  })
})

describe('the leave to stay connected', () => {
  const letIn = () => obtain(PARTNER, { prompt: 'consent' })
  const again = ({ body }: TokenAnswer) => insist(() => refresh(server, PARTNER, body.refresh_token ?? ''))

  test('makes a refresh token depend on its session that did not', async () => {
    const { browser, tokens } = await letIn()
    await take(PARTNER.client_id, 'offline_access')
    const next = await again(tokens)
    expect(next.status).toBe(200)
    await browser.submit(await browser.open(new URL('/logout', server.issuer)))
    expect((await again(next)).body.error).toBe('invalid_grant')
    // What a sign-out has ended does not begin again.
    await setScope(PARTNER.client_id, () => [PARTNER.scope])
    expect((await again(next)).body.error).toBe('invalid_grant')
  })

  test('ends a refresh token whose session was over before', async () => {
    const { browser, tokens } = await letIn()
    await browser.submit(await browser.open(new URL('/logout', server.issuer)))
    const next = await again(tokens)
    expect(next.status).toBe(200)
    await take(PARTNER.client_id, 'offline_access')
    expect((await again(next)).body.error).toBe('invalid_grant')
    // Nor does it come back with the scope; what is given from then on outlives its session.
    await setScope(PARTNER.client_id, (now) => [...now, 'offline_access'])
    expect((await again(next)).body.error).toBe('invalid_grant')
    const later = await letIn()
    await later.browser.submit(await later.browser.open(new URL('/logout', server.issuer)))
    expect((await again(later.tokens)).status).toBe(200)
  })

  test('is not what a code gets that was given before', async () => {
    const { browser, redeem: trade } = await codeOf(PARTNER, { prompt: 'consent' })
    await take(PARTNER.client_id, 'offline_access')
    const answer = await insist(trade)
    expect(answer.status).toBe(200)
    await browser.submit(await browser.open(new URL('/logout', server.issuer)))
    expect((await again(answer)).body.error).toBe('invalid_grant')
  })
})

describe('while a request is on its way that was authenticated before', () => {
  /** Takes the scope while the requests wait to read a table, and lets them go on. */
  async function during(table: string, clientId: string, ask: () => Promise<TokenAnswer>): Promise<TokenAnswer> {
    const holder = new pg.Client(database.url)
    await holder.connect()
    try {
      await holder.query('BEGIN')
      await holder.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)
      const asked = ask()
      const isWaiting = async () =>
        (await holder.query('SELECT 1 FROM pg_locks WHERE relation = $1::regclass AND NOT granted', [table])).rows.length > 0
      while (!(await isWaiting())) await wait(5)
      await take(clientId, 'notes:write')
      await holder.query('COMMIT')
      return await asked
    } finally {
      await holder.end()
    }
  }

  async function expectToAskAgain(answer: TokenAnswer): Promise<void> {
    expect([answer.status, answer.body.error]).toEqual([503, 'temporarily_unavailable'])
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
  }

  test('a refresh is to be asked for again, and gets less then', async () => {
    const { tokens } = await obtain(SPA)
    expect(claimsOf(tokens.body.access_token).scope).toBe('notes:read notes:write')
    const ask = () => refresh(server, SPA, tokens.body.refresh_token ?? '')
    await expectToAskAgain(await during('refresh_families', SPA.client_id, ask))
    const next = await insist(ask)
    expect(await introspect(server, API, next.body.access_token ?? '')).toMatchObject({ active: true, scope: 'notes:read' })
  })

  test('so is the exchange of a code', async () => {
    const { redeem: ask } = await codeOf(SPA)
    await expectToAskAgain(await during('grants', SPA.client_id, ask))
    const next = await insist(ask)
    expect(await introspect(server, API, next.body.access_token ?? '')).toMatchObject({ active: true, scope: 'notes:read' })
  })
})

describe('a client’s own tokens, of a process that does not hear of it', () => {
  const ask = (scope: string, resource: string) =>
    tokenRequest(far, MACHINE, { grant_type: 'client_credentials', scope, resource })

  /** Takes the scope while the process is cut off, and asks all the while; what that gave. */
  async function takeUnheard(scope: string, resource: string): Promise<string[]> {
    line.hang()
    const asked: Promise<TokenAnswer>[] = []
    try {
      await take(MACHINE.client_id, scope)
      const end = performance.now() + 3500
      while (performance.now() < end) {
        asked.push(ask(scope, resource))
        await wait(250)
      }
    } finally {
      line.heal()
    }
    return (await Promise.all(asked)).flatMap(({ body }) => body.access_token ?? [])
  }

  /** Gives it (back), and waits until the process has heard of that. */
  async function give(scope: string, resource: string): Promise<string> {
    await setScope(MACHINE.client_id, (now) => [...new Set([...now, scope])])
    for (;;) {
      const { body } = await ask(scope, resource)
      if (body.access_token !== undefined) return body.access_token
      await wait(50)
    }
  }

  test.each([
    ['notes:read', NOTES],
    ['billing:read', BILLING],
  ])(
    '%s: none lives that has it',
    async (scope, resource) => {
      // A slow machine may give none at all while it is cut off.
      let given: string[] = []
      for (let tries = 0; given.length === 0 && tries < 5; tries += 1) {
        const before = await give(scope, resource)
        expect(await introspect(server, MACHINE, before)).toMatchObject({ active: true })
        given = await takeUnheard(scope, resource)
        for (const token of given) expect(await introspect(server, MACHINE, token)).toEqual({ active: false })
      }
      expect(given.length).toBeGreaterThan(0)
    },
    60_000,
  )
})
