// Front-channel logout (OpenID Connect Front-Channel Logout 1.0): apps that only a browser can tell are framed after a sign-out, and
// nobody else is.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Browser, formsOf, type Page } from '../support/browser.ts'
import { launchChromium } from '../support/chromium.ts'
import { SPA, type TestClient } from '../support/clients.ts'
import { type LogoutApp, startLogoutApp, until } from '../support/logout-app.ts'
import { authorizationRequest, claimsOf, introspect, obtainTokens } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

const OLD: TestClient = {
  client_id: 'old',
  client_secret: 'a-secret-of-the-old-app-that-is-long-enough',
  redirect_uri: 'https://old.example/callback',
  scope: 'openid profile email',
}
const BOTH: TestClient = { ...OLD, client_id: 'both', redirect_uri: 'https://both.example/callback' }
const HERE: TestClient = { ...OLD, client_id: 'here', redirect_uri: '' }

let server: TestServer
let back: LogoutApp
/** An app of pages: what it was asked for. */
let app: Server
let here: TestClient
const asked: URL[] = []

beforeAll(async () => {
  back = await startLogoutApp()
  app = createServer((request, response) => {
    asked.push(new URL(request.url ?? '/', 'http://localhost'))
    response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>The app</title><p>The app')
  })
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  const origin = `http://localhost:${(app.address() as AddressInfo).port}`
  here = { ...HERE, redirect_uri: `${origin}/callback` }
  const register = (client: TestClient, more: object) => ({
    client_id: client.client_id,
    client_secret: client.client_secret,
    redirect_uris: [client.redirect_uri],
    post_logout_redirect_uris: [`${new URL(client.redirect_uri).origin}/bye`],
    scope: client.scope,
    skip_consent: true,
    ...more,
  })
  server = await startServer({
    provision: {
      clients: [
        register(OLD, { frontchannel_logout_uri: 'https://old.example/logout?of=old' }),
        register(BOTH, { frontchannel_logout_uri: 'https://both.example/logout', backchannel_logout_uri: back.uri }),
        register(here, { frontchannel_logout_uri: `${origin}/logout`, frontchannel_logout_session_required: true }),
      ],
    },
  })
})

beforeEach(() => {
  asked.length = 0
})

afterAll(async () => {
  await server?.stop()
  await back?.stop()
  app?.closeAllConnections()
  await new Promise((resolve) => app?.close(resolve))
})

async function signedIn(...clients: TestClient[]) {
  const browser = new Browser()
  const sids = new Map<string, string>()
  for (const client of clients) {
    const { tokens } = await obtainTokens(server, client, { browser })
    sids.set(client.client_id, String(claimsOf(tokens.body.id_token).sid))
  }
  return { browser, sids }
}

const asksForPassword = ({ body }: Page) => body.includes('name="password"')

const framesOf = (body: string) =>
  [...body.matchAll(/<iframe src="([^"]+)"/g)].map(([, src = '']) => new URL(src.replaceAll('&amp;', '&')))

test('after a sign-out the page frames the apps that can be told in no other way, with iss and sid', async () => {
  const { browser, sids } = await signedIn(OLD, BOTH, SPA)
  const page = await browser.submit(await browser.open(new URL('/logout', server.issuer)))
  const frames = framesOf(page.body)
  expect(frames.map(({ origin, pathname }) => origin + pathname)).toEqual(['https://old.example/logout'])
  expect(Object.fromEntries(frames[0]?.searchParams ?? [])).toEqual({ of: 'old', iss: server.issuer, sid: sids.get('old') })
  expect(page.headers.refresh).toBe(`3;url=${server.issuer}/logout/success`)
  expect(page.body).toContain(`href="${server.issuer}/logout/success">Continue</a>`)
  expect(page.body).not.toContain('<script')
  const policy = String(page.headers['content-security-policy'])
  expect(policy).toMatch(/^default-src 'none';.*;frame-src https:\/\/old\.example$/)
  expect(policy).toContain("frame-ancestors 'none'")
  // The other one was told by the server.
  await until(() => back.received.length === 1)
  expect(back.received[0]?.claims.sid).toBe(sids.get('both'))
  const after = await browser.open(new URL('/logout/success', server.issuer))
  expect(String(after.headers['content-security-policy'])).not.toContain('frame-src')
})

test('the way back to the app goes on after it', async () => {
  const { browser } = await signedIn(OLD)
  const { tokens } = await obtainTokens(server, OLD, { browser })
  const url = new URL('/logout', server.issuer)
  url.search = new URLSearchParams({
    id_token_hint: tokens.body.id_token ?? '',
    post_logout_redirect_uri: 'https://old.example/bye',
    state: 'left',
  }).toString()
  const page = await browser.submit(await browser.open(url))
  expect(framesOf(page.body)).toHaveLength(1)
  expect(page.headers.refresh).toBe('3;url=https://old.example/bye?state=left')
})

