// Several apps at once in one browser: all of them end up in one session, so that signing out reaches all of them.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Browser } from '../support/browser.ts'
import { API, SPA, type TestClient, WEB } from '../support/clients.ts'
import {
  authorizationRequest,
  callbackParams,
  claimsOf,
  introspect,
  obtainTokens,
  redeem,
  refresh,
  signIn,
} from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

/** Six apps of others, which ask for consent. */
const APPS: readonly TestClient[] = Array.from({ length: 6 }, (_, index) => ({
  client_id: `app-${index}`,
  client_secret: `a-secret-of-app-${index}-that-is-long-enough`,
  redirect_uri: `https://app-${index}.example/callback`,
  scope: 'openid notes:read',
}))

let server: TestServer

beforeAll(async () => {
  const clients = APPS.map(({ client_id, client_secret, redirect_uri, scope }) => ({
    client_id,
    client_secret,
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    scope,
  }))
  server = await startServer({ provision: { clients } })
})

afterAll(async () => {
  await server?.stop()
})

async function sessionsOf(answers: readonly { readonly body: { readonly access_token?: string } }[]): Promise<Set<unknown>> {
  return new Set(answers.map((answer) => claimsOf(answer.body.access_token).sid))
}

test('six apps that ask for consent at the same moment in a signed-in browser share its session, and its end', async () => {
  const { browser } = await obtainTokens(server, SPA)
  const answers = await Promise.all(
    APPS.map(async (app) => {
      const request = authorizationRequest(server, app)
      const page = await signIn(browser, await browser.open(request.url), server.ada)
      return redeem(server, app, request, callbackParams(page).code ?? '')
    }),
  )
  expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200))
  expect((await sessionsOf(answers)).size).toBe(1)
  const [session] = await server.latchkey.nouns.sessions.list(claimsOf(answers[0]?.body.access_token).sub ?? '')
  expect(session?.clients.map(({ clientId }) => clientId).sort()).toEqual([
    ...APPS.map(({ client_id }) => client_id),
    SPA.client_id,
  ])
  await browser.submit(await browser.open(new URL('/logout', server.issuer)))
  const ended = await Promise.all(
    answers.map((answer, index) => refresh(server, APPS[index] ?? SPA, answer.body.refresh_token ?? '')),
  )
  expect(ended.map(({ body }) => body.error)).toEqual(Array(6).fill('invalid_grant'))
})

test('two tabs that sign in at the same moment in a fresh browser end up in one session', async () => {
  const browser = new Browser()
  const requests = [authorizationRequest(server, SPA), authorizationRequest(server, WEB)] as const
  const pages = await Promise.all([browser.open(requests[0].url), browser.open(requests[1].url)])
  const back = await Promise.all([signIn(browser, pages[0], server.ada), signIn(browser, pages[1], server.ada)])
  const [spa, web] = await Promise.all([
    redeem(server, SPA, requests[0], callbackParams(back[0]).code ?? ''),
    redeem(server, WEB, requests[1], callbackParams(back[1]).code ?? ''),
  ])
  expect([spa.status, web.status]).toEqual([200, 200])
  expect((await sessionsOf([spa, web])).size).toBe(1)
  await browser.submit(await browser.open(new URL('/logout', server.issuer)))
  expect(await introspect(server, API, spa.body.access_token ?? '')).toEqual({ active: false })
  expect(await introspect(server, API, web.body.access_token ?? '')).toEqual({ active: false })
})

test('SE1: a cookie that was planted before the sign-in opens nothing afterwards', async () => {
  const attacker = new Browser()
  await attacker.open(authorizationRequest(server, SPA).url)
  const victim = new Browser()
  for (const name of ['latchkey_session', 'latchkey_session.sig']) victim.setCookie(name, attacker.cookie(name) ?? '')
  const planted = attacker.cookie('latchkey_session')
  await obtainTokens(server, SPA, { browser: victim })
  expect(victim.cookie('latchkey_session')).not.toBe(planted)
  expect((await attacker.open(authorizationRequest(server, SPA).url)).body).toContain('name="password"')
  expect((await attacker.open(new URL('/account', server.issuer))).body).toContain('name="password"')
  // Signing in with an account of their own, the attacker gets a session of their own.
  const own = await obtainTokens(server, SPA, { browser: attacker, person: server.grace })
  const theirs = await obtainTokens(server, WEB, { browser: victim })
  expect(claimsOf(own.tokens.body.access_token).sid).not.toBe(claimsOf(theirs.tokens.body.access_token).sid)
  expect(claimsOf(own.tokens.body.access_token).sub).not.toBe(claimsOf(theirs.tokens.body.access_token).sub)
})
