// The authorization endpoint: requests that are wrong, or too much, or ask for what they may not have.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { generateKeyPair, SignJWT } from 'jose'
import { Browser } from '../support/browser.ts'
import { PARTNER, SPA, type TestClient, WEB } from '../support/clients.ts'
import {
  authorizationRequest,
  callbackParams,
  claimsOf,
  clientRequest,
  obtainTokens,
  redeem,
  signIn,
  tokenRequest,
} from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { authorize, errorLines, expectErrorAtClient, expectErrorPage, obtainCode } from './attempts.ts'

/** A client that may only push its requests. */
const PUSHER: TestClient = {
  client_id: 'pusher',
  client_secret: 'a-secret-of-the-pusher-that-is-long-enough',
  redirect_uri: 'https://pusher.example/callback',
  scope: 'openid notes:read',
}
/** A client that gets its answer by a form. */
const POSTED: TestClient = { ...SPA, client_id: 'posted', redirect_uri: 'https://posted.example/callback' }
/** A client whose name is an attack on the pages. */
const LOUD: TestClient = { ...PARTNER, client_id: 'loud', redirect_uri: 'https://loud.example/callback' }
const MARKUP = `"'><script>alert(1)</script><img src=x onerror=alert(1)>`

let server: TestServer

beforeAll(async () => {
  server = await startServer({
    provision: {
      clients: [
        registration(PUSHER, { require_pushed_authorization_requests: true, skip_consent: true }),
        registration(POSTED, { token_endpoint_auth_method: 'none', response_modes: ['form_post'], skip_consent: true }),
        registration(LOUD, { client_name: MARKUP }),
      ],
    },
  })
})

afterAll(async () => {
  await server?.stop()
})

function registration(client: TestClient, more: object): object {
  const { redirect_uri, ...rest } = client
  return { ...rest, redirect_uris: [redirect_uri], grant_types: ['authorization_code', 'refresh_token'], ...more }
}

/** An authorization request as a query, to be bent. */
function queryOf(client: TestClient, params: { readonly [name: string]: string | undefined } = {}): URLSearchParams {
  return new URL(authorizationRequest(server, client, params).url).searchParams
}

