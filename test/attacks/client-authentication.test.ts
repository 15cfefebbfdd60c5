// Client authentication (RFC 6749 §2.3, RFC 7523): wrong secrets, forged assertions, and clients that are no longer wanted.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { clientSecretDigest } from '../../server/clients/client-secrets.ts'
import { API, MACHINE, SPA, WEB } from '../support/clients.ts'
import { basic, clientRequest, introspect, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { authorize, errorLines, expectErrorPage } from './attempts.ts'

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const SIGNER = 'signer'
const ENDPOINTS = ['/token', '/revoke', '/introspect', '/par']
let server: TestServer
/** Another process on the same database and the same Redis. */
let neighbour: TestServer
let privateKey: CryptoKey
let publicJwk: object
let keyServer: { readonly url: string; readonly asked: () => number; close(): Promise<void> }

beforeAll(async () => {
  const pair = await generateKeyPair('ES256')
  privateKey = pair.privateKey
  publicJwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }
  keyServer = await serveKeys(publicJwk)
  const redis = redisUrl()
  const provision = {
    clients: [
      machine(SIGNER, { jwks: { keys: [publicJwk] }, token_endpoint_auth_method: 'private_key_jwt' }),
      machine('rotating', { client_secret: 'the-first-secret-of-the-rotating-client-0001' }),
      machine('leaver', { client_secret: 'a-secret-of-the-leaver-that-is-long-enough' }),
    ],
  }
  server = await startServer({ redisUrl: redis, provision })
  const settings = { ISSUER: server.issuer }
  neighbour = await startServer({ redisUrl: redis, databaseUrl: server.databaseUrl, settings, provision })
})

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
  await keyServer?.close()
})

function machine(client_id: string, more: object): object {
  return { client_id, grant_types: ['client_credentials'], scope: 'billing:read', ...more }
}

const CREDENTIALS = { grant_type: 'client_credentials', resource: 'https://billing.example/api' }

/** Asks the token endpoint with these headers and parameters. */
async function ask(params: { readonly [name: string]: string }, headers: { readonly [name: string]: string } = {}, at = server) {
  const response = await fetch(new URL('/token', at.issuer), { method: 'POST', headers, body: new URLSearchParams(params) })
  const body = (await response.json()) as { readonly error?: string; readonly access_token?: string }
  return { status: response.status, headers: response.headers, error: body.error, token: body.access_token }
}