describe('a sign-out by the app, in a browser that has lost its session,', () => {
  const leaving = (token: string | undefined) => {
    const url = new URL('/logout', server.issuer)
    url.search = new URLSearchParams({
      id_token_hint: token ?? '',
      post_logout_redirect_uri: 'https://old.example/bye',
      state: 'left',
    }).toString()
    return url
  }
  const AT_THE_APP = 'https://old.example/bye?state=left'

  test('asks, ends the session that the hint names, and no more, and tells its apps', async () => {
    const { browser, sids } = await signedIn(OLD, BOTH)
    const { tokens } = await obtainTokens(server, OLD, { browser })
    const elsewhere = await obtainTokens(server, OLD)
    const lost = new Browser()
    const question = await lost.open(leaving(tokens.body.id_token))
    expect(question.body).toContain('not signed in here any more')
    expect(question.body).not.toContain(server.ada.username)
    const [form] = formsOf(question)
    const answer = (fields: object) =>
      lost.fetch(form?.action ?? '', { body: new URLSearchParams({ ...form?.fields, ...fields }).toString() })
    expect((await answer({ xsrf: 'made-up' })).status).toBe(400)
    await answer({ id_token_hint: `${tokens.body.id_token}x` })
    expect(asksForPassword(await browser.open(authorizationRequest(server, OLD).url))).toBe(false)
    const asked = await lost.open(leaving(tokens.body.id_token))
    // Everybody who has an ID token could ask for the rest, too.
    const done = await lost.submit(asked, { scope: 'account' })
    // This browser has nothing of those apps, and whoever has the token need not see which they are.
    expect(framesOf(done.body)).toEqual([])
    expect(done.headers.refresh).toBe(`0;url=${AT_THE_APP}`)
    await until(() => back.received.some(({ claims }) => claims.sid === sids.get('both')))
    expect(asksForPassword(await browser.open(authorizationRequest(server, OLD).url))).toBe(true)
    expect((await introspect(server, OLD, tokens.body.access_token ?? '')).active).toBe(false)
    expect((await introspect(server, OLD, elsewhere.tokens.body.access_token ?? '')).active).toBe(true)
    expect(asksForPassword(await elsewhere.browser.open(authorizationRequest(server, OLD).url))).toBe(false)
    // There is nothing left to ask about.
    expect((await new Browser().open(leaving(tokens.body.id_token))).url).toBe(AT_THE_APP)
  })

  test('ends it as well where somebody is signed in here by now', async () => {
    const { browser } = await signedIn(OLD)
    const { tokens } = await obtainTokens(server, OLD, { browser })
    const now = await obtainTokens(server, SPA, { person: server.grace })
    const question = await now.browser.open(leaving(tokens.body.id_token))
    expect(question.body).toContain('That one ends as well.')
    await now.browser.submit(question)
    const idOf = (who: { readonly body: { readonly id_token?: string } }) => String(claimsOf(who.body.id_token).sub)
    const events = await server.latchkey.stores.db.auditEvent.findMany({
      where: { name: 'session.signed_out' },
      orderBy: { id: 'desc' },
      take: 2,
      select: { actor: true, accountId: true, clientId: true, detail: true },
    })
    expect(events).toContainEqual({
      actor: idOf(now.tokens),
      accountId: idOf(tokens),
      clientId: OLD.client_id,
      detail: { by: 'id_token_hint' },
    })
    expect(asksForPassword(await browser.open(authorizationRequest(server, OLD).url))).toBe(true)
    expect(asksForPassword(await now.browser.open(authorizationRequest(server, SPA).url))).toBe(true)
  })

  test('is none where somebody signs in over another person: a hint that is slipped in there ends nothing', async () => {
    const { browser } = await signedIn(OLD)
    const { tokens } = await obtainTokens(server, OLD, { browser })
    const other = await obtainTokens(server, SPA, { person: server.grace })
    const login = await other.browser.open(authorizationRequest(server, SPA, { prompt: 'login' }).url)
    const question = await other.browser.submit(login, server.ada)
    const [form] = formsOf(question)
    const slipped = new URLSearchParams({ ...form?.fields, id_token_hint: tokens.body.id_token ?? '' })
    await other.browser.fetch(form?.action ?? '', { body: slipped.toString() })
    expect(asksForPassword(await browser.open(authorizationRequest(server, OLD).url))).toBe(false)
  })
})

test('so it is for whoever is signed out because somebody else signs in', async () => {
  const { browser } = await signedIn(OLD)
  const login = await browser.open(authorizationRequest(server, SPA, { prompt: 'login' }).url)
  const page = await browser.submit(await browser.submit(login, server.grace))
  expect(framesOf(page.body)).toHaveLength(1)
  expect(String(page.headers.refresh)).toContain(`3;url=${server.issuer}/authorize/`)
})

test('without such an app the page goes on at once, and frames nobody', async () => {
  const { browser } = await signedIn(SPA, BOTH)
  const page = await browser.submit(await browser.open(new URL('/logout', server.issuer)))
  expect(page.url).toBe(`${server.issuer}/logout/success`)
  expect(page.body).not.toContain('<iframe')
})

test('in a browser, the app’s frame is loaded, and the page goes on', async () => {
  const chromium = await launchChromium()
  const page = await (await chromium.newContext({ javaScriptEnabled: false })).newPage()
  const refused: string[] = []
  page.on('console', (message) => void refused.push(message.text()))
  await page.goto(authorizationRequest(server, here).url)
  await page.fill('input[name=username]', server.ada.username)
  await page.fill('input[name=password]', server.ada.password)
  await page.click('button[type=submit]')
  await page.waitForURL(/\/callback\?/)
  await page.goto(`${server.issuer}/logout`)
  await page.click('button:text-is("Sign out")')
  await page.waitForSelector('text=The apps that you used are being told')
  await until(() => asked.some(({ pathname }) => pathname === '/logout'))
  const frame = asked.find(({ pathname }) => pathname === '/logout')
  expect(frame?.searchParams.get('iss')).toBe(server.issuer)
  expect(frame?.searchParams.get('sid')).toMatch(/^[\w-]{20,}$/)
  await page.waitForURL(/\/logout\/success$/)
  await page.waitForSelector('text=You can close this window now.')
  expect(refused).toEqual([])
  await chromium.close()
}, 60_000)
