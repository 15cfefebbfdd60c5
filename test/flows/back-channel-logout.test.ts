// Back-channel logout (OpenID Connect Back-Channel Logout 1.0): every end of a session reaches the apps that were used in it.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { previewAccount } from '../../server/accounts/account-preview.ts'
import { metricsText } from '../../server/http/metrics.ts'
import { Browser } from '../support/browser.ts'
import type { TestClient } from '../support/clients.ts'
import { SPA } from '../support/clients.ts'
import { ACCEPT, type LogoutApp, startLogoutApp, until, withStatus } from '../support/logout-app.ts'
import { samplesOf } from '../support/metrics.ts'
import { authorizationRequest, claimsOf, obtainTokens } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

const CRM: TestClient = {
  client_id: 'crm',
  client_secret: 'a-secret-of-the-crm-app-that-is-long-enough',
  redirect_uri: 'https://crm.example/callback',
  scope: 'openid profile email notes:read',
}
const WIKI: TestClient = { ...CRM, client_id: 'wiki', redirect_uri: 'https://wiki.example/callback' }
const BO = { username: 'bo@people.example', password: 'two people who were told of it' }
const BY = { actor: 'acc_admin', reason: 'a test' }
const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

let crm: LogoutApp
let wiki: LogoutApp
let server: TestServer

beforeAll(async () => {
  crm = await startLogoutApp()
  wiki = await startLogoutApp()
  const app = ({ client_id, client_secret, redirect_uri, scope }: TestClient, more: object) => ({
    client_id,
    client_secret,
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    scope,
    skip_consent: true,
    ...more,
  })
  server = await startServer({
    provision: {
      accounts: [{ email: BO.username, email_verified: true, password: BO.password }],
      clients: [
        app(CRM, { backchannel_logout_uri: crm.uri, scope: `${CRM.scope} offline_access` }),
        app(WIKI, {
          backchannel_logout_uri: wiki.uri,
          backchannel_logout_session_required: false,
          id_token_signed_response_alg: 'ES256',
        }),
      ],
    },
  })
})

afterEach(async () => {
  await server.latchkey.logout.delivery.run()
  for (const app of [crm, wiki]) {
    app.received.length = 0
    app.answer = ACCEPT
  }
})

afterAll(async () => {
  await server?.stop()
  await crm?.stop()
  await wiki?.stop()
})

/** A browser in which somebody is signed in to both apps, and the `sid` that each was given. */
async function signedIn(person = server.ada) {
  const browser = new Browser()
  const ofCrm = await obtainTokens(server, CRM, { browser, person })
  const ofWiki = await obtainTokens(server, WIKI, { browser, person })
  await obtainTokens(server, SPA, { browser, person })
  const sessionId = String(claimsOf(ofCrm.tokens.body.access_token).sid)
  const account = String(claimsOf(ofCrm.tokens.body.id_token).sub)
  const sids = [ofCrm, ofWiki].map(({ tokens }) => String(claimsOf(tokens.body.id_token).sid))
  return { browser, sessionId, account, crmSid: sids[0], wikiSid: sids[1] }
}

const signOut = async (browser: Browser, values = {}) =>
  browser.submit(await browser.open(new URL('/logout', server.issuer)), values)
const sidsAt = (app: LogoutApp) => app.received.map(({ claims }) => claims.sid)
const notifications = () => server.latchkey.logout.notifications

test('LO2: sign-out sends each app one logout token that is made as the specification says', async () => {
  const { browser, crmSid, wikiSid, account } = await signedIn()
  expect((await signOut(browser)).body).toContain('You are signed out')
  await until(() => crm.received.length + wiki.received.length === 2)
  expect([sidsAt(crm), sidsAt(wiki)]).toEqual([[crmSid], [wikiSid]])
  expect(crmSid).not.toBe(wikiSid)
  const keys = createRemoteJWKSet(new URL('/jwks', server.issuer))
  const cases = [
    { app: crm, client: CRM, alg: 'RS256' },
    { app: wiki, client: WIKI, alg: 'ES256' },
  ]
  const seen = new Set<unknown>()
  for (const { app, client, alg } of cases) {
    const [{ token = '', contentType } = {}] = app.received
    expect(contentType).toBe('application/x-www-form-urlencoded')
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      typ: 'logout+jwt',
      issuer: server.issuer,
      audience: client.client_id,
    })
    expect(protectedHeader.alg).toBe(alg)
    expect(Object.keys(payload).sort()).toEqual(['aud', 'events', 'exp', 'iat', 'iss', 'jti', 'sid', 'sub'])
    expect(payload).toMatchObject({ sub: account, events: { [EVENT]: {} } })
    expect(payload).not.toHaveProperty('nonce')
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(120)
    seen.add(payload.jti)
  }
  expect(seen.size).toBe(2)
})

