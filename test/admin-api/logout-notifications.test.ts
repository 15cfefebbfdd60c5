// Logout notifications by the admin API: which apps were told of which ends, and another try for those that were not.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { TestClient } from '../support/clients.ts'
import { ACCEPT, type LogoutApp, startLogoutApp, until, withStatus } from '../support/logout-app.ts'
import { claimsOf, obtainTokens } from '../support/oauth.ts'
import { run, stopDatabaseClock } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { ask, robotToken, startAdminServer } from './api.ts'

const CRM: TestClient = {
  client_id: 'crm',
  client_secret: 'a-secret-of-the-crm-app-that-is-long-enough',
  redirect_uri: 'https://crm.example/callback',
  scope: 'openid email notes:read',
}

let server: TestServer
let token: string
let app: LogoutApp

beforeAll(async () => {
  app = await startLogoutApp()
  const { client_id, client_secret, redirect_uri, scope } = CRM
  const crm = {
    ...{ client_id, client_secret, scope, skip_consent: true, backchannel_logout_uri: app.uri },
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
  }
  server = await startAdminServer({ provision: { clients: [crm] } })
  token = await robotToken(server)
})

afterEach(() => {
  app.answer = ACCEPT
})

afterAll(async () => {
  await server?.stop()
  await app?.stop()
})

const get = (path: string) => ask(server, token, `GET ${path}`)

/** Ends a session in which somebody was signed in to the app, and waits until the app was tried once. */
async function ended(person = server.grace) {
  const { tokens } = await obtainTokens(server, CRM, { person })
  const { sid, sub } = claimsOf(tokens.body.access_token)
  await ask(server, token, `DELETE /sessions/${sid}`)
  const item = async () => (await get(`/logout-notifications?session=${sid}`)).body.items[0]
  await until(async () => ['delivered', 'retrying'].includes((await item()).state))
  return { session: String(sid), account: String(sub), item }
}

describe('the list', () => {
  test('shows who was told, of what, and what came of it', async () => {
    const { session, account, item } = await ended()
    expect(await item()).toMatchObject({
      id: expect.stringMatching(/^lgo_/),
      session_id: session,
      client_id: 'crm',
      account_id: account,
      grant_id: null,
      cause: 'session_revoked',
      state: 'delivered',
      attempts: 1,
      last_status: 200,
      last_error: null,
      next_attempt_at: null,
      finished_at: expect.any(String),
    })
    expect(Object.keys(await item())).not.toContain('sid')
  })

  test('is narrowed by each filter to what it says, and goes on where a page ended', async () => {
    app.answer = withStatus(500)
    const failing = await ended(server.ada)
    // However long the rest takes, and however often it is tried again meanwhile.
    const of = (count: number) => app.received[count - 1]?.claims.sid
    const refused = of(app.received.length)
    app.answer = (response, count) => (of(count) === refused ? withStatus(500) : ACCEPT)(response, count)
    const fine = await ended()
    const found = async (query: string) =>
      (await get(`/logout-notifications?${query}`)).body.items.map((item: { session_id: string }) => item.session_id)
    expect(await found('state=retrying')).toEqual([failing.session])
    expect(await found('state=delivered')).toContain(fine.session)
    expect(await found('account=ada@people.example')).toEqual([failing.session])
    expect(await found(`account=${fine.account}&client=crm&state=delivered`)).toContain(fine.session)
    for (const query of ['client=nobody', 'account=nobody@people.example', 'state=failed', 'session=ses_x', 'state=waiting']) {
      expect(await found(query)).toEqual([])
    }
    const first = (await get('/logout-notifications?limit=1')).body
    const rest = await get(`/logout-notifications?limit=200&cursor=${first.next_cursor}`)
    const all = (await get('/logout-notifications?limit=200')).body.items
    expect([...first.items, ...rest.body.items]).toEqual(all)
    expect((await get(`/logout-notifications?client=crm&cursor=${first.next_cursor}`)).status).toBe(400)
  })

  test.each(['state=lost', 'state=failed&state=waiting', 'sid=x', 'session[$ne]=x', 'client=%00', 'account='])(
    'AD6: refuses %s in words',
    async (query) => {
      const { status, body } = await get(`/logout-notifications?${query}`)
      expect(status).toBe(400)
      expect(body.detail).not.toMatch(/Invalid|expected|SELECT/i)
    },
  )
})

