// Refresh tokens: rotation that no race breaks (RFC 6749 §6, RFC 9700 §4.14.2; docs/explanation/refresh-tokens.md).
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { closeExpiredSessions } from '../../server/maintenance/expired-sessions.ts'
import { API, PARTNER, SPA, WEB } from '../support/clients.ts'
import { claimsOf, clientRequest, introspect, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeEach(async () => {
  server ??= await startServer()
})

afterEach(async () => {
  await server.advance(0)
})

afterAll(async () => {
  await server?.stop()
})

const families = () => server.latchkey.stores.db.refreshFamily.findMany()

describe('rotation', () => {
  test('each refresh gives a new refresh token of the same family, and no row is added', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const rows = await families()
    let token = tokens.body.refresh_token ?? ''
    for (let generation = 1; generation <= 5; generation += 1) {
      const answer = await refresh(server, SPA, token)
      expect(answer.status).toBe(200)
      expect(answer.body.refresh_token).toMatch(new RegExp(`^rt_[^.]+\\.${generation}\\.`))
      expect(answer.body.refresh_token?.split('.')[0]).toBe(token.split('.')[0])
      expect(claimsOf(answer.body.access_token)).toMatchObject({
        sid: claimsOf(tokens.body.access_token).sid,
        aud: expect.any(String),
      })
      expect(answer.body.id_token).toBeDefined()
      token = answer.body.refresh_token ?? ''
    }
    expect((await families()).length).toBe(rows.length)
  })

  test('RT2: fifty parallel refreshes with one token get the same successor', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(server, SPA, tokens.body.refresh_token ?? '')))
    expect(answers.map((answer) => answer.status)).toEqual(Array(50).fill(200))
    expect(new Set(answers.map((answer) => answer.body.refresh_token)).size).toBe(1)
    const next = await refresh(server, SPA, answers[0]?.body.refresh_token ?? '')
    expect(next.status).toBe(200)
  })

  test('RT4 RT5: a replay inside the window is answered alike; the window does not slide; after it the grant ends', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const old = tokens.body.refresh_token ?? ''
    const first = await refresh(server, SPA, old)
    await server.advance(8)
    expect((await refresh(server, SPA, old)).body.refresh_token).toBe(first.body.refresh_token)
    await server.advance(6)
    expect((await refresh(server, SPA, old)).body.refresh_token).toBe(first.body.refresh_token)
    await server.advance(2)
    const late = await refresh(server, SPA, old)
    expect(late.status).toBe(400)
    expect(late.body.error).toBe('invalid_grant')
    expect((await refresh(server, SPA, first.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect(await introspect(server, API, first.body.access_token ?? '')).toEqual({ active: false })
  })

  test('RT1 RT5: once the successor has been used, the old token ends the grant at once', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const old = tokens.body.refresh_token ?? ''
    const second = await refresh(server, SPA, old)
    const third = await refresh(server, SPA, second.body.refresh_token ?? '')
    expect((await refresh(server, SPA, old)).status).toBe(400)
    expect((await refresh(server, SPA, third.body.refresh_token ?? '')).status).toBe(400)
    const events = await server.latchkey.stores.db.auditEvent.findMany({ where: { name: 'refresh_token.reused' } })
    expect(events.at(-1)).toMatchObject({ clientId: SPA.client_id, grantId: claimsOf(tokens.body.access_token).grant_id })
  })

  test('RT10: another client can neither use nor burn the token', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const token = tokens.body.refresh_token ?? ''
    expect((await refresh(server, WEB, token)).body.error).toBe('invalid_grant')
    expect((await refresh(server, { ...WEB, client_secret: 'wrong' }, token)).body.error).toBe('invalid_client')
    expect((await refresh(server, SPA, token)).status).toBe(200)
  })

  test('RT11: a scope beyond the original is refused and burns nothing; a narrower one is served and does not stick', async () => {
    const { tokens } = await obtainTokens(server, SPA, { params: { scope: 'openid notes:read' } })
    const token = tokens.body.refresh_token ?? ''
    expect((await refresh(server, SPA, token, { scope: 'openid notes:write' })).body.error).toBe('invalid_scope')
    expect((await refresh(server, SPA, token, { resource: 'https://other.example/api' })).body.error).toBe('invalid_target')
    const narrow = await refresh(server, SPA, token, { scope: 'openid' })
    expect(narrow.status).toBe(200)
    const wide = await refresh(server, SPA, narrow.body.refresh_token ?? '')
    expect(claimsOf(wide.body.access_token).scope).toBe('notes:read')
  })

  test('a token of a wrong shape, or of a family that is not there, is refused', async () => {
    for (const value of [
      '',
      'nonsense',
      'rt_x.0.y',
      `rt_${'A'.repeat(22)}.0.${'B'.repeat(43)}`,
      `rt_${'A'.repeat(22)}.01.${'B'.repeat(43)}`,
    ]) {
      const answer = await tokenRequest(server, SPA, { grant_type: 'refresh_token', refresh_token: value })
      expect(answer.status).toBe(400)
    }
  })
})

