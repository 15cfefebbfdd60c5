// Ends that reach further than one browser: signing out everywhere, at every process, and an account that is gone for good.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { API, SPA, WEB } from '../support/clients.ts'
import { authorizationRequest, claimsOf, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'

const LEAVER = { username: 'leaver@people.example', password: 'the door stays on the latch 9' }

let server: TestServer
/** Another process on the same database and the same Redis. */
let neighbour: TestServer

beforeAll(async () => {
  const redis = redisUrl()
  server = await startServer({ redisUrl: redis })
  neighbour = await startServer({ redisUrl: redis, databaseUrl: server.databaseUrl, settings: { ISSUER: server.issuer } })
})

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
})

test('SE5: signing out everywhere ends every session, its refresh tokens and its access tokens, at every process at once', async () => {
  const here = await obtainTokens(server, SPA, { person: server.grace })
  const others = await Promise.all([SPA, WEB, SPA].map((client) => obtainTokens(server, client, { person: server.grace })))
  const ada = await obtainTokens(server, SPA)
  await here.browser.submit(await here.browser.open(new URL('/logout', server.issuer)), { scope: 'account' })
  for (const [index, { tokens, browser }] of [here, ...others].entries()) {
    const client = index === 2 ? WEB : SPA
    for (const node of [neighbour, server]) {
      expect((await refresh(node, client, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
      expect(await introspect(node, API, tokens.body.access_token ?? '')).toEqual({ active: false })
    }
    expect((await browser.open(authorizationRequest(server, SPA).url)).body).toContain('name="password"')
  }
  // Nobody else notices.
  expect(await introspect(neighbour, API, ada.tokens.body.access_token ?? '')).toMatchObject({ active: true })
  expect((await refresh(neighbour, SPA, ada.tokens.body.refresh_token ?? '')).status).toBe(200)
})

test('TK7: who comes after a removed account, by the same address, is somebody else, and its tokens stay dead', async () => {
  const { accounts } = server.latchkey.nouns
  const { db } = server.latchkey.stores
  const first = await accounts.create({ email: LEAVER.username, password: LEAVER.password })
  const before = await obtainTokens(server, SPA, { person: LEAVER })
  await db.account.delete({ where: { id: first.id } })
  const second = await accounts.create({ email: LEAVER.username, password: LEAVER.password })
  expect(second.id).not.toBe(first.id)
  expect(await introspect(server, API, before.tokens.body.access_token ?? '')).toEqual({ active: false })
  expect((await refresh(server, SPA, before.tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  // The old browser is nobody's, and is asked to sign in.
  expect((await before.browser.open(authorizationRequest(server, SPA).url)).body).toContain('name="password"')
  const after = await obtainTokens(server, SPA, { person: LEAVER })
  expect(claimsOf(after.tokens.body.access_token).sub).toBe(second.id)
  expect(claimsOf(after.tokens.body.id_token).sub).not.toBe(claimsOf(before.tokens.body.id_token).sub)
})
