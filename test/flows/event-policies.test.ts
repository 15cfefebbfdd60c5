// The settings by which what an event ends can be chosen (docs/revocation.md, its notes).
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ask, robotToken, startAdminServer } from '../admin-api/api.ts'
import { API, PARTNER, SPA } from '../support/clients.ts'
import { claimsOf, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startAdminServer({
    settings: { LATCHKEY_SESSION_REVOCATION: 'keep_offline', LATCHKEY_SIGN_OUT_SCOPE: 'account' },
  })
})

afterAll(async () => {
  await server?.stop()
})

test('LATCHKEY_SESSION_REVOCATION=keep_offline: a session that is ended leaves refresh tokens that do not depend on it', async () => {
  const bound = await obtainTokens(server, SPA)
  const { browser } = bound
  const offline = await obtainTokens(server, PARTNER, { browser, params: { prompt: 'consent' } })
  const { sub, sid } = claimsOf(bound.tokens.body.access_token)
  await server.latchkey.nouns.sessions.end({ accountId: String(sub), sessionId: String(sid), origin: {} })
  expect((await refresh(server, SPA, bound.tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  expect(await introspect(server, API, offline.tokens.body.access_token ?? '')).toEqual({ active: false })
  const next = await refresh(server, PARTNER, offline.tokens.body.refresh_token ?? '')
  expect(claimsOf(next.body.access_token).sid).toBeUndefined()
  expect(await introspect(server, API, next.body.access_token ?? '')).toMatchObject({ active: true })
})

test('LATCHKEY_SESSION_REVOCATION=keep_offline: a dry run counts what stays no more than the end does, also of a session that ran out', async () => {
  const robot = await robotToken(server)
  const sessions = await Promise.all(
    [1, 2].map(async () => {
      const { browser, tokens } = await obtainTokens(server, SPA, { person: server.grace })
      await obtainTokens(server, PARTNER, { browser, person: server.grace, params: { prompt: 'consent' } })
      return String(claimsOf(tokens.body.access_token).sid)
    }),
  )
  const [, over] = sessions
  await run(server.databaseUrl, "UPDATE sessions SET expires_at = latchkey_now() - interval '1 second' WHERE id = $1", [over])
  const revoke = (dry_run: boolean) => ask(server, robot, 'POST /sessions/revocations', { body: { ids: sessions, dry_run } })
  // Of the offline app neither the grant nor the refresh token.
  const expected = { sessions: 1, grants: 2, refresh_families: 2, logout_notifications: 0 }
  expect((await revoke(true)).body).toMatchObject(expected)
  expect((await revoke(false)).body).toMatchObject(expected)
  expect((await revoke(true)).body).toMatchObject({ sessions: 0, grants: 0, refresh_families: 0 })
})

test('LATCHKEY_SIGN_OUT_SCOPE=account: whoever signs out does so everywhere', async () => {
  const here = await obtainTokens(server, SPA, { person: server.grace })
  const there = await obtainTokens(server, SPA, { person: server.grace })
  await here.browser.submit(await here.browser.open(new URL('/logout', server.issuer)))
  for (const { tokens } of [here, there]) {
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  }
})
