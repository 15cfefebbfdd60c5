// The server-rendered example by a browser without a screen, against a server that is not ours and the example API.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { startApi } from '../../examples/api/api.ts'
import type { RunningExample } from '../../examples/server.ts'
import { startServerApp } from '../../examples/server-app/server-app.ts'
import { Browser, type Page } from '../support/browser.ts'
import { freePort } from '../support/server-process.ts'
import { API_CLIENT, startIssuer, type TestIssuer } from './issuer.ts'

const COOKIE = 'demo-server-app'
const CLIENT = 'notes-server'

let issuer: TestIssuer
let api: RunningExample
let app: RunningExample
let accessTokenTtl = 900

beforeAll(async () => {
  const [apiPort, appPort] = [await freePort(), await freePort()]
  const apiUrl = `http://localhost:${apiPort}`
  const client = {
    client_id: CLIENT,
    client_secret: 'a secret of the server app, long enough',
    redirect_uris: [`http://localhost:${appPort}/callback`],
    post_logout_redirect_uris: [`http://localhost:${appPort}/`],
    grant_types: ['authorization_code', 'refresh_token'],
    backchannel_logout_uri: `http://localhost:${appPort}/backchannel-logout`,
    backchannel_logout_session_required: true,
  }
  issuer = await startIssuer({ clients: [client], apiUrl, accessTokenTtl: () => accessTokenTtl })
  api = await startApi({
    issuer: issuer.url,
    ...API_CLIENT,
    audience: apiUrl,
    spaOrigin: 'http://localhost:3001',
    port: apiPort,
  })
  app = await startServerApp({
    issuer: issuer.url,
    clientId: client.client_id,
    clientSecret: client.client_secret,
    apiUrl,
    port: appPort,
  })
})

afterAll(async () => {
  await app.close()
  await api.close()
  await issuer.close()
})

test('signs in, shows the claims, calls the API, and signs out at the authorization server too', async () => {
  const { browser, page } = await signedIn()
  expect(page.body).toContain('Signed in as Ada &lt;b&gt;Lovelace&lt;/b&gt;')
  expect(page.body).toContain('ada@people.example')
  expect(page.body).toContain('There are no notes yet.')
  const asked = await submitTo(browser, page, '/sign-out')
  expect(new URL(asked.url).origin).toBe(issuer.url)
  const back = await browser.submit(asked)
  expect(back.url).toBe(`${app.url}/`)
  expect(back.body).toContain('You are signed out')
})

test('notes are kept, and shown as text', async () => {
  const { browser, page } = await signedIn()
  const added = await submitTo(browser, page, '/notes', { text: '<script>alert(1)</script>' })
  expect(added.body).toContain('The note is kept.')
  expect(added.body).toContain('<li>&lt;script&gt;alert(1)&lt;/script&gt;</li>')
  expect((await browser.open(app.url)).body).not.toContain('The note is kept.')
  expect((await submitTo(browser, page, '/notes', { text: ' ' })).body).toContain('The API did not take the note.')
})

test('no token reaches the browser', async () => {
  const { browser, page } = await signedIn()
  expect(browser.cookieNames()).toContain(COOKIE)
  expect(page.body).not.toMatch(/eyJ/)
})

test('an id of a session from before the sign-in is worth nothing after it', async () => {
  const browser = new Browser()
  const start = await browser.fetch(`${app.url}/sign-in`, { body: '' })
  const before = browser.cookie(COOKIE)
  await browser.open(String(start.headers.location))
  expect(browser.cookie(COOKIE)).not.toBe(before)
  const thief = new Browser()
  thief.setCookie(COOKIE, String(before))
  expect((await thief.open(app.url)).body).toContain('You are signed out')
})

test('an expired access token is refreshed when it is needed', async () => {
  accessTokenTtl = 4
  const { browser } = await signedIn()
  accessTokenTtl = 900
  issuer.tokenRequests.length = 0
  // Two at once share one refresh: a second one would be a replay.
  const pages = await Promise.all([browser.open(app.url), browser.open(app.url)])
  expect(pages.map((page) => /Your notes/.test(page.body))).toEqual([true, true])
  expect(issuer.tokenRequests).toEqual(['refresh_token'])
})

test('“Refresh now” gets new tokens', async () => {
  const { browser, page } = await signedIn()
  issuer.tokenRequests.length = 0
  expect((await submitTo(browser, page, '/refresh')).body).toContain('Refreshed: there is a new access token')
  expect(issuer.tokenRequests).toEqual(['refresh_token'])
})

test('a sign-in that ended at the authorization server is over here as well', async () => {
  const { browser, page } = await signedIn()
  issuer.endEverything()
  const after = await submitTo(browser, page, '/refresh')
  expect(after.url).toBe(`${app.url}/`)
  expect(after.body).toContain('You have been signed out: this sign-in has ended at the authorization server.')
  expect((await browser.open(app.url)).body).toContain('You are signed out')
})

