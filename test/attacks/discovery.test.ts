// Discovery and keys: there is one issuer, what is advertised is served and nothing else, and what is published is public
// (RFC 8414, RFC 7517, OpenID Connect Discovery).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { ADMIN_SCOPES } from '../../config/scopes.ts'
import { Browser } from '../support/browser.ts'
import { API, BILLING, MACHINE, PARTNER, SPA, type TestClient, WEB } from '../support/clients.ts'
import {
  authorizationRequest,
  callbackParams,
  claimsOf,
  clientRequest,
  headerOf,
  introspect,
  obtainTokens,
  redeem,
  refresh,
  signIn,
  tokenRequest,
} from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

const DOCUMENTS = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'] as const
const ID_TOKEN_ALGORITHMS = ['ES256', 'RS256', 'EdDSA']
const ASSERTION_ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA']
const RESPONSE_MODES = ['form_post', 'fragment', 'query']

/** What the server says about itself. */
interface Discovery {
  readonly issuer: string
  readonly [member: string]: unknown
}

let server: TestServer
const assertionKeys = new Map<string, Awaited<ReturnType<typeof generateKeyPair>>['privateKey']>()

beforeAll(async () => {
  const clients: object[] = []
  for (const alg of ASSERTION_ALGORITHMS) {
    const { privateKey, publicKey } = await generateKeyPair(alg)
    assertionKeys.set(alg, privateKey)
    clients.push({
      client_id: `asserts-${alg}`,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: alg,
      jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: alg, alg, use: 'sig' }] },
      grant_types: ['client_credentials'],
      scope: 'notes:read',
    })
  }
  for (const alg of ID_TOKEN_ALGORITHMS) clients.push(registrationOf(signedBy(alg), alg))
  clients.push({
    client_id: 'posts-its-secret',
    client_secret: 'a-secret-that-is-sent-in-the-body-of-requests',
    token_endpoint_auth_method: 'client_secret_post',
    grant_types: ['client_credentials'],
    scope: 'notes:read',
  })
  server = await startServer({ provision: { clients } })
})

afterAll(async () => {
  await server?.stop()
})

describe('DI2: one issuer', () => {
  test('both documents are the same, and every address in them is below the issuer', async () => {
    const [oidc, oauth] = await Promise.all(DOCUMENTS.map(discover))
    expect(oauth).toEqual(oidc)
    expect(oidc?.issuer).toBe(server.issuer)
    const endpoints = Object.entries(oidc ?? {}).filter(([name]) => /_(?:endpoint|uri)$/.test(name))
    expect(endpoints.length).toBeGreaterThanOrEqual(8)
    for (const [, address] of endpoints) expect(new URL(String(address)).origin).toBe(server.issuer)
  })

  test('every token and every answer names it byte for byte', async () => {
    const { tokens, browser, code } = await obtainTokens(server, SPA)
    const machine = await tokenRequest(server, MACHINE, { grant_type: 'client_credentials', scope: 'notes:read' })
    const denied = callbackParams(await browser.open(authorizationRequest(server, SPA, { prompt: 'none login' }).url))
    const agreed = callbackParams(await browser.open(authorizationRequest(server, SPA).url))
    const next = await refresh(server, SPA, tokens.body.refresh_token ?? '')
    expect(code).not.toBe('')
    expect({
      access: claimsOf(tokens.body.access_token).iss,
      id: claimsOf(tokens.body.id_token).iss,
      refreshed: claimsOf(next.body.access_token).iss,
      machine: claimsOf(machine.body.access_token).iss,
      introspected: (await introspect(server, API, tokens.body.access_token ?? '')).iss,
      error: denied.iss,
      code: agreed.iss,
    }).toEqual(
      Object.fromEntries(
        ['access', 'id', 'refreshed', 'machine', 'introspected', 'error', 'code'].map((name) => [name, server.issuer]),
      ),
    )
  })

  test('there is no document for another issuer below this one (RFC 8414 §3.1)', async () => {
    for (const path of [`${DOCUMENTS[1]}/tenant`, `/tenant${DOCUMENTS[0]}`, `${DOCUMENTS[0]}/tenant`]) {
      expect((await fetch(new URL(path, server.issuer))).status).toBe(404)
    }
  })
})

