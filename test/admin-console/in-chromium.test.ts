// The console in a real browser: an administrator finds a person, ends one of their devices with a reason, and sees that it has ended;
// by mouse and by keyboard, with and without JavaScript, and never against the content security policy.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { Browser as Chromium, Page } from 'playwright-core'
import { PASSWORD, startAdminServer } from '../admin-api/api.ts'
import { Browser } from '../support/browser.ts'
import { launchChromium } from '../support/chromium.ts'
import { SPA } from '../support/clients.ts'
import { claimsOf, obtainTokens, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
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

const PHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1'

/** Grace is signed in on a laptop and on a phone. */
async function twoDevices() {
  const laptop = await obtainTokens(server, SPA, { person: server.grace })
  const phone = await obtainTokens(server, SPA, { browser: new Browser({ userAgent: PHONE }), person: server.grace })
  return { laptop: laptop.tokens.body, phone: phone.tokens.body, phoneId: String(claimsOf(phone.tokens.body.access_token).sid) }
}

/** Signs in at the console; anything said on the browser's console is a failure. */
async function withConsole(javaScriptEnabled: boolean, visit: (page: Page) => Promise<void>): Promise<void> {
  const context = await chromium.newContext({ javaScriptEnabled, timezoneId: 'Asia/Tokyo' })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(`${page.url()}: ${message.text()}`))
  page.on('pageerror', (error) => complaints.push(error.message))
  try {
    await page.goto(`${server.issuer}/admin/sessions`)
    await page.fill('input[name=username]', 'operator@staff.example')
    await page.fill('input[name=password]', PASSWORD)
    await page.click('button[type=submit]')
    await page.waitForURL('**/admin/sessions')
    await visit(page)
  } finally {
    await context.close()
  }
  expect(complaints).toEqual([])
}

