// The first page of the console: what is to be done and where, what happens in bars and in numbers, and how old what should be replaced is;
// to each role what it may look at.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { PASSWORD, PEOPLE, startAdminServer } from '../admin-api/api.ts'
import { Browser, type Page } from '../support/browser.ts'
import { SPA, WEB } from '../support/clients.ts'
import { obtainTokens } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole } from './people.ts'

let server: TestServer

beforeAll(async () => {
  server = await startAdminServer()
})

afterAll(() => server?.stop())

const sql = (statement: string, values?: unknown[]) => run(server.databaseUrl, statement, values)

/** The page as somebody reads it. */
function textOf({ body }: Page): string {
  return body.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ')
}

/** The page, once it tells what is looked for. */
async function once(browser: Browser, isSo: (page: Page) => boolean): Promise<Page> {
  const { audit, administration } = server.latchkey
  for (const end = performance.now() + 20_000; performance.now() < end; ) {
    await audit.sealer.run()
    await administration.figures.refresh()
    const page = await browser.open(`${server.issuer}/admin`)
    if (isSo(page)) return page
  }
  throw new Error(`it did not come: ${textOf(await browser.open(`${server.issuer}/admin`))}`)
}

test('on a new server it says how something comes to be there, and what is to be done', async () => {
  const { page } = await atConsole(server, 'owner', '/admin')
  expect(page.url).toBe(`${server.issuer}/admin`)
  expect(page.body).toContain('<a href="/admin" aria-current="page">Overview</a>')
  const text = textOf(page)
  expect(text).toContain('To do')
  expect(text).toContain('Is the server well? To do now Look at:')
  expect(text).toContain('Were signing keys replaced in the last 90 days? Done Yes, all that sign. Due in 89 days.')
  expect(text).toContain('No sign-ins in the last 7 days')
  expect(page.body).toContain('As soon as an app is <a href="/admin/clients">registered</a>')
  expect(Buffer.byteLength(page.body)).toBeLessThan(60_000)
})

test('sign-ins are bars above and failures bars below, and each number stands in a table', async () => {
  const { browser } = await atConsole(server, 'auditor', '/admin')
  await obtainTokens(server, SPA)
  await obtainTokens(server, SPA, { person: server.grace })
  await sql(
    "INSERT INTO audit_events (at, name) SELECT latchkey_now() - make_interval(hours => n), 'sign_in.failed' FROM generate_series(0, 20, 5) n",
  )
  const page = await once(browser, (seen) => textOf(seen).includes('Failed 5'))
  // The owner and the auditor have signed in to the console.
  expect(textOf(page)).toMatch(/24 hours Signed in 4 Failed 5/)
  const charts = [...page.body.matchAll(/<svg class="bars"[\s\S]*?<\/svg>/g)].map(([chart]) => chart)
  expect(charts).toHaveLength(2)
  expect(charts[0]).toContain('aria-label="24 hours: Signed in 4, Failed 5. The table has each number."')
  expect(charts[0]?.match(/<rect class="below"/g)).toHaveLength(5)
  expect(charts[0]).toContain('viewBox="0 0 240 100"')
  expect(charts[1]).toContain('viewBox="0 0 70 100"')
  expect(page.body).not.toMatch(/\sstyle=|<style|<script>/)
  expect(page.body.match(/<table/g)?.length).toBeGreaterThanOrEqual(3)
  expect(textOf(page)).toMatch(/As of \d+ \w+ \d{4}, \d\d:\d\d UTC ?\. Days are those of UTC\./)
  expect(Buffer.byteLength(page.body)).toBeLessThan(60_000)
})

test('figures lead to their lists and say of when they are', async () => {
  const { browser } = await atConsole(server, 'operator', '/admin')
  const page = await once(browser, (seen) => /Active sessions 5 as of/.test(textOf(seen)))
  expect(textOf(page)).toMatch(/Active grants \d+ as of \d+ \w+ \d{4}, \d\d:\d\d UTC/)
  for (const href of [
    '/admin/sessions?state=live',
    '/admin/grants?state=live',
    '/admin/blocks',
    '/admin/audit?name=refresh_token.reused%2Cauthorization_code.replayed',
  ]) {
    expect(page.body).toContain(`<a href="${href}">`)
    expect((await browser.open(`${server.issuer}${href}`)).status).toBe(200)
  }
  await sql("INSERT INTO audit_events (name) VALUES ('refresh_token.reused'), ('authorization_code.replayed')")
  const alarmed = await once(browser, (seen) => textOf(seen).includes('Tokens used twice 2 in 24 hours, 2 in 7 days'))
  expect(alarmed.body).toContain('class="alarm"')
})

