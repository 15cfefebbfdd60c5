// The demo on the real server, in Chromium: two apps, one sign-in, and everything ends by signing out.
import { mkdtemp, readFile, rm, stat, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { loadConfig } from '../../config/config.ts'
import { type DemoAccess, type DemoPorts, installDemo, startDemo } from '../../server/commands/demo.ts'
import { removeDemo } from '../../server/commands/demo-removal.ts'
import { launchChromium } from '../support/chromium.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { freePort } from '../support/server-process.ts'

/** What the panel says of a copy. */
const REFUSED = /up to no\. \d+; refuses the token, from (\d+) ms after its revocation on$/

let server: TestServer
let chromium: Browser
let context: BrowserContext
let page: Page
let dataDir: string
let ports: DemoPorts
let access: DemoAccess
let demo: Awaited<ReturnType<typeof startDemo>>

beforeAll(async () => {
  server = await startServer()
  dataDir = await mkdtemp(join(tmpdir(), 'latchkey-demo-'))
  ports = { spa: await freePort(), server: await freePort(), api: await freePort(), apiCopy: await freePort() }
  access = await install()
  demo = await startDemo({ access, issuer: server.issuer })
  chromium = await launchChromium()
})

afterAll(async () => {
  await chromium.close()
  await demo.close()
  await server.stop()
  await rm(dataDir, { recursive: true })
})

beforeEach(async () => {
  context = await chromium.newContext()
  page = await context.newPage()
  page.setDefaultTimeout(10_000)
})

afterEach(() => context.close())

test('one sign-in is enough for both apps, and one sign-out ends both', async () => {
  await signInToSpa()
  expect(await page.textContent('#name')).toBe('Ada Lovelace')
  expect(await page.textContent('#refresh-token')).toBe('generation 0')
  await press('Call the API')
  await message('The API took the access token.')
  await page.fill('#note', 'From the single-page app')
  await press('Add')
  await message('The note is kept.')

  const other = await context.newPage()
  await other.goto(url('server'))
  await other.click('button:text-is("Sign in")')
  await other.waitForSelector('text=Signed in as Ada Lovelace')
  expect(await other.textContent('ul')).toBe('From the single-page app')

  await press('Sign out')
  await page.click('form[method="post"] button >> nth=0')
  await page.waitForURL(`${url('spa')}/`)
  await page.waitForSelector('#signed-out:not([hidden])')
  await other.reload()
  await other.waitForSelector('text=You have been signed out')
})

test('a session that is ended at the server is over in the server-rendered app at once', async () => {
  await page.goto(url('server'))
  await press('Sign in')
  await signIn()
  await page.waitForSelector('text=Signed in as Ada Lovelace')
  const account = await server.latchkey.stores.db.account.findFirstOrThrow({ where: { email: 'ada@demo.example' } })
  const begun = performance.now()
  const ended = await server.latchkey.nouns.sessions.endAll({ accountId: account.id, origin: {} })
  expect(ended.logout_notifications).toBeGreaterThan(0)
  await server.latchkey.logout.delivery.run()
  expect(performance.now() - begun).toBeLessThan(2000)
  await page.reload()
  await page.waitForSelector('text=You have been signed out: this sign-in has ended at the authorization server.')
})

test('a replayed refresh token gives the same successor in time, and ends the family later', async () => {
  await signInToSpa()
  await press('Refresh now')
  await message('Refreshed')
  expect(await page.textContent('#refresh-token')).toBe('generation 1')
  await press('Replay an old refresh token')
  await message('it gave the same successor that you have already')
  await page.reload()
  await press('Refresh now')
  await message('Refreshed')
  expect(await page.textContent('#refresh-token')).toBe('generation 2')
  await server.advance(20)
  await press('Replay an old refresh token')
  await message('ended the whole family of tokens. You are signed out here.')
})

test('a revoked access token is refused by both copies of the API while its own life goes on', async () => {
  await signInToSpa()
  await press('Call the API')
  await message('The API took the access token.')
  await page.waitForSelector('#copy-1:has-text("up to no.")')
  await press('Revoke the access token')
  await message('Both copies of the API refuse the token')
  // All of it was done within a second, or took some more.
  expect(await page.textContent('#message')).toMatch(/, which would be good for (15 min 0 s|14 min [1-5]\d s) yet\./)
  for (const copy of ['#copy-0', '#copy-1']) {
    expect(await page.textContent(copy)).toMatch(REFUSED)
  }
  // A refresh gets another access token: the sign-in as a whole goes on.
  await press('Call the API')
  await message('The API refused the access token: it was revoked. A refresh got another, which it took.')
  expect(await page.textContent('#refresh-token')).toBe('generation 1')
})

test('the panel times a revocation that was made elsewhere, by what the feed tells of it', async () => {
  await signInToSpa()
  await page.waitForSelector('#copy-1:has-text("up to no.")')
  const account = await server.latchkey.stores.db.account.findFirstOrThrow({ where: { email: 'ada@demo.example' } })
  // As an administrator does in the console. Nothing is pressed in the app.
  await server.latchkey.nouns.sessions.endAll({ accountId: account.id, origin: {} })
  for (const copy of ['#copy-0', '#copy-1']) {
    await page.waitForSelector(`${copy}:has-text("after its revocation on")`)
    expect(await page.textContent(copy)).toMatch(REFUSED)
    const [, milliseconds] = REFUSED.exec((await page.textContent(copy)) ?? '') ?? []
    // A time between two moments of now, and not one since 1970, nor since the page was opened.
    expect(Number(milliseconds)).toBeLessThan(10_000)
  }
})

test('signing out of the server-rendered app ends what the single-page app may do at the API', async () => {
  await signInToSpa()
  await press('Call the API')
  await message('The API took the access token.')
  const other = await context.newPage()
  await other.goto(url('server'))
  await other.click('button:text-is("Sign in")')
  await other.waitForSelector('text=Signed in as Ada Lovelace')
  await other.click('button:text-is("Sign out")')
  await other.click('form[method="post"] button >> nth=0')
  await other.waitForURL(`${url('server')}/`)
  await press('Call the API')
  await message('You have been signed out')
  expect(await page.isVisible('#signed-out')).toBe(true)
})

test('the server-rendered app signs out at the server too', async () => {
  await page.goto(url('server'))
  await press('Sign in')
  await signIn()
  await page.waitForSelector('text=Signed in as Ada Lovelace')
  await press('Sign out')
  await page.click('form[method="post"] button >> nth=0')
  await page.waitForURL(`${url('server')}/`)
  await press('Sign in')
  await page.waitForSelector('input[name=password]')
})

test('passwords and secrets are kept where only their owner can read them, and never in the registry', async () => {
  const file = join(dataDir, 'demo.json')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const kept = JSON.parse(await readFile(file, 'utf8'))
  expect(kept.passwords).toEqual({ 'ada@demo.example': expect.any(String), 'grace@demo.example': expect.any(String) })
  expect(kept.passwords['ada@demo.example']).toMatch(/^([a-z2-9]{4}-){3}[a-z2-9]{4}$/)
  expect(demo.lines.join('\n')).toContain(kept.passwords['grace@demo.example'])
  expect(JSON.stringify(access)).not.toContain(kept.clientSecrets['demo-server'])
})

test('a second start changes nothing', async () => {
  const before = await registered()
  const again = await install()
  expect(again.people.map(({ password }) => password.reveal())).toEqual(access.people.map(({ password }) => password.reveal()))
  expect(await registered()).toEqual(before)
})

test('an app whose port is taken is told of, and does not keep the others from starting', async () => {
  const second = await startDemo({ access, issuer: server.issuer })
  expect(second.lines.filter((line) => line.includes('is in use'))).toHaveLength(4)
  await second.close()
})

test('what somebody else has made is left alone', async () => {
  const { db } = server.latchkey.stores
  await db.client.update({ where: { id: 'demo-spa' }, data: { managedBy: null } })
  await expect(install()).rejects.toThrow('the client demo-spa is there already and not of the demo')
  await db.client.update({ where: { id: 'demo-spa' }, data: { managedBy: 'demo' } })
})

test('all of it is removed, and made again; an account whose password is lost is made anew', async () => {
  const deps = { db: server.latchkey.stores.db, clock: Date.now, endings: server.latchkey.nouns.endings }
  const removed = await removeDemo(deps, { dryRun: false })
  expect(removed).toEqual({
    clients: ['demo-api', 'demo-server', 'demo-spa'],
    resourceServers: [url('api')],
    accounts: ['ada@demo.example', 'grace@demo.example'],
  })
  await install()
  await unlink(join(dataDir, 'demo.json'))
  access = await install()
  const [ada] = access.people
  const signedIn = await server.latchkey.nouns.signIn.signIn({
    username: 'ada@demo.example',
    password: ada?.password.reveal() ?? '',
    origin: {},
  })
  expect(signedIn.outcome).toBe('ok')
})

function install(): Promise<DemoAccess> {
  const { nouns, stores } = server.latchkey
  const { config } = loadConfig({ NODE_ENV: 'test', DATA_DIR: dataDir })
  return installDemo({ db: stores.db, accounts: nouns.accounts, config, ports })
}

/** Everything of the demo in the database, and how much has been written to the audit log. */
async function registered(): Promise<unknown> {
  const { db } = server.latchkey.stores
  const managedBy = 'demo'
  return {
    clients: await db.client.findMany({ where: { managedBy }, include: { secrets: true }, orderBy: { id: 'asc' } }),
    resourceServers: await db.resourceServer.findMany({ where: { managedBy }, include: { clients: true } }),
    accounts: await db.account.findMany({ where: { managedBy }, include: { passwords: true }, orderBy: { emailKey: 'asc' } }),
    events: await db.auditEvent.count(),
  }
}

async function signInToSpa(): Promise<void> {
  await page.goto(url('spa'))
  await press('Sign in')
  await signIn()
  await page.waitForSelector('#signed-in:not([hidden])')
}

/** On the server's own page. */
async function signIn(): Promise<void> {
  await page.fill('input[name=username]', 'ada@demo.example')
  await page.fill('input[name=password]', access.people[0]?.password.reveal() ?? '')
  await page.keyboard.press('Enter')
}

async function press(name: string): Promise<void> {
  await page.click(`button:text-is("${name}"):enabled`)
}

async function message(text: string): Promise<void> {
  await page.waitForSelector(`#message:has-text(${JSON.stringify(text)})`)
}

function url(app: keyof DemoPorts): string {
  return `http://localhost:${ports[app]}`
}
