// Our pages as a real browser meets them, from the real program: the content security policy is never broken and never
// in the way (OWASP ASVS 3.4; the form-action trap of https://github.com/w3c/webappsec-csp/issues/8).
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchChromium } from '../support/chromium.ts'
import type { TestClient } from '../support/clients.ts'
import { authorizationRequest, redeem } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

/** What a client got: by GET its query, by POST its form. */
interface Visit {
  readonly method: string
  readonly origin: string | undefined
  readonly params: URLSearchParams
}

jest.setTimeout(120_000)

const visits: Visit[] = []
/** An app on another origin. */
const app = createServer((request, response) => {
  void read(request).then((body) => {
    if (request.url?.startsWith('/callback')) {
      const params = request.method === 'POST' ? new URLSearchParams(body) : new URL(request.url, 'http://app.test').searchParams
      visits.push({ method: request.method ?? '', origin: request.headers.origin, params })
    }
    response.setHeader('Content-Type', 'text/html')
    response.end('<!doctype html><title>The app</title><link rel="icon" href="data:,"><h1>The app</h1>')
  })
})

let server: TestServer
let unowned: TestServer
let chromium: Browser
let client: TestClient
let stranger: TestClient

beforeAll(async () => {
  app.listen(0, '127.0.0.1')
  await once(app, 'listening')
  const origin = `http://127.0.0.1:${(app.address() as AddressInfo).port}`
  client = { client_id: 'app', redirect_uri: `${origin}/callback`, scope: 'openid' }
  stranger = { client_id: 'stranger', redirect_uri: `${origin}/callback`, scope: 'openid email' }
  const common = { token_endpoint_auth_method: 'none', redirect_uris: [client.redirect_uri] }
  server = await startServer({
    provision: {
      clients: [
        { ...common, client_id: 'app', scope: 'openid', skip_consent: true, post_logout_redirect_uris: [`${origin}/left`] },
        { ...common, client_id: 'stranger', client_name: 'A stranger', scope: 'openid email' },
      ],
    },
  })
  unowned = await startServer({
    settings: { PROVISION_FILE: '', LATCHKEY_RATE_LIMITS: 'on', LATCHKEY_RATE_LIMIT_PEOPLE: '12' },
  })
  chromium = await launchChromium()
}, 300_000)

afterAll(async () => {
  await chromium?.close()
  await server?.stop()
  await unowned?.stop()
  app.close()
  app.closeAllConnections()
})

