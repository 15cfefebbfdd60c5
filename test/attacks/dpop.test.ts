// Tokens that are bound to a key of their client (RFC 9449), against those who have the token and not the key, and those who
// saw a proof go by.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Browser } from '../support/browser.ts'
import { API, BILLING, MACHINE, NOTES, SPA, type TestClient, WEB } from '../support/clients.ts'
import { makeProofKey, type ProofKey, type ProofRequest } from '../support/dpop.ts'
import {
  authorizationRequest,
  callbackParams,
  claimsOf,
  clientRequest,
  introspect,
  signIn,
  type TokenAnswer,
  tokenRequest,
} from '../support/oauth.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { errorLines, obtainCode } from './attempts.ts'

const RACERS = 50
/** A refresh with a proof costs PostgreSQL one write more than others; fifty at once keep a small machine busy for too long. */
const REFRESHING_RACERS = 20
const BOUND: TestClient = { ...SPA, client_id: 'bound', redirect_uri: 'https://bound.example/callback' }
/** As FAPI 2.0 wants it: the same refresh token again and again, which is of use to nobody else. */
const KEPT: TestClient = { ...SPA, client_id: 'kept', redirect_uri: 'https://kept.example/callback' }
const CREDENTIALS = { grant_type: 'client_credentials', scope: 'notes:read' }

let server: TestServer
/** Another process of the same issuer, asked at an address of its own, as behind a proxy. */
let neighbour: TestServer
let key: ProofKey
let foreignKey: ProofKey

beforeAll(async () => {
  const redis = redisUrl()
  const bound = (client: TestClient, more: object = {}) => ({
    client_id: client.client_id,
    token_endpoint_auth_method: 'none',
    redirect_uris: [client.redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: `${client.scope} offline_access`,
    skip_consent: true,
    dpop_bound_access_tokens: true,
    ...more,
  })
  const provision = { clients: [bound(BOUND), bound(KEPT, { rotate_refresh_tokens: false })] }
  server = await startServer({ redisUrl: redis, provision })
  const settings = { ISSUER: server.issuer }
  neighbour = await startServer({ redisUrl: redis, databaseUrl: server.databaseUrl, settings, provision })
  key = await makeProofKey()
  foreignKey = await makeProofKey()
})

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
})

const at = (path: string) => `${server.issuer}${path}`
const proofFor = (path: string, request: Partial<ProofRequest> = {}, by = key) => by.proof({ htu: at(path), ...request })

/** A token request with a proof by a key, or with none. */
async function ask(
  client: Pick<TestClient, 'client_id' | 'client_secret'>,
  params: { readonly [name: string]: string },
  by: ProofKey | undefined,
  node: TestServer = server,
): Promise<TokenAnswer> {
  return tokenRequest(node, client, params, by === undefined ? {} : { dpop: await proofFor('/token', {}, by) })
}

/** The whole flow of a client that proves at the token endpoint. */
async function obtain(client: TestClient, params: { readonly [name: string]: string | undefined } = {}, by = key) {
  const { authorization, code } = await obtainCode(server, client, { params })
  const redeeming = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirect_uri,
    code_verifier: authorization.verifier,
  }
  return ask(client, redeeming, by)
}

const refresh = (client: TestClient, token: string, by: ProofKey | undefined, node = server) =>
  ask(client, { grant_type: 'refresh_token', refresh_token: token }, by, node)

const refreshTokenOf = (answer: TokenAnswer) => answer.body.refresh_token ?? ''
const accessTokenOf = (answer: TokenAnswer) => answer.body.access_token ?? ''
const REFUSED = { status: 400, body: { error: 'invalid_grant' } }

