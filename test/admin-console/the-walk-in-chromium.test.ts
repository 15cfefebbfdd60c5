// What the console is for, from end to end, in a real browser on the real server with the demo's apps: somebody has lost a phone. An
// administrator finds the person by address, sees three devices, ends one of them with a reason, and can prove that it ended: the apps on
// the phone have signed out, they were told, the audit log says by whom and why, and what it says can be taken home.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { BrowserContext, Browser as Chromium, Page } from 'playwright-core'
import { loadConfig } from '../../config/config.ts'
import { type DemoAccess, type DemoPorts, installDemo, startDemo } from '../../server/commands/demo.ts'
import { PASSWORD, startAdminServer } from '../admin-api/api.ts'
import { launchChromium } from '../support/chromium.ts'
import type { TestServer } from '../support/server.ts'
import { freePort } from '../support/server-process.ts'

jest.setTimeout(120_000)

const PERSON = 'grace@demo.example'
const DEVICES = {
  laptop: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36',
  phone: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1',
  tablet: 'Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36',
}

let server: TestServer
let chromium: Chromium
let dataDir: string
let ports: DemoPorts
let access: DemoAccess
let demo: Awaited<ReturnType<typeof startDemo>>
let others: readonly Device[]

/** The server-rendered app on a device. */
interface Device {
  readonly context: BrowserContext
  readonly page: Page
}

beforeAll(async () => {
  server = await startAdminServer()
  dataDir = await mkdtemp(join(tmpdir(), 'latchkey-walk-'))
  ports = { spa: await freePort(), server: await freePort(), api: await freePort(), apiCopy: await freePort() }
  const { config } = loadConfig({ NODE_ENV: 'test', DATA_DIR: dataDir })
  const { nouns, stores } = server.latchkey
  access = await installDemo({ db: stores.db, accounts: nouns.accounts, config, ports })
  demo = await startDemo({ access, issuer: server.issuer })
  chromium = await launchChromium()
  others = [await signedIn('laptop'), await signedIn('tablet')]
}, 300_000)

afterAll(async () => {
  await chromium?.close()
  await demo?.close()
  await server?.stop()
  await rm(dataDir, { recursive: true, force: true })
})

describe.each([
  ['with scripts', true],
  ['without scripts', false],
] as const)('%s', (_how, javaScriptEnabled) => {
  test('a lost phone is found by the address of its owner, ended, and proved to have ended', async () => {
    const phone = await signedIn('phone')
    const phoneApp = await onePageApp(phone)
    await withConsole(javaScriptEnabled, async (page) => {
      await findDevices(page)
      await endPhone(page)
      // The server-rendered app was told; the single-page app is refused at its next call, and at the refresh that follows.
      await server.latchkey.logout.delivery.run()
      await phone.page.reload()
      expect(await phone.page.textContent('body')).toContain('You have been signed out')
      await phoneApp.click('button:text-is("Call the API")')
      await phoneApp.waitForSelector('#message:has-text("You have been signed out")')
      expect(await phoneApp.isVisible('#signed-out')).toBe(true)
      for (const { page: other } of others) {
        await other.reload()
        expect(await other.textContent('body')).toContain('Signed in as Grace Hopper')
      }
      await seeTold(page)
      await takeHome(page, await findEntry(page))
    })
    await phone.context.close()
  })
})

/** Grace opens the server-rendered app on a device, and signs in. */
async function signedIn(device: keyof typeof DEVICES): Promise<Device> {
  const context = await chromium.newContext({ userAgent: DEVICES[device] })
  const page = await context.newPage()
  await page.goto(`http://localhost:${ports.server}/`)
  await page.click('button:text-is("Sign in")')
  await page.fill('input[name=username]', PERSON)
  await page.fill('input[name=password]', access.people.find(({ email }) => email === PERSON)?.password.reveal() ?? '')
  await page.keyboard.press('Enter')
  await page.waitForSelector('text=Signed in as Grace Hopper')
  return { context, page }
}

/** The single-page app in the same browser: she need not sign in again. */
async function onePageApp({ context }: Device): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`http://localhost:${ports.spa}/`)
  await page.click('button:text-is("Sign in"):enabled')
  await page.waitForSelector('#signed-in:not([hidden])')
  await page.click('button:text-is("Call the API"):enabled')
  await page.waitForSelector('#message:has-text("The API took the access token.")')
  return page
}

