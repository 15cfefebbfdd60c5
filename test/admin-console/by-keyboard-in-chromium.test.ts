// The console by keyboard alone, in a real browser: Tab, Enter and Space lead through what an administrator does there, one sees where one
// is at every stop, the pages open at what was wrong, and nobody has to go through the menu to get to a page's own part.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { BrowserContext, Browser as Chromium, Page } from 'playwright-core'
import { PASSWORD, startAdminServer } from '../admin-api/api.ts'
import { launchChromium } from '../support/chromium.ts'
import { PARTNER, SPA } from '../support/clients.ts'
import { claimsOf, obtainTokens, refresh } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'

jest.setTimeout(120_000)

let server: TestServer
let chromium: Chromium
const contexts = new Map<boolean, BrowserContext>()

beforeAll(async () => {
  server = await startAdminServer()
  chromium = await launchChromium()
}, 300_000)

afterAll(async () => {
  await chromium?.close()
  await server?.stop()
})

describe.each([
  ['with scripts', true],
  ['without scripts', false],
] as const)('%s', (_how, javaScript) => {
  test('sessions are selected, looked at once more, and ended; without a reason the page opens at its field', async () => {
    const [one, other] = [await obtainTokens(server, SPA), await obtainTokens(server, SPA)]
    const ids = [one, other].map(({ tokens }) => String(claimsOf(tokens.body.access_token).sid))
    await withConsole(javaScript, '/admin/sessions?state=live', async (page) => {
      await skipTo(page)
      // In the order of the list, which is that of the tabs: the latest first.
      for (const id of ids.toReversed()) {
        await reach(page, `input[name=id][value="${id}"]`)
        await page.keyboard.press('Space')
      }
      await reach(page, '.selection button[type=submit]')
      await page.keyboard.press('Enter')
      await page.waitForURL('**/admin/sessions/revocation?*')
      expect(await page.textContent('h1')).toBe('End 2 sessions')
      await giveReason(page, 'two laptops were sold')
      expect(await page.textContent('[role=status]')).toContain('Ended: 2 sessions')
    })
    for (const { tokens } of [one, other])
      expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  })
})

test('grants are looked for by a filter that is opened, selected and ended', async () => {
  const { tokens } = await obtainTokens(server, PARTNER, { person: server.grace })
  const grantId = String(claimsOf(tokens.body.access_token).grant_id)
  await withConsole(true, '/admin/grants', async (page) => {
    await skipTo(page)
    await reach(page, '.filters summary')
    await page.keyboard.press('Enter')
    await reach(page, '#filter-account')
    await page.keyboard.type(server.grace.username)
    await page.keyboard.press('Enter')
    await page.waitForURL('**/admin/grants?*')
    await reach(page, `input[name=id][value="${grantId}"]`)
    await page.keyboard.press('Space')
    await reach(page, '.selection button[type=submit]')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/admin/grants/revocation?*')
    await giveReason(page, 'the partner is one no longer')
    expect(await page.textContent('[role=status]')).toContain('Ended: 1 grant')
  })
})

