// A store that is gone: every request answers in time, nothing that needs only the other store stops, and all recovers by
// itself (docs/storage.md).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Browser } from '../support/browser.ts'
import { API, SPA, WEB } from '../support/clients.ts'
import { insist } from '../support/in-time.ts'
import { authorizationRequest, clientRequest, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { startPrivatePostgres } from '../support/postgres.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startPrivateRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startServer, type TestServer } from '../support/server.ts'

let redis: RedisServer
let postgres: PostgresServer
let server: TestServer

beforeAll(async () => {
  ;[redis, postgres] = await Promise.all([startPrivateRedis(), startPrivatePostgres(['synchronous_commit=on'])])
  const stores = { redisUrl: redis.url, databaseUrl: postgres.url }
  server = await insist(() => startServer({ ...stores, settings: { LATCHKEY_ANSWER_WITHIN_MS: '1700' } }))
}, 60_000)

afterAll(async () => {
  await server?.stop()
  await redis?.stop()
  await postgres?.stop()
})

/** I6: whatever is broken, an answer comes within two seconds. */
async function timely<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  const startedAt = performance.now()
  const answer = await work()
  expect(performance.now() - startedAt).toBeLessThan(2000)
  return answer
}

/** Asks until it works again; at most five seconds. */
async function recovers(work: () => Promise<number>): Promise<void> {
  const until = performance.now() + 5000
  let status = await work()
  while (status >= 500 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    status = await work()
  }
  expect(status).toBeLessThan(400)
}

const openSignIn = async () => (await new Browser().open(authorizationRequest(server, SPA).url)).status

describe('Redis', () => {
  test.each(['paused', 'killed'] as const)(
    '%s: refresh, revocation and introspection go on; sign-in says so; all comes back',
    async (how) => {
      const { tokens } = await obtainTokens(server, SPA)
      const other = await obtainTokens(server, WEB)
      if (how === 'paused') redis.pause()
      else await redis.kill()

      const refreshed = await timely(() => refresh(server, SPA, tokens.body.refresh_token ?? ''))
      expect(refreshed.status).toBe(200)
      const revoked = await timely(() => clientRequest(server, '/revoke', WEB, { token: other.tokens.body.refresh_token ?? '' }))
      expect(revoked.status).toBe(200)
      expect(await timely(() => introspect(server, API, other.tokens.body.access_token ?? ''))).toEqual({ active: false })
      expect(await timely(() => introspect(server, API, refreshed.body.access_token ?? ''))).toMatchObject({ active: true })
      const page = await timely(() => new Browser().open(authorizationRequest(server, SPA).url))
      expect(page.status).toBe(503)
      expect(page.headers['retry-after']).toBe('2')
      expect(page.body).toContain('Not available right now')
      // Whoever is not signed in has nothing to sign out of, but the browser is given a session all the same.
      const leave = await timely(() => new Browser().open(`${server.issuer}/logout`))
      expect([leave.status, leave.headers['retry-after']]).toEqual([503, '2'])
      expect(leave.body).toContain('Not available right now')

      if (how === 'paused') redis.resume()
      else await redis.restart()
      await recovers(openSignIn)
      expect((await refresh(server, WEB, other.tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
      expect((await obtainTokens(server, SPA)).tokens.status).toBe(200)
    },
  )

  test('I5: what was revoked stays revoked when Redis comes back empty', async () => {
    const { tokens, browser } = await obtainTokens(server, SPA)
    await clientRequest(server, '/revoke', SPA, { token: tokens.body.access_token ?? '' })
    const kept = await obtainTokens(server, SPA)
    await redis.kill()
    await redis.restart()
    await recovers(openSignIn)
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
    // The live state of the session is gone, so the password is asked again; the refresh token does not need it.
    expect((await browser.open(authorizationRequest(server, SPA).url)).body).toContain('name="password"')
    expect((await refresh(server, SPA, kept.tokens.body.refresh_token ?? '')).status).toBe(200)
  })
})

describe('PostgreSQL', () => {
  test.each(['paused', 'killed'] as const)('%s: every request answers in time, with 503, and all comes back', async (how) => {
    const { tokens } = await obtainTokens(server, SPA)
    if (how === 'paused') postgres.pause()
    else await postgres.kill()

    const failed = await timely(() => refresh(server, SPA, tokens.body.refresh_token ?? ''))
    expect(failed.status).toBe(503)
    expect(failed.body.error).toBe('temporarily_unavailable')
    expect(failed.headers.get('retry-after')).toBe('2')
    for (const [path, client] of [
      ['/introspect', API],
      ['/revoke', SPA],
    ] as const) {
      const asked = await timely(() => clientRequest(server, path, client, { token: tokens.body.access_token ?? '' }))
      expect([path, asked.status, asked.headers.get('retry-after')]).toEqual([path, 503, '2'])
    }
    const login = await timely(() => new Browser().open(authorizationRequest(server, SPA).url))
    expect(login.status).toBeLessThanOrEqual(503)
    expect((await timely(() => fetch(new URL('/jwks', server.issuer)))).status).toBe(200)

    if (how === 'paused') postgres.resume()
    else await postgres.restart()
    await recovers(async () => (await refresh(server, SPA, tokens.body.refresh_token ?? '')).status)
  })
})
