// A person takes some of what an app may do back, on the account page: what the app has says less at once, and what went on without
// the person no longer does.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Browser, formsOf } from '../support/browser.ts'
import { API, NOTES, PARTNER } from '../support/clients.ts'
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

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

const READ = `keep notes:read ${NOTES}`
const OFFLINE = 'keep offline_access '

/** Unticks scopes on the page of the app, and saves. */
async function untick(browser: Browser, ...names: string[]): Promise<string> {
  const page = await browser.open(`${server.issuer}/account/apps?client_id=${PARTNER.client_id}`)
  const form = formsOf(page).find(({ action }) => action === '/account/apps/narrowing')
  const body = new URLSearchParams(form?.fields ?? {})
  for (const name of names) {
    expect([...body.keys()]).toContain(name)
    body.delete(name)
  }
  const done = await browser.fetch(`${server.issuer}/account/apps/narrowing`, { body: body.toString() })
  expect(done.status).toBe(303)
  return (await browser.open(`${server.issuer}/account`)).body
}

const letIn = (person = server.ada) => obtainTokens(server, PARTNER, { person, params: { prompt: 'consent' } })

test('CN2: of an API, the access tokens are dead that may say more, and a refresh gets what is left', async () => {
  const { browser, tokens } = await letIn()
  expect(claimsOf(tokens.body.access_token).scope).toBe('notes:read')
  expect(await untick(browser, READ)).toContain('That app may do less with your account now.')
  expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
  const next = await refresh(server, PARTNER, tokens.body.refresh_token ?? '')
  expect(next.status).toBe(200)
  expect(next.body.scope).not.toContain('notes:read')
  // The app may ask for it again: the person is asked, and not passed over.
  const page = await browser.open(authorizationRequest(server, PARTNER, { scope: 'openid notes:read' }).url)
  expect(page.body).toContain('Act for you at')
  const { code } = callbackParams(await signIn(browser, page, server.ada))
  expect(code).toBeDefined()
})

test('CN2: of the leave to stay connected, refresh tokens end that did not depend on the session', async () => {
  const { browser, tokens } = await letIn(server.grace)
  const inFlight = authorizationRequest(server, PARTNER, { prompt: 'consent' })
  const { code = '' } = callbackParams(await signIn(browser, await browser.open(inFlight.url), server.grace))
  await untick(browser, OFFLINE)
  expect((await refresh(server, PARTNER, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
  // A code that was on its way gets one that ends with the session.
  const late = await redeem(server, PARTNER, inFlight, code)
  expect(late.status).toBe(200)
  const rotated = await refresh(server, PARTNER, late.body.refresh_token ?? '')
  expect(rotated.status).toBe(200)
  await browser.submit(await browser.open(new URL('/logout', server.issuer)))
  expect((await refresh(server, PARTNER, rotated.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
})