describe.each([
  ['with scripts', true],
  ['without scripts', false],
] as const)('%s', (_how, javaScript) => {
  test('the phone of a person is found by address, ended with a reason, and refused; the laptop goes on', async () => {
    const { laptop, phone, phoneId } = await twoDevices()
    await withConsole(javaScript, async (page) => {
      await page.fill('#search', 'grace@people.example')
      await page.press('#search', 'Enter')
      await page.waitForURL('**/admin/accounts/*')
      await page.click('main nav a[href$="/sessions"]')
      await page.waitForURL('**/admin/accounts/*/sessions')
      await page.check(`input[name=id][value="${phoneId}"]`)
      await page.click('.selection button[type=submit]')
      await page.waitForURL('**/admin/sessions/revocation?*')
      expect(await page.textContent('h1')).toBe('End 1 session')
      await page.fill('#reason', 'the phone was stolen')
      await page.click('main button.danger')
      await page.waitForURL(`**/admin/sessions/${phoneId}`)
      expect(await page.textContent('[role=status]')).toContain('Ended: 1 session')
      expect(await page.textContent('main')).toContain('Safari on iPhone')
      expect(await page.textContent('main')).toContain('session revoked')
    })
    expect((await refresh(server, SPA, phone.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect((await refresh(server, SPA, laptop.refresh_token ?? '')).status).toBe(200)
    const events = await run(
      server.databaseUrl,
      "SELECT reason FROM audit_events WHERE name = 'session.revoked' AND session_id = $1",
      [phoneId],
    )
    expect(events).toEqual([{ reason: 'the phone was stolen' }])
  })

  test('whoever goes back after an end finds nothing ticked that they did not choose', async () => {
    await twoDevices()
    await twoDevices()
    await withConsole(javaScript, async (page) => {
      await page.goto(`${server.issuer}/admin/sessions?account=grace%40people.example&state=live`)
      const boxes = page.locator('input[name=id]')
      const rows = await boxes.count()
      const id = String(await boxes.nth(1).getAttribute('value'))
      await boxes.nth(1).check()
      await page.click('.selection button[type=submit]')
      await page.waitForURL('**/admin/sessions/revocation?*')
      await page.fill('#reason', 'not theirs')
      await page.click('main button.danger')
      await page.waitForURL(`**/admin/sessions/${id}`)
      await page.goBack()
      await page.waitForURL('**/admin/sessions/revocation?*')
      await page.goBack()
      await page.waitForURL('**/admin/sessions?account=*')
      expect(await boxes.count()).toBe(rows - 1)
      expect(await page.locator('input:checked').count()).toBe(0)
      // The script has its own say when the page is there.
      await page.waitForLoadState()
      expect(await page.locator('input:checked').count()).toBe(0)
    })
  })
})

test('with scripts, times are the reader’s own, `/` leads to the search box, and all rows are chosen at once', async () => {
  await twoDevices()
  await withConsole(true, async (page) => {
    const time = page.locator('main time').first()
    expect(await time.textContent()).not.toContain('UTC')
    expect(await time.getAttribute('title')).toContain('UTC')
    await page.keyboard.press('/')
    expect(await page.evaluate('document.activeElement.id')).toBe('search')
    const boxes = await page.locator('input[name=id]').count()
    const button = page.locator('.selection button[type=submit]')
    expect(await button.isDisabled()).toBe(true)
    await page.locator('thead input[type=checkbox]').check()
    expect(await page.locator('input[name=id]:checked').count()).toBe(boxes)
    expect(await button.textContent()).toBe(`End ${boxes}…`)
  })
})

test('with scripts, whoever comes back from what would end finds what they had selected, and goes on from there', async () => {
  await twoDevices()
  await withConsole(true, async (page) => {
    for (const row of [0, 1]) await page.locator('input[name=id]').nth(row).check()
    const button = page.locator('.selection button[type=submit]')
    await button.click()
    await page.waitForURL('**/admin/sessions/revocation?*')
    await page.goBack()
    await page.waitForURL('**/admin/sessions')
    expect(await page.locator('input[name=id]:checked').count()).toBe(2)
    await page.locator('.selection button:text-is("End 2…")').waitFor()
    expect(await button.isDisabled()).toBe(false)
    expect(await page.evaluate('document.querySelector("thead input[type=checkbox]").indeterminate')).toBe(true)
    await button.click()
    await page.waitForURL('**/admin/sessions/revocation?*')
    expect(await page.textContent('h1')).toBe('End 2 sessions')
  })
})

test.each([
  [900, 'it stands there whole'],
  [500, 'it scrolls by itself'],
])('the menu stays in sight on a page that is scrolled; on a screen %i pixels high %s', async (height) => {
  await withConsole(false, async (page) => {
    await page.setViewportSize({ width: 1280, height })
    await page.goto(`${server.issuer}/admin/settings`)
    const links = page.locator('.sections a')
    const seen = async (link: typeof links) => {
      const box = await link.boundingBox()
      return box !== null && box.y >= 0 && box.y + box.height <= height
    }
    await page.evaluate('scrollTo(0, document.body.scrollHeight / 2)')
    const scrolled: number = await page.evaluate('scrollY')
    expect(scrolled).toBeGreaterThan(height)
    expect(await seen(links.first())).toBe(true)
    await links.last().focus()
    expect(await seen(links.last())).toBe(true)
    expect(await page.evaluate('scrollY')).toBe(scrolled)
  })
})

test('a long address in a list breaks after its @ and its dots, and not within a word', async () => {
  const email = 'maximiliane.hohenfels@administration.headquarters.example'
  await run(server.databaseUrl, `INSERT INTO accounts (id, email, email_key) VALUES ('acc_long', $1, $1)`, [email])
  await run(
    server.databaseUrl,
    "INSERT INTO sessions (id, account_id, methods, expires_at) VALUES ('ses_long', 'acc_long', '{pwd}', latchkey_now() + interval '1 hour')",
  )
  await withConsole(false, async (page) => {
    for (const path of ['/admin/sessions', '/admin/accounts?search=maxi']) {
      await page.goto(`${server.issuer}${path}`)
      for (const width of [840, 1120, 1280]) {
        await page.setViewportSize({ width, height: 800 })
        const words = page.locator('.list th bdi', { hasText: 'maximiliane' })
        expect(await words.textContent()).toBe(email)
        // How many lines each word is on.
        const lines: number[] = await words.evaluate((element) =>
          [...element.childNodes]
            .filter(({ nodeType }) => nodeType === 3)
            .map((text) => {
              const range = element.ownerDocument.createRange()
              range.selectNodeContents(text)
              return range.getClientRects().length
            }),
        )
        expect({ path, width, lines }).toEqual({ path, width, lines: [1, 1, 1, 1, 1] })
      }
    }
  })
})

test('by keyboard alone a session is opened, and one sees where one is', async () => {
  const { phoneId } = await twoDevices()
  await withConsole(true, async (page) => {
    await page.goto(`${server.issuer}/admin/sessions?account=grace@people.example&state=live`)
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab')
      const here: string = await page.evaluate('document.activeElement.getAttribute("href") ?? ""')
      const outline: string = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
      expect(outline).not.toBe('none')
      if (here === `/admin/sessions/${phoneId}`) break
    }
    await page.keyboard.press('Enter')
    await page.waitForURL(`**/admin/sessions/${phoneId}`)
  })
})

test('the audit log is followed: what happens from then on is told without asking again', async () => {
  await withConsole(true, async (page) => {
    await page.goto(`${server.issuer}/admin/audit?name=session.revoked`)
    const { phoneId } = await twoDevices()
    const begun = page.waitForResponse('**/audit/stream?*')
    await page.click('button:has-text("Follow")')
    expect((await begun).status()).toBe(200)
    expect(await page.getAttribute('[data-follow] button', 'aria-pressed')).toBe('true')
    await run(
      server.databaseUrl,
      "INSERT INTO audit_events (name, actor, session_id, reason) VALUES ('session.revoked', 'system', $1, '<b>seen</b>'), ('session.expired', 'system', $1, NULL)",
      [phoneId],
    )
    const told = page.locator('[data-follow] .events li')
    await told.first().waitFor()
    expect(await told.allTextContents()).toEqual([expect.stringMatching(/session\.revoked <b>seen<\/b>$/)])
    await page.click('[data-follow] a')
    await page.waitForURL('**/admin/audit/*')
    expect(await page.textContent('h1')).toBe('session.revoked')
  })
})