describe('secrets', () => {
  test('CA1: a wrong one is 401 with a challenge, at every endpoint', async () => {
    for (const path of ENDPOINTS) {
      const response = await clientRequest(server, path, { ...WEB, client_secret: 'wrong' }, { token: 'x', grant_type: 'x' })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
      expect(await response.json()).toMatchObject({ error: 'invalid_client' })
    }
    const unknown = await ask(CREDENTIALS, { authorization: basic('nobody', 'x'.repeat(40)) })
    expect(unknown).toMatchObject({ status: 401, error: 'invalid_client' })
  })

  test('CA1: after five in a minute that asker waits, and the client itself works from elsewhere', async () => {
    const limited = await startServer({
      settings: {
        LATCHKEY_RATE_LIMITS: 'on',
        LATCHKEY_RATE_LIMIT_TOKEN_FAILURES: '5',
        TRUST_PROXY: '127.0.0.1,::1',
      },
    })
    try {
      const from = (address: string, secret: string) =>
        ask(
          { ...CREDENTIALS, scope: 'billing:read' },
          { authorization: basic(MACHINE.client_id, secret), 'x-forwarded-for': address },
          limited,
        )
      const guesses: number[] = []
      for (let guess = 0; guess < 8; guess += 1) guesses.push((await from('192.0.2.1', `wrong ${guess}`)).status)
      expect(guesses).toEqual([401, 401, 401, 401, 401, 429, 429, 429])
      const right = await from('192.0.2.1', MACHINE.client_secret)
      expect({ status: right.status, wait: Number(right.headers.get('retry-after')) > 0 }).toEqual({ status: 429, wait: true })
      expect((await from('198.51.100.7', MACHINE.client_secret)).status).toBe(200)
      await limited.advance(61)
      expect((await from('192.0.2.1', MACHINE.client_secret)).status).toBe(200)
    } finally {
      await limited.stop()
    }
  })

  test('CA2: one in the query is not looked at', async () => {
    const query = new URLSearchParams({ client_id: MACHINE.client_id, client_secret: MACHINE.client_secret })
    const response = await fetch(`${server.issuer}/token?${query}`, { method: 'POST', body: new URLSearchParams(CREDENTIALS) })
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    })
  })

  test.each([
    'Basic',
    'Basic ',
    'Basic !!!!',
    'Basic a',
    'Basic ====',
    `Basic ${base64('no colon')}`,
    `Basic ${base64(':')}`,
    `Basic ${base64('reports:')}`,
    `Basic ${base64('%zz:%zz')}`,
    `Basic ${base64('%ff:%fe')}`,
    `Basic ${base64('%00:%00')}`,
    `Basic ${base64('reports\u0000:x')}`,
    `Basic ${base64(`${MACHINE.client_id}:${MACHINE.client_secret}`)} x`,
    `Basic ${base64(`${MACHINE.client_id}:${MACHINE.client_secret}\n`)}`,
    `Basic ${'A'.repeat(8000)}`,
    `Bearer ${base64(`${MACHINE.client_id}:${MACHINE.client_secret}`)}`,
    'Digest username="x"',
  ])('CA2: `Authorization: %s` is refused', async (authorization) => {
    const answer = await ask(CREDENTIALS, { authorization })
    expect([400, 401]).toContain(answer.status)
    expect(answer.error).toMatch(/^invalid_(request|client)$/)
  })

  test('CA3: two ways at once are refused, and so is a way that is not the client’s', async () => {
    const { client_id, client_secret } = MACHINE
    const authorization = basic(client_id, client_secret)
    expect(await ask({ ...CREDENTIALS, client_id, client_secret }, { authorization })).toMatchObject({ status: 400 })
    const client_assertion = await assertion({})
    const both = { ...CREDENTIALS, client_assertion, client_assertion_type: ASSERTION }
    expect(await ask(both, { authorization })).toMatchObject({ status: 400, error: 'invalid_request' })
    expect(await ask({ ...both, client_id, client_secret })).toMatchObject({ status: 400, error: 'invalid_request' })
    expect(await ask({ ...CREDENTIALS, client_id: 'other' }, { authorization })).toMatchObject({ status: 400 })
    for (const [id, secret] of [
      [SIGNER, `digests-of-${SIGNER}`],
      [SPA.client_id, 'anything'],
      [MACHINE.client_id, `digests-of-${MACHINE.client_id}`],
      [MACHINE.client_id, clientSecretDigest(MACHINE.client_secret).toString('hex')],
    ] as const) {
      expect(await ask(CREDENTIALS, { authorization: basic(id, secret) })).toMatchObject({ status: 401, error: 'invalid_client' })
    }
    // A client with a secret does not get by without.
    for (const id of [MACHINE.client_id, SIGNER]) {
      expect(await ask({ ...CREDENTIALS, client_id: id })).toMatchObject({ status: 401, error: 'invalid_client' })
    }
  })

  test('CA5: while a secret is being replaced both are good, and the old one ends when it should', async () => {
    const next = 'the-second-secret-of-the-rotating-client-002'
    const { db } = server.latchkey.stores
    const digest = new Uint8Array(clientSecretDigest(next))
    await db.clientSecret.updateMany({ where: { clientId: 'rotating' }, data: { expiresAt: new Date(Date.now() + 3_600_000) } })
    await db.clientSecret.create({ data: { id: 'sec_second', clientId: 'rotating', digest } })
    const works = async (secret: string) => (await ask(CREDENTIALS, { authorization: basic('rotating', secret) })).status
    const first = 'the-first-secret-of-the-rotating-client-0001'
    expect([await works(first), await works(next), await works(`${next}x`)]).toEqual([200, 200, 401])
    await server.advance(3601)
    expect([await works(first), await works(next)]).toEqual([401, 200])
  })
})