describe('WB2: sign-in leads to the app, whatever form-action says', () => {
  test('by response_mode=query', async () => {
    await inChromium({}, async (page, complaints) => {
      const request = authorizationRequest(server, client)
      await page.goto(request.url)
      await signIn(page, server.ada)
      await page.waitForURL(`${client.redirect_uri}**`)
      expect(await page.title()).toBe('The app')
      const { method, params } = visits.at(-1) ?? nothing()
      expect({ method, state: params.get('state'), iss: params.get('iss') }).toEqual({
        method: 'GET',
        state: request.state,
        iss: server.issuer,
      })
      expect((await redeem(server, client, request, params.get('code') ?? '')).status).toBe(200)
      expect(complaints).toEqual([])
    })
  })

  test('by way of consent, and also after “Do not allow”', async () => {
    await inChromium({}, async (page, complaints) => {
      for (const button of ['Do not allow', 'Allow']) {
        await page.goto(authorizationRequest(server, stranger).url)
        if (await page.locator('#password').isVisible()) await signIn(page, server.ada)
        await page.getByRole('button', { name: button, exact: true }).click()
        await page.waitForURL(`${stranger.redirect_uri}**`)
      }
      expect(visits.at(-2)?.params.get('error')).toBe('access_denied')
      expect(visits.at(-1)?.params.get('code')).not.toBeNull()
      expect(complaints).toEqual([])
    })
  })

  test.each([true, false])('by response_mode=form_post, with scripts: %s', async (javaScriptEnabled) => {
    await inChromium({ javaScriptEnabled }, async (page, complaints) => {
      const state = `"><script>document.title='owned'</script><img src=x onerror=alert(1)>'`
      const request = authorizationRequest(server, client, { response_mode: 'form_post', state })
      await page.goto(request.url)
      await signIn(page, server.ada)
      if (!javaScriptEnabled) {
        await page.getByRole('heading', { name: 'Signing you in…' }).waitFor()
        expect(await page.locator('script').count()).toBe(1)
        expect(await page.locator('img').count()).toBe(0)
        await page.getByRole('button', { name: 'Continue' }).click()
      }
      await page.waitForURL(`${client.redirect_uri}**`)
      const { method, params } = visits.at(-1) ?? nothing()
      expect({ method, state: params.get('state'), iss: params.get('iss') }).toEqual({
        method: 'POST',
        state,
        iss: server.issuer,
      })
      expect((await redeem(server, client, request, params.get('code') ?? '')).status).toBe(200)
      expect(complaints).toEqual([])
    })
  })

  test('sign-out leads back to the app', async () => {
    await inChromium({}, async (page, complaints) => {
      await page.goto(authorizationRequest(server, client).url)
      await signIn(page, server.ada)
      await page.waitForURL(`${client.redirect_uri}**`)
      const url = new URL('/logout', server.issuer)
      const left = client.redirect_uri.replace('/callback', '/left')
      url.search = new URLSearchParams({ client_id: client.client_id, post_logout_redirect_uri: left, state: 'bye' }).toString()
      await page.goto(url.href)
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.waitForURL(`${left}?state=bye`)
      expect(await page.title()).toBe('The app')
      expect(complaints).toEqual([])
    })
  })
})

test('WB1: every page of the program has the headers, breaks no policy and says nothing on the console', async () => {
  const titles = new Set<string>()
  const see = async (page: Page) => void titles.add((await page.title()).replace(' – Latchkey', ''))
  await inChromium({}, async (page, complaints) => {
    const open = async (path: string, base = server.issuer) => {
      await page.goto(new URL(path, base).href)
      await see(page)
    }
    await open('/')
    await open('/nothing')
    await open('/setup')
    await open('/setup?token=never-was')
    await open('/interactions/nobody')
    await open('/authorize?client_id=nobody')
    await open('/logout/success')
    // The owner's first page, on a server that has none yet.
    await open(setupLink())
    await page.fill('#email', 'not an address')
    await page.fill('#password', 'a password of the owner 9')
    await press(page, 'form[action="/setup"]')
    await see(page)
    await page.fill('#email', 'owner@people.example')
    await page.fill('#password', 'a password of the owner 9')
    await press(page, 'form[action="/setup"]')
    await see(page)
    await open(setupLink())
    // Signing in: the page, a refusal, and what follows.
    await page.goto(authorizationRequest(server, stranger).url)
    await see(page)
    await signIn(page, { ...server.grace, password: 'not the password' })
    await see(page)
    await signIn(page, server.grace)
    await page.getByRole('heading', { name: 'Let A stranger in?' }).waitFor()
    await see(page)
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    await page.waitForURL(`${client.redirect_uri}**`)
    await open(authorizationRequest(server, client, { prompt: 'login' }).url)
    await signIn(page, server.ada)
    await page.getByRole('button', { name: 'Sign out the other account and continue' }).waitFor()
    await see(page)
    // The account.
    await open('/account')
    await page.fill('#name', 'Grace Brewster Hopper')
    await press(page, 'form[action="/account/name"]')
    await see(page)
    await open('/account/password')
    await page.fill('#current', 'not the password')
    await page.fill('#new', 'a new password of Grace 17')
    await page.fill('#again', 'a new password of Grace 17')
    await press(page, 'form[action="/account/password"]')
    await see(page)
    await open('/logout')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL('**/logout/success*')
    await see(page)
    // Enough is enough.
    for (let count = 0; count < 12; count += 1) await page.request.get(setupLink())
    await open(setupLink())
    expect(complaints).toEqual([])
  })
  expect([...titles].toSorted()).toEqual([...EVERY_TITLE].toSorted())
})