test('an ID token names the session for clients that are told of its end, and for no others', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  expect(claimsOf(tokens.body.id_token)).not.toHaveProperty('sid')
  const wikis = await obtainTokens(server, WIKI)
  expect(claimsOf(wikis.tokens.body.id_token).sid).toEqual(expect.any(String))
})

test('discovery says what is supported', async () => {
  const metadata = await (await fetch(new URL('/.well-known/openid-configuration', server.issuer))).json()
  expect(metadata).toMatchObject({ backchannel_logout_supported: true, backchannel_logout_session_supported: true })
})

describe('an app is told when a session ends', () => {
  test('because it was ended on the account page', async () => {
    const { sessionId, account, crmSid, wikiSid } = await signedIn()
    const ended = await server.latchkey.nouns.sessions.end({ accountId: account, sessionId, origin: {} })
    expect(ended).toMatchObject({ sessions: 1, logout_notifications: 2 })
    await until(() => crm.received.length + wiki.received.length === 2)
    expect([sidsAt(crm), sidsAt(wiki)]).toEqual([[crmSid], [wikiSid]])
  })

  test('because all others were', async () => {
    const one = await signedIn(server.grace)
    const other = await signedIn(server.grace)
    const { sessions } = server.latchkey.nouns
    const ended = await sessions.endOthers({ accountId: one.account, keepSessionId: one.sessionId, origin: {} })
    expect(ended).toMatchObject({ sessions: 1, logout_notifications: 2 })
    await until(() => crm.received.length + wiki.received.length === 2)
    expect(sidsAt(crm)).toEqual([other.crmSid])
    await sessions.endAll({ accountId: one.account, origin: {} })
    await until(() => crm.received.length === 2)
    expect(sidsAt(crm)).toEqual([other.crmSid, one.crmSid])
  })

  test('because the password was changed', async () => {
    const here = await signedIn()
    const there = await signedIn()
    const { changePassword, sessions } = server.latchkey.nouns
    const others = (await sessions.list(here.account)).length - 1
    const change = { accountId: here.account, sessionId: here.sessionId, origin: {} }
    const next = 'a difference engine 1822'
    expect(await changePassword({ ...change, current: server.ada.password, next })).toMatchObject({
      outcome: 'changed',
      ended: { sessions: others, logout_notifications: expect.any(Number) },
    })
    await until(() => crm.received.length === 1)
    expect(sidsAt(crm)).toEqual([there.crmSid])
    await server.latchkey.stores.db.password.deleteMany({ where: { accountId: here.account, NOT: { retiredAt: null } } })
    await changePassword({ ...change, current: next, next: server.ada.password })
  })

  test('because somebody else signs in over it', async () => {
    const { browser, crmSid } = await signedIn()
    const { url } = authorizationRequest(server, SPA, { prompt: 'login' })
    const page = await browser.submit(await browser.open(url), server.grace)
    await browser.submit(page)
    await until(() => crm.received.length === 1)
    expect(sidsAt(crm)).toEqual([crmSid])
    const [row] = await notifications().list({ clientId: CRM.client_id, limit: 1 })
    expect(row?.cause).toBe('replaced')
  })

  test('because everything was', async () => {
    const { crmSid } = await signedIn()
    const ended = await server.latchkey.nouns.endEverything({ cause: 'everything_ended' })
    expect(ended?.sessions).toBeGreaterThan(0)
    await until(() => sidsAt(crm).includes(crmSid))
  })
})

test('an app that does not need to know the session is told once that all of an account have ended', async () => {
  const [one, other, elsewhere] = [await signedIn(server.grace), await signedIn(server.grace), await signedIn()]
  const { tokens } = await obtainTokens(server, CRM, { browser: new Browser(), person: server.grace })
  const third = String(claimsOf(tokens.body.access_token).sid)
  const { suspend, reinstate } = server.latchkey.nouns.events.accounts
  expect(await previewAccount(server.latchkey.stores.db, one.account)).toMatchObject({ sessions: 3, logoutNotifications: 4 })
  expect(await suspend(one.account, BY)).toMatchObject({ sessions: 3, logout_notifications: 4 })
  await until(() => crm.received.length + wiki.received.length === 4)
  expect(sidsAt(crm).toSorted()).toEqual([one.crmSid, other.crmSid, claimsOf(tokens.body.id_token).sid].toSorted())
  const { sub, events, ...rest } = wiki.received[0]?.claims ?? {}
  expect([sub, events, 'sid' in rest]).toEqual([one.account, { [EVENT]: {} }, false])
  await server.latchkey.logout.delivery.run()
  // Whoever looks at one of the sessions sees what its apps were told, and nothing of apps that were not used in it.
  const toldOf = async (sessionId: string) =>
    (await notifications().list({ sessionId })).map(({ clientId }) => clientId).toSorted()
  expect(await toldOf(one.sessionId)).toEqual(['crm', 'wiki'])
  expect(await toldOf(other.sessionId)).toEqual(['crm', 'wiki'])
  expect(await toldOf(third)).toEqual(['crm'])
  expect(await toldOf(elsewhere.sessionId)).toEqual([])
  await reinstate(one.account, BY)
})