test('an account is found by the search box and contained', async () => {
  await withConsole(true, '/admin', async (page) => {
    await reach(page, '#search')
    await page.keyboard.type('helpdesk@staff.example')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/admin/accounts/*')
    await skipTo(page)
    await reach(page, 'a[href$="/containment"]')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/containment')
    await giveReason(page, 'a password was phished')
    expect(await page.textContent('[role=status]')).toContain('The account is contained.')
  })
})

test('an app is registered; the page opens at what was wrong with it, and keeps the rest', async () => {
  await withConsole(true, '/admin/clients', async (page) => {
    await skipTo(page)
    await reach(page, 'a[href="/admin/clients/new"]')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/admin/clients/new')
    await reach(page, 'input[type=radio][name=kind]')
    await page.keyboard.press('Space')
    await reach(page, 'main button.primary')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/admin/clients/new?kind=*')
    await reach(page, '#name')
    await page.keyboard.type('By keyboard')
    await reach(page, '#redirect_uris')
    await page.keyboard.type('no address')
    await reach(page, 'main button.primary')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/admin/clients')
    await opensAt(page, '#problem')
    expect(await page.textContent('#problem')).toContain('Redirect URIs: no address')
    // From there the form comes next.
    await page.keyboard.press('Tab')
    await opensAt(page, '#name')
    expect(await page.inputValue('#name')).toBe('By keyboard')
    await reach(page, '#redirect_uris')
    await page.keyboard.press('Control+A')
    await page.keyboard.type('https://keys.example/callback')
    await reach(page, 'main button.primary')
    await page.keyboard.press('Enter')
    await page.waitForSelector('main a.primary')
    expect(await page.textContent('main')).toContain('shown')
  })
})

test('an entry of the audit log is unfolded in place, and its values lead on', async () => {
  await withConsole(true, '/admin/audit?name=sign_in.succeeded', async (page) => {
    await skipTo(page)
    await reach(page, '.events summary')
    const first = page.locator('.events details').first()
    expect(await first.getAttribute('open')).toBeNull()
    await page.keyboard.press('Enter')
    expect(await first.getAttribute('open')).not.toBeNull()
    await reach(page, '.events details[open] a[href*="actor="]')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/admin/audit?*actor=*')
  })
})

/** An owner at the console, signed in once for each kind of browser; anything said on its console is a failure. */
async function withConsole(javaScriptEnabled: boolean, path: string, visit: (page: Page) => Promise<void>): Promise<void> {
  const context = contexts.get(javaScriptEnabled) ?? (await chromium.newContext({ javaScriptEnabled }))
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(`${page.url()}: ${message.text()}`))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(`${server.issuer}${path}`)
  if (!contexts.has(javaScriptEnabled)) {
    await opensAt(page, 'input[name=username]')
    await page.keyboard.type('owner@staff.example')
    await reach(page, 'input[name=password]')
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press('Enter')
    await page.waitForURL(`${server.issuer}${path}`)
    contexts.set(javaScriptEnabled, context)
  }
  await visit(page)
  await page.close()
  // A form that was refused is answered with the status that says so, which is told there too.
  expect(complaints.filter((text) => !text.includes('the server responded with a status of 4'))).toEqual([])
}

/** The first stop of each page is the way past its menu. */
async function skipTo(page: Page): Promise<void> {
  await page.keyboard.press('Tab')
  expect(await here(page, 'a.skip')).toEqual({ there: true, seen: true })
  await page.keyboard.press('Enter')
  await page.waitForURL('**#main')
  await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.closest("main") !== null')).toBe(true)
}

/** Goes on by Tab to an element, and sees on the way where one is. */
async function reach(page: Page, selector: string): Promise<void> {
  const stops: string[] = []
  while (stops.length < 60) {
    const { there, seen } = await here(page, selector)
    if (there) return
    stops.push(await page.evaluate('document.activeElement.outerHTML.slice(0, 120)'))
    if (stops.length > 1) expect({ stop: stops.at(-1), seen }).toMatchObject({ seen: true })
    await page.keyboard.press('Tab')
  }
  throw new Error(`no way to ${selector}:\n${stops.join('\n')}`)
}

/** Whether one is at an element, and whether it shows: inside what can be seen, with the ring of the focus around it. */
async function here(page: Page, selector: string): Promise<{ readonly there: boolean; readonly seen: boolean }> {
  return page.evaluate(`(() => {
    const at = document.activeElement
    const { outlineStyle, outlineWidth } = getComputedStyle(at)
    const { top, bottom } = at.getBoundingClientRect()
    return {
      there: at.matches(${JSON.stringify(selector)}),
      seen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && bottom > 0 && top < innerHeight,
    }
  })()`)
}

/** A browser gives the focus once it draws the page, which may be after it has loaded. */
async function opensAt(page: Page, selector: string): Promise<void> {
  await page.locator(`${selector}:focus`).waitFor()
  expect(await here(page, selector)).toEqual({ there: true, seen: true })
}

/** First with nothing but a space, which browsers let through: the page comes back at the field, and says so. */
async function giveReason(page: Page, reason: string): Promise<void> {
  const back = page.url().split('?')[0] ?? ''
  await reach(page, '#reason')
  await page.keyboard.type(' ')
  await Promise.all([page.waitForURL(back), page.keyboard.press('Enter')])
  await page.waitForSelector('#reason-missing')
  await opensAt(page, '#reason[aria-invalid=true]')
  await page.keyboard.press('Control+A')
  await page.keyboard.type(reason)
  await reach(page, 'main button.danger')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role=status]')
}