describe('DI3: what is advertised is served', () => {
  test('and these are all the things that are', async () => {
    const { issuer: _, ...told } = await discover(DOCUMENTS[0])
    const lists = Object.fromEntries(
      Object.entries(told).flatMap(([name, value]) => (Array.isArray(value) ? [[name, value.map(String).toSorted()]] : [])),
    )
    expect(lists).toEqual({
      claim_types_supported: ['normal'],
      claims_supported: expect.arrayContaining(['sub', 'email', 'name', 'auth_time', 'iss']),
      code_challenge_methods_supported: ['S256'],
      // Each is tried in test/attacks/dpop.test.ts.
      dpop_signing_alg_values_supported: ['ES256', 'Ed25519', 'EdDSA', 'PS256'],
      grant_types_supported: ['authorization_code', 'client_credentials', 'refresh_token'],
      id_token_signing_alg_values_supported: ID_TOKEN_ALGORITHMS.toSorted(),
      response_modes_supported: RESPONSE_MODES,
      response_types_supported: ['code'],
      scopes_supported: [
        ...['address', 'billing:read', 'email', 'notes:read', 'notes:write', 'offline_access', 'openid', 'phone', 'profile'],
        // Of this server's own APIs.
        ...ADMIN_SCOPES,
        'revocations:read',
        'ssf.manage',
      ].toSorted(),
      introspection_signing_alg_values_supported: ['ES256', 'EdDSA', 'RS256'],
      subject_types_supported: ['public'],
      token_endpoint_auth_methods_supported: AUTH_METHODS,
      // RFC 8414 §2: without these only `client_secret_basic` would be good there.
      revocation_endpoint_auth_methods_supported: AUTH_METHODS,
      revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS.toSorted(),
      introspection_endpoint_auth_methods_supported: AUTH_METHODS.filter((method) => method !== 'none'),
      introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS.toSorted(),
      token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS.toSorted(),
    })
    const others = Object.fromEntries(Object.entries(told).filter(([, value]) => !Array.isArray(value)))
    expect(others).toEqual({
      authorization_endpoint: `${server.issuer}/authorize`,
      authorization_response_iss_parameter_supported: true,
      backchannel_logout_session_supported: true,
      backchannel_logout_supported: true,
      claims_parameter_supported: false,
      frontchannel_logout_session_supported: true,
      frontchannel_logout_supported: true,
      end_session_endpoint: `${server.issuer}/logout`,
      introspection_endpoint: `${server.issuer}/introspect`,
      jwks_uri: `${server.issuer}/jwks`,
      pushed_authorization_request_endpoint: `${server.issuer}/par`,
      request_uri_parameter_supported: false,
      revocation_endpoint: `${server.issuer}/revoke`,
      token_endpoint: `${server.issuer}/token`,
      userinfo_endpoint: `${server.issuer}/userinfo`,
    })
  })

  test.each(ID_TOKEN_ALGORITHMS)('ID tokens signed by %s, with a published key', async (alg) => {
    const { tokens } = await obtainTokens(server, signedBy(alg))
    const { keys } = (await (await fetch(new URL('/jwks', server.issuer))).json()) as { keys: { kid: string; alg: string }[] }
    expect(headerOf(tokens.body.id_token)).toMatchObject({ alg })
    expect(keys.find(({ kid }) => kid === headerOf(tokens.body.id_token).kid)).toMatchObject({ alg })
  })

  test.each(ASSERTION_ALGORITHMS)('clients that sign by %s, at each endpoint where clients authenticate', async (alg) => {
    const tokens = await post('/token', { grant_type: 'client_credentials', scope: 'notes:read', ...(await assertion(alg)) })
    expect(tokens.status).toBe(200)
    const { access_token: token } = (await tokens.json()) as { access_token: string }
    const told = await post('/introspect', { token, ...(await assertion(alg)) })
    expect(await told.json()).toMatchObject({ active: true, client_id: `asserts-${alg}` })
    expect((await post('/revoke', { token, ...(await assertion(alg)) })).status).toBe(200)
    expect(await (await post('/introspect', { token, ...(await assertion(alg)) })).json()).toEqual({ active: false })
  })

  test('clients that post their secret, or have none', async () => {
    const posted = await post('/token', {
      grant_type: 'client_credentials',
      scope: 'notes:read',
      client_id: 'posts-its-secret',
      client_secret: 'a-secret-that-is-sent-in-the-body-of-requests',
    })
    expect(posted.status).toBe(200)
    expect((await obtainTokens(server, SPA)).tokens.status).toBe(200)
  })

  test.each(RESPONSE_MODES)('response_mode=%s', async (mode) => {
    const authorization = authorizationRequest(server, WEB, { response_mode: mode })
    const browser = new Browser()
    const page = await browser.submit(await browser.open(authorization.url), server.ada)
    const params =
      mode === 'query'
        ? new URL(page.url).searchParams
        : mode === 'fragment'
          ? new URLSearchParams(new URL(page.url).hash.slice(1))
          : fieldsOf(page.body)
    expect(params.get('state')).toBe(authorization.state)
    expect((await redeem(server, WEB, authorization, params.get('code') ?? '')).status).toBe(200)
  })

  test('every scope and claim of a person, and every prompt', async () => {
    const scope = 'openid profile email offline_access notes:read'
    const first = await obtainTokens(server, PARTNER, { params: { prompt: 'consent', scope } })
    const { body } = first.tokens
    // The answer tells the scope of the access token, which is for the API.
    expect(body.scope).toBe('notes:read')
    expect(claimsOf(body.id_token).sub).toMatch(/^acc_/)
    expect(body.refresh_token).toMatch(/^rt_/)
    const userinfo = await fetch(new URL('/userinfo', server.issuer), {
      headers: { authorization: `Bearer ${body.access_token}` },
    })
    expect(await userinfo.json()).toMatchObject({ name: 'Ada Lovelace', email: server.ada.username, email_verified: true })
    const silent = await first.browser.open(authorizationRequest(server, PARTNER, { prompt: 'none', scope: 'openid' }).url)
    expect(callbackParams(silent)).toHaveProperty('code')
    const again = await first.browser.open(authorizationRequest(server, PARTNER, { prompt: 'login', scope: 'openid' }).url)
    expect(again.body).toContain('name="password"')
  })

  test('pushed requests, and the opaque tokens of an API that has them', async () => {
    const { url, verifier } = authorizationRequest(server, WEB)
    const pushed = await clientRequest(server, '/par', WEB, Object.fromEntries(new URL(url).searchParams))
    const { request_uri: uri } = (await pushed.json()) as { request_uri: string }
    const start = new URL('/authorize', server.issuer)
    start.search = new URLSearchParams({ client_id: WEB.client_id, request_uri: uri }).toString()
    const browser = new Browser()
    const { code } = callbackParams(await signIn(browser, await browser.open(start), server.ada))
    expect((await redeem(server, WEB, { url, verifier, state: '', nonce: '' }, code ?? '')).status).toBe(200)
    const opaque = await tokenRequest(server, MACHINE, {
      grant_type: 'client_credentials',
      scope: 'billing:read',
      resource: BILLING,
    })
    expect(opaque.body.access_token).toMatch(/^ct_/)
  })
})