describe('lifetimes', () => {
  test('RT12: a token that is not used dies after 7 days, one that is used after 30', async () => {
    const { tokens } = await obtainTokens(server, PARTNER, { params: { prompt: 'consent' } })
    let token = tokens.body.refresh_token ?? ''
    for (let day = 6; day < 30; day += 6) {
      await server.advance(6 * 86_400)
      const answer = await refresh(server, PARTNER, token)
      expect(answer.status).toBe(200)
      // The session is over, so the access token no longer names it.
      expect(claimsOf(answer.body.access_token).sid).toBeUndefined()
      token = answer.body.refresh_token ?? ''
    }
    await server.advance(6 * 86_400 + 1)
    expect((await refresh(server, PARTNER, token)).body.error).toBe('invalid_grant')
    const idle = await obtainTokens(server, PARTNER, { params: { prompt: 'consent' } })
    await server.advance(7 * 86_400 + 1)
    expect((await refresh(server, PARTNER, idle.tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  })

  test('RT17: without offline_access a refresh token lives no longer than the session', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    await server.advance(86_401)
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  })
})

describe('once the session of a refresh token has run out', () => {
  const SESSION_SECONDS = 3600
  let brief: TestServer

  beforeAll(async () => {
    const settings = { LATCHKEY_SESSION_TTL: String(SESSION_SECONDS), LATCHKEY_SESSION_IDLE_TTL: String(SESSION_SECONDS) }
    brief = await startServer({ settings: { ...settings, LATCHKEY_REFRESH_REPLAY_WINDOW: '300' } })
  })

  afterAll(async () => {
    await brief?.stop()
  })

  /** Three generations of refresh tokens; the access token is from just before the end of the session, and lives on. */
  async function outlive(isClosed: boolean) {
    await brief.advance(0)
    const first = await obtainTokens(brief, SPA)
    const second = await refresh(brief, SPA, first.tokens.body.refresh_token ?? '')
    await brief.advance(SESSION_SECONDS - 60)
    const third = await refresh(brief, SPA, second.body.refresh_token ?? '')
    await brief.advance(120)
    const { stores, nouns } = brief.latchkey
    if (isClosed) await closeExpiredSessions({ db: stores.db, expiry: nouns.sessionExpiry })
    const [spent = '', previous = '', newest = ''] = [first.tokens, second, third].map(({ body }) => body.refresh_token)
    const accessToken = third.body.access_token ?? ''
    expect((await refresh(brief, SPA, newest)).body.error).toBe('invalid_grant')
    expect(await introspect(brief, API, accessToken)).toMatchObject({ active: true })
    return { spent, previous, newest, accessToken }
  }

  const reusesOf = (accessToken: string) =>
    brief.latchkey.stores.db.auditEvent.count({
      where: { name: 'refresh_token.reused', grantId: String(claimsOf(accessToken).grant_id) },
    })

  describe.each([
    ['and nobody has noticed yet', false],
    ['and it was closed', true],
  ])('%s', (_, isClosed) => {
    test.each(['newest', 'previous'] as const)('RV3: its client gives the %s one back: the access tokens end', async (which) => {
      const { accessToken, ...tokens } = await outlive(isClosed)
      expect((await clientRequest(brief, '/revoke', SPA, { token: tokens[which] })).status).toBe(200)
      expect(await introspect(brief, API, accessToken)).toEqual({ active: false })
    })

    test('RT1: a spent one that comes back ends the access tokens, and is written down', async () => {
      const { accessToken, spent } = await outlive(isClosed)
      expect((await refresh(brief, SPA, spent)).body.error).toBe('invalid_grant')
      expect(await introspect(brief, API, accessToken)).toEqual({ active: false })
      expect(await reusesOf(accessToken)).toBe(1)
    })

    test('RT5: the one before the newest, again after a lost answer, accuses nobody', async () => {
      const { accessToken, previous, newest } = await outlive(isClosed)
      const { body } = await refresh(brief, SPA, previous)
      expect(body).toEqual((await refresh(brief, SPA, newest)).body)
      expect(await introspect(brief, API, accessToken)).toMatchObject({ active: true })
      expect(await reusesOf(accessToken)).toBe(0)
    })
  })
})
