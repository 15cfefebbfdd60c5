// A session that is not used is over before its time, by the record in PostgreSQL; what counts as use, and that uses are
// written in batches without one being lost.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import pg from 'pg'
import type { Browser } from '../support/browser.ts'
import { API, PARTNER, SPA } from '../support/clients.ts'
import {
  authorizationRequest,
  callbackParams,
  claimsOf,
  introspect,
  obtainTokens,
  refresh,
  type TokenAnswer,
} from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'

const HOUR = 3600
/** The idle life of the tests is the default, eight hours, and half a minute for a batch that is still to be written. */
const IDLE = 8 * HOUR + 30

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

const refreshTokenOf = (answer: TokenAnswer) => answer.body.refresh_token ?? ''
const sidOf = (answer: TokenAnswer) => String(claimsOf(answer.body.access_token).sid)

/** Comes from an app; whether the session lets the browser in. */
async function letsIn(browser: Browser): Promise<boolean> {
  return 'code' in callbackParams(await browser.open(authorizationRequest(server, SPA, { prompt: 'none' }).url))
}

async function lives(answer: TokenAnswer): Promise<boolean> {
  const { sub } = claimsOf(answer.body.access_token)
  return (await server.latchkey.nouns.sessions.list(String(sub))).some(({ id }) => id === sidOf(answer))
}

describe('SE3: a session that is not used', () => {
  test('is over after eight hours, with the tokens that are bound to it; what is offline goes on', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    const offline = await obtainTokens(server, PARTNER, { browser, params: { prompt: 'consent' } })
    await server.advance(8 * HOUR - 1)
    expect(await lives(tokens)).toBe(true)
    await server.advance(32)
    expect(await lives(tokens)).toBe(false)
    expect((await refresh(server, SPA, refreshTokenOf(tokens))).body.error).toBe('invalid_grant')
    expect(await letsIn(browser)).toBe(false)
    expect((await browser.open(new URL('/account', server.issuer))).body).toContain('name="password"')
    const next = await refresh(server, PARTNER, refreshTokenOf(offline.tokens))
    expect(next.status).toBe(200)
    expect(claimsOf(next.body.access_token).sid).toBeUndefined()
    // What was asked of it after its end has not brought it back.
    await server.latchkey.nouns.sessions.writeLastUses()
    expect(await lives(tokens)).toBe(false)
  })

  test('does not end access tokens that still live', async () => {
    const { tokens } = await obtainTokens(server, PARTNER, { params: { prompt: 'consent' } })
    await server.advance(8 * HOUR - 60)
    const last = await refresh(server, PARTNER, refreshTokenOf(tokens))
    expect(sidOf(last)).toBe(sidOf(tokens))
    await server.advance(120)
    expect(await lives(tokens)).toBe(false)
    expect(await introspect(server, API, last.body.access_token ?? '')).toMatchObject({ active: true })
  })

  test.each<[string, (browser: Browser) => Promise<void>]>([
    ['an app that is signed in to', async (browser) => expect(await letsIn(browser)).toBe(true)],
    [
      'a page of ours',
      async (browser) => {
        const page = await browser.open(new URL('/account', server.issuer))
        expect(page.body).toContain(server.ada.username)
      },
    ],
  ])('is used by %s, and goes on until a day after the sign-in', async (_name, use) => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    for (let times = 0; times < 3; times += 1) {
      await server.advance(7 * HOUR)
      await use(browser)
    }
    await server.advance(3 * HOUR - 60)
    expect(await lives(tokens)).toBe(true)
    await server.advance(61)
    expect(await lives(tokens)).toBe(false)
    expect(await letsIn(browser)).toBe(false)
  })

  test('is used by a refresh that is bound to it: the browser need not be touched', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    let newest = tokens
    for (let times = 0; times < 3; times += 1) {
      await server.advance(7 * HOUR)
      newest = await refresh(server, SPA, refreshTokenOf(newest))
      expect(newest.status).toBe(200)
    }
    expect(await letsIn(browser)).toBe(true)
  })

  test('is not used by a refresh with offline_access, nor by one that fails', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    const offline = await obtainTokens(server, PARTNER, { browser, params: { prompt: 'consent' } })
    await server.advance(7 * HOUR)
    expect((await refresh(server, PARTNER, refreshTokenOf(offline.tokens))).status).toBe(200)
    expect((await refresh(server, SPA, refreshTokenOf(tokens), { scope: 'billing:read' })).status).toBe(400)
    await server.advance(IDLE - 7 * HOUR)
    expect(await lives(tokens)).toBe(false)
  })

  test('a use in its last minute counts, though it is written later', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    await server.advance(8 * HOUR - 1)
    expect(await letsIn(browser)).toBe(true)
    // The next batch comes fifteen seconds after the last one.
    await run(
      server.databaseUrl,
      `UPDATE sessions SET expires_at = expires_at - interval '15 seconds',
        last_used_at = last_used_at - interval '15 seconds' WHERE id = $1`,
      [sidOf(tokens)],
    )
    await server.latchkey.nouns.sessions.writeLastUses()
    await server.advance(7 * HOUR)
    expect(await lives(tokens)).toBe(true)
  })
})

describe('a batch of uses', () => {
  const touch = (sid: string) => server.latchkey.nouns.sessions.touch(sid)
  const writeLastUses = () => server.latchkey.nouns.sessions.writeLastUses()
  const endOf = async (sid: string) => {
    const [row] = await run(server.databaseUrl, 'SELECT expires_at FROM sessions WHERE id = $1', [sid])
    return (row?.expires_at as Date | undefined)?.getTime() ?? 0
  }

  test('passes over a session that somebody holds, and writes it the next time', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const sid = sidOf(tokens)
    await server.advance(HOUR)
    const before = await endOf(sid)
    const holder = new pg.Client({ connectionString: server.databaseUrl })
    await holder.connect()
    await holder.query('BEGIN')
    await holder.query('SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE', [sid])
    touch(sid)
    await writeLastUses()
    expect(await endOf(sid)).toBe(before)
    await holder.query('ROLLBACK')
    await holder.end()
    await writeLastUses()
    expect(await endOf(sid)).toBeGreaterThan(before)
  })

  test('revives nothing that has ended or is over', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    const over = await obtainTokens(server, SPA)
    await browser.submit(await browser.open(new URL('/logout', server.issuer)))
    await server.advance(IDLE)
    const before = [await endOf(sidOf(tokens)), await endOf(sidOf(over.tokens))]
    for (const answer of [tokens, over.tokens]) touch(sidOf(answer))
    await writeLastUses()
    expect([await endOf(sidOf(tokens)), await endOf(sidOf(over.tokens))]).toEqual(before)
  })
})
