// The settings by which what an event ends can be chosen (docs/revocation.md, its notes).
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { API, PARTNER, SPA } from '../support/clients.ts'
import { claimsOf, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer({
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

test('LATCHKEY_SIGN_OUT_SCOPE=account: whoever signs out does so everywhere', async () => {
  const here = await obtainTokens(server, SPA, { person: server.grace })
  const there = await obtainTokens(server, SPA, { person: server.grace })
  await here.browser.submit(await here.browser.open(new URL('/logout', server.issuer)))
  for (const { tokens } of [here, there]) {
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  }
})
