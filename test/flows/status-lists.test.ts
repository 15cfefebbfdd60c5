// Status lists (Token Status List, draft-ietf-oauth-status-list) over HTTP, read as an API would that knows only the draft.
import { inflateSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { API, MACHINE, NOTES, PARTNER, SPA, WEB } from '../support/clients.ts'
import { claimsOf, clientRequest, headerOf, introspect, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'

const TTL = 15

let server: TestServer
/** A second process of the same installation. */
let other: TestServer

beforeAll(async () => {
  const settings = { LATCHKEY_STATUS_LISTS: 'on' }
  server = await startServer({ settings })
  other = await startServer({ databaseUrl: server.databaseUrl, settings: { ...settings, ISSUER: server.issuer } })
})

afterAll(async () => {
  await other?.stop()
  await server?.stop()
})

interface Place {
  readonly idx: number
  readonly uri: string
}

function placeOf(token: string | undefined): Place {
  const { status } = claimsOf(token)
  return (status as { status_list: Place }).status_list
}

interface Aggregation {
  readonly status_lists: readonly string[]
}

async function jsonOf<Body>(url: string): Promise<Body> {
  return (await (await fetch(url)).json()) as Body
}

/** A JWT for the notes API that a client gets for itself. */
async function machineToken(at: TestServer = server): Promise<string> {
  const { body } = await tokenRequest(at, MACHINE, { grant_type: 'client_credentials', resource: NOTES, scope: 'notes:read' })
  return body.access_token ?? ''
}

/** A JWT of a person. */
async function personToken(client = SPA, person = server.ada) {
  const { tokens, browser } = await obtainTokens(server, client, {
    person,
    ...(client === PARTNER ? { params: { prompt: 'consent' } } : {}),
  })
  return { token: tokens.body.access_token ?? '', refreshToken: tokens.body.refresh_token ?? '', browser }
}

async function fetchList(
  uri: string,
  at: TestServer = server,
  headers: { readonly [name: string]: string } = {},
): Promise<Response> {
  return fetch(uri.replace(server.issuer, at.issuer), { headers: { accept: 'application/statuslist+jwt', ...headers } })
}

/** The draft's §8.3, step by step: 0 is VALID, 1 is INVALID. */
async function statusOf(token: string, at: TestServer = server): Promise<number> {
  const { idx, uri } = placeOf(token)
  const response = await fetchList(uri, at)
  expect(response.status).toBe(200)
  const keys = createLocalJWKSet(await jsonOf<JSONWebKeySet>(`${at.issuer}/jwks`))
  const { payload } = await jwtVerify(await response.text(), keys, {
    typ: 'statuslist+jwt',
    algorithms: ['ES256'],
    subject: uri,
    issuer: server.issuer,
    requiredClaims: ['iat', 'exp', 'ttl', 'status_list'],
    currentDate: new Date(Date.now()),
  })
  const { bits, lst } = payload.status_list as { bits: number; lst: string }
  expect(bits).toBe(1)
  const bytes = inflateSync(Buffer.from(lst, 'base64url'))
  expect(idx).toBeLessThan(bytes.length * 8)
  return ((bytes[Math.floor(idx / 8)] ?? 0) >> (idx % 8)) & 1
}

/** Waits until both processes say so: a list may be a second old. */
async function untilInvalid(token: string): Promise<void> {
  for (const at of [server, other]) {
    const deadline = performance.now() + 5000
    while ((await statusOf(token, at)) === 0) {
      if (performance.now() > deadline) throw new Error('the status has not become INVALID')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

const logOut = async (browser: Awaited<ReturnType<typeof personToken>>['browser']) =>
  browser.submit(await browser.open(new URL('/logout', server.issuer)))

const write = (entry: { kind: 'sub' | 'client_id' | 'kid'; value: string; issuedUntilNow?: boolean }) =>
  server.latchkey.nouns.endings.run('for_the_test', async ({ entries }) => void entries.push(entry))

describe('off, as they are at first', () => {
  let plain: TestServer

  beforeAll(async () => {
    plain = await startServer()
  })

  afterAll(async () => {
    await plain?.stop()
  })

  test('tokens have no such claim, and there is no such address', async () => {
    const { tokens } = await obtainTokens(plain, SPA)
    expect(claimsOf(tokens.body.access_token)).not.toHaveProperty('status')
    for (const path of ['/status-lists', '/status-lists/stl_aaaaaaaaaaaaaaaa'])
      expect((await fetch(plain.issuer + path)).status).toBe(404)
    const metadata = await jsonOf<object>(`${plain.issuer}/.well-known/oauth-authorization-server`)
    expect(metadata).not.toHaveProperty('status_list_aggregation_endpoint')
    expect(await plain.latchkey.stores.db.referencedToken.count()).toBe(0)
  })
})

describe('a token', () => {
  test('names its place, and introspection shows it', async () => {
    for (const token of [await machineToken(), (await personToken()).token]) {
      const { status } = claimsOf(token)
      expect(status).toEqual({
        status_list: {
          idx: expect.any(Number),
          uri: expect.stringMatching(new RegExp(`^${server.issuer}/status-lists/stl_[\\w-]{16}$`)),
        },
      })
      expect(await introspect(server, API, token)).toMatchObject({ active: true, status })
      expect(await statusOf(token)).toBe(0)
      expect(await statusOf(token, other)).toBe(0)
    }
  })

  test('an opaque one and an ID token name none', async () => {
    const { tokens } = await obtainTokens(server, WEB, { params: { scope: 'openid email' } })
    expect(claimsOf(tokens.body.id_token)).not.toHaveProperty('status')
    expect(await introspect(server, WEB, tokens.body.access_token ?? '')).not.toHaveProperty('status')
  })

  test('is not stored: only what would end it is', async () => {
    const { token } = await personToken()
    const { jti, client_id, sub, grant_id, sid } = claimsOf(token)
    const row = await server.latchkey.stores.db.referencedToken.findFirst({ where: { jti: String(jti) } })
    expect(row).toMatchObject({
      idx: placeOf(token).idx,
      clientId: client_id,
      accountId: sub,
      grantId: grant_id,
      sessionId: sid,
      kid: headerOf(token).kid,
    })
    for (const part of token.split('.')) expect(JSON.stringify(row)).not.toContain(part)
  })
})

describe('turns INVALID at every process when', () => {
  /** Says what was done, and which token that did not mean. */
  const cases: readonly [string, () => Promise<{ dead: string; alive: string }>][] = [
    [
      'it is revoked itself (jti)',
      async () => {
        const { token: dead, refreshToken } = await personToken()
        const alive = (await refresh(server, SPA, refreshToken)).body.access_token ?? ''
        await clientRequest(server, '/revoke', SPA, { token: dead })
        return { dead, alive }
      },
    ],
    [
      'a client revokes its own (jti)',
      async () => {
        const dead = await machineToken()
        const alive = await machineToken()
        await clientRequest(server, '/revoke', MACHINE, { token: dead })
        return { dead, alive }
      },
    ],
    [
      'its grant is (grant_id)',
      async () => {
        const { token: dead, refreshToken } = await personToken()
        const { token: alive } = await personToken()
        await clientRequest(server, '/revoke', SPA, { token: refreshToken })
        return { dead, alive }
      },
    ],
    [
      'its session ends (sid)',
      async () => {
        const { token: dead, browser } = await personToken()
        const { token: alive } = await personToken()
        await logOut(browser)
        return { dead, alive }
      },
    ],
    [
      'it was issued to the account before a moment (sub)',
      async () => {
        const { token: dead } = await personToken(SPA, server.grace)
        const { token: alive } = await personToken()
        await write({ kind: 'sub', value: String(claimsOf(dead).sub), issuedUntilNow: true })
        return { dead, alive }
      },
    ],
    [
      'it was issued to the client before a moment (client_id), and one that is issued after it is not',
      async () => {
        const dead = await machineToken()
        await write({ kind: 'client_id', value: MACHINE.client_id, issuedUntilNow: true })
        await server.advance(2)
        return { dead, alive: await machineToken() }
      },
    ],
    [
      'its key is not trusted any more (kid)',
      async () => {
        const { token: dead } = await personToken()
        await write({ kind: 'kid', value: String(headerOf(dead).kid), issuedUntilNow: true })
        await server.advance(2)
        return { dead, alive: (await personToken()).token }
      },
    ],
  ]

  test.each(cases)('%s', async (_, end) => {
    const { dead, alive } = await end()
    await untilInvalid(dead)
    // The same decision as introspection's.
    expect(await introspect(server, API, dead)).toEqual({ active: false })
    expect(await introspect(server, API, alive)).toMatchObject({ active: true })
    expect(await statusOf(alive)).toBe(0)
    expect(await statusOf(alive, other)).toBe(0)
  })

  test('an offline grant outlives its session, and so do its tokens’ statuses', async () => {
    const { token: dead, refreshToken, browser } = await personToken(PARTNER)
    await logOut(browser)
    const alive = (await refresh(server, PARTNER, refreshToken)).body.access_token ?? ''
    await untilInvalid(dead)
    expect(await statusOf(alive)).toBe(0)
  })
})

describe('places', () => {
  const named = (token: string) => `${placeOf(token).uri} ${placeOf(token).idx}`

  test('fifty at once, from two processes, are fifty', async () => {
    const tokens = await Promise.all(Array.from({ length: 50 }, (_, n) => machineToken(n % 2 === 0 ? server : other)))
    expect(new Set(tokens.map(named)).size).toBe(50)
    // One list for all, and no order that tells which came first.
    expect(new Set(tokens.map((token) => placeOf(token).uri)).size).toBe(1)
    const indices = tokens.map((token) => placeOf(token).idx).toSorted((one, next) => one - next)
    expect((indices.at(-1) ?? 0) - (indices[0] ?? 0)).toBeGreaterThan(10_000)
  })

  test('a full list is followed by another, and none is given twice', async () => {
    await run(server.databaseUrl, 'UPDATE status_lists SET taken = 65536 - 10')
    const tokens = await Promise.all(Array.from({ length: 50 }, (_, n) => machineToken(n % 2 === 0 ? server : other)))
    expect(new Set(tokens.map(named)).size).toBe(50)
    const uris = [...new Set(tokens.map((token) => placeOf(token).uri))]
    const listed = await jsonOf<Aggregation>(`${other.issuer}/status-lists`)
    expect(listed.status_lists).toEqual(expect.arrayContaining(uris))
    expect(listed.status_lists.length).toBe(2)
  })

  test('there are as many as a list says', async () => {
    const [row] = await run(
      server.databaseUrl,
      `SELECT count(DISTINCT place)::int AS places, min(place) AS lowest, max(place) AS highest
       FROM (SELECT latchkey_status_index('\\x00ff'::bytea, n) AS place FROM generate_series(0, 65535) AS n) AS all_of_them`,
    )
    expect(row).toEqual({ places: 65_536, lowest: 0, highest: 65_535 })
  })
})

describe('a list', () => {
  test('is for everybody, and for as long as it says', async () => {
    const { uri } = placeOf(await machineToken())
    const response = await fetchList(uri)
    expect(response.headers.get('content-type')).toBe('application/statuslist+jwt')
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('cache-control')).toBe(`public, max-age=${TTL}`)
    const { iat = 0, exp = 0, ttl } = claimsOf(await response.clone().text())
    expect({ ttl, life: exp - iat }).toEqual({ ttl: TTL, life: 4 * TTL })
    const known = { 'if-none-match': response.headers.get('etag') ?? '' }
    expect((await fetchList(uri, server, known)).status).toBe(304)
    await clientRequest(server, '/revoke', MACHINE, { token: await machineToken() })
    const deadline = performance.now() + 5000
    while ((await fetchList(uri, server, known)).status === 304) expect(performance.now()).toBeLessThan(deadline)
  })

  test('is not told in another form, nor as it was, nor where there is none', async () => {
    const { uri } = placeOf(await machineToken())
    const refusal = async (address: string, accept = 'application/statuslist+jwt') => {
      const response = await fetchList(address, server, { accept })
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      return response.status
    }
    expect(await refusal(uri, 'application/statuslist+cwt')).toBe(406)
    expect(await refusal(`${uri}?time=1686925000`)).toBe(501)
    for (const id of ['stl_aaaaaaaaaaaaaaaa', 'stl_', '1', '%00', "'--"])
      expect(await refusal(`${server.issuer}/status-lists/${id}`)).toBe(404)
    expect((await fetchList(uri, server, { accept: '*/*' })).status).toBe(200)
  })

  test('is in the metadata', async () => {
    const metadata = await jsonOf<object>(`${server.issuer}/.well-known/oauth-authorization-server`)
    expect(metadata).toMatchObject({ status_list_aggregation_endpoint: `${server.issuer}/status-lists` })
  })

  test('ends with everything: all its tokens are INVALID, whoever knows of them, and no other gets a place in it', async () => {
    const dead = await machineToken()
    await server.latchkey.nouns.endEverything({ cause: 'everything_ended' })
    await untilInvalid(dead)
    const response = await fetchList(placeOf(dead).uri)
    const { lst } = claimsOf(await response.text()).status_list as { lst: string }
    expect(new Set(inflateSync(Buffer.from(lst, 'base64url')))).toEqual(new Set([0xff]))
    await server.advance(2)
    const alive = await machineToken()
    expect(placeOf(alive).uri).not.toBe(placeOf(dead).uri)
    expect(await statusOf(alive)).toBe(0)
  })

  test('takes tokens for an hour, stays until the last of them has expired, and goes', async () => {
    await server.advance(3601)
    const first = await machineToken()
    await server.advance(3590)
    const last = await machineToken()
    expect(placeOf(last).uri).toBe(placeOf(first).uri)
    await server.advance(20)
    const next = await machineToken()
    expect(placeOf(next).uri).not.toBe(placeOf(last).uri)
    await server.advance(870)
    await clientRequest(server, '/revoke', MACHINE, { token: last })
    await untilInvalid(last)
    // The last token has expired, and no API whose clock is a minute behind takes it any more.
    await server.advance(100)
    const { status_lists: lists } = await jsonOf<Aggregation>(`${server.issuer}/status-lists`)
    expect(lists).toEqual([placeOf(next).uri])
    await server.advance(3600)
    expect((await fetchList(placeOf(next).uri)).status).toBe(404)
    expect((await fetchList(placeOf(next).uri, other)).status).toBe(404)
  })
})