describe('CA4: private_key_jwt', () => {
  const send = (client_assertion: string, at = server, more: { readonly [name: string]: string } = {}) =>
    ask({ ...CREDENTIALS, client_assertion, client_assertion_type: ASSERTION, ...more }, {}, at)

  test('CA4: an assertion is good once, on whichever node, however many bring it at once', async () => {
    for (const aud of [server.issuer, `${server.issuer}/token`]) {
      expect(await send(await assertion({ aud }))).toMatchObject({ status: 200 })
    }
    const used = await assertion({})
    expect(await send(used)).toMatchObject({ status: 200 })
    for (const node of [server, neighbour]) expect(await send(used, node)).toMatchObject({ status: 401, error: 'invalid_client' })
    const raced = await assertion({})
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => send(raced, index % 2 === 0 ? server : neighbour)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(49)
  })

  test.each<[string, () => { readonly [claim: string]: unknown }]>([
    ['another audience', () => ({ aud: 'https://other.example' })],
    ['an audience that begins with ours', () => ({ aud: 'http://localhost:1/token' })],
    ['no audience', () => ({ aud: undefined })],
    ['another issuer', () => ({ iss: MACHINE.client_id })],
    ['no issuer', () => ({ iss: undefined })],
    ['another subject', () => ({ sub: MACHINE.client_id, iss: SIGNER })],
    ['no subject', () => ({ sub: undefined })],
    ['no jti', () => ({ jti: undefined })],
    ['no expiry', () => ({ exp: undefined })],
    ['an expiry in the past', () => ({ exp: seconds() - 60 })],
    ['an expiry that is far away', () => ({ exp: seconds() + 86_400 })],
    ['a start in the future', () => ({ nbf: seconds() + 3600 })],
    ['an expiry that is text', () => ({ exp: '9999999999' })],
    ['a subject that is an object', () => ({ sub: { id: SIGNER } })],
  ])('CA4: with %s it is refused', async (_title, claims) => {
    const answer = await send(await assertion(claims()))
    expect([400, 401]).toContain(answer.status)
    expect(answer.error).toMatch(/^invalid_(client|request)$/)
  })

  test('CA4 TK2: signed by nobody, by someone else, or by an algorithm that is not the client’s, it is refused', async () => {
    const [, body = '', signature = ''] = (await assertion({})).split('.')
    const encode = (header: object) => Buffer.from(JSON.stringify(header)).toString('base64url')
    const stranger = await generateKeyPair('ES256')
    const strangerJwk = await exportJWK(stranger.publicKey)
    const claims = { iss: SIGNER, sub: SIGNER, aud: server.issuer, jti: 'j', iat: seconds(), exp: seconds() + 60 }
    const byStranger = (header: object) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', ...header }).sign(stranger.privateKey)
    const forged = [
      ...['none', 'None', 'nOnE', 'NONE'].map((alg) => `${encode({ alg })}.${body}.`),
      `${encode({ alg: 'none' })}.${body}.${signature}`,
      await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(JSON.stringify(publicJwk))),
      await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(`digests-of-${SIGNER}`)),
      // The signature of r = 0 and s = 0 (CVE-2022-21449).
      `${encode({ alg: 'ES256', kid: 'k1' })}.${body}.${Buffer.alloc(64).toString('base64url')}`,
      `${encode({ alg: 'ES256', kid: 'k1' })}.${body}.`,
      await byStranger({}),
      await byStranger({ kid: 'k1' }),
      await byStranger({ kid: 'unknown' }),
      await byStranger({ jwk: strangerJwk }),
      await byStranger({ jku: keyServer.url, kid: 'k1' }),
      await byStranger({ x5u: keyServer.url }),
      await byStranger({ kid: '../../../../dev/null' }),
      await byStranger({ kid: "' UNION SELECT 1 --" }),
      await byStranger({ kid: 'x'.repeat(20_000) }),
      `${encode({ alg: 'ES256', crit: ['unheard-of'], 'unheard-of': true })}.${body}.${signature}`,
      'x',
      'a.b.c',
      '..',
      `${encode([])}.${encode([])}.`,
      `${body}.${body}.${body}.${body}.${body}`,
    ]
    const before = keyServer.asked()
    for (const client_assertion of forged) {
      const answer = await send(client_assertion)
      expect([400, 401]).toContain(answer.status)
      expect(answer.error).toMatch(/^invalid_(client|request)$/)
    }
    expect(keyServer.asked()).toBe(before)
  })

  test('CA4: the type of the assertion must be said and right, and it must be of the client that is named', async () => {
    const type = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' }
    expect(await send(await assertion({}), server, type)).toMatchObject({ status: 400, error: 'invalid_request' })
    expect(await ask({ ...CREDENTIALS, client_assertion: await assertion({}) })).toMatchObject({ status: 400 })
    expect(await send(await assertion({}), server, { client_id: MACHINE.client_id })).toMatchObject({ status: 400 })
    expect(await send(await assertion({}), server, { client_id: SIGNER })).toMatchObject({ status: 200 })
  })
})

