// Pages of the console about something under way, in a real browser: what they tell is renewed in place, so that nobody's focus, typing or
// place is lost; it ends where there is nothing more to come, and where the page is no longer given. Without the script nothing moves.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { BrowserContext, Browser as Chromium, Page } from 'playwright-core'
import { PASSWORD, startAdminServer } from '../admin-api/api.ts'
import { made, PLANTED, plant } from '../session-reviews/planted.ts'
import { launchChromium } from '../support/chromium.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'

jest.setTimeout(120_000)

let server: TestServer
let chromium: Chromium

beforeAll(async () => {
  server = await startAdminServer()
  await plant(server)
  chromium = await launchChromium()
}, 300_000)

afterAll(async () => {
  await chromium?.close()
  await server?.stop()
})

const sql = (text: string) => run(server.databaseUrl, text)

/** A job that nobody works at: it goes on when the test says so. Its page. */
async function job(id: string): Promise<string> {
  await sql(`INSERT INTO revocation_jobs (id, noun, filter, total, taken, sessions, actor, reason, lease_until)
    VALUES ('${id}', 'sessions', '{}', 420, 100, 100, 'system', 'a stolen proxy', latchkey_now() + interval '1 day')`)
  return `/admin/jobs/${id}`
}

const goOn = (id: string, taken: number) =>
  sql(`UPDATE revocation_jobs SET taken = ${taken}, sessions = ${taken} WHERE id = '${id}'`)

const finish = (id: string) =>
  sql(`UPDATE revocation_jobs SET taken = 420, sessions = 420, finished_at = latchkey_now() WHERE id = '${id}'`)