describe('DI3: what is not advertised is refused', () => {
  test.each([
    'password',
    'implicit',
    'urn:ietf:params:oauth:grant-type:device_code',
    'urn:ietf:params:oauth:grant-type:token-exchange',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:grant-type:saml2-bearer',
    'urn:openid:params:grant-type:ciba',
  ])('grant_type %s', async (grantType) => {
    const answer = await tokenRequest(server, WEB, {
      grant_type: grantType,
      username: server.ada.username,
      password: server.ada.password,
    })
    expect({ status: answer.status, error: answer.body.error }).toEqual({ status: 400, error: 'unsupported_grant_type' })
  })

  test.each(['token', 'id_token', 'id_token token', 'code id_token', 'code token', 'code id_token token', 'none'])(
    'response_type %s',
    async (responseType) => {
      const page = await new Browser().open(authorizationRequest(server, SPA, { response_type: responseType }).url)
      const params = new URLSearchParams(`${new URL(page.url).search.slice(1)}&${new URL(page.url).hash.slice(1)}`)
      expect(params.get('error')).toBe('unsupported_response_type')
      expect([...params.keys()]).not.toEqual(expect.arrayContaining(['code']))
    },
  )

  test.each(['jwt', 'query.jwt', 'form_post.jwt', 'web_message'])('response_mode %s', async (mode) => {
    const page = await new Browser().open(authorizationRequest(server, SPA, { response_mode: mode }).url)
    expect(page.url).toContain('error=')
    expect(page.url).not.toContain('code=')
  })

  test.each([
    '/register',
    '/reg',
    '/device',
    '/device_authorization',
    '/backchannel',
    '/session/end',
    '/me',
    '/auth',
    '/credential',
    '/challenge',
  ])('the endpoint %s', async (path) => {
    expect((await fetch(new URL(path, server.issuer))).status).toBe(404)
    expect((await fetch(new URL(path, server.issuer), { method: 'POST', body: new URLSearchParams() })).status).toBe(404)
  })

  test.each(['HS256', 'ES384', 'none'])('a client assertion by %s', async (alg) => {
    const forged = `${encode({ alg })}.${encode({ iss: 'asserts-ES256', sub: 'asserts-ES256', aud: server.issuer })}.x`
    const answer = await post('/token', { grant_type: 'client_credentials', ...asAssertion('asserts-ES256', forged) })
    expect(answer.status).toBe(401)
  })
})

