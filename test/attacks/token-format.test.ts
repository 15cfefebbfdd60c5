// Tokens as bytes: what they say, and everything that looks like one and is not (RFC 8725, RFC 9068, OpenID Connect Core).
import { createHash, createPublicKey, verify } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { API, NOTES, PARTNER, SPA, type TestClient, WEB } from '../support/clients.ts'
import { quickest } from '../support/in-time.ts'
import { authorizationRequest, claimsOf, clientRequest, headerOf, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { authorize, errorLines, expectErrorAtClient, expectErrorPage } from './attempts.ts'
import { encode, forgeriesOf, type PublishedKey, publishedKeys } from './forgeries.ts'

const BY_ALGORITHM: readonly (readonly [string, TestClient])[] = ['RS256', 'ES256', 'EdDSA'].map((alg) => {
  const client_id = `wants-${alg.toLowerCase()}`
  return [alg, { ...SPA, client_id, redirect_uri: `https://${client_id}.example/callback` }]
})

let server: TestServer
/** A server of another issuer, with keys of its own. */
let stranger: TestServer
let keys: readonly PublishedKey[]

beforeAll(async () => {
  server = await startServer({
    provision: {
      clients: BY_ALGORITHM.map(([alg, { client_id, redirect_uri, scope }]) => ({
        client_id,
        scope,
        client_name: 'An app',
        redirect_uris: [redirect_uri],
        token_endpoint_auth_method: 'none',
        id_token_signed_response_alg: alg,
        skip_consent: true,
      })),
    },
  })
  stranger = await startServer()
  keys = await publishedKeys(server)
})

afterAll(async () => {
  await stranger?.stop()
  await server?.stop()
})

async function userinfo(token: string): Promise<Response> {
  return fetch(new URL('/userinfo', server.issuer), { headers: { authorization: `Bearer ${token}` } })
}

/** Expects that no door takes the token for an access token. */
async function expectNoAccessToken(token: string): Promise<void> {
  const began = performance.now()
  const asked = await userinfo(token)
  expect({ status: asked.status, challenge: asked.headers.get('www-authenticate') }).toEqual({
    status: 401,
    challenge: expect.stringContaining('error="invalid_token"'),
  })
  for (const client of [API, WEB]) {
    for (const hint of ['access_token', 'refresh_token']) {
      const response = await clientRequest(server, '/introspect', client, { token, token_type_hint: hint })
      expect({ status: response.status, body: await response.json() }).toEqual({ status: 200, body: { active: false } })
    }
  }
  expect((await clientRequest(server, '/revoke', WEB, { token })).status).toBe(200)
  expect(performance.now() - began).toBeLessThan(2000)
}

describe('what tokens say', () => {
  test('TK1: an access token is typed, complete and for its API; an ID token is for its client', async () => {
    const { tokens, authorization } = await obtainTokens(server, SPA)
    const claims = claimsOf(tokens.body.access_token)
    expect(headerOf(tokens.body.access_token)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) })
    for (const name of ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti', 'scope']) expect(claims).toHaveProperty(name)
    expect(claims).toMatchObject({ iss: server.issuer, aud: NOTES })
    const idToken = claimsOf(tokens.body.id_token)
    expect(idToken).toMatchObject({ iss: server.issuer, aud: SPA.client_id, nonce: authorization.nonce, sub: claims.sub })
    expect(idToken).not.toHaveProperty('scope')
    expect(idToken).not.toHaveProperty('client_id')
  })

  test('TK1: an ID token is no access token, and an access token is no hint of who is signed in', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    await expectNoAccessToken(tokens.body.id_token ?? '')
    await expectNoAccessToken(tokens.body.refresh_token ?? '')
    const id_token_hint = tokens.body.access_token ?? ''
    expectErrorAtClient(server, await authorize(server, SPA, { prompt: 'none', id_token_hint }), 'invalid_request')
    const logout = new URLSearchParams({ id_token_hint, post_logout_redirect_uri: 'https://spa.example/' })
    expectErrorPage(server, await (await obtainTokens(server, SPA)).browser.open(`${server.issuer}/logout?${logout}`))
  })

  test.each(BY_ALGORITHM)(
    'TK6: what is signed with %s verifies by another implementation with the published key',
    async (alg, client) => {
      const { tokens } = await obtainTokens(server, client)
      expect(headerOf(tokens.body.id_token).alg).toBe(alg)
      expect(verifies(tokens.body.id_token ?? '')).toBe(true)
      expect(verifies(tokens.body.access_token ?? '')).toBe(true)
      const [head, , signature] = (tokens.body.id_token ?? '').split('.')
      expect(verifies(`${head}.${encode({ sub: 'somebody else' })}.${signature}`)).toBe(false)
    },
  )

  test('TK6: what discovery lists is what there are keys for', async () => {
    const discovery = (await (await fetch(new URL('/.well-known/openid-configuration', server.issuer))).json()) as {
      id_token_signing_alg_values_supported: string[]
    }
    expect(discovery.id_token_signing_alg_values_supported.sort()).toEqual(BY_ALGORITHM.map(([alg]) => alg).sort())
    for (const key of keys) {
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) expect(key).not.toHaveProperty(secret)
    }
  })

  test('TK8: at_hash is of the access token, nonce is what was sent, and none is invented', async () => {
    for (const [alg, client] of BY_ALGORITHM) {
      const { tokens, authorization } = await obtainTokens(server, client)
      const idToken = claimsOf(tokens.body.id_token)
      expect(idToken.nonce).toBe(authorization.nonce)
      const hash = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
        .update(tokens.body.access_token ?? '')
        .digest()
      const expected = hash.subarray(0, hash.length / 2).toString('base64url')
      expect([undefined, expected]).toContain(idToken.at_hash)
    }
    const { tokens } = await obtainTokens(server, SPA, { params: { nonce: undefined } })
    expect(claimsOf(tokens.body.id_token)).not.toHaveProperty('nonce')
    const next = await refresh(server, SPA, tokens.body.refresh_token ?? '')
    expect(claimsOf(next.body.id_token)).not.toHaveProperty('nonce')
  })

  test('TK9: no claim is told that was not agreed to, whatever the claims parameter asks for', async () => {
    const wanted = Object.fromEntries(['email', 'email_verified', 'name', 'roles', 'phone_number'].map((name) => [name, null]))
    const claims = JSON.stringify({ id_token: wanted, userinfo: wanted })
    const { tokens } = await obtainTokens(server, PARTNER, { params: { scope: 'openid', claims, prompt: 'consent' } })
    const told = await (await userinfo(tokens.body.access_token ?? '')).json()
    expect(told).toEqual({ sub: claimsOf(tokens.body.id_token).sub })
    for (const name of Object.keys(wanted)) expect(claimsOf(tokens.body.id_token)).not.toHaveProperty(name)
    const discovery = await (await fetch(new URL('/.well-known/openid-configuration', server.issuer))).json()
    expect(discovery).toMatchObject({ claims_parameter_supported: false })
  })
})