describe('what the request is', () => {
  test('AZ1: an unknown client gets a page, and nobody is sent anywhere', async () => {
    for (const client_id of ['nobody', '', 'notes-spa ', 'NOTES-SPA', '\u0000', "'; DROP TABLE clients; --", 'x'.repeat(5000)]) {
      expectErrorPage(server, await authorize(server, SPA, { client_id }))
    }
    expectErrorPage(server, await authorize(server, SPA, { client_id: undefined }))
  })

  test('AZ2: an unknown response type, or none, is an error at the client', async () => {
    expectErrorAtClient(server, await authorize(server, SPA, { response_type: undefined }), 'invalid_request')
    expectErrorAtClient(server, await authorize(server, SPA, { response_type: 'codes' }), 'unsupported_response_type')
  })

  test('AZ3: nothing but code is given by the front channel', async () => {
    for (const response_type of ['none', 'code code2']) {
      expectErrorAtClient(server, await authorize(server, SPA, { response_type }), 'unsupported_response_type')
    }
    for (const response_type of ['token', 'id_token', 'id_token token', 'code token', 'code id_token', 'code id_token token']) {
      for (const client of [SPA, WEB]) {
        const page = await authorize(server, client, { response_type })
        // The error of a front-channel response type goes into the fragment.
        const answer = new URLSearchParams(new URL(page.url).hash.slice(1))
        expect(Object.fromEntries(answer)).toMatchObject({ error: 'unsupported_response_type', iss: server.issuer })
        expect(answer.has('access_token') || answer.has('id_token') || answer.has('code')).toBe(false)
      }
    }
  })

  test('AZ4: passwords are not a grant type, and no unknown one is; none is advertised', async () => {
    const { username, password } = server.ada
    for (const grant_type of ['password', 'implicit', 'urn:ietf:params:oauth:grant-type:device_code', 'PASSWORD']) {
      for (const client of [SPA, WEB]) {
        const answer = await tokenRequest(server, client, { grant_type, username, password, scope: 'openid' })
        expect({ status: answer.status, error: answer.body.error }).toEqual({ status: 400, error: 'unsupported_grant_type' })
      }
    }
    const discovery = await (await fetch(new URL('/.well-known/openid-configuration', server.issuer))).json()
    expect(discovery).toMatchObject({
      grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
      response_types_supported: ['code'],
    })
  })

  test('AZ5: no parameter may be given twice', async () => {
    for (const name of ['scope', 'state', 'response_type', 'code_challenge', 'nonce', 'prompt']) {
      const query = queryOf(SPA)
      query.append(name, 'again')
      query.append(name, 'and again')
      const page = await new Browser().open(new URL(`/authorize?${query}`, server.issuer))
      const { error, code } = Object.fromEntries(new URL(page.url).searchParams)
      expect({ name, error, code }).toEqual({ name, error: 'invalid_request', code: undefined })
    }
    for (const name of ['client_id', 'redirect_uri']) {
      const query = queryOf(SPA)
      query.append(name, 'https://evil.test/')
      expectErrorPage(server, await new Browser().open(new URL(`/authorize?${query}`, server.issuer)))
    }
    const { authorization, code } = await obtainCode(server, SPA)
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: SPA.redirect_uri,
      code_verifier: authorization.verifier,
      client_id: SPA.client_id,
    })
    body.append('code', code)
    const twice = await fetch(new URL('/token', server.issuer), { method: 'POST', body })
    expect(twice.status).toBe(400)
    expect(await twice.json()).toMatchObject({ error: 'invalid_request' })
    // What stands in the query does not count, and does not spoil the body.
    const both = await fetch(new URL('/token?code=other&grant_type=password', server.issuer), {
      method: 'POST',
      body: new URLSearchParams({ ...Object.fromEntries(body), code }),
    })
    expect(both.status).toBe(200)
  })

  test('AZ6: much, and odd bytes, are borne; state comes back byte for byte', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`unknown_${index}`, 'x']))
    for (const state of ['s'.repeat(8192), 'a b+c%20&=#?/"\'<>é\u{1F511}', '%00%ff', '[]{}|\\^`', '__proto__']) {
      const { browser } = await obtainTokens(server, SPA)
      const page = await browser.open(authorizationRequest(server, SPA, { ...unknown, state }).url)
      expect(callbackParams(page)).toMatchObject({ state, code: expect.any(String) })
    }
    const nonce = 'n'.repeat(8192)
    const { tokens } = await obtainTokens(server, SPA, { params: { nonce } })
    expect(claimsOf(tokens.body.id_token).nonce).toBe(nonce)
    for (const bytes of ['%ff%fe', '%c3%28', '%', '%zz', '%ed%a0%80']) {
      const page = await new Browser().fetch(`${authorizationRequest(server, SPA, { state: undefined }).url}&state=${bytes}`)
      expect({ bytes, status: page.status }).toEqual({ bytes, status: expect.any(Number) })
      expect(page.status).toBeLessThan(500)
    }
  })
})