test('an app is told when its grant is revoked, though the session goes on, and again when that ends', async () => {
  const { browser, sessionId, crmSid, wikiSid } = await signedIn()
  const { grants } = server.latchkey.nouns.events
  const grantId = (await server.latchkey.stores.db.grant.findFirst({ where: { sessionId, clientId: CRM.client_id } }))?.id ?? ''
  expect(await grants.revokeMany([grantId], BY)).toMatchObject({ sessions: 0, grants: 1, logout_notifications: 1 })
  await until(() => crm.received.length === 1)
  expect([sidsAt(crm), sidsAt(wiki)]).toEqual([[crmSid], []])
  expect(await notifications().list({ sessionId })).toMatchObject([{ clientId: CRM.client_id, grantId, cause: 'grant_revoked' }])
  // It was ended before: there is nothing more to tell.
  expect(await grants.revokeMany([grantId], BY)).toMatchObject({ grants: 0, logout_notifications: 0 })
  const again = await obtainTokens(server, CRM, { browser, person: server.ada })
  expect(claimsOf(again.tokens.body.id_token).sid).toBe(crmSid)
  await signOut(browser)
  await until(() => crm.received.length + wiki.received.length === 3)
  expect([sidsAt(crm), sidsAt(wiki)]).toEqual([[crmSid, crmSid], [wikiSid]])
})

test('of a grant that outlived its session, the app is not told: it was, when the session ended', async () => {
  const { browser, sessionId } = await signedIn()
  const { db } = server.latchkey.stores
  const grant = await db.grant.findFirstOrThrow({ where: { sessionId, clientId: CRM.client_id } })
  // As one with offline access, which goes on.
  await db.refreshFamily.updateMany({ where: { grantId: grant.id }, data: { sessionBound: false } })
  await signOut(browser)
  await until(() => crm.received.length === 1)
  const ended = await server.latchkey.nouns.events.grants.revokeMany([grant.id], BY)
  expect(ended).toMatchObject({ grants: 1, logout_notifications: 0 })
})

test('of an account that is deleted, every app is told, and what came of it is kept', async () => {
  const { sessionId, account, crmSid } = await signedIn(BO)
  const ended = await server.latchkey.nouns.events.accounts.delete(account, BY)
  expect(ended).toMatchObject({ sessions: 1, logout_notifications: 2 })
  await until(() => crm.received.length + wiki.received.length === 2)
  expect([sidsAt(crm), sidsAt(wiki)]).toEqual([[crmSid], [undefined]])
  expect([crm, wiki].map(({ received }) => received[0]?.claims.sub)).toEqual([account, account])
  await server.latchkey.logout.delivery.run()
  const told = await notifications().list({ sessionId })
  expect(told.map(({ state }) => state)).toEqual(['delivered', 'delivered'])
})

test('what each app was told is kept for the operator, and no token', async () => {
  crm.answer = withStatus(500)
  const { browser, sessionId, account } = await signedIn()
  await signOut(browser)
  await server.latchkey.logout.delivery.run()
  const rows = await notifications().list({ sessionId })
  const about = { sessionId, accountId: account, cause: 'signed_out', attempts: 1 }
  expect(rows).toHaveLength(2)
  expect(rows.find(({ clientId }) => clientId === WIKI.client_id)).toMatchObject({
    ...about,
    state: 'delivered',
    lastStatus: 200,
    lastError: undefined,
    nextAttemptAt: undefined,
    finishedAt: expect.any(Date),
  })
  const failed = rows.find(({ clientId }) => clientId === CRM.client_id)
  expect(failed).toMatchObject({
    ...about,
    state: 'retrying',
    lastStatus: 500,
    lastError: 'it answered 500',
    finishedAt: undefined,
  })
  expect(await notifications().list({ sessionId, state: 'delivered' })).toHaveLength(1)
  expect(await notifications().list({ limit: 1 })).toHaveLength(1)
  const [{ token = '' } = {}] = crm.received
  expect(JSON.stringify(await server.latchkey.stores.db.logoutNotification.findMany())).not.toContain(token.slice(0, 40))
  expect(server.log.text).not.toContain(token.slice(0, 40))
  const samples = samplesOf(await metricsText([await server.latchkey.metrics.figures()]))
  expect(samples.get('latchkey_logout_notifications_waiting')).toBe(1)
  expect(samples.get('latchkey_logout_notifications_total{outcome="postponed"}')).toBe(1)
})
