// What the tests of single faults do while something is broken, and what must hold then: every request is answered in time,
// nothing that was revoked lives, and all is well again by itself.
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from '@jest/globals'
import { Browser, type Page } from '../support/browser.ts'
import { API, SPA, WEB } from '../support/clients.ts'
import { authorizationRequest, clientRequest, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'
import { waitedForProcessor } from '../support/server-process.ts'

const ANSWER_WITHIN_MS = 2000
const RECOVER_WITHIN_MS = 5000
const SIGN_IN_TRIES = 10

/** Tokens from before the fault: those of one client are kept, those of the other one were revoked. */
export interface Before {
  readonly kept: string
  readonly toRevoke: string
  readonly revoked: { readonly refresh: string; readonly access: string }
}

/** What the servers of these tests are started with: a time in which they answer, and a busy machine need not hash much. */
export const IN_TIME = { LATCHKEY_ANSWER_WITHIN_MS: '1700' }

/** Signs in while all is well: one sign-in, and what the session gives. */
export async function prepare(server: TestServer): Promise<Before> {
  const { browser, tokens: kept } = await signedIn(server)
  const { tokens } = await obtainTokens(server, WEB, { browser })
  const revoked = { refresh: tokens.body.refresh_token ?? '', access: tokens.body.access_token ?? '' }
  expect((await clientRequest(server, '/revoke', WEB, { token: revoked.refresh })).status).toBe(200)
  const toRevoke = await obtainTokens(server, WEB, { browser })
  return { kept: kept.body.refresh_token ?? '', toRevoke: toRevoke.tokens.body.refresh_token ?? '', revoked }
}

/** Signs in, as people do: again when the server says that it is busy. */
export async function signedIn(server: TestServer): Promise<Awaited<ReturnType<typeof obtainTokens>>> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await obtainTokens(server, SPA)
    } catch (error) {
      if (tries === SIGN_IN_TRIES) throw error
    }
  }
}

/**
 * I6: an answer within two seconds. The server runs in this process: the time for which this process wanted a processor and
 * got none is not its own.
 */
export async function timely<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  const startedAt = performance.now()
  const waitedBefore = waitedForProcessor(process.pid)
  const answer = await work()
  const waited = waitedForProcessor(process.pid) - waitedBefore
  expect(performance.now() - startedAt - waited).toBeLessThan(ANSWER_WITHIN_MS)
  return answer
}

/** The refresh token of a client, traded in time; the newest token of its family afterwards. */
export async function refreshes(
  server: TestServer,
  token: string,
): Promise<{ readonly refresh: string; readonly access: string }> {
  const { status, body } = await timely(() => refresh(server, SPA, token))
  expect({ status, error: body.error }).toEqual({ status: 200, error: undefined })
  return { refresh: body.refresh_token ?? '', access: body.access_token ?? '' }
}

/** Revokes a refresh token of the web client; the status of the answer. */
export async function revoke(server: TestServer, token: string): Promise<number> {
  return (await timely(() => clientRequest(server, '/revoke', WEB, { token }))).status
}

/** I5: whatever the answer is, it does not say that the token lives. */
export async function staysDead(server: TestServer, { refresh: token, access }: Before['revoked']): Promise<void> {
  const refused = await timely(() => refresh(server, WEB, token))
  expect([400, 503]).toContain(refused.status)
  expect(refused.body.access_token).toBeUndefined()
  const asked = await timely(() => clientRequest(server, '/introspect', API, { token: access }))
  expect([200, 503]).toContain(asked.status)
  if (asked.status === 200) expect(await asked.json()).toEqual({ active: false })
  const userinfo = await timely(() =>
    fetch(new URL('/userinfo', server.issuer), { headers: { authorization: `Bearer ${access}` } }),
  )
  expect([401, 503]).toContain(userinfo.status)
}

/** Opens the sign-in page. */
export function openSignIn(server: TestServer): Promise<Page> {
  return new Browser().open(authorizationRequest(server, SPA).url)
}

/** Refresh, revocation and introspection go on as ever: what must hold without Redis. */
export async function worksWithoutRedis(server: TestServer, { kept, toRevoke, revoked }: Before): Promise<void> {
  const { access, refresh: next } = await refreshes(server, kept)
  expect(await revoke(server, toRevoke)).toBe(200)
  expect((await timely(() => refresh(server, WEB, toRevoke))).body.error).toBe('invalid_grant')
  expect(await timely(() => introspect(server, API, access))).toMatchObject({ active: true })
  expect((await refreshes(server, next)).refresh).not.toBe(next)
  await staysDead(server, revoked)
}

/** Every request says 503 and when to come again, and changes nothing: what must hold without PostgreSQL. */
export async function saysNotNow(server: TestServer, { kept, toRevoke, revoked }: Before): Promise<void> {
  const failed = await timely(() => refresh(server, SPA, kept))
  expect(failed.status).toBe(503)
  expect(failed.headers.get('retry-after')).toMatch(/^[1-9]$/)
  expect(await revoke(server, toRevoke)).toBe(503)
  const page = await timely(() => openSignIn(server))
  expect([200, 503]).toContain(page.status)
  await staysDead(server, revoked)
}

/** FT12: within five seconds, and without a restart, people sign in again; and what was dead is dead. */
export async function recovers(
  server: TestServer,
  { kept, toRevoke, revoked }: Before,
  front: TestServer = server,
): Promise<void> {
  await untilItWorks(async () => (await openSignIn(server)).status)
  await untilItWorks(async () => (await refresh(server, SPA, kept)).status)
  // A browser knows the issuer's address only.
  expect((await signedIn(front)).tokens.status).toBe(200)
  expect([200, 400]).toContain((await refresh(server, WEB, toRevoke)).status)
  expect((await refresh(server, WEB, revoked.refresh)).body.error).toBe('invalid_grant')
  await staysDead(server, revoked)
}

/** Asks until the answer is no error of the server's any more; five seconds at most. */
export async function untilItWorks(ask: () => Promise<number>): Promise<void> {
  const until = performance.now() + RECOVER_WITHIN_MS
  let status = await ask()
  while (status >= 500 && performance.now() < until) {
    await wait(100)
    status = await ask()
  }
  expect(status).toBeLessThan(500)
}