describe('a token that is bound', () => {
  test('RT18: says so, in the answer, in the JWT and at introspection', async () => {
    const jwt = await obtain(BOUND)
    expect(jwt).toMatchObject({ status: 200, body: { token_type: 'DPoP' } })
    expect(claimsOf(accessTokenOf(jwt)).cnf).toEqual({ jkt: key.jkt })
    const opaque = await ask(MACHINE, { ...CREDENTIALS, scope: 'billing:read', resource: BILLING }, key)
    for (const [asker, answer] of [
      [API, jwt],
      [MACHINE, opaque],
    ] as const) {
      const told = await introspect(neighbour, asker, accessTokenOf(answer))
      expect(told).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: key.jkt } })
    }
    const plain = await tokenRequest(server, MACHINE, CREDENTIALS)
    expect(await introspect(server, API, accessTokenOf(plain))).toMatchObject({ token_type: 'Bearer' })
  })

  test('SC3: is nothing without its key: not as a bearer token, and not with another key or another token’s proof', async () => {
    const jwt = await obtain(BOUND)
    const opaque = await obtain(BOUND, { scope: 'openid email' })
    expect(claimsOf(accessTokenOf(jwt)).aud).toBe(NOTES)
    expect(accessTokenOf(opaque)).toMatch(/^at_/)
    for (const answer of [jwt, opaque]) {
      const token = accessTokenOf(answer)
      const userinfo = async (authorization: string, dpop?: string) => {
        const headers = { authorization, ...(dpop === undefined ? {} : { dpop }) }
        const response = await fetch(at('/userinfo'), { headers })
        return { status: response.status, challenge: response.headers.get('www-authenticate') ?? '' }
      }
      const proof = (more: Partial<ProofRequest> = {}, by = key) =>
        proofFor('/userinfo', { htm: 'GET', accessToken: token, ...more }, by)
      expect(await userinfo(`Bearer ${token}`)).toMatchObject({
        status: 401,
        challenge: expect.stringContaining('error="invalid_token"'),
      })
      expect((await userinfo(`Bearer ${token}`, await proof())).status).toBe(400)
      expect((await userinfo(`DPoP ${token}`)).status).toBe(400)
      expect((await userinfo(`DPoP ${token}`, await proof({}, foreignKey))).status).toBe(401)
      // SC2: `ath` ties the proof to the token.
      for (const claims of [{ ath: undefined }, { ath: 'x' }, { ath: foreignKey.jkt }]) {
        expect((await userinfo(`DPoP ${token}`, await proof({ claims }))).status).toBe(401)
      }
      const good = await proof()
      expect((await userinfo(`DPoP ${token}`, good)).status).toBe(200)
      // SC1
      expect((await userinfo(`DPoP ${token}`, good)).status).toBe(401)
    }
  })

  test('and no other token is taken with a proof', async () => {
    const { body } = await ask(WEB, await redeeming(WEB), undefined)
    const headers = {
      authorization: `DPoP ${body.access_token}`,
      dpop: await proofFor('/userinfo', { htm: 'GET', accessToken: body.access_token ?? '' }),
    }
    expect((await fetch(at('/userinfo'), { headers })).status).toBe(401)
  })

  test('is all that its client gets: without a proof there is none', async () => {
    expect(await ask(BOUND, await redeeming(BOUND), undefined)).toMatchObject(REFUSED)
  })
})

/** The parameters that redeem a fresh code. */
async function redeeming(client: TestClient, params: { readonly [name: string]: string | undefined } = {}) {
  const { authorization, code } = await obtainCode(server, client, { params })
  return {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirect_uri,
    code_verifier: authorization.verifier,
  }
}

describe('CO11: a code that is bound to a key', () => {
  test('by dpop_jkt is redeemed with that key only', async () => {
    expect(await ask(SPA, await redeeming(SPA, { dpop_jkt: key.jkt }), foreignKey)).toMatchObject(REFUSED)
    expect(await ask(SPA, await redeeming(SPA, { dpop_jkt: key.jkt }), undefined)).toMatchObject(REFUSED)
    expect(await ask(SPA, await redeeming(SPA, { dpop_jkt: key.jkt }), key)).toMatchObject({ status: 200 })
  })

  test('by a proof with the pushed request too; a proof by another key than dpop_jkt pushes nothing', async () => {
    const authorization = authorizationRequest(server, WEB)
    const pushed = Object.fromEntries(new URL(authorization.url).searchParams)
    const push = async (params: { readonly [name: string]: string }, by: ProofKey) =>
      clientRequest(server, '/par', WEB, params, { dpop: await proofFor('/par', {}, by) })
    expect((await push({ ...pushed, dpop_jkt: key.jkt }, foreignKey)).status).toBe(400)
    const answer = (await (await push(pushed, key)).json()) as { request_uri: string }
    const browser = new Browser()
    const query = new URLSearchParams({ client_id: WEB.client_id, request_uri: answer.request_uri })
    const page = await signIn(browser, await browser.open(`${at('/authorize')}?${query}`), server.ada)
    const params = {
      grant_type: 'authorization_code',
      code: callbackParams(page).code ?? '',
      redirect_uri: WEB.redirect_uri,
      code_verifier: authorization.verifier,
    }
    expect(await ask(WEB, params, foreignKey)).toMatchObject(REFUSED)
  })
})