/** An owner at the console; anything said on the browser's console is a failure. */
async function withConsole(javaScriptEnabled: boolean, visit: (page: Page) => Promise<void>): Promise<void> {
  const context = await chromium.newContext({ javaScriptEnabled, acceptDownloads: true })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(`${page.url()}: ${message.text()}`))
  page.on('pageerror', (error) => complaints.push(error.message))
  try {
    await page.goto(`${server.issuer}/admin`)
    await page.fill('input[name=username]', 'owner@staff.example')
    await page.fill('input[name=password]', PASSWORD)
    await page.click('button[type=submit]')
    await page.waitForURL('**/admin')
    await visit(page)
  } finally {
    await context.close()
  }
  expect(complaints).toEqual([])
}

/** By the one search box, to the person, to what the person is signed in on. */
async function findDevices(page: Page): Promise<void> {
  await page.fill('#search', PERSON)
  await page.press('#search', 'Enter')
  await page.waitForURL('**/admin/accounts/*')
  expect(await page.textContent('h1')).toContain('Grace Hopper')
  await page.click('main nav a[href$="/sessions"]')
  await page.waitForURL('**/admin/accounts/*/sessions')
  const live = page.locator('tr', { has: page.locator('input[name=id]') })
  expect((await live.allTextContents()).map((row) => /\w+ on (Android|iPhone|Linux)/.exec(row)?.[0])).toEqual([
    'Safari on iPhone',
    'Chrome on Android',
    'Chrome on Linux',
  ])
}

/** The page before it names what ends, and does nothing without a reason. */
async function endPhone(page: Page): Promise<void> {
  await page.locator('tr', { hasText: 'Safari on iPhone' }).locator('input[name=id]:enabled').check()
  await page.click('.selection button[type=submit]')
  await page.waitForURL('**/admin/sessions/revocation?*')
  expect(await page.textContent('h1')).toBe('End 1 session')
  const preview = await page.textContent('#what + dl')
  for (const named of [PERSON, 'Demo']) expect(preview).toContain(named)
  await page.fill('#reason', 'the phone was left in a train')
  await page.click('main button.danger')
  await page.waitForURL('**/admin/sessions/ses_*')
  expect(await page.textContent('[role=status]')).toContain('Ended: 1 session with 2 grants. 1 notification goes to an app.')
}

/** On the session's page. */
async function seeTold(page: Page): Promise<void> {
  await page.reload()
  const told = page.locator('[aria-labelledby=proof] li', { hasText: 'demo-server' })
  expect(await told.textContent()).toMatch(/Delivered[\s\S]*1 attempt · answered 200/)
}

/** From what happened to the session to the entry of the audit log; its id. */
async function findEntry(page: Page): Promise<string> {
  const [sessionId] = /ses_[\w-]+/.exec(page.url()) ?? []
  await page.click('[aria-labelledby=history] a:has-text("session.revoked")')
  await page.waitForURL('**/admin/audit/*')
  expect(await page.textContent('h1')).toBe('session.revoked')
  const entry = await page.textContent('main')
  for (const known of ['owner@staff.example', PERSON, 'the phone was left in a train']) expect(entry).toContain(known)
  expect(entry).toContain(sessionId)
  return /\d+$/.exec(page.url())?.[0] ?? ''
}

/** Narrowed to that session by a click on its id, as CSV and as JSON, one to a line. */
async function takeHome(page: Page, id: string): Promise<void> {
  await page.click('main a[href*="session=ses_"]')
  await page.waitForURL('**/admin/audit?session=*')
  const csv = await exported(page, 'csv')
  const [head = '', ...lines] = csv.trim().split(/\r?\n/)
  expect(head).toContain('reason')
  expect(lines.filter((line) => line.includes('session.revoked') && line.includes('the phone was left in a train'))).toHaveLength(
    1,
  )
  const entries = (await exported(page, 'ndjson'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(entries.find((entry) => String(entry.id) === id)).toMatchObject({
    name: 'session.revoked',
    reason: 'the phone was left in a train',
  })
}

async function exported(page: Page, format: string): Promise<string> {
  await page.selectOption('#format', format)
  const [file] = await Promise.all([page.waitForEvent('download'), page.click('.take-away button[type=submit]')])
  return readFile(await file.path(), 'utf8')
}
