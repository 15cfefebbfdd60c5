// WB2: in a real browser our policy holds nobody up on the way back to the client, with scripts and without.
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchChromium } from '../support/chromium.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let chromium: Browser
let app: Server
let appUrl: string
let context: BrowserContext | undefined

beforeAll(async () => {
  // Another site than the issuer's, which is localhost.
  app = createServer((_request, response) => response.setHeader('Content-Type', 'text/html').end('<h1>The app</h1>'))
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  appUrl = `http://127.0.0.1:${(app.address() as AddressInfo).port}`
  const client = {
    client_id: 'app',
    client_name: 'The App',
    token_endpoint_auth_method: 'none',
    redirect_uris: [`${appUrl}/callback`],
    post_logout_redirect_uris: [`${appUrl}/bye`],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'openid email',
  }
  server = await startServer({ provision: { clients: [client] } })
  chromium = await launchChromium()
})

afterAll(async () => {
  await chromium?.close()
  await server?.stop()
  app?.closeAllConnections()
  await new Promise((resolve) => app?.close(resolve))
})

afterEach(() => context?.close())

function authorizeUrl(): string {
  const url = new URL('/authorize', server.issuer)
  url.search = new URLSearchParams({
    client_id: 'app',
    redirect_uri: `${appUrl}/callback`,
    response_type: 'code',
    scope: 'openid email',
    state: 'the-state',
    code_challenge: createHash('sha256').update(randomBytes(32).toString('base64url')).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString()
  return url.href
}

async function openPage(javaScriptEnabled: boolean): Promise<{ page: Page; complaints: string[] }> {
  context = await chromium.newContext({ javaScriptEnabled })
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  return { page, complaints }
}

async function enter(page: Page, password: string, username = server.grace.username): Promise<void> {
  await page.getByLabel('E-mail').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

describe.each([true, false])('WB2: with scripts: %s', (scripts) => {
  test('sign-in, after a wrong password, and consent lead back to the app; signing out leads there too', async () => {
    const { page, complaints } = await openPage(scripts)
    // What was agreed to is remembered, so each round has its person.
    const { username, password } = scripts ? server.ada : server.grace
    await page.goto(authorizeUrl())
    await enter(page, 'wrong', username)
    await page.getByText('That e-mail or password is not right.').waitFor()
    expect(await page.title()).toContain('Sign-in failed')
    await enter(page, password, username)
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    await page.waitForURL(`${appUrl}/callback?*`)
    expect(new URL(page.url()).searchParams.get('state')).toBe('the-state')
    expect(new URL(page.url()).searchParams.get('code')).toMatch(/./)

    const logout = new URLSearchParams({ client_id: 'app', post_logout_redirect_uri: `${appUrl}/bye`, state: 'gone' })
    await page.goto(`${server.issuer}/logout?${logout}`)
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.waitForURL(`${appUrl}/bye?*`)
    expect(new URL(page.url()).searchParams.get('state')).toBe('gone')

    await page.goto(authorizeUrl())
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(complaints).toEqual([])
  })

  test('going back to the app without signing in tells it so', async () => {
    const { page, complaints } = await openPage(scripts)
    await page.goto(authorizeUrl())
    await page.getByRole('button', { name: /^Back to/ }).click()
    await page.waitForURL(`${appUrl}/callback?*`)
    expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied')
    expect(complaints).toEqual([])
  })

  test('not allowing tells the app so', async () => {
    const { page, complaints } = await openPage(scripts)
    const url = new URL(authorizeUrl())
    url.searchParams.set('prompt', 'consent')
    await page.goto(url.href)
    await enter(page, server.grace.password)
    await page.getByRole('button', { name: 'Do not allow' }).click()
    await page.waitForURL(`${appUrl}/callback?*`)
    expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied')
    expect(complaints).toEqual([])
  })
})
