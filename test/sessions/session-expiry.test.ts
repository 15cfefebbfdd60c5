// Sessions that are over without having been ended: their apps hear of it, what is bound to them ends, and access tokens live out
// their minutes or end, as the setting says.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import pg from 'pg'
import { closeExpiredSessions } from '../../server/maintenance/expired-sessions.ts'
import { pagesOfRun } from '../../server/maintenance/table-pages.ts'
import { Browser } from '../support/browser.ts'
import { API, PARTNER, type TestClient } from '../support/clients.ts'
import { type LogoutApp, startLogoutApp, until } from '../support/logout-app.ts'
import { claimsOf, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'

const HOUR = 3600
const CRM: TestClient = {
  client_id: 'crm',
  client_secret: 'a-secret-of-the-crm-app-that-is-long-enough',
  redirect_uri: 'https://crm.example/callback',
  scope: 'openid profile email notes:read',
}

let crm: LogoutApp
let server: TestServer
/** Another process on the same database, with the other policy. */
let strict: TestServer

beforeAll(async () => {
  crm = await startLogoutApp()
  const { client_id, client_secret, redirect_uri, scope } = CRM
  const client = { client_id, client_secret, redirect_uris: [redirect_uri], scope, skip_consent: true }
  const more = { grant_types: ['authorization_code', 'refresh_token'], backchannel_logout_uri: crm.uri }
  const provision = { clients: [{ ...client, ...more }] }
  server = await startServer({ provision })
  const settings = { ISSUER: server.issuer, LATCHKEY_EXPIRED_SESSION_TOKENS: 'end' }
  strict = await startServer({ provision, databaseUrl: server.databaseUrl, settings })
})

afterEach(async () => {
  await close()
  await server.latchkey.logout.delivery.run()
  crm.received.length = 0
})

afterAll(async () => {
  await strict?.stop()
  await server?.stop()
  await crm?.stop()
})

const close = ({ latchkey } = server) => closeExpiredSessions({ db: latchkey.stores.db, expiry: latchkey.nouns.sessionExpiry })

/** Somebody who signed in nine hours ago less a minute, and was last there a minute before the session ended. */
async function forgotten() {
  const browser = new Browser()
  const app = await obtainTokens(server, CRM, { browser })
  const offline = await obtainTokens(server, PARTNER, { browser, params: { prompt: 'consent' } })
  await server.advance(8 * HOUR - 60)
  const last = await refresh(server, PARTNER, offline.tokens.body.refresh_token ?? '')
  await server.advance(120)
  return {
    sessionId: String(claimsOf(app.tokens.body.access_token).sid),
    sid: claimsOf(app.tokens.body.id_token).sid,
    bound: app.tokens.body.refresh_token ?? '',
    offline: last.body.refresh_token ?? '',
    accessToken: last.body.access_token ?? '',
  }
}

const record = (id: string) => server.latchkey.stores.db.session.findUniqueOrThrow({ where: { id } })
const expiries = (sessionId: string) =>
  server.latchkey.stores.db.auditEvent.count({ where: { name: 'session.expired', sessionId, actor: 'system' } })

describe('a session that was not used', () => {
  test('is told of; bound refresh tokens end, offline ones stay, access tokens live out their minutes', async () => {
    const { sessionId, sid, bound, offline, accessToken } = await forgotten()
    expect(await close()).toBe(1)
    await until(() => crm.received.length === 1)
    expect(crm.received[0]?.claims.sid).toBe(sid)
    expect(await server.latchkey.logout.notifications.list({ sessionId })).toMatchObject([{ cause: 'session_expired' }])
    const families = await server.latchkey.stores.db.refreshFamily.findMany({
      where: { sessionId },
      orderBy: { clientId: 'asc' },
    })
    expect(families.map(({ clientId, endReason }) => [clientId, endReason])).toEqual([
      [CRM.client_id, 'session_expired'],
      [PARTNER.client_id, null],
    ])
    expect((await refresh(server, CRM, bound)).body.error).toBe('invalid_grant')
    expect((await refresh(server, PARTNER, offline)).status).toBe(200)
    expect(await introspect(server, API, accessToken)).toMatchObject({ active: true, sid: sessionId })
    expect(await record(sessionId)).toMatchObject({ endedAt: null, closedAt: expect.any(Date) })
    expect(await expiries(sessionId)).toBe(1)
    expect(await close()).toBe(0)
  })

  test('takes its access tokens along where the setting says so', async () => {
    const { sessionId, bound, offline, accessToken } = await forgotten()
    expect(await close(strict)).toBe(1)
    await until(() => crm.received.length === 1)
    expect(await introspect(server, API, accessToken)).toEqual({ active: false })
    const entry = { kind: 'sid', value: sessionId, reason: 'session_expired' }
    expect(await server.latchkey.stores.db.revocation.count({ where: entry })).toBe(1)
    expect((await refresh(server, CRM, bound)).body.error).toBe('invalid_grant')
    const next = await refresh(server, PARTNER, offline)
    expect(next.status).toBe(200)
    expect(await introspect(server, API, next.body.access_token ?? '')).toMatchObject({ active: true })
    expect(await record(sessionId)).toMatchObject({ endReason: 'session_expired' })
  })

  test('is told of once, by whichever process comes first', async () => {
    const { sessionId } = await forgotten()
    const closed = await Promise.all([server, strict, server, strict].map((node) => close(node)))
    expect(closed.reduce((one, other) => one + other)).toBe(1)
    expect(await server.latchkey.logout.notifications.list({ sessionId })).toHaveLength(1)
    expect(await expiries(sessionId)).toBe(1)
  })

  test('is passed over while somebody has it in hand', async () => {
    const { sessionId } = await forgotten()
    const holder = new pg.Client({ connectionString: server.databaseUrl })
    await holder.connect()
    await holder.query('BEGIN')
    await holder.query('SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE', [sessionId])
    expect(await close()).toBe(0)
    await holder.query('ROLLBACK')
    await holder.end()
    expect(await close()).toBe(1)
  })

  test('can still be revoked, and its last access tokens with it', async () => {
    const { sessionId, accessToken } = await forgotten()
    await close()
    const { accountId } = await record(sessionId)
    const ended = await server.latchkey.nouns.sessions.end({ accountId, sessionId, origin: {} })
    // Its app has been told.
    expect(ended).toMatchObject({ sessions: 1, logout_notifications: 0 })
    expect(await introspect(server, API, accessToken)).toEqual({ active: false })
  })
})

test('a session that was used is not over, though the use is not written yet', async () => {
  const browser = new Browser()
  const { tokens } = await obtainTokens(server, CRM, { browser })
  const sessionId = String(claimsOf(tokens.body.access_token).sid)
  await server.advance(8 * HOUR - 1)
  // Used in its last second; the batch that says so comes later than the end.
  expect((await browser.open(new URL('/account', server.issuer))).body).toContain(server.ada.username)
  const { stores } = server.latchkey
  await stores.db.$executeRaw`UPDATE sessions SET expires_at = latchkey_now() + interval '1 second' WHERE id = ${sessionId}`
  expect(await close()).toBe(0)
  await server.latchkey.nouns.sessions.writeLastUses()
  await server.advance(60)
  expect(await close()).toBe(0)
  expect(await record(sessionId)).toMatchObject({ endedAt: null, closedAt: null })
})

test('one that was closed is not revived by a use that was noted before', async () => {
  const { sessionId } = await forgotten()
  await close()
  const { stores, nouns } = server.latchkey
  await stores.db.$executeRaw`UPDATE sessions SET expires_at = latchkey_now() + interval '1 hour' WHERE id = ${sessionId}`
  const { expiresAt } = await record(sessionId)
  await server.advance(20)
  nouns.sessions.touch(sessionId)
  await nouns.sessions.writeLastUses()
  expect((await record(sessionId)).expiresAt).toEqual(expiresAt)
})

test('of sessions that were over more than a day ago nobody is told', async () => {
  const { sessionId } = await forgotten()
  await server.advance(24 * HOUR)
  expect(await close()).toBe(0)
  expect(await server.latchkey.logout.notifications.list({ sessionId })).toEqual([])
})

test('of a large table each run goes through a tenth, and ten of them through all', () => {
  expect(pagesOfRun({ pages: 2000, now: 1e9 }, 30)).toEqual({ from: 0, to: 2000 })
  const seen = new Set<number>()
  for (let run = 0; run < 10; run += 1) {
    const { from, to } = pagesOfRun({ pages: 2001, now: 1e9 + run * 30 }, 30)
    for (let page = from; page < to; page += 1) seen.add(page)
  }
  expect(Array.from({ length: 2001 }, (_, page) => seen.has(page)).every(Boolean)).toBe(true)
})

// The last: it takes Ada's password.
test('what was given in a session and depends on it runs out with it and its last access token; what is offline goes on', async () => {
  const { sessionId, bound } = await forgotten()
  const { grants } = server.latchkey.administration
  const states = async () => {
    const page = await grants.search.page({ filter: { sessionId }, limit: 10 })
    return Object.fromEntries(page.grants.map(({ client, state }) => [client.id, state]))
  }
  const live = async () => {
    const page = await grants.search.page({ filter: { sessionId, state: 'live' }, limit: 10 })
    return page.grants.map(({ client }) => client.id).toSorted()
  }
  await close()
  expect(await states()).toEqual({ [CRM.client_id]: 'live', [PARTNER.client_id]: 'live' })
  await server.advance(901)
  expect(await states()).toEqual({ [CRM.client_id]: 'expired', [PARTNER.client_id]: 'live' })
  expect(await live()).toEqual([PARTNER.client_id])
  expect(await grants.preview({ filter: { sessionId } }, { most: 10 })).toMatchObject({ grants: 1 })
  const { accountId } = await record(sessionId)
  expect((await refresh(server, CRM, bound)).body.error).toBe('invalid_grant')
  const ended = await server.latchkey.nouns.events.accounts.contain(accountId, { actor: 'system' })
  const [{ counted }] = (await run(
    server.databaseUrl,
    `SELECT count(*)::int AS counted FROM grants WHERE account_id = $1 AND end_reason = 'account_contained'
     AND LEAST(closes_at, expires_at) > latchkey_now()`,
    [accountId],
  )) as [{ counted: number }]
  expect(ended.grants).toBe(counted)
})