/** The pages there are; `continue` is gone before one could look at it, and is a response like the others. */
const EVERY_TITLE = [
  'All set up',
  'Change password',
  'Confirm that it is you',
  'Let A stranger in?',
  'Not changed yet – Change password',
  'Not done yet – Set up',
  'One more step',
  'One sign-in for all your apps',
  'Set up',
  'Sign in',
  'Sign out?',
  'Sign-in failed – Sign in',
  'That did not work',
  'There is no such page',
  'This setup link does not work',
  'This sign-in has expired',
  'Too many tries',
  'You are signed out',
  'Your account',
]

const HEADERS: { readonly [name: string]: RegExp } = {
  'content-security-policy': /^default-src 'none';style-src 'self';.*frame-ancestors 'none'/,
  'referrer-policy': /^no-referrer$/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/,
  'cross-origin-opener-policy': /^same-origin$/,
  'cache-control': /^no-store$/,
}

/** A browser of its own; whatever it complains of, and each page of ours that lacks a header, is written down. */
async function inChromium(
  options: Parameters<Browser['newContext']>[0],
  visit: (page: Page, complaints: string[]) => Promise<void>,
): Promise<void> {
  const context = await chromium.newContext(options)
  const complaints: string[] = []
  listen(context, complaints)
  try {
    await visit(await context.newPage(), complaints)
  } finally {
    await context.close()
  }
}

function listen(context: BrowserContext, complaints: string[]): void {
  context.on('console', (message) => {
    // Chromium says this of each page that is an error page by its status.
    if (!/^Failed to load resource: the server responded with a status of 4\d\d/.test(message.text())) {
      complaints.push(`${message.page()?.url()}: ${message.text()}`)
    }
  })
  context.on('weberror', (error) => complaints.push(error.error().message))
  context.on('dialog', (dialog) => {
    complaints.push(`dialogue: ${dialog.message()}`)
    void dialog.dismiss()
  })
  context.on('requestfailed', (request) => {
    // A page that leads on at once may be left before it has its icon.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') complaints.push(`${request.url()}: ${request.failure()?.errorText}`)
  })
  context.on('response', (response) => {
    const headers = response.headers()
    if (new URL(response.url()).port === new URL(client.redirect_uri).port || !headers['content-type']?.startsWith('text/html'))
      return
    for (const [name, wanted] of Object.entries(HEADERS)) {
      // What leads on at once is kept by nobody unless it says so (RFC 9111 §3).
      if (name === 'cache-control' && response.status() === 303) continue
      if (!wanted.test(headers[name] ?? '')) complaints.push(`${response.url()} has ${name}: ${headers[name]}`)
    }
    if (/unsafe-|\*|https?:/.test(headers['content-security-policy'] ?? '')) complaints.push(`${response.url()} allows too much`)
  })
}

async function signIn(page: Page, person: { readonly username: string; readonly password: string }): Promise<void> {
  await page.fill('#username', person.username)
  await page.fill('#password', person.password)
  await press(page, 'form[action$="/login"]')
}

/** Presses the button of a form, past what the browser itself would object to. */
async function press(page: Page, form: string): Promise<void> {
  await page.locator(form).evaluate((element) => element.setAttribute('novalidate', ''))
  await Promise.all([page.waitForEvent('framenavigated'), page.locator(`${form} button[type=submit]`).click()])
  await page.waitForLoadState()
}

function setupLink(): string {
  return unowned.latchkey.announcements.setup?.url ?? ''
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function nothing(): never {
  throw new Error('nobody came to the app')
}