describe('RT18: a refresh token that is bound to a key', () => {
  test('is refused with another key or none, which burns nothing', async () => {
    const first = await obtain(BOUND)
    for (const by of [foreignKey, undefined]) {
      for (const node of [server, neighbour]) {
        expect(await refresh(BOUND, refreshTokenOf(first), by, node)).toMatchObject(REFUSED)
      }
    }
    const second = await refresh(BOUND, refreshTokenOf(first), key)
    expect(second).toMatchObject({ status: 200, body: { token_type: 'DPoP' } })
    expect(claimsOf(accessTokenOf(second)).cnf).toEqual({ jkt: key.jkt })
    // Inside the window the same: the successor is for the holder of the key (RT6).
    expect(await refresh(BOUND, refreshTokenOf(first), foreignKey)).toMatchObject(REFUSED)
    const again = await refresh(BOUND, refreshTokenOf(first), key)
    expect(refreshTokenOf(again)).toBe(refreshTokenOf(second))
  })

  test('also when the app need not have bound it: what was bound once stays so', async () => {
    const first = await obtain(SPA)
    expect(await refresh(SPA, refreshTokenOf(first), undefined)).toMatchObject(REFUSED)
    expect((await refresh(SPA, refreshTokenOf(first), key)).status).toBe(200)
  })

  test('spent, or with a forged secret, ends its family when it comes with the key, and does nothing without', async () => {
    const first = await obtain(BOUND)
    const second = await refresh(BOUND, refreshTokenOf(first), key)
    const third = await refresh(BOUND, refreshTokenOf(second), key)
    const [family = ''] = refreshTokenOf(first).split('.')
    const forged = (generation: number) => `${family}.${generation}.${'Z'.repeat(43)}`
    for (const token of [refreshTokenOf(first), refreshTokenOf(second), forged(2), forged(9)]) {
      expect(await refresh(BOUND, token, foreignKey)).toMatchObject(REFUSED)
      expect(await refresh(BOUND, token, undefined)).toMatchObject(REFUSED)
      // A proof that is no good counts as none.
      const stale = await proofFor('/token', { claims: { iat: 1 } })
      const params = { grant_type: 'refresh_token', refresh_token: token }
      expect((await tokenRequest(server, BOUND, params, { dpop: stale })).status).toBe(400)
    }
    expect(await introspect(server, API, accessTokenOf(third))).toMatchObject({ active: true })
    const fourth = await refresh(BOUND, refreshTokenOf(third), key)
    expect(fourth.status).toBe(200)
    expect(await refresh(BOUND, refreshTokenOf(first), key)).toMatchObject(REFUSED)
    expect(await refresh(BOUND, refreshTokenOf(fourth), key)).toMatchObject(REFUSED)
    expect(await introspect(server, API, accessTokenOf(fourth))).toEqual({ active: false })
  })

  test('RT3: twenty refreshes at two nodes, each with its own proof, get one successor', async () => {
    const first = await obtain(BOUND)
    const answers = await Promise.all(
      Array.from({ length: REFRESHING_RACERS }, (_, index) =>
        refresh(BOUND, refreshTokenOf(first), key, index % 2 === 0 ? server : neighbour),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(REFRESHING_RACERS).fill(200))
    expect(new Set(answers.map(refreshTokenOf)).size).toBe(1)
  })

  test('a confidential client may change its key: its refresh tokens are bound to its authentication (RFC 9449 §5)', async () => {
    const first = await obtain(WEB)
    const second = await refresh(WEB, refreshTokenOf(first), foreignKey)
    expect(claimsOf(accessTokenOf(second)).cnf).toEqual({ jkt: foreignKey.jkt })
  })
})

describe('RT19: a refresh token that is bound and not rotated', () => {
  test('is answered again and again, at once and later, and there is one family, whose generation stays', async () => {
    const first = await obtain(KEPT)
    const answers = await Promise.all(
      Array.from({ length: REFRESHING_RACERS }, (_, index) =>
        refresh(KEPT, refreshTokenOf(first), key, index % 2 === 0 ? server : neighbour),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(REFRESHING_RACERS).fill(200))
    expect(new Set(answers.map(refreshTokenOf))).toEqual(new Set([refreshTokenOf(first)]))
    const { grant_id } = claimsOf(accessTokenOf(first))
    const families = await server.latchkey.stores.db.refreshFamily.findMany({ where: { grantId: String(grant_id) } })
    expect(families).toEqual([expect.objectContaining({ generation: 0, endedAt: null, senderKey: key.jkt })])
  })

  test('is good with its key only, and a forged secret ends it with that key only', async () => {
    const first = await obtain(KEPT)
    const [family = ''] = refreshTokenOf(first).split('.')
    const forged = `${family}.0.${'Z'.repeat(43)}`
    for (const token of [refreshTokenOf(first), forged]) {
      for (const by of [foreignKey, undefined]) expect(await refresh(KEPT, token, by)).toMatchObject(REFUSED)
    }
    expect((await refresh(KEPT, refreshTokenOf(first), key)).status).toBe(200)
    expect(await refresh(KEPT, forged, key)).toMatchObject(REFUSED)
    expect(await refresh(KEPT, refreshTokenOf(first), key)).toMatchObject(REFUSED)
  })

  test('is rotated all the same when it was bound to no key, before the client had to', async () => {
    const first = await obtain(KEPT)
    const { grant_id } = claimsOf(accessTokenOf(first))
    const { db } = server.latchkey.stores
    const unbound = { senderKey: null, payload: await unboundPayload(String(grant_id)) }
    await db.refreshFamily.updateMany({ where: { grantId: String(grant_id) }, data: unbound })
    const second = await refresh(KEPT, refreshTokenOf(first), foreignKey)
    expect(second.status).toBe(200)
    expect(refreshTokenOf(second)).not.toBe(refreshTokenOf(first))
  })
})

async function unboundPayload(grantId: string) {
  const family = await server.latchkey.stores.db.refreshFamily.findFirstOrThrow({ where: { grantId } })
  const { jkt: _, ...payload } = family.payload as { readonly [member: string]: string }
  return payload
}

describe('a proof', () => {
  test('SC1 I1: is good once: of fifty uses at two nodes one succeeds, and none ever after', async () => {
    const dpop = await proofFor('/token')
    const send = (node: TestServer) => tokenRequest(node, MACHINE, CREDENTIALS, { dpop })
    const answers = await Promise.all(Array.from({ length: RACERS }, (_, index) => send(index % 2 === 0 ? server : neighbour)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const node of [server, neighbour]) expect(await send(node)).toMatchObject(REFUSED)
  })

  test('SC1: is good once with fifty refreshes as well, which its own second try does not count', async () => {
    const first = await obtain(BOUND)
    const dpop = await proofFor('/token')
    const params = { grant_type: 'refresh_token', refresh_token: refreshTokenOf(first) }
    const answers = await Promise.all(
      Array.from({ length: RACERS }, (_, index) => tokenRequest(index % 2 === 0 ? server : neighbour, BOUND, params, { dpop })),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test.each<[string, Partial<ProofRequest> & { readonly madeAfterSeconds?: number }]>([
    ['another method', { htm: 'GET' }],
    ['another address', { htu: 'https://id.example/token' }],
    ['no address', { claims: { htu: undefined } }],
    ['a time five minutes ago', { madeAfterSeconds: -310 }],
    ['a time five minutes ahead', { madeAfterSeconds: 310 }],
    ['no time', { claims: { iat: undefined } }],
    ['no identifier', { claims: { jti: undefined } }],
    ['a nonce of somebody else', { claims: { nonce: 'Z'.repeat(43) } }],
    ['another type', { header: { typ: 'JWT' } }],
    ['no key', { header: { jwk: undefined } }],
  ])('SC2: for %s is refused', async (_, { madeAfterSeconds, ...request }) => {
    const claims = madeAfterSeconds === undefined ? {} : { claims: { iat: Math.floor(Date.now() / 1000) + madeAfterSeconds } }
    const dpop = await proofFor('/token', { ...request, ...claims })
    expect(await tokenRequest(server, MACHINE, CREDENTIALS, { dpop })).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/^(?:invalid_dpop_proof|use_dpop_nonce)$/) },
    })
  })

  test('SC2: by a key that is private, foreign or symmetric, unsigned, or two at once, is refused', async () => {
    const good = await proofFor('/token')
    const [, payload] = good.split('.')
    const unsigned = Buffer.from(JSON.stringify({ alg: 'none', typ: 'dpop+jwt', jwk: key.publicJwk })).toString('base64url')
    const symmetric = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'dpop+jwt', jwk: { kty: 'oct', k: 'AAAA' } })).toString(
      'base64url',
    )
    for (const dpop of [
      await proofFor('/token', { header: { jwk: key.privateJwk } }),
      await proofFor('/token', { header: { jwk: foreignKey.publicJwk } }),
      `${unsigned}.${payload}.`,
      `${symmetric}.${payload}.AAAA`,
      `${good}, ${await proofFor('/token')}`,
      'x',
    ]) {
      const answer = await tokenRequest(server, MACHINE, CREDENTIALS, { dpop })
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } })
    }
    expect((await tokenRequest(server, MACHINE, CREDENTIALS, { dpop: good })).status).toBe(200)
  })

  test('SC5: is for the public address, whatever address the process has and whatever a proxy or a stranger tells', async () => {
    const inner = await key.proof({ htu: `${neighbour.issuer}/token` })
    expect(await tokenRequest(neighbour, MACHINE, CREDENTIALS, { dpop: inner })).toMatchObject({ status: 400 })
    const spoofed = await key.proof({ htu: 'https://evil.example/token' })
    const told = {
      dpop: spoofed,
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example',
    }
    expect(await tokenRequest(neighbour, MACHINE, CREDENTIALS, told)).toMatchObject({ status: 400 })
    expect(await ask(MACHINE, CREDENTIALS, key, neighbour)).toMatchObject({ status: 200 })
  })

  test.each(['ES256', 'PS256', 'EdDSA', 'Ed25519'])('DI3: may be signed by %s', async (alg) => {
    expect(await ask(MACHINE, CREDENTIALS, await makeProofKey(alg))).toMatchObject({ status: 200, body: { token_type: 'DPoP' } })
  })
})

