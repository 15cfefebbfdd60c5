// The main job: a person signs in, and an app gets tokens (RFC 6749 §4.1, RFC 7636, RFC 9068, OpenID Connect Core §3.1).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { Browser, formsOf } from '../support/browser.ts'
import { API, NOTES, PARTNER, SPA, WEB } from '../support/clients.ts'
import {
  authorizationRequest,
  callbackParams,
  claimsOf,
  headerOf,
  introspect,
  obtainTokens,
  redeem,
  refresh,
  signIn,
} from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

describe('code flow with PKCE', () => {
  test('a single-page app gets a JWT access token, an ID token and a refresh token', async () => {
    const { tokens, authorization } = await obtainTokens(server, SPA)
    expect(tokens.status).toBe(200)
    expect(tokens.body).toMatchObject({ token_type: 'Bearer', expires_in: 900 })
    expect(tokens.body.refresh_token).toMatch(/^rt_[A-Za-z0-9_-]{22}\.0\.[A-Za-z0-9_-]{43}$/)
    const claims = claimsOf(tokens.body.access_token)
    expect(headerOf(tokens.body.access_token)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
    expect(claims).toMatchObject({
      iss: server.issuer,
      aud: NOTES,
      client_id: SPA.client_id,
      scope: 'notes:read notes:write',
      sub: expect.stringMatching(/^acc_/),
      sid: expect.stringMatching(/^ses_/),
      grant_id: expect.stringMatching(/^gra_/),
      amr: ['pwd'],
      roles: ['owner'],
    })
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(900)
    expect(claims.auth_time).toBeLessThanOrEqual(claims.iat ?? 0)
    const idToken = claimsOf(tokens.body.id_token)
    expect(headerOf(tokens.body.id_token)).toMatchObject({ alg: 'RS256' })
    expect(idToken).toMatchObject({ iss: server.issuer, aud: SPA.client_id, sub: claims.sub, nonce: authorization.nonce })
  })

  test('both tokens verify with the published keys', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const keys = createRemoteJWKSet(new URL('/jwks', server.issuer))
    const accessToken = await jwtVerify(tokens.body.access_token ?? '', keys, {
      issuer: server.issuer,
      audience: NOTES,
      typ: 'at+jwt',
    })
    const idToken = await jwtVerify(tokens.body.id_token ?? '', keys, { issuer: server.issuer, audience: SPA.client_id })
    expect(idToken.payload.sub).toBe(accessToken.payload.sub)
  })

  test('a request that asks for no scope of an API gets an opaque token, good for userinfo', async () => {
    const { tokens } = await obtainTokens(server, SPA, { params: { scope: 'openid email' } })
    expect(tokens.body.access_token).toMatch(/^at_/)
    const response = await fetch(new URL('/userinfo', server.issuer), {
      headers: { authorization: `Bearer ${tokens.body.access_token}` },
    })
    expect(await response.json()).toEqual({ sub: expect.any(String), email: server.ada.username, email_verified: true })
  })

  test('userinfo takes the JWT of an API too, and tells what was agreed to with OpenID Connect', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const response = await fetch(new URL('/userinfo', server.issuer), {
      headers: { authorization: `Bearer ${tokens.body.access_token}` },
    })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ name: 'Ada Lovelace', email: server.ada.username })
  })

  test('a second app gets in by the same session, without asking again', async () => {
    const { browser } = await obtainTokens(server, SPA)
    const authorization = authorizationRequest(server, WEB)
    const page = await browser.open(authorization.url)
    const { code, iss, state } = callbackParams(page)
    expect(iss).toBe(server.issuer)
    expect(state).toBe(authorization.state)
    const tokens = await redeem(server, WEB, authorization, code ?? '')
    expect(tokens.status).toBe(200)
  })

  test('the consent page says who is signed in, and so does the page that asks for the password again', async () => {
    const browser = new Browser()
    const request = authorizationRequest(server, PARTNER, { prompt: 'consent' })
    const consent = await browser.submit(await browser.open(request.url), server.ada)
    expect(consent.body).toContain(`You are signed in as <strong><bdi>${server.ada.username}</bdi></strong>`)
    const again = await browser.open(authorizationRequest(server, SPA, { prompt: 'login' }).url)
    expect(formsOf(again)[0]?.fields.username).toBe(server.ada.username)
  })

  test('an app of somebody else asks for consent, once', async () => {
    const browser = new Browser()
    const first = authorizationRequest(server, PARTNER, { scope: 'openid email notes:read' })
    const signedIn = await browser.submit(await browser.open(first.url), server.grace)
    expect(signedIn.status).toBe(200)
    expect(signedIn.body).toContain('App partner')
    expect(signedIn.body).not.toContain('name="password"')
    const agreed = await browser.submit(signedIn)
    expect(callbackParams(agreed)).toHaveProperty('code')
    // In another browser the consent is remembered, and only the password is asked.
    const again = await obtainTokens(server, PARTNER, { params: { scope: 'openid email notes:read' }, person: server.grace })
    expect(again.tokens.status).toBe(200)
  })

  test('CN2: an app that loses its access on the account page is refused at once, and has to ask again', async () => {
    const params = { scope: 'openid email notes:read offline_access', prompt: 'consent' }
    const given = await obtainTokens(server, PARTNER, { params, person: server.grace })
    const browser = new Browser()
    const account = await browser.submit(await browser.open(`${server.issuer}/account`), server.grace)
    const form = formsOf(account).find(({ action }) => action === '/account/apps/revocation')
    expect(form?.fields.client_id).toBe(PARTNER.client_id)
    const body = new URLSearchParams(form?.fields).toString()
    expect((await browser.fetch(`${server.issuer}/account/apps/revocation`, { body })).status).toBe(303)
    const done = await browser.open(`${server.issuer}/account`)
    expect(done.body).toContain('That app can no longer use your account.')
    expect((await refresh(server, PARTNER, given.tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect(await introspect(server, API, given.tokens.body.access_token ?? '')).toEqual({ active: false })
    const again = await browser.open(authorizationRequest(server, PARTNER, { scope: 'openid email notes:read' }).url)
    expect(again.body).toContain('App partner')
  })

  test('whoever does not agree goes back to the app with access_denied', async () => {
    const browser = new Browser()
    const request = authorizationRequest(server, PARTNER, { scope: 'openid profile' })
    const consent = await browser.submit(await browser.open(request.url), server.ada)
    const denied = await browser.submit(consent, {}, 'deny')
    expect(callbackParams(denied)).toMatchObject({ error: 'access_denied', state: request.state, iss: server.issuer })
  })

  test('six apps at once in a signed-in browser all end up in the session', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA, { params: { scope: 'openid' } })
    const clients = [SPA, WEB, SPA, WEB, SPA, WEB]
    const requests = clients.map((client) => authorizationRequest(server, client))
    const pages = await Promise.all(requests.map((request) => browser.open(request.url)))
    const authorizationAt = (index: number) => requests[index] ?? authorizationRequest(server, SPA)
    const answers = await Promise.all(
      pages.map((page, index) => redeem(server, clients[index] ?? SPA, authorizationAt(index), callbackParams(page).code ?? '')),
    )
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200, 200])
    const sids = new Set(answers.map((answer) => claimsOf(answer.body.access_token).sid))
    expect(sids.size).toBe(1)
    const accountId = claimsOf(tokens.body.id_token).sub ?? ''
    const sessions = await server.latchkey.nouns.sessions.list(accountId)
    const session = sessions.find(({ id }) => sids.has(id))
    expect(session?.clients.map(({ clientId }) => clientId).sort()).toEqual([SPA.client_id, WEB.client_id])
  })

  test('a wrong password is refused on the same page, and the right one goes on', async () => {
    const browser = new Browser()
    const request = authorizationRequest(server, SPA)
    const login = await browser.open(request.url)
    const refused = await browser.submit(login, { username: server.ada.username, password: 'not the password' })
    expect(refused.body).toContain('name="password"')
    expect(callbackParams(await signIn(browser, refused, server.ada))).toHaveProperty('code')
  })
})

test('an app may send its requests by a form: the browser is sent on to the same request (OpenID Connect Core §3.1.2.1)', async () => {
  const browser = new Browser()
  const request = new URL(authorizationRequest(server, SPA).url)
  const sent = await browser.fetch(`${server.issuer}/authorize`, {
    body: request.searchParams.toString(),
    headers: { origin: 'https://spa.example', 'sec-fetch-site': 'cross-site' },
  })
  expect(sent.status).toBe(303)
  expect(new URL(String(sent.headers.location), server.issuer).href).toBe(request.href)
  expect(callbackParams(await signIn(browser, await browser.open(request), server.ada))).toHaveProperty('code')
  const out = await browser.fetch(`${server.issuer}/logout`, { body: `client_id=${SPA.client_id}` })
  expect(out.headers.location).toBe(`/logout?client_id=${SPA.client_id}`)
  const twice = await browser.fetch(`${server.issuer}/authorize`, { body: 'client_id=a&client_id=b' })
  expect(twice.status).toBe(400)
})