describe('duties', () => {
  test('old secrets are overdue, and the list of those apps opens', async () => {
    await sql("UPDATE client_secrets SET created_at = latchkey_now() - interval '100 days' WHERE client_id = $1", [WEB.client_id])
    const { browser, page } = await atConsole(server, 'owner', '/admin')
    expect(textOf(page)).toContain(
      'Were client secrets replaced in the last 90 days? Overdue for 10 days Those of 1 app were not.',
    )
    expect(page.body).toMatch(/<a class="button small" href="\/admin\/secrets\?state=due">Open<span/)
    const secrets = await browser.open(`${server.issuer}/admin/secrets?state=due`)
    expect(textOf(secrets)).toMatch(/App 100 days since [^O]+Overdue for 10 days Replace that of/)
    expect([...secrets.body.matchAll(/<th scope="row"[^>]*><a href="([^"]*)"/g)].map(([, href]) => href)).toEqual([
      `/admin/clients/${WEB.client_id}`,
    ])
    const list = await browser.open(`${server.issuer}/admin/clients?secrets=due`)
    expect(list.body).toContain(`/admin/clients/${WEB.client_id}`)
    expect(list.body).not.toContain(`/admin/clients/${SPA.client_id}`)
    expect((await browser.open(`${server.issuer}/admin/clients?secrets=new`)).status).toBe(400)
    await sql("UPDATE client_secrets SET created_at = latchkey_now() - interval '80 days' WHERE client_id = $1", [WEB.client_id])
    const soon = await browser.open(`${server.issuer}/admin`)
    expect(textOf(soon)).toContain(
      'Were client secrets replaced in the last 90 days? Due in 9 days Soon that of notes-web is older.',
    )
  })

  test('each opens a page that the person may see', async () => {
    for (const person of PEOPLE.filter((one) => one !== 'nobody')) {
      const { browser, page } = await atConsole(server, person, '/admin')
      const main = page.body.slice(page.body.indexOf('<main'))
      const hrefs = new Set([...main.matchAll(/href="(\/admin[^"]*)"/g)].map(([, href = '']) => href.replaceAll('&amp;', '&')))
      expect(hrefs.size).toBeGreaterThan(2)
      for (const href of hrefs) {
        const { status } = await browser.open(`${server.issuer}${href}`)
        expect({ person, href, status }).toEqual({ person, href, status: 200 })
      }
    }
  })
})

test('AD1: those who help people see sessions, blocks and their duties, and nothing of keys, apps or sign-ins', async () => {
  const { page } = await atConsole(server, 'helpdesk', '/admin')
  const text = textOf(page)
  expect(text).toContain('Active sessions')
  expect(text).toContain('Locked accounts')
  for (const other of ['Active grants', 'Tokens used twice', 'Signing keys', 'Client secrets', 'client secrets', 'Signed in 4'])
    expect(text).not.toContain(other)
  const nobody = await atConsole(server, 'nobody', '/admin')
  expect(nobody.page.status).toBe(403)
})

test('WB4: what apps call themselves stays text', async () => {
  await sql('UPDATE webhooks SET enabled = false')
  await sql(
    `INSERT INTO logout_notifications (id, session_id, client_id, account_id, sid, cause, state, created_at, give_up_at, next_attempt_at)
     VALUES ('lgo_x', 'ses_x', '<script>alert(1)</script>', 'acc_1', 'sid', 'signed_out', 'failed', latchkey_now() - interval '2 hours', 'infinity', 'infinity')`,
  )
  const { page } = await atConsole(server, 'helpdesk', '/admin')
  expect(page.body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  expect(page.body).not.toContain('<script>alert')
})

test('without signing in it leads to the sign-in page, and back', async () => {
  const browser = new Browser()
  const page = await browser.open(`${server.issuer}/admin`)
  expect(page.body).toContain('name="password"')
  const back = await browser.submit(page, { username: 'auditor@staff.example', password: PASSWORD })
  expect(back.url).toBe(`${server.issuer}/admin`)
})