test('WB5: pages of the app may read nonces and challenges', async () => {
  const headers = { origin: new URL(BOUND.redirect_uri).origin, dpop: await proofFor('/token', { claims: { nonce: 'x' } }) }
  const params = { grant_type: 'refresh_token', refresh_token: 'x' }
  const answer = await tokenRequest(server, BOUND, params, headers)
  expect(answer).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } })
  expect(answer.headers.get('dpop-nonce')).toMatch(/^[\w-]{43}$/)
  expect(answer.headers.get('access-control-allow-origin')).toBe(headers.origin)
  expect(answer.headers.get('access-control-expose-headers')).toBe('DPoP-Nonce,WWW-Authenticate')
})

describe('SC4: a server that wants nonces', () => {
  let strict: TestServer

  beforeAll(async () => {
    strict = await startServer({ settings: { LATCHKEY_DPOP_NONCE: 'required' } })
  })

  afterAll(async () => {
    await strict?.stop()
  })

  const send = async (node: TestServer, nonce?: string) => {
    const dpop = await key.proof({ htu: `${strict.issuer}/token`, claims: { nonce } })
    return tokenRequest(node, MACHINE, CREDENTIALS, { dpop })
  }

  test('says which, and takes it, also after it was started anew; that of another server it does not take', async () => {
    const asked = await send(strict)
    expect(asked).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } })
    const nonce = asked.headers.get('dpop-nonce') ?? ''
    expect((await send(strict, nonce)).status).toBe(200)
    const restarted = await startServer({
      databaseUrl: strict.databaseUrl,
      settings: { ISSUER: strict.issuer, LATCHKEY_DPOP_NONCE: 'required' },
    })
    try {
      expect((await send(restarted, nonce)).status).toBe(200)
    } finally {
      await restarted.stop()
    }
    const other = await startServer({
      settings: {
        ISSUER: strict.issuer,
        LATCHKEY_DPOP_NONCE: 'required',
        ENCRYPTION_KEY: Buffer.alloc(32, 9).toString('base64url'),
      },
    })
    try {
      expect(await send(other, nonce)).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } })
    } finally {
      await other.stop()
    }
  })

  test('and none that is old', async () => {
    const nonce = (await send(strict)).headers.get('dpop-nonce') ?? ''
    await strict.advance(600)
    expect(await send(strict, nonce)).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } })
  })
})

test('SC1: a proof that was made ahead of its time is good once for as long as it is good', async () => {
  const dpop = await proofFor('/token', { claims: { iat: Math.floor(Date.now() / 1000) + 290 } })
  expect((await tokenRequest(server, MACHINE, CREDENTIALS, { dpop })).status).toBe(200)
  await server.advance(400)
  expect(await tokenRequest(server, MACHINE, CREDENTIALS, { dpop })).toMatchObject(REFUSED)
})

test('RT19: a refresh token that is not rotated lives on while it is used, and no longer than it may', async () => {
  const first = await obtain(KEPT, { scope: `${KEPT.scope} offline_access`, prompt: 'consent' })
  for (let day = 0; day < 28; day += 4) {
    await server.advance(4 * 86_400)
    expect((await refresh(KEPT, refreshTokenOf(first), key)).status).toBe(200)
  }
  await server.advance(3 * 86_400)
  expect(await refresh(KEPT, refreshTokenOf(first), key)).toMatchObject(REFUSED)
})

test('no answer of all these was an error that nobody expected', () => {
  expect([...errorLines(server), ...errorLines(neighbour)]).toEqual([])
})