describe('what only looks like a token', () => {
  test('TK2 TK3: no forged, weakened or laden JWT is taken for an access token', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    for (const token of await forgeriesOf(tokens.body.access_token ?? '', keys)) await expectNoAccessToken(token)
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })
  })

  test('TK2 TK3: nor for an ID token at sign-out and at the authorization endpoint', async () => {
    const { tokens, browser } = await obtainTokens(server, SPA)
    for (const id_token_hint of await forgeriesOf(tokens.body.id_token ?? '', keys)) {
      // What does not fit into an address is sent by nobody.
      if (id_token_hint.length > 12_000) continue
      const took = await quickest(2000, async () => {
        const query = new URLSearchParams({ id_token_hint, post_logout_redirect_uri: 'https://spa.example/' })
        expectErrorPage(server, await browser.open(`${server.issuer}/logout?${query}`))
        expectErrorAtClient(server, await authorize(server, SPA, { id_token_hint, prompt: 'none' }, browser), 'invalid_request')
      })
      expect(took).toBeLessThan(2000)
    }
    expect((await browser.open(authorizationRequest(server, SPA, { prompt: 'none' }).url)).url).toContain('code=')
  })

  test('TK4: tokens of another server are refused, and an audience that is only among others', async () => {
    const foreign = await obtainTokens(stranger, SPA)
    await expectNoAccessToken(foreign.tokens.body.access_token ?? '')
    expect((await refresh(server, SPA, foreign.tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    const id_token_hint = foreign.tokens.body.id_token
    expectErrorAtClient(server, await authorize(server, SPA, { prompt: 'none', id_token_hint }), 'invalid_request')
    expect(await introspect(stranger, API, foreign.tokens.body.access_token ?? '')).toMatchObject({ active: true })
    // An API sees its own tokens only.
    const { tokens } = await obtainTokens(server, SPA)
    expect(await introspect(server, WEB, tokens.body.access_token ?? '')).toEqual({ active: false })
  })
})

test('TK5: a token is good from its first second to its last, within ten seconds', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  const token = tokens.body.access_token ?? ''
  const { iat = 0, exp = 0, nbf } = claimsOf(token)
  const now = Math.floor(Date.now() / 1000)
  expect(Math.abs(iat - now)).toBeLessThanOrEqual(2)
  expect(nbf ?? iat).toBeLessThanOrEqual(now)
  await server.advance(exp - iat - 5)
  expect(await introspect(server, API, token)).toMatchObject({ active: true })
  expect((await userinfo(token)).status).toBe(200)
  await server.advance(15)
  expect(await introspect(server, API, token)).toEqual({ active: false })
  expect((await userinfo(token)).status).toBe(401)
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
})

/** Verifies a JWS with Node's own cryptography and the key that the server publishes, without any JWT library. */
function verifies(token: string): boolean {
  const [head = '', body = '', signature = ''] = token.split('.')
  const { kid, alg } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string; alg: string }
  const jwk = keys.find((candidate) => candidate.kid === kid && candidate.alg === alg)
  if (jwk === undefined) return false
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  const signed = Buffer.from(`${head}.${body}`)
  return verify(
    alg === 'EdDSA' ? null : 'sha256',
    signed,
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
}
