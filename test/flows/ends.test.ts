// Ends: revocation, introspection and sign-out (RFC 7009, RFC 7662, OpenID Connect RP-Initiated Logout).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { API, BILLING, MACHINE, NOTES, PARTNER, SPA, WEB } from '../support/clients.ts'
import {
  authorizationRequest,
  claimsOf,
  clientRequest,
  introspect,
  obtainTokens,
  refresh,
  tokenRequest,
} from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

const revoke = (client: { client_id: string; client_secret?: string }, token: string, more = {}) =>
  clientRequest(server, '/revoke', client, { token, ...more })

describe('introspection', () => {
  test('tells the resource server everything about a living JWT, and about an opaque token', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const jwt = await introspect(server, API, tokens.body.access_token ?? '')
    expect(jwt).toMatchObject({ active: true, ...claimsOf(tokens.body.access_token), token_type: 'Bearer' })
    const opaque = await tokenRequest(server, MACHINE, {
      grant_type: 'client_credentials',
      resource: BILLING,
      scope: 'billing:read',
    })
    expect(opaque.body.access_token).toMatch(/^ct_/)
    expect(await introspect(server, MACHINE, opaque.body.access_token ?? '')).toMatchObject({
      active: true,
      aud: BILLING,
      client_id: MACHINE.client_id,
      sub: MACHINE.client_id,
      scope: 'billing:read',
    })
    expect(await introspect(server, API, opaque.body.access_token ?? '')).toEqual({ active: false })
  })

  test('the opaque token of a person names session and grant like a JWT does', async () => {
    const { tokens } = await obtainTokens(server, WEB, { params: { scope: 'openid email' } })
    const answer = await introspect(server, WEB, tokens.body.access_token ?? '')
    expect(answer).toMatchObject({ active: true, sid: expect.stringMatching(/^ses_/), grant_id: expect.stringMatching(/^gra_/) })
    expect(JSON.stringify(answer)).not.toContain(tokens.body.access_token)
  })

  test('a client without the right to ask learns nothing', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    expect(await introspect(server, WEB, tokens.body.access_token ?? '')).toEqual({ active: false })
    expect(await introspect(server, API, tokens.body.id_token ?? '')).toEqual({ active: false })
    expect(await introspect(server, API, `${tokens.body.access_token}x`)).toEqual({ active: false })
  })
})

describe('revocation', () => {
  test('of a JWT access token: dead everywhere, and nothing else is', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const other = await refresh(server, SPA, tokens.body.refresh_token ?? '')
    const response = await revoke(SPA, tokens.body.access_token ?? '')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBeNull()
    expect(await response.text()).toBe('')
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
    expect(await introspect(server, API, other.body.access_token ?? '')).toMatchObject({ active: true })
    const userinfo = await fetch(new URL('/userinfo', server.issuer), {
      headers: { authorization: `Bearer ${tokens.body.access_token}` },
    })
    expect(userinfo.status).toBe(401)
    const entry = await server.latchkey.stores.db.revocation.findFirst({
      where: { kind: 'jti', value: String(claimsOf(tokens.body.access_token).jti) },
    })
    expect(entry).not.toBeNull()
  })

  test('of a refresh token: its grant with everything on it', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    expect((await revoke(SPA, tokens.body.refresh_token ?? '', { token_type_hint: 'access_token' })).status).toBe(200)
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
  })

  test('of an opaque access token: that token only', async () => {
    const { tokens } = await obtainTokens(server, WEB, { params: { scope: 'openid email' } })
    await revoke(WEB, tokens.body.access_token ?? '')
    expect(await introspect(server, WEB, tokens.body.access_token ?? '')).toEqual({ active: false })
    expect((await refresh(server, WEB, tokens.body.refresh_token ?? '')).status).toBe(200)
  })

  test('of somebody else’s token does nothing, and says so no more than for a token that never was', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    expect((await revoke(WEB, tokens.body.refresh_token ?? '')).status).toBe(200)
    expect((await revoke(WEB, tokens.body.access_token ?? '')).status).toBe(200)
    expect((await revoke(WEB, 'never-was')).status).toBe(200)
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).status).toBe(200)
  })
})

describe('sign-out', () => {
  test('from one app signs out of both: refresh tokens, access tokens and the session end', async () => {
    const { browser, tokens: spa } = await obtainTokens(server, SPA)
    const { tokens: web } = await obtainTokens(server, WEB, { browser })
    const url = new URL('/logout', server.issuer)
    url.search = new URLSearchParams({
      id_token_hint: web.body.id_token ?? '',
      post_logout_redirect_uri: 'https://web.example/',
      state: 'left',
    }).toString()
    const left = await browser.submit(await browser.open(url))
    expect(left.url).toBe('https://web.example/?state=left')
    expect((await refresh(server, SPA, spa.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect((await refresh(server, WEB, web.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect(await introspect(server, API, spa.body.access_token ?? '')).toEqual({ active: false })
    const next = await browser.open(authorizationRequest(server, SPA).url)
    expect(next.body).toContain('name="password"')
  })

  test('leaves refresh tokens with offline_access alone', async () => {
    const { browser, tokens } = await obtainTokens(server, PARTNER, { params: { prompt: 'consent' } })
    await browser.submit(await browser.open(new URL('/logout', server.issuer)))
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
    const next = await refresh(server, PARTNER, tokens.body.refresh_token ?? '')
    expect(next.status).toBe(200)
    expect(claimsOf(next.body.access_token).sid).toBeUndefined()
    expect(await introspect(server, API, next.body.access_token ?? '')).toMatchObject({ active: true })
  })

  test('everywhere ends the sessions of other browsers too', async () => {
    const here = await obtainTokens(server, SPA, { person: server.grace })
    const there = await obtainTokens(server, SPA, { person: server.grace })
    const page = await here.browser.open(new URL('/logout', server.issuer))
    await here.browser.submit(page, { scope: 'account' })
    expect((await refresh(server, SPA, there.tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect(await introspect(server, API, there.tokens.body.access_token ?? '')).toEqual({ active: false })
  })
})

test('client credentials: a JWT for the API that is named, and nothing for one that is not allowed', async () => {
  const jwt = await tokenRequest(server, MACHINE, { grant_type: 'client_credentials', resource: NOTES, scope: 'notes:read' })
  expect(claimsOf(jwt.body.access_token)).toMatchObject({ aud: NOTES, sub: MACHINE.client_id, client_id: MACHINE.client_id })
  const wide = await tokenRequest(server, MACHINE, { grant_type: 'client_credentials', resource: NOTES, scope: 'notes:write' })
  expect(wide.body.error).toBe('invalid_scope')
  const other = await tokenRequest(server, API, { grant_type: 'client_credentials', resource: NOTES })
  expect(other.body.error).toBe('invalid_target')
})