describe('what the request may have', () => {
  test('AZ14: a scope that the client may not have is refused, one that nobody knows is left out', async () => {
    expectErrorAtClient(server, await authorize(server, WEB, { scope: 'openid notes:write' }), 'invalid_scope')
    expectErrorAtClient(server, await authorize(server, WEB, { scope: 'openid billing:read' }), 'invalid_scope')
    expectErrorAtClient(server, await authorize(server, WEB, { scope: 'openid "notes' }), 'invalid_scope')
    const { tokens } = await obtainTokens(server, WEB, { params: { scope: 'openid notes:read admin root' } })
    expect(claimsOf(tokens.body.access_token).scope).toBe('notes:read')
    const resource = await authorize(server, SPA, { resource: 'https://billing.example/api' })
    expectErrorAtClient(server, resource, 'invalid_target')
    const unknown = await authorize(server, SPA, { resource: 'https://nowhere.example/' })
    expectErrorAtClient(server, unknown, 'invalid_target')
  })

  test('AZ13: whatever acr is asked for, none is claimed that was not reached', async () => {
    const { tokens } = await obtainTokens(server, SPA, { params: { acr_values: 'urn:mace:incommon:iap:gold phr' } })
    expect(claimsOf(tokens.body.id_token).acr).toBeUndefined()
    expect(claimsOf(tokens.body.access_token)).toMatchObject({ amr: ['pwd'] })
    expect(claimsOf(tokens.body.access_token).acr).toBeUndefined()
  })

  test('AZ15 AZ16: request objects are not taken, by value or from an address, and no address is fetched', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    const signed = await new SignJWT({ client_id: SPA.client_id, scope: 'openid' })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(privateKey)
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${signed.split('.')[1]}.`
    for (const request of [signed, unsigned, 'x']) {
      expectErrorAtClient(server, await authorize(server, SPA, { request }), 'request_not_supported')
    }
    for (const request_uri of [
      'https://spa.example/request.jwt',
      `${server.issuer}/jwks`,
      'http://169.254.169.254/latest/meta-data/',
      'file:///etc/passwd',
    ]) {
      expectErrorAtClient(server, await authorize(server, SPA, { request_uri }), 'request_uri_not_supported')
    }
    const urn = 'urn:ietf:params:oauth:request_uri:'
    for (const id of ['', 'never-was', '../../x', '\u0000', 'x'.repeat(4000)]) {
      const page = await authorize(server, SPA, { request_uri: `${urn}${id}` })
      expect(new URL(page.url).searchParams.get('code')).toBeNull()
      expectErrorAtClient(server, page, 'invalid_request_uri')
    }
    const discovery = await (await fetch(new URL('/.well-known/openid-configuration', server.issuer))).json()
    expect(discovery).toMatchObject({ request_uri_parameter_supported: false })
    // Left out means no (OpenID Connect Discovery §3).
    expect(discovery).not.toHaveProperty('request_parameter_supported')
  })

  test('AZ19: every answer to the client names the issuer, as discovery writes it', async () => {
    const discovery = (await (await fetch(new URL('/.well-known/openid-configuration', server.issuer))).json()) as {
      issuer: string
      authorization_response_iss_parameter_supported: boolean
    }
    expect(discovery.authorization_response_iss_parameter_supported).toBe(true)
    const browser = new Browser()
    const page = await signIn(browser, await browser.open(authorizationRequest(server, SPA).url), server.ada)
    expect(callbackParams(page)).toMatchObject({ iss: discovery.issuer, code: expect.any(String) })
    const wrong = await authorize(server, SPA, { prompt: 'none' })
    expect(callbackParams(wrong)).toMatchObject({ iss: discovery.issuer, error: 'login_required' })
  })
})

describe('AZ17 AZ18: pushed requests', () => {
  async function push(client: TestClient, params: { readonly [name: string]: string | undefined } = {}) {
    const authorization = authorizationRequest(server, client, params)
    const response = await clientRequest(server, '/par', client, Object.fromEntries(new URL(authorization.url).searchParams))
    const body = (await response.json()) as { request_uri?: string; expires_in?: number; error?: string }
    return { authorization, status: response.status, ...body }
  }

  const use = (client: TestClient, request_uri: string, browser = new Browser()) =>
    browser.open(`${server.issuer}/authorize?${new URLSearchParams({ client_id: client.client_id, request_uri })}`)

  test('AZ18: a client that must push may not ask in the open', async () => {
    expectErrorAtClient(server, await authorize(server, PUSHER, {}), 'invalid_request')
    const { authorization, request_uri = '', status } = await push(PUSHER)
    expect(status).toBe(201)
    const browser = new Browser()
    const page = await signIn(browser, await use(PUSHER, request_uri, browser), server.ada)
    expect((await redeem(server, PUSHER, authorization, callbackParams(page).code ?? '')).status).toBe(200)
  })

  test('AZ17: a pushed request is good once, for its own client, for a minute', async () => {
    const { browser } = await obtainTokens(server, WEB)
    const once = await push(WEB)
    expect(once.expires_in).toBe(60)
    expect(callbackParams(await use(WEB, once.request_uri ?? '', browser))).toHaveProperty('code')
    expect((await use(WEB, once.request_uri ?? '', browser)).url).not.toContain('code=')
    const foreign = await push(WEB)
    expect((await use(PUSHER, foreign.request_uri ?? '', browser)).url).not.toContain('code=')
    const late = await push(WEB)
    await server.advance(70)
    expect((await use(WEB, late.request_uri ?? '', browser)).url).not.toContain('code=')
  })

  test('AZ17: what is pushed is judged when it is pushed, and a confidential client must say who it is', async () => {
    expect(await push({ ...WEB, client_secret: 'wrong' })).toMatchObject({ status: 401, error: 'invalid_client' })
    const { client_secret: _, ...anonymous } = WEB
    expect(await push(anonymous)).toMatchObject({ status: 401, error: 'invalid_client' })
    expect(await push(WEB, { redirect_uri: 'https://evil.test/' })).toMatchObject({ status: 400, error: 'invalid_request' })
    expect(await push(WEB, { scope: 'openid notes:write' })).toMatchObject({ status: 400, error: 'invalid_scope' })
    expect(await push(WEB, { code_challenge: undefined, code_challenge_method: undefined })).toMatchObject({ status: 400 })
    expect(await push(WEB, { request_uri: 'urn:ietf:params:oauth:request_uri:x' })).toMatchObject({ status: 400 })
    expect(await push(WEB, { client_id: SPA.client_id })).toMatchObject({ status: 400 })
  })
})

describe('what the answer is', () => {
  test('AZ22: a response mode that the client is not registered for is refused', async () => {
    for (const response_mode of ['web_message', 'jwt', 'query.jwt', 'form_post.jwt', 'QUERY', 'constructor']) {
      expectErrorAtClient(server, await authorize(server, SPA, { response_mode }), 'unsupported_response_mode')
    }
    const { browser } = await obtainTokens(server, SPA)
    for (const response_mode of ['query', undefined]) {
      expectErrorAtClient(server, await authorize(server, POSTED, { response_mode }, browser), 'invalid_request')
    }
    const fragment = new URL((await authorize(server, POSTED, { response_mode: 'fragment' }, browser)).url)
    expect(Object.fromEntries(new URLSearchParams(fragment.hash.slice(1)))).toMatchObject({ error: 'invalid_request' })
    expect(fragment.href).not.toContain('code=')
  })

  test('AZ22: the page of form_post escapes what it carries, and runs its one script only', async () => {
    const { browser } = await obtainTokens(server, SPA)
    const params = { response_mode: 'form_post', state: MARKUP }
    const page = await browser.open(authorizationRequest(server, POSTED, params).url)
    expect(page.status).toBe(200)
    expect(page.body).toContain(`action="${POSTED.redirect_uri}"`)
    expect(page.body).toContain('name="code"')
    expect(page.body).not.toContain('<script>alert')
    expect(page.body).not.toContain('<img')
    expect(page.headers['cache-control']).toBe('no-store')
    const policy = String(page.headers['content-security-policy'])
    expect(policy).toMatch(/script-src 'sha256-[^']+'/)
    expect(policy).not.toContain('unsafe-inline')
    // The browser must be let go to the client.
    expect(policy).not.toContain("form-action 'self'")
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
  })

  test('AZ27: markup in what a request says of itself is escaped on every page', async () => {
    const params = { login_hint: MARKUP, ui_locales: MARKUP, display: MARKUP, claims_locales: MARKUP }
    const browser = new Browser()
    const login = await browser.open(authorizationRequest(server, LOUD, params).url)
    const refused = await browser.submit(login, { username: MARKUP, password: MARKUP })
    const consent = await browser.submit(refused, server.grace)
    const errors = await Promise.all([
      authorize(server, SPA, { client_id: MARKUP }),
      authorize(server, SPA, { redirect_uri: MARKUP }),
      authorize(server, SPA, { client_id: MARKUP, state: MARKUP }),
      new Browser().open(
        `${server.issuer}/authorize?error=${encodeURIComponent(MARKUP)}&error_hint=${encodeURIComponent(MARKUP)}`,
      ),
      new Browser().open(`${server.issuer}/interactions/${encodeURIComponent(MARKUP)}`),
      new Browser().open(`${server.issuer}/${encodeURIComponent(MARKUP)}`),
      new Browser().open(`${server.issuer}/logout?id_token_hint=${encodeURIComponent(MARKUP)}`),
      new Browser().open(`${server.issuer}/logout/success?client_id=${encodeURIComponent(MARKUP)}`),
    ])
    expect(consent.body).toContain('&lt;script&gt;')
    for (const page of [login, refused, consent, ...errors]) {
      expect(page.body).not.toMatch(/<script|<img|onerror=alert\(1\)>/)
      expect(page.status).toBeLessThan(500)
      expect(String(page.headers['content-security-policy'])).toContain("default-src 'none'")
    }
  })
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
})