describe('what a client may not do', () => {
  test('CA7: a public client gets nothing for itself, and learns nothing of tokens', async () => {
    const own = await tokenRequest(server, SPA, { grant_type: 'client_credentials', scope: 'notes:read' })
    expect(own).toMatchObject({ status: 400, body: { error: expect.stringMatching(NOT_ALLOWED) } })
    const { tokens } = await obtainTokens(server, SPA)
    expect(await introspect(server, SPA, tokens.body.access_token ?? '')).toEqual({ active: false })
    expect(await introspect(server, SPA, tokens.body.refresh_token ?? '')).toEqual({ active: false })
  })

  test('a client uses the grant types it has registered only', async () => {
    const asked = [
      await tokenRequest(server, MACHINE, { grant_type: 'authorization_code', code: 'x', redirect_uri: 'x' }),
      await refresh(server, { ...MACHINE, redirect_uri: '', scope: '' }, 'x'),
      await tokenRequest(server, WEB, { grant_type: 'client_credentials' }),
    ]
    for (const answer of asked) {
      expect(answer).toMatchObject({ status: 400, body: { error: expect.stringMatching(NOT_ALLOWED) } })
      expect(answer.body.access_token).toBeUndefined()
    }
  })

  test('CA9: headers of a proxy that nobody named authenticate nobody', async () => {
    const headers = {
      'x-ssl-client-cert': 'MIIB',
      'x-ssl-client-verify': 'SUCCESS',
      'ssl-client-cert': 'MIIB',
      'x-forwarded-client-cert': 'Hash=x;Subject="CN=reports"',
      'client-cert': ':MIIB:',
      'x-client-id': MACHINE.client_id,
      'x-remote-user': MACHINE.client_id,
    }
    expect(await ask({ ...CREDENTIALS, client_id: MACHINE.client_id }, headers)).toMatchObject({ status: 401 })
  })
})

test('CA6: a client that is suspended is refused everywhere, and its tokens are dead at once', async () => {
  const leaver = { client_id: 'leaver', client_secret: 'a-secret-of-the-leaver-that-is-long-enough' }
  const jwt = await tokenRequest(server, leaver, CREDENTIALS)
  expect(jwt.status).toBe(200)
  expect(await introspect(server, leaver, jwt.body.access_token ?? '')).toMatchObject({ active: true })
  const web = await obtainTokens(server, WEB)
  const { db } = server.latchkey.stores
  await db.client.updateMany({ where: { id: { in: ['leaver', WEB.client_id] } }, data: { status: 'suspended' } })
  expect(await introspect(server, API, web.tokens.body.access_token ?? '')).toEqual({ active: false })
  expect((await refresh(server, WEB, web.tokens.body.refresh_token ?? '')).status).toBeGreaterThanOrEqual(400)
  for (const node of [server, neighbour]) {
    await until(async () => {
      const answers = await Promise.all([leaver, WEB].map((client) => clientRequest(node, '/token', client, CREDENTIALS)))
      return answers.every(({ status }) => status === 401)
    })
    for (const path of ENDPOINTS) {
      const response = await clientRequest(node, path, leaver, { ...CREDENTIALS, token: jwt.body.access_token ?? '' })
      expect({ path, status: response.status }).toEqual({ path, status: 401 })
    }
    expectErrorPage(server, await authorize(server, WEB, {}))
  }
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
  expect(errorLines(neighbour)).toEqual([])
})

/** RFC 6749 §5.2 has `unauthorized_client` for it; the library says `invalid_request`. */
const NOT_ALLOWED = /^(unauthorized_client|invalid_request)$/

/** Each process looks for changes of clients once a second; asks until it has. */
async function until(done: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 5000; performance.now() < deadline; ) if (await done()) return
  throw new Error('it did not happen')
}

function seconds(): number {
  return Math.floor(Date.now() / 1000)
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

let assertions = 0

/** An assertion that is right but for the claims given. */
function assertion(claims: { readonly [claim: string]: unknown }): Promise<string> {
  assertions += 1
  const right = {
    iss: SIGNER,
    sub: SIGNER,
    aud: server.issuer,
    jti: `assertion-${assertions}`,
    iat: seconds(),
    exp: seconds() + 60,
  }
  return new SignJWT({ ...right, ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey)
}

/** A server on this machine that hands out keys, and counts. */
async function serveKeys(key: object) {
  let asked = 0
  const http = createServer((_request, response) => {
    asked += 1
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [key] }))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  const close = () => new Promise<void>((resolve) => http.close(() => resolve()))
  return { url: `http://127.0.0.1:${port}/jwks`, asked: () => asked, close }
}
