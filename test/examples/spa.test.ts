// The single-page example in Chromium, against a server that is not ours and the example API.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import axe from 'axe-core'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { startApi } from '../../examples/api/api.ts'
import type { RunningExample } from '../../examples/server.ts'
import { startSpa } from '../../examples/spa/spa.ts'
import { launchChromium } from '../support/chromium.ts'
import { freePort } from '../support/server-process.ts'
import { API_CLIENT, startIssuer, type TestIssuer } from './issuer.ts'

let issuer: TestIssuer
let api: RunningExample
let spa: RunningExample
let chromium: Browser
let context: BrowserContext
let page: Page
let complaints: string[]
let accessTokenTtl = 900

beforeAll(async () => {
  const [apiPort, spaPort] = [await freePort(), await freePort()]
  const apiUrl = `http://localhost:${apiPort}`
  const spaUrl = `http://localhost:${spaPort}`
  const client = {
    client_id: 'notes-spa',
    token_endpoint_auth_method: 'none' as const,
    redirect_uris: [`${spaUrl}/callback`],
    post_logout_redirect_uris: [`${spaUrl}/`],
    grant_types: ['authorization_code', 'refresh_token'],
  }
  issuer = await startIssuer({ clients: [client], apiUrl, accessTokenTtl: () => accessTokenTtl })
  api = await startApi({
    issuer: issuer.url,
    ...API_CLIENT,
    audience: apiUrl,
    spaOrigin: spaUrl,
    port: apiPort,
    log: () => undefined,
  })
  spa = await startSpa({ issuer: issuer.url, clientId: client.client_id, apiUrl, apiCopyUrl: apiUrl, port: spaPort })
  chromium = await launchChromium()
})

afterAll(async () => {
  await chromium.close()
  await spa.close()
  await api.close()
  await issuer.close()
})

beforeEach(async () => {
  context = await chromium.newContext()
  page = await context.newPage()
  page.setDefaultTimeout(8000)
  complaints = []
  // What the page's policy forbids, and what fails without being caught, is told on the console.
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (/Content Security Policy|Trusted/i.test(message.text())) complaints.push(message.text())
  })
})

afterEach(async () => {
  await context.close()
  expect(complaints).toEqual([])
})

test('signs in, calls the API, survives a reload, refreshes and signs out', async () => {
  await signIn()
  expect(await page.textContent('#name')).toBe('Ada <b>Lovelace</b>')
  expect(page.url()).toBe(`${spa.url}/`)
  await press('Call the API')
  await message('The API took the access token.')
  expect(await page.textContent('#no-notes')).toBe('There are no notes yet.')
  await page.fill('#note', '<img src=x onerror=alert(1)>')
  await press('Add')
  await message('The note is kept.')
  expect(await page.textContent('#notes')).toBe('<img src=x onerror=alert(1)>')

  await page.reload()
  await page.waitForSelector('#signed-in:not([hidden])')
  expect(await page.isDisabled('#replay')).toBe(true)
  await press('Refresh now')
  await message('Refreshed')
  expect(await page.textContent('#access-token')).toMatch(/^good for 1[45] min/)
  expect(await page.textContent('#old-refresh-token')).toMatch(/used \d s ago/)

  await press('Sign out')
  await page.click('text=Yes')
  await page.waitForSelector('#signed-out:not([hidden])')
  expect(page.url()).toBe(`${spa.url}/`)
  expect(await page.evaluate(() => Object.keys(sessionStorage))).toEqual([])
})

test('no token is shown', async () => {
  await signIn()
  const { access_token, refresh_token } = await storedUser()
  const html = await page.content()
  for (const token of [access_token, refresh_token]) expect(html).not.toContain(token.slice(-20))
})

test('an old refresh token that is replayed too late ends everything', async () => {
  await signIn()
  await press('Refresh now')
  await message('Refreshed')
  await press('Replay an old refresh token')
  await message('ended the whole family of tokens. You are signed out here.')
  await press('Sign in')
  await page.waitForSelector('#signed-in:not([hidden])')
})

test('an old refresh token that is replayed in time gives the same successor', async () => {
  await signIn()
  await press('Refresh now')
  await message('Refreshed')
  const { access_token, refresh_token } = await storedUser()
  // oidc-provider has no replay window, so the answer of a server that has one is given here.
  const headers = { 'access-control-allow-origin': spa.url }
  await page.route(`${issuer.url}/token`, (route) => route.fulfill({ json: { access_token, refresh_token }, headers }))
  await press('Replay an old refresh token')
  await message('inside the replay window')
  expect(await page.isVisible('#signed-in')).toBe(true)
})

test('an access token that has expired is refreshed when it is needed', async () => {
  accessTokenTtl = 3
  await signIn()
  accessTokenTtl = 900
  issuer.tokenRequests.length = 0
  await press('Call the API')
  await message('The API took the access token.')
  expect(issuer.tokenRequests).toEqual(['refresh_token'])
})

test('an access token that the API refuses is refreshed; when that is refused too, the person is signed out', async () => {
  await signIn()
  const { access_token } = await storedUser()
  issuer.revoke(JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString()).jti)
  await press('Call the API')
  await message('The API refused the access token: it was revoked. A refresh got another, which it took.')
  issuer.endEverything()
  await press('Refresh now')
  await message('You have been signed out')
  expect(await page.isVisible('#signed-out')).toBe(true)
})

test('the panel says that the API refuses a token, and no time where the server tells none', async () => {
  await signIn()
  const { access_token } = await storedUser()
  issuer.revoke(JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString()).jti)
  await page.waitForSelector('#copy-0:has-text("; refuses the token")')
  expect(await page.textContent('#copy-0')).toBe('asks the authorization server about each token; refuses the token')
})

test('a refusal is told', async () => {
  await page.goto(`${spa.url}/callback?error=access_denied&error_description=You+said+no&state=unknown`)
  await message('Signing in did not work')
  expect(await page.isVisible('#sign-in')).toBe(true)
  expect(page.url()).toBe(`${spa.url}/`)
})

test.each(['light', 'dark'] as const)('can be used by everybody (%s)', async (colorScheme) => {
  await page.emulateMedia({ colorScheme })
  await page.goto(spa.url)
  expect(await violations()).toEqual([])
  await signIn()
  expect(await violations()).toEqual([])
  await page.setViewportSize({ width: 320, height: 800 })
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
})

test('the page may load nothing from elsewhere and may not be framed', async () => {
  const { headers } = await fetch(spa.url)
  const policy = headers.get('content-security-policy')
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).not.toContain('unsafe')
  expect((await fetch(`${spa.url}/../package.json`)).status).toBe(404)
  expect((await fetch(spa.url, { method: 'POST' })).status).toBe(405)
})

async function signIn(): Promise<void> {
  await page.goto(spa.url)
  await press('Sign in')
  await page.waitForSelector('#signed-in:not([hidden])')
}

async function press(name: string): Promise<void> {
  await page.click(`button:text-is("${name}"):enabled`)
}

/** Waits until the page says something. */
async function message(text: string): Promise<void> {
  await page.waitForSelector(`#message:has-text(${JSON.stringify(text)})`)
}

async function storedUser(): Promise<{ readonly access_token: string; readonly refresh_token: string }> {
  const key = `oidc.user:${issuer.url}:notes-spa`
  return JSON.parse((await page.evaluate((name) => sessionStorage.getItem(name), key)) ?? '{}')
}

/** What axe finds. The page's policy lets no foreign script in, so it is put in by the debugger. */
async function violations(): Promise<string[]> {
  const found = await page.evaluate(`${axe.source}; axe.run()`)
  return (found as axe.AxeResults).violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)
}