describe('a logout token', () => {
  const send = (token: string) =>
    fetch(`${app.url}/backchannel-logout`, { method: 'POST', body: new URLSearchParams({ logout_token: token }) })

  test('ends the sign-in that it names, and no other', async () => {
    const one = await signedIn()
    const other = await signedIn()
    const [sid, otherSid] = [one, other].map(({ page }) => sidOf(page))
    expect(sid).not.toBe(otherSid)
    const answer = await send(await issuer.logoutToken(CLIENT, { sid }))
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store'])
    const page = await one.browser.open(app.url)
    expect(page.body).toContain('You have been signed out: this sign-in has ended at the authorization server.')
    expect(page.body).toContain('You are signed out')
    expect((await other.browser.open(app.url)).body).toContain('Signed in as')
    expect((await send(await issuer.logoutToken(CLIENT, { sid: 'of nobody' }))).status).toBe(200)
  })

  test('without a sid, ends all of the person’s', async () => {
    const { browser } = await signedIn()
    const { browser: second } = await signedIn()
    expect((await send(await issuer.logoutToken(CLIENT))).status).toBe(200)
    for (const left of [browser, second]) expect((await left.open(app.url)).body).toContain('You are signed out')
  })

  test('is good once', async () => {
    const token = await issuer.logoutToken(CLIENT)
    expect((await send(token)).status).toBe(200)
    expect((await send(token)).status).toBe(400)
  })

  test.each<[string, Readonly<Record<string, unknown>>, { readonly typ?: string; readonly alg?: string }]>([
    ['for another app', { aud: 'another' }, {}],
    ['of another server', { iss: 'https://other.example' }, {}],
    ['that has expired', { exp: 1 }, {}],
    ['without an event', { events: null }, {}],
    ['with another event', { events: { 'https://other.example/event': {} } }, {}],
    ['with a nonce', { nonce: 'n' }, {}],
    ['about nobody', { sub: null }, {}],
    ['without an identifier', { jti: null }, {}],
    ['that is an ID token', {}, { typ: 'JWT' }],
    ['by another algorithm', {}, { alg: 'ES256' }],
  ])('%s is refused', async (_name, change, header) => {
    const { browser } = await signedIn()
    expect((await send(await issuer.logoutToken(CLIENT, change, header))).status).toBe(400)
    expect((await browser.open(app.url)).body).toContain('Signed in as')
  })

  test('that is none is refused', async () => {
    for (const token of ['', 'x', 'a.b.c', `${btoa('{"alg":"none","typ":"logout+jwt"}')}.${btoa('{}')}.`])
      expect((await send(token)).status).toBe(400)
  })
})

test('an answer to a sign-in that was not begun in this browser is refused (RFC 6749 §10.12)', async () => {
  const attacker = new Browser({ stopAt: (url) => url.pathname === '/callback' })
  const start = await attacker.fetch(`${app.url}/sign-in`, { body: '' })
  const { url } = await attacker.open(String(start.headers.location))
  const { browser: victim } = await signedIn()
  const page = await victim.open(url)
  expect(page.status).toBe(400)
  expect(page.body).toContain('Signing in did not work. It was not begun in this browser')
})

test('an answer of another server is refused (RFC 9207)', async () => {
  const browser = new Browser({ stopAt: (url) => url.pathname === '/callback' })
  const start = await browser.fetch(`${app.url}/sign-in`, { body: '' })
  const answer = new URL((await browser.open(String(start.headers.location))).url)
  answer.searchParams.set('iss', 'https://other.example')
  const page = await browser.fetch(answer.href)
  expect(page.status).toBe(400)
  expect(page.body).toContain('The answer of the authorization server is not as it must be.')
})

test('a refusal is told', async () => {
  const browser = new Browser()
  const start = await browser.fetch(`${app.url}/sign-in`, { body: '' })
  const state = new URL(String(start.headers.location)).searchParams.get('state') ?? ''
  const answer = new URLSearchParams({ error: 'access_denied', error_description: '<i>no</i>', state, iss: issuer.url })
  const page = await browser.open(`${app.url}/callback?${answer}`)
  expect(page.status).toBe(400)
  expect(page.body).toContain('Signing in did not work. &lt;i&gt;no&lt;/i&gt;')
})

test('forms of other sites are refused', async () => {
  const { browser } = await signedIn()
  for (const origin of ['http://localhost:3001', 'null']) {
    const page = await browser.fetch(`${app.url}/sign-out`, { body: '', headers: { origin } })
    expect(page.status).toBe(403)
  }
  expect((await browser.open(app.url)).body).toContain('Signed in as')
})

test('while the authorization server cannot be asked, a page says so', async () => {
  issuer.outage = true
  const log = jest.spyOn(console, 'error').mockImplementation(() => {})
  try {
    const other = await startServerApp({ issuer: issuer.url, clientId: 'x', clientSecret: 'y', apiUrl: api.url, port: 0 })
    const page = await new Browser().fetch(`${other.url}/sign-in`, { body: '' })
    expect(page.status).toBe(502)
    expect(page.body).toContain('cannot be asked just now')
    expect(log).toHaveBeenCalledTimes(1)
    await other.close()
  } finally {
    log.mockRestore()
    issuer.outage = false
  }
})

test('a taken port gives one line that names it', async () => {
  const port = Number(new URL(app.url).port)
  const second = startServerApp({ issuer: issuer.url, clientId: 'x', clientSecret: 'y', apiUrl: api.url, port })
  await expect(second).rejects.toThrow(`port ${port} is in use`)
})

async function signedIn(): Promise<{ browser: Browser; page: Page }> {
  const browser = new Browser()
  const page = await browser.submit(await browser.open(app.url))
  expect(page.url).toBe(`${app.url}/`)
  return { browser, page }
}

/** The `sid` that the page shows. */
function sidOf({ body }: Page): string | undefined {
  return /<dt><code>sid<\/code><\/dt><dd>([^<]+)<\/dd>/.exec(body)?.[1]
}

/** Submits the page's form that goes to `path`. */
function submitTo(browser: Browser, page: Page, path: string, values: { readonly [name: string]: string } = {}): Promise<Page> {
  const form = new RegExp(`<form method="post" action="${path}"[^>]*>[\\s\\S]*?</form>`).exec(page.body)?.[0] ?? ''
  return browser.submit({ ...page, body: form }, values)
}
