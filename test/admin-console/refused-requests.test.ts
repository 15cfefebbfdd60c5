// Refused requests in the console: the list, one of them, and the search box, as the developer of an app would use them.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startAdminServer } from '../admin-api/api.ts'
import { authorize } from '../attacks/attempts.ts'
import { requestIdOf } from '../refused-requests/explained.ts'
import type { Browser, Page } from '../support/browser.ts'
import { SPA, WEB } from '../support/clients.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send } from './people.ts'

let server: TestServer
const LIST = '/admin/refused-requests'
const MARKUP = `<img src=x onerror=alert(1)>`

beforeAll(async () => {
  server = await startAdminServer()
}, 60_000)

afterAll(() => server?.stop())

async function openUntil(browser: Browser, path: string, status: number): Promise<Page> {
  const until = performance.now() + 10_000
  for (;;) {
    const page = await browser.open(`${server.issuer}${path}`)
    if (page.status === status || performance.now() > until) return page
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('an empty list says how one gets something', async () => {
  const { page } = await atConsole(server, 'auditor', LIST)
  expect(page.status).toBe(200)
  expect(page.body).toContain('No refused requests')
  expect(page.body).toContain('X-Request-Id')
})

test('the link of an error page leads to what was expected beside what was received', async () => {
  const refused = await authorize(server, SPA, { redirect_uri: `https://spa.example/${MARKUP}` })
  const [, path = ''] = /href="(\/admin\/refused-requests\/[^"]+)"/.exec(refused.body) ?? []
  expect(path).toBe(`${LIST}/${requestIdOf(refused)}`)
  const { browser } = await atConsole(server, 'auditor', '/admin/sessions')
  const page = await openUntil(browser, path, 200)
  expect(page.body).toContain('What to change')
  expect(page.body).toContain(`<dt>Expected</dt><dd><code>${SPA.redirect_uri}</code></dd>`)
  expect(page.body).toContain('<dt>Received</dt><dd><code>https://spa.example/&lt;img src=x onerror=alert(1)&gt;</code></dd>')
  expect(page.body).not.toContain(MARKUP)
  expect(page.body.length).toBeLessThan(60_000)
})

test('the list narrows by app and cause, and finds by id, and so does the search box', async () => {
  const refused = await authorize(server, SPA, { scope: 'openid billing:read', redirect_uri: 'https://elsewhere.example/' })
  const id = requestIdOf(refused)
  const { browser } = await atConsole(server, 'operator', LIST)
  await openUntil(browser, `${LIST}/${id}`, 200)
  const list = await browser.open(`${server.issuer}${LIST}?client=${SPA.client_id}&cause=redirect_uri`)
  expect(list.body).toContain(`href="${LIST}/${id}"`)
  expect(list.body).toContain('aria-label="Filters"')
  const none = await browser.open(`${server.issuer}${LIST}?cause=secret_wrong`)
  expect(none.body).toContain('No refused requests')
  const byId = await browser.open(`${server.issuer}${LIST}?id=%20${id}%20`)
  expect(new URL(byId.url).pathname).toBe(`${LIST}/${id}`)
  const found = await send(browser, list, '/admin/search', { q: id })
  expect(new URL(found.url).pathname).toBe(`${LIST}/${id}`)
})

test('of this server’s own pages it says so, without a link to a page that there is not', async () => {
  const own = { client_id: 'latchkey-account', redirect_uri: 'https://elsewhere.example/', scope: 'openid' }
  const refused = await authorize(server, own, {})
  const { browser } = await atConsole(server, 'auditor', '/admin/sessions')
  const page = await openUntil(browser, `${LIST}/${requestIdOf(refused)}`, 200)
  expect(page.body).toContain('pages of this server')
  expect(page.body).not.toContain('href="/admin/clients/latchkey-account"')
})

test('the page of an app leads to its own refused requests', async () => {
  const ofSpa = requestIdOf(await authorize(server, SPA, { redirect_uri: 'https://elsewhere.example/spa' }))
  const ofWeb = requestIdOf(await authorize(server, WEB, { redirect_uri: 'https://elsewhere.example/web' }))
  const { browser, page } = await atConsole(server, 'auditor', `/admin/clients/${WEB.client_id}`)
  const [, href = ''] = /href="(\/admin\/refused-requests\?[^"]*)"/.exec(page.body) ?? []
  await openUntil(browser, `${LIST}/${ofWeb}`, 200)
  await openUntil(browser, `${LIST}/${ofSpa}`, 200)
  const list = await browser.open(`${server.issuer}${href}`)
  expect(list.body).toContain(`href="${LIST}/${ofWeb}"`)
  expect(list.body).not.toContain(`href="${LIST}/${ofSpa}"`)
})

test('what is not there is said in words', async () => {
  const { browser } = await atConsole(server, 'owner', LIST)
  const open = async (path: string) => {
    const { status, body } = await browser.open(`${server.issuer}${path}`)
    return { status, body }
  }
  expect(await open(`${LIST}?cause=constructor`)).toMatchObject({
    status: 400,
    body: expect.stringContaining('There is no such cause.'),
  })
  expect(await open(`${LIST}?id=nothing`)).toMatchObject({
    status: 404,
    body: expect.stringContaining('No refused request has that id.'),
  })
  expect(await open(`${LIST}/nothing`)).toMatchObject({ status: 404, body: expect.stringContaining('No such request') })
})

test('AD1: whoever helps people sees none of it', async () => {
  const { browser, page } = await atConsole(server, 'helpdesk', '/admin/sessions')
  expect(page.body).not.toContain(LIST)
  expect((await browser.open(`${server.issuer}${LIST}`)).status).toBe(403)
})