test('DI4: the keys are public ones, each with its name, use and algorithm', async () => {
  const answer = await (await fetch(new URL('/jwks', server.issuer))).text()
  const { keys } = JSON.parse(answer) as { keys: { [member: string]: string }[] }
  expect(keys.map(({ alg }) => alg).toSorted()).toEqual(ID_TOKEN_ALGORITHMS.toSorted())
  expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length)
  for (const key of keys) {
    expect(key).toMatchObject({
      kid: expect.stringMatching(/^.{10,}$/),
      use: 'sig',
      kty: expect.stringMatching(/^(EC|RSA|OKP)$/),
    })
    for (const member of Object.keys(key)) expect(['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use']).toContain(member)
  }
  // The private numbers themselves, in whatever public answer.
  const { db, sealer } = server.latchkey.stores
  const rows = await db.signingKey.findMany()
  const numbers = rows.map((row) => JSON.parse(sealer.open(row.sealedPrivate, `signing-key:${row.id}`).toString('utf8')).d)
  expect(numbers).toHaveLength(keys.length)
  for (const path of [...DOCUMENTS, '/jwks', '/', '/account', '/authorize', '/userinfo', '/logout']) {
    const text = await (await fetch(new URL(path, server.issuer), { redirect: 'manual' })).text()
    for (const number of numbers) expect(text).not.toContain(number)
    expect(text).not.toMatch(/"(?:d|p|q|dp|dq|qi|k)":/)
  }
})

const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'none', 'private_key_jwt']

function signedBy(alg: string): TestClient {
  return {
    client_id: `signed-by-${alg}`,
    client_secret: `a-secret-of-the-client-that-wants-${alg}`,
    redirect_uri: `https://${alg.toLowerCase()}.example/callback`,
    scope: 'openid',
  }
}

function registrationOf({ redirect_uri, ...client }: TestClient, alg: string): object {
  return { ...client, redirect_uris: [redirect_uri], id_token_signed_response_alg: alg, skip_consent: true }
}

async function discover(path: string): Promise<Discovery> {
  const response = await fetch(new URL(path, server.issuer))
  expect(response.status).toBe(200)
  return (await response.json()) as Discovery
}

async function assertion(alg: string): Promise<{ readonly [name: string]: string }> {
  const key = assertionKeys.get(alg)
  if (key === undefined) throw new Error(`no key for ${alg}`)
  const id = `asserts-${alg}`
  const jwt = await new SignJWT({})
    .setProtectedHeader({ alg, kid: alg })
    .setIssuer(id)
    .setSubject(id)
    .setAudience(server.issuer)
    .setJti(crypto.randomUUID())
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(key)
  return asAssertion(id, jwt)
}

function asAssertion(clientId: string, jwt: string): { readonly [name: string]: string } {
  return {
    client_id: clientId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: jwt,
  }
}

function post(path: string, params: { readonly [name: string]: string }): Promise<Response> {
  return fetch(new URL(path, server.issuer), { method: 'POST', body: new URLSearchParams(params) })
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function fieldsOf(body: string): URLSearchParams {
  const fields = new URLSearchParams()
  for (const [, name = '', value = ''] of body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)) {
    fields.append(name, value)
  }
  return fields
}