describe('another try', () => {
  const retry = (id: string, body?: unknown) => ask(server, token, `POST /logout-notifications/${id}/attempts`, { body })

  /** As if the next attempt were an hour away, and the last one were over for long. */
  const postponed = (id: string) =>
    run(
      server.databaseUrl,
      `UPDATE logout_notifications SET last_attempt_at = latchkey_now() - interval '1 minute',
         next_attempt_at = latchkey_now() + interval '1 hour' WHERE id = $1`,
      [id],
    )

  test('tells an app that was out of order, and is written down', async () => {
    app.answer = withStatus(503)
    const { item } = await ended()
    const { id } = await item()
    await postponed(id)
    app.answer = ACCEPT
    const { status, body } = await retry(id, { reason: 'it is up again' })
    expect([status, body.id]).toEqual([202, id])
    await until(async () => (await item()).state === 'delivered')
    const audit = `SELECT actor, reason FROM audit_events WHERE name = 'logout_notification.retried' AND detail->>'notification' = $1`
    expect(await run(server.databaseUrl, audit, [id])).toEqual([{ actor: 'robot', reason: 'it is up again' }])
    // It has been told.
    expect((await retry(id)).body.type).toBe('urn:latchkey:problem:refused')
    expect(await run(server.databaseUrl, audit, [id])).toHaveLength(1)
  })

  test('fifty who ask at once have it tried once', async () => {
    app.answer = withStatus(503)
    const { item } = await ended()
    const { id } = await item()
    await postponed(id)
    // They ask at once however busy the machine is: whoever asks some seconds after an attempt may have another one.
    await stopDatabaseClock(server.databaseUrl)
    const answers = await Promise.all(Array.from({ length: 50 }, () => retry(id))).finally(() => server.advance(0))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
    const audit = `SELECT count(*)::int AS n FROM audit_events WHERE name = 'logout_notification.retried' AND detail->>'notification' = $1`
    expect(await run(server.databaseUrl, audit, [id])).toEqual([{ n: 1 }])
  })

  test('an app that takes its time to answer is not told by another attempt meanwhile', async () => {
    app.answer = withStatus(503)
    const { item } = await ended()
    const { id } = await item()
    await postponed(id)
    await stopDatabaseClock(server.databaseUrl)
    try {
      // As if it had been claimed four seconds ago, of which an exchange may take five.
      const claimed = `UPDATE logout_notifications SET last_attempt_at = latchkey_now() - interval '4 seconds',
          next_attempt_at = latchkey_now() + interval '11 seconds' WHERE id = $1`
      await run(server.databaseUrl, claimed, [id])
      expect((await retry(id)).status).toBe(202)
      const audit = `SELECT 1 FROM audit_events WHERE name = 'logout_notification.retried' AND detail->>'notification' = $1`
      expect(await run(server.databaseUrl, audit, [id])).toEqual([])
      await postponed(id)
      expect((await retry(id)).status).toBe(202)
      expect(await run(server.databaseUrl, audit, [id])).toHaveLength(1)
    } finally {
      await server.advance(0)
    }
  })

  test('AD2: of one that is not there is 404', async () => {
    for (const id of ['lgo_nobody', "'", 'ses_x']) expect((await retry(encodeURIComponent(id))).status).toBe(404)
    expect((await retry('%00')).status).toBe(400)
    expect((await retry('lgo_nobody', { state: 'delivered' })).status).toBe(400)
  })
})
