// What is no access token is taken for one nowhere: what is forged, at the doors of the server's own APIs, and what the server itself
// has signed or handed out for another purpose (RFC 8725 §3.12, GHSA-7fpj-9hr8-28vh), at every door.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { adminResourceOf, personToken, ROBOT, robotToken, startAdminServer } from '../admin-api/api.ts'
import { API, type TestClient } from '../support/clients.ts'
import { type LogoutApp, startLogoutApp, until } from '../support/logout-app.ts'
import { claimsOf, clientRequest, headerOf, introspect, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import type { TestServer } from '../support/server.ts'
import { authorize, errorLines, expectErrorAtClient, expectErrorPage, obtainCode } from './attempts.ts'
import { forgeriesOf, publishedKeys } from './forgeries.ts'

const CRM: TestClient = {
  client_id: 'crm',
  client_secret: 'a-secret-of-the-crm-app-that-is-long-enough',
  redirect_uri: 'https://crm.example/callback',
  scope: 'openid profile email notes:read',
}
/** Listens to everything there is to listen to. */
const SIEM = { client_id: 'siem', client_secret: 'a-secret-of-the-siem-that-is-long-enough' }
const SIEM_SCOPES = { '/shared-signals': 'ssf.manage', '/revocations': 'revocations:read' } as const
const SIGNED_INTROSPECTION = 'application/token-introspection+jwt'
const SESSION_REVOKED = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked'

let server: TestServer
let app: LogoutApp
let siem: Receiver
let others: { readonly [what: string]: string }

beforeAll(async () => {
  app = await startLogoutApp()
  siem = await startReceiver()
  server = await startAdminServer({
    settings: { LATCHKEY_SHARED_SIGNALS: 'on', LATCHKEY_STATUS_LISTS: 'on' },
    provision: {
      clients: [
        {
          client_id: CRM.client_id,
          client_secret: CRM.client_secret,
          redirect_uris: [CRM.redirect_uri],
          post_logout_redirect_uris: ['https://crm.example/'],
          grant_types: ['authorization_code', 'refresh_token'],
          scope: CRM.scope,
          skip_consent: true,
          backchannel_logout_uri: app.uri,
        },
        { ...SIEM, grant_types: ['client_credentials'], scope: Object.values(SIEM_SCOPES).join(' ') },
      ],
    },
  })
  others = await otherTokens()
}, 60_000)

afterAll(async () => {
  await server?.stop()
  await app?.stop()
  await siem?.stop()
})

/** Where the server's own APIs take an access token: what each is asked. */
const OWN_APIS = [
  ['GET', '/admin/api/v1/sessions'],
  ['GET', '/admin/api/v1/clients'],
  ['DELETE', '/admin/api/v1/sessions/not-there'],
  ['GET', '/revocations'],
  ['POST', '/revocations/acknowledgements'],
  ['GET', '/shared-signals/stream'],
  ['POST', '/shared-signals/poll'],
] as const

const askWith = (token: string, method: string, path: string) =>
  fetch(`${server.issuer}${path}`, { method, headers: { authorization: `Bearer ${token}`, accept: 'application/json' } })

async function expectNoOwnApiTakes(token: string, paths: readonly (readonly [string, string])[] = OWN_APIS): Promise<void> {
  for (const [method, path] of paths) {
    const answer = await askWith(token, method, path)
    const challenge = answer.headers.get('www-authenticate')
    await answer.body?.cancel()
    const seen = { token: token.slice(0, 100), path, status: answer.status, challenge }
    // What does not fit into a header at all is not heard.
    if (token.length < 12_000)
      expect(seen).toEqual({ ...seen, status: 401, challenge: expect.stringContaining('error="invalid_token"') })
    else expect([401, 431]).toContain(answer.status)
  }
}

const siemToken = async (path: keyof typeof SIEM_SCOPES) => {
  const params = { grant_type: 'client_credentials', resource: `${server.issuer}${path}`, scope: SIEM_SCOPES[path] }
  return (await tokenRequest(server, SIEM, params)).body.access_token ?? ''
}

test('TK2 TK3: no forged, weakened or laden JWT opens the admin API, the revocations feed or the shared signals', async () => {
  const keys = await publishedKeys(server)
  const doors = [
    [await robotToken(server), 'GET', '/admin/api/v1/sessions'],
    [await personToken(server, 'owner'), 'GET', '/admin/api/v1/sessions'],
    [await siemToken('/revocations'), 'GET', '/revocations'],
    [await siemToken('/shared-signals'), 'GET', '/shared-signals/stream'],
  ] as const
  for (const [good, method, path] of doors) {
    const forgeries = await forgeriesOf(good, keys)
    expect(forgeries.length).toBeGreaterThan(30)
    const of = OWN_APIS.filter(([, other]) => other.split('/')[1] === path.split('/')[1])
    for (const forgery of forgeries) await expectNoOwnApiTakes(forgery, of)
    // It was not the address that was wrong.
    const answer = await askWith(good, method, path)
    expect([path, answer.status]).toEqual([path, 200])
    await answer.body?.cancel()
  }
  expect(claimsOf(doors[0][0])).toMatchObject({ aud: adminResourceOf(server), client_id: ROBOT.client_id })
})

/** What the server signs or hands out for other purposes, all of it good for what it is. */
async function otherTokens(): Promise<{ readonly [what: string]: string }> {
  const signals = await siemToken('/shared-signals')
  const headers = { authorization: `Bearer ${signals}`, 'content-type': 'application/json' }
  const delivery = { method: 'urn:ietf:rfc:8935', endpoint_url: siem.url }
  const stream = JSON.stringify({ delivery, events_requested: [SESSION_REVOKED] })
  const made = await fetch(`${server.issuer}/shared-signals/stream`, { method: 'POST', headers, body: stream })
  expect(made.status).toBe(201)
  const leaving = await obtainTokens(server, CRM)
  await leaving.browser.submit(await leaving.browser.open(new URL('/logout', server.issuer)))
  await until(() => app.received.length > 0 && siem.received.length > 0)
  const { code, authorization } = await obtainCode(server, CRM)
  const { browser, tokens } = await obtainTokens(server, CRM)
  const asked = { token: tokens.body.access_token ?? '' }
  const told = await clientRequest(server, '/introspect', API, asked, { accept: SIGNED_INTROSPECTION })
  const { uri } = (claimsOf(asked.token).status as { status_list: { uri: string } }).status_list
  const pushed = await clientRequest(server, '/par', CRM, Object.fromEntries(new URL(authorization.url).searchParams))
  const { request_uri: requestUri } = (await pushed.json()) as { request_uri: string }
  const [, session = ''] = /session=([^;]+)/.exec(browser.cookieHeader('/')) ?? []
  return {
    'a logout token': app.received[0]?.token ?? '',
    'a security event token': siem.received[0]?.body ?? '',
    'an ID token': tokens.body.id_token ?? '',
    'a signed introspection': await told.text(),
    'a status list': await (await fetch(uri)).text(),
    'a code': code,
    'a pushed request': requestUri,
    'a session cookie': session,
  }
}

test('IN3: what is signed or handed out for another purpose is no access token, no refresh token, and no code', async () => {
  const types = Object.entries(others).flatMap(([what, token]) =>
    token.split('.').length === 3 && token.startsWith('ey') ? [[what, headerOf(token).typ]] : [],
  )
  // They are what they are meant to be, by a key of the server's.
  expect(Object.fromEntries(types)).toEqual({
    'a logout token': 'logout+jwt',
    'a security event token': 'secevent+jwt',
    'an ID token': undefined,
    'a signed introspection': 'token-introspection+jwt',
    'a status list': 'statuslist+jwt',
  })
  for (const [what, token] of Object.entries(others)) {
    expect([what, token.length > 20]).toEqual([what, true])
    for (const client of [CRM, API, SIEM]) {
      for (const hint of ['access_token', 'refresh_token', 'logout_token']) {
        const asked = await clientRequest(server, '/introspect', client, { token, token_type_hint: hint })
        expect([what, asked.status, await asked.json()]).toEqual([what, 200, { active: false }])
      }
    }
    const userinfo = await fetch(new URL('/userinfo', server.issuer), { headers: { authorization: `Bearer ${token}` } })
    expect([what, userinfo.status]).toEqual([what, 401])
    await expectNoOwnApiTakes(token)
    expect([what, (await refresh(server, CRM, token)).body.error]).toEqual([what, 'invalid_grant'])
    if (what === 'a code') continue
    const params = {
      grant_type: 'authorization_code',
      code: token,
      redirect_uri: CRM.redirect_uri,
      code_verifier: 'v'.repeat(43),
    }
    expect([what, (await tokenRequest(server, CRM, params)).body.error]).toEqual([what, 'invalid_grant'])
  }
  // None of them was harmed by being mistaken.
  const { tokens } = await obtainTokens(server, CRM)
  expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })
})

test('IN3: nor is it an ID token that says who is signed in', async () => {
  const { 'an ID token': idToken, ...mistaken } = others
  const { browser } = await obtainTokens(server, CRM)
  const hinted = (hint: string | undefined) => ({ id_token_hint: hint, prompt: 'none' })
  for (const token of Object.values(mistaken)) {
    expectErrorAtClient(server, await authorize(server, CRM, hinted(token), browser), 'invalid_request')
    const query = new URLSearchParams({ id_token_hint: token, post_logout_redirect_uri: 'https://crm.example/' })
    expectErrorPage(server, await browser.open(`${server.issuer}/logout?${query}`))
  }
  expect((await authorize(server, CRM, hinted(idToken), browser)).url).toContain('code=')
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
})