/** An owner at a page of the console. Anything said on its console but of an answer that did not come as wanted is a failure. */
async function at(
  path: string,
  visit: (page: Page, context: BrowserContext) => Promise<void>,
  javaScriptEnabled = true,
): Promise<void> {
  const context = await chromium.newContext({
    javaScriptEnabled,
    timezoneId: 'Asia/Tokyo',
    viewport: { width: 320, height: 300 },
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(`${page.url()}: ${message.text()}`))
  page.on('pageerror', (error) => complaints.push(error.message))
  if (javaScriptEnabled) await page.addInitScript(COUNTING)
  try {
    await page.clock.install()
    await page.goto(`${server.issuer}${path}`)
    await page.fill('input[name=username]', 'owner@staff.example')
    await page.fill('input[name=password]', PASSWORD)
    await page.click('button[type=submit]')
    await page.waitForURL(`${server.issuer}${path}`)
    await visit(page, context)
  } finally {
    await context.close()
  }
  expect(complaints.filter((text) => !text.includes('Failed to load resource'))).toEqual([])
}

/** How often a page has looked again. */
const COUNTING = `(() => {
  const { send } = XMLHttpRequest.prototype
  globalThis.looks = 0
  XMLHttpRequest.prototype.send = function (...body) {
    globalThis.looks += 1
    return send.apply(this, body)
  }
})()`

/** So much later it has looked again, if it does. */
const later = (page: Page) => page.clock.runFor(2_000)

/** It looks no more, however long one waits. */
async function looksNoMore(page: Page): Promise<void> {
  const before = await page.evaluate('looks')
  for (let times = 0; times < 10; times += 1) await later(page)
  expect(await page.evaluate('looks')).toBe(before)
}

test('how far a job is changes in place: whoever types, reads or points at something is not disturbed, and at the end it looks no more', async () => {
  await at(await job('job_seen'), async (page) => {
    await page.click('#search')
    await page.keyboard.type('gra')
    await page.evaluate('scrollTo(0, 150)')
    await page.evaluate('globalThis.begun = document.querySelector(".under-way time")')
    await page.evaluate('globalThis.state = document.querySelector(".under-way [aria-live]")')
    expect(await page.textContent('.under-way [aria-live]')).toBe('Under way')
    for (const taken of [200, 300]) {
      await goOn('job_seen', taken)
      await later(page)
      await page.locator(`progress[value="${taken}"]`).waitFor()
      expect(await page.textContent('main')).toContain(`${taken} sessions, 0 grants`)
      expect(await page.evaluate('[document.activeElement.id, document.activeElement.value, scrollY]')).toEqual([
        ...['search', 'gra', 150],
      ])
    }
    await page.keyboard.type('ce')
    expect(await page.inputValue('#search')).toBe('grace')
    await finish('job_seen')
    await later(page)
    await page.locator('h1:text-is("Ended 420 sessions")').waitFor()
    // What is read aloud is still the same element, and says what has come of it; what was the same was left alone.
    expect(await page.evaluate('state.isConnected && state.textContent')).toBe('Done')
    expect(await page.evaluate('begun.isConnected')).toBe(true)
    for (const time of await page.locator('main time').all()) {
      expect(await time.textContent()).not.toContain('UTC')
      expect(await time.getAttribute('title')).toContain('UTC')
    }
    expect(await page.evaluate('document.activeElement.id')).toBe('search')
    await looksNoMore(page)
    expect(await page.locator('a:text-is("Look again")').count()).toBe(0)
  })
})

test('a report is there as soon as it is made, with all that the script adds to a page', async () => {
  const { id } = await made(server)
  const [row] = await sql(`UPDATE session_reviews SET made_at = NULL, lease_until = latchkey_now() + interval '1 day'
    WHERE id = '${id}' RETURNING id`)
  expect(row).toEqual({ id })
  await at(`/admin/session-audits/${id}`, async (page) => {
    expect(await page.textContent('.under-way [aria-live]')).toBe('Being made')
    await page.focus('.crumbs a')
    await sql(`UPDATE session_reviews SET made_at = latchkey_now() WHERE id = '${id}'`)
    await later(page)
    await page.locator('h2:text-is("Old sessions")').waitFor()
    expect(await page.textContent('.under-way [aria-live]')).toBe('To be signed off')
    expect(await page.evaluate('document.activeElement.matches(".crumbs a")')).toBe(true)
    const end = page.locator('button[formaction="/admin/sessions/revocation"]')
    expect(await end.isDisabled()).toBe(true)
    await page.evaluate(`document.querySelector('input[name=id][value="${PLANTED.session}"]').click()`)
    expect(await end.textContent()).toBe('End 1…')
    expect(await page.locator('main time').first().textContent()).not.toContain('UTC')
    await looksNoMore(page)
  })
})

test('what has come of a delivery is there as soon as it is known', async () => {
  await sql(`INSERT INTO webhooks (id, url, description, events) VALUES ('wh_seen', 'https://hooks.example/', 'Seen', '{x.y}')`)
  await sql(`INSERT INTO webhook_deliveries (id, webhook_id, event_id, event, next_attempt_at, give_up_at)
    VALUES ('msg_seen', 'wh_seen', 1, 'webhook.tested', latchkey_now() + interval '1 hour', latchkey_now() + interval '1 day')`)
  await at('/admin/webhooks/wh_seen/deliveries/msg_seen', async (page) => {
    expect(await page.textContent('.under-way [aria-live]')).toBe('Waiting')
    await sql(`UPDATE webhook_deliveries SET state = 'delivered', attempts = 1, last_status = 204, next_attempt_at = NULL,
      last_attempt_at = latchkey_now(), finished_at = latchkey_now() WHERE id = 'msg_seen'`)
    await later(page)
    await page.locator('.under-way [aria-live]:has-text("Delivered")').waitFor()
    expect(await page.textContent('.under-way')).toContain('204')
    expect(await page.locator('button:text-is("Send it again")').isVisible()).toBe(true)
    await looksNoMore(page)
  })
})

describe('where the page is no longer given, what it told stays, and there is a way to look', () => {
  test.each([
    ['what it was about is gone', (id: string) => sql(`DELETE FROM revocation_jobs WHERE id = '${id}'`)],
    ['the reader was signed out', (_id: string, context: BrowserContext) => context.clearCookies()],
    [
      'the answer says that it is no good one',
      (_id: string, context: BrowserContext) =>
        context.route('**/admin/jobs/*', (route) =>
          route.fulfill({ status: 503, contentType: 'text/html', body: '<div class="under-way">Come back later.</div>' }),
        ),
    ],
  ])('%s', async (what, happens) => {
    const id = `job_${what.replaceAll(' ', '_')}`
    await at(await job(id), async (page, context) => {
      const told = await page.innerHTML('.under-way')
      await page.click('#search')
      await page.keyboard.type('gra')
      await happens(id, context)
      await later(page)
      const link = page.locator('a:text-is("Look again")')
      await link.waitFor()
      expect(await page.innerHTML('.under-way')).toBe(told)
      expect(new URL(page.url()).pathname).toBe(`/admin/jobs/${id}`)
      expect(await page.inputValue('#search')).toBe('gra')
      await looksNoMore(page)
      expect(await link.getAttribute('href')).toBe(`/admin/jobs/${id}`)
    })
  })
})

test('where no answer comes, the page looks again the next time', async () => {
  await at(await job('job_cut_off'), async (page) => {
    await goOn('job_cut_off', 200)
    await page.route('**/admin/jobs/*', (route) => route.abort(), { times: 1 })
    const failed = page.waitForEvent('requestfailed')
    await later(page)
    await failed
    // The page hears of it in its own time, and only then it waits for the next look.
    for (let looks = 0; looks < 50 && (await page.locator('progress[value="200"]').count()) === 0; looks += 1) await later(page)
    expect(await page.locator('progress[value="200"]').count()).toBe(1)
    expect(await page.locator('a:text-is("Look again")').count()).toBe(0)
  })
})

test('without the script nothing moves by itself, and a link leads to the page as it is by now', async () => {
  const path = await job('job_read')
  await at(
    path,
    async (page) => {
      expect(await page.locator('meta[http-equiv]').count()).toBe(0)
      await goOn('job_read', 200)
      await page.click('a:text-is("Look again")')
      await page.locator('progress[value="200"]').waitFor()
      expect(page.url()).toBe(`${server.issuer}${path}`)
      await finish('job_read')
      await page.click('a:text-is("Look again")')
      await page.locator('h1:text-is("Ended 420 sessions")').waitFor()
      expect(await page.locator('a:text-is("Look again")').count()).toBe(0)
    },
    false,
  )
})
