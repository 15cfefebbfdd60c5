// An owner registers an app in a real browser, with and without scripts: the secret is shown once, what is to be put into the app can be
// copied, and nothing is against the content security policy.
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { Browser as Chromium } from 'playwright-core'
import { PASSWORD, startAdminServer } from '../admin-api/api.ts'
import { launchChromium } from '../support/chromium.ts'
import type { TestServer } from '../support/server.ts'

jest.setTimeout(120_000)

let server: TestServer
let chromium: Chromium

beforeAll(async () => {
  server = await startAdminServer()
  chromium = await launchChromium()
}, 300_000)

afterAll(async () => {
  await chromium?.close()
  await server?.stop()
})

test.each([
  ['with scripts', true],
  ['without scripts', false],
] as const)('%s an app is registered, and what to put into it is at hand', async (_how, javaScriptEnabled) => {
  const context = await chromium.newContext({ javaScriptEnabled, permissions: ['clipboard-read', 'clipboard-write'] })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(`${page.url()}: ${message.text()}`))
  page.on('pageerror', (error) => complaints.push(error.message))
  const id = javaScriptEnabled ? 'scripted' : 'unscripted'

  await page.goto(`${server.issuer}/admin/clients`)
  await page.fill('input[name=username]', 'owner@staff.example')
  await page.fill('input[name=password]', PASSWORD)
  await page.click('button[type=submit]')
  await page.click('a[href="/admin/clients/new"]')
  await page.check('input[name=kind][value=web]')
  await page.click('main button.primary')
  await page.waitForURL('**/admin/clients/new?kind=web')
  // What is there to begin with is complete but for what only the owner knows.
  await page.fill('#name', 'Notes')
  await page.fill('#client_id', id)
  await page.fill('#redirect_uris', 'https://notes.example/callback')
  await page.click('main button.primary')
  const secret = await page.inputValue('#secret')
  expect(secret).toHaveLength(43)
  await page.click('main a.primary')
  await page.waitForURL(`**/admin/clients/${id}#next`)
  expect(await page.textContent('main')).not.toContain(secret)
  const code = await page.textContent('details[open] [data-copy]')
  expect(code).toContain(`"${id}"`)
  const copy = page.locator('details[open] button')
  expect(await copy.count()).toBe(javaScriptEnabled ? 1 : 0)
  if (javaScriptEnabled) {
    await copy.click()
    await page.locator('button', { hasText: 'Copied' }).waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(code)
  }
  await page.fill('#redirect_uri', 'https://notes.example/callback/')
  await page.press('#redirect_uri', 'Enter')
  await page.waitForURL('**redirect_uri=*')
  expect(await page.textContent('main [role=alert]')).toContain('it ends with a slash')
  await context.close()
  expect(complaints).toEqual([])
})
