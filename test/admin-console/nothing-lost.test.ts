// Every form of the console, found by following its links: what was filled in comes back when the person has to sign in first, and what
// was refused is still in the form that says why.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { ConsoleRoute } from '../../server/admin-console/console.ts'
import { startAdminServer } from '../admin-api/api.ts'
import type { Browser, Page } from '../support/browser.ts'
import { SPA } from '../support/clients.ts'
import { claimsOf, obtainTokens } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { type Tag, tagsOf, unescapeHtml } from '../views/page-markup.ts'
import { atConsole, send, signInAs } from './people.ts'

let server: TestServer

beforeAll(async () => {
  server = await startAdminServer()
})

afterAll(() => server?.stop())

const open = (browser: Browser, path: string) => browser.open(`${server.issuer}${path}`)

/** A form with all that a person can fill in. */
interface FilledForm {
  readonly page: string
  readonly action: string
  readonly sent: URLSearchParams
  /** It takes a reason, and not without. */
  readonly asksWhy: boolean
}

/** The route of an address. */
function routeOf(routes: readonly ConsoleRoute[], path: string, method: 'get' | 'post'): ConsoleRoute | undefined {
  const below = path.replace(/^\/admin/, '') || '/'
  return routes.find((route) => route.method === method && new RegExp(`^${route.path.replace(/:\w+/g, '[^/]+')}$`).test(below))
}

/** The pages that links lead to, one of each kind. */
async function pagesOf(browser: Browser, routes: readonly ConsoleRoute[], starts: readonly string[]): Promise<Page[]> {
  const seen = new Set<ConsoleRoute>()
  const pages: Page[] = []
  const waiting = [...starts]
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    const route = routeOf(routes, path.split('?')[0] ?? '', 'get')
    if (route === undefined || seen.has(route) || /\/(stream|export)$/.test(route.path)) continue
    seen.add(route)
    const page = await open(browser, path)
    expect({ path, status: page.status }).toEqual({ path, status: 200 })
    pages.push(page)
    const links = tagsOf(page.body).flatMap(({ name, attributes }) => (name === 'a' ? [attributes.get('href') ?? ''] : []))
    waiting.push(...links.filter((href) => href.startsWith('/admin')))
  }
  return pages
}

/** Each form that something is filled in of, once for each route that it goes to. */
function formsOf(pages: readonly Page[], routes: readonly ConsoleRoute[]): FilledForm[] {
  const forms = new Map<ConsoleRoute, FilledForm>()
  for (const page of pages) {
    for (const [form, , inside = ''] of page.body.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)) {
      const [start] = tagsOf(form)
      const [action, method] = ['action', 'method'].map((name) => start?.attributes.get(name) ?? '')
      const route = routeOf(routes, action ?? '', 'post')
      const sent = filled(inside)
      if (method !== 'post' || route === undefined || forms.has(route) || typedIn(inside).length === 0) continue
      const asksWhy = typedIn(inside).some(({ attributes }) => attributes.get('name') === 'reason' && attributes.has('required'))
      forms.set(route, { page: page.url, action: action ?? '', sent, asksWhy })
    }
  }
  return [...forms.values()]
}

const isTyped = ({ name, attributes }: Tag) =>
  name === 'textarea' ||
  name === 'select' ||
  (name === 'input' && !['hidden', 'radio', 'file'].includes(attributes.get('type') ?? 'text'))

function typedIn(inside: string): Tag[] {
  return tagsOf(inside).filter(isTyped)
}

/** All that a person can say by a form: texts, ticks, and the last of each choice. */
function filled(inside: string): URLSearchParams {
  const sent = new URLSearchParams()
  for (const { name, attributes } of tagsOf(inside)) {
    const [field, type, value] = ['name', 'type', 'value'].map((key) => attributes.get(key) ?? '')
    if (field === undefined || field === '' || name === 'button' || type === 'file') continue
    if (name === 'select') sent.set(field, lastChoice(inside, field))
    else if (type === 'hidden' || type === 'checkbox' || type === 'radio') sent.set(field, value ?? '')
    else sent.set(field, `typed into ${field} & "kept"`)
  }
  return sent
}

function lastChoice(inside: string, field: string): string {
  const [, choices = ''] = new RegExp(`<select\\b[^>]*name="${field}"[^>]*>([\\s\\S]*?)</select>`).exec(inside) ?? []
  return tagsOf(choices).at(-1)?.attributes.get('value') ?? ''
}

/** What of it does not stand in the form of a page. */
function lost({ action, sent }: FilledForm, page: Page): string[] {
  const shown = [...page.body.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/g)]
    .map(([form]) => form)
    .find((form) => unescapeHtml(tagsOf(form)[0]?.attributes.get('action') ?? '') === action)
  if (shown === undefined) return [`the form to ${action}`]
  const typed = new Set(typedIn(shown).map(({ attributes }) => attributes.get('name')))
  return [...sent].filter(([field, value]) => typed.has(field) && !says(shown, field, value)).map(([field]) => field)
}

function says(form: string, field: string, value: string): boolean {
  const tag = typedIn(form).find(({ attributes }) => attributes.get('name') === field)
  if (tag?.name === 'textarea')
    return wordsOf(unescapeHtml(new RegExp(`<textarea\\b[^>]*name="${field}"[^>]*>([^<]*)<`).exec(form)?.[1] ?? '')) === value
  if (tag?.name === 'select') {
    const [, choices = ''] = new RegExp(`<select\\b[^>]*name="${field}"[^>]*>([\\s\\S]*?)</select>`).exec(form) ?? []
    return tagsOf(choices).some(({ attributes }) => attributes.has('selected') && attributes.get('value') === value)
  }
  if (tag?.attributes.get('type') === 'checkbox') return tag.attributes.has('checked')
  return tag?.attributes.get('value') === value
}

/** What holds a list comes back with one word a line. */
function wordsOf(text: string): string {
  return text.trim().replace(/\s+/g, ' ')
}

async function somethingOfEach(): Promise<{ readonly account: string; readonly session: string }> {
  const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
  const { sub, sid } = claimsOf(tokens.body.access_token)
  return { account: String(sub), session: String(sid) }
}

const SIGNED_OUT = `UPDATE sessions SET ended_at = latchkey_now()
  WHERE ended_at IS NULL AND account_id = (SELECT id FROM accounts WHERE email = 'owner@staff.example')`

test('what was filled in of any form comes back when the person has to sign in first', async () => {
  const { consoleRoutes: routes } = server.latchkey.administration
  const { account, session } = await somethingOfEach()
  const starts = [
    '/admin',
    `/admin/accounts/${account}`,
    `/admin/sessions/${session}`,
    `/admin/sessions/revocation?id=${session}`,
    '/admin/clients/new?kind=web',
    '/admin/clients/tool/secrets',
  ]
  const { browser } = await atConsole(server, 'owner', `/admin/accounts/${account}`)
  const forms = formsOf(await pagesOf(browser, routes, starts), routes)
  // The crawl is of use as long as it finds them.
  const actions = forms.map(({ action }) => action.replace(account, ':id'))
  expect(actions).toEqual(
    expect.arrayContaining([
      '/admin/search',
      '/admin/tokens/inspection',
      '/admin/tokens/revocation',
      '/admin/keys/rotation',
      '/admin/accounts/:id/password-reset',
      '/admin/accounts',
      '/admin/clients',
    ]),
  )
  expect(forms.length).toBeGreaterThan(20)
  const losses: unknown[] = []
  for (const form of forms) {
    await run(server.databaseUrl, SIGNED_OUT)
    const asked = await browser.fetch(`${server.issuer}${form.action}`, { body: form.sent.toString() })
    expect({ action: form.action, status: asked.status }).toEqual({ action: form.action, status: 303 })
    const back = await signInAs(browser, await browser.open(new URL(String(asked.headers.location), asked.url)), 'owner')
    const { action, page } = form
    const missing = lost(form, back)
    if (missing.length > 0) losses.push({ action, page, missing })
  }
  expect(losses).toEqual([])
}, 120_000)

test('every form that asks why says so when that is missing, at the place where the page opens, and keeps the rest', async () => {
  const { consoleRoutes: routes } = server.latchkey.administration
  const { account, session } = await somethingOfEach()
  const starts = ['/admin', `/admin/accounts/${account}`, `/admin/sessions/revocation?id=${session}`, '/admin/clients/tool']
  const { browser } = await atConsole(server, 'owner', `/admin/accounts/${account}`)
  const asking = formsOf(await pagesOf(browser, routes, starts), routes).filter(({ asksWhy }) => asksWhy)
  expect(asking.length).toBeGreaterThan(12)
  for (const form of asking) {
    const sent = new URLSearchParams(form.sent)
    sent.set('reason', '   ')
    const answer = await browser.fetch(`${server.issuer}${form.action}`, { body: sent.toString() })
    const opensAt = tagsOf(answer.body).filter(({ attributes }) => attributes.has('autofocus'))
    const told = opensAt.map(({ attributes }) => attributes.get('id'))
    expect({ action: form.action, status: answer.status, told }).toEqual({
      action: form.action,
      status: expect.any(Number),
      told: [expect.stringMatching(/^(reason|problem)$/)],
    })
    if (told[0] === 'reason') {
      expect(opensAt[0]?.attributes.get('aria-describedby')).toBe('reason-hint reason-missing')
      expect(answer.body).toContain('<p class="error" id="reason-missing">Nothing was done: say why.</p>')
    }
    expect(answer.status).toBeGreaterThanOrEqual(400)
    sent.delete('reason')
    expect({ action: form.action, lost: lost({ ...form, sent }, answer) }).toEqual({ action: form.action, lost: [] })
  }
}, 120_000)

test('what stands in the address of a page fills in neither a token nor the search box', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin')
  const planted = 'ses_planted-by-a-link'
  for (const path of [`/admin?q=${planted}`, `/admin/tokens?token=${planted}&end_value=${planted}`])
    expect((await open(browser, path)).body).not.toContain(planted)
})

describe('what was refused is still in the form that says why', () => {
  const refused = /<div class="notice error" id="problem" tabindex="-1" autofocus role="alert"><p>([^<]+)</
  const missing = /id="reason-missing">([^<]+)</

  test.each([
    ['that is none', 'sid', 'a b', 400, 'That names no tokens.'],
    ['that is a token itself', 'jti', 'e'.repeat(301), 400, 'That names no tokens.'],
    ['that nothing has', 'sid', 'ses_nothing', 404, 'There is no such thing'],
    ['that ends an app of a file', 'sub', SPA.client_id, 409, ''],
  ])('a name of tokens %s', async (_what, kind, value, status, fault) => {
    const { browser, page } = await atConsole(server, 'owner', '/admin/tokens')
    const answer = await send(browser, page, '/admin/tokens/revocation', { kind, value, reason: 'found in a log' })
    expect([answer.status, answer.url]).toEqual([status, `${server.issuer}/admin/tokens/revocation`])
    expect(refused.exec(answer.body)?.[1]).toContain(fault)
    expect(answer.body).toContain(`<option value="${kind}" selected>`)
    for (const text of [value, 'found in a log']) expect(answer.body).toContain(`value="${text}"`)
    // It can be sent again as it stands.
    expect((await send(browser, answer, '/admin/tokens/revocation', { kind })).status).toBe(status)
  })

  test('new keys of which one is announced already', async () => {
    const { browser, page } = await atConsole(server, 'owner', '/admin/keys/rotation')
    const values = { alg: 'ES256', reason: 'every quarter' }
    await send(browser, page, '/admin/keys/rotation', values)
    const again = await browser.open(`${server.issuer}/admin/keys/rotation`)
    const answer = await send(browser, again, '/admin/keys/rotation', values)
    expect([answer.status, refused.exec(answer.body)?.[1]]).toEqual([409, expect.stringContaining('announced already')])
    expect(answer.body).toContain('value="every quarter"')
    expect(answer.body).toContain('<option value="ES256" selected>')
  })

  test('a reason of nothing but spaces, for the end of what was selected', async () => {
    const { session } = await somethingOfEach()
    const { browser, page } = await atConsole(server, 'owner', `/admin/sessions/revocation?id=${session}`)
    const answer = await send(browser, page, '/admin/sessions/revocation', { reason: '   ' })
    expect([answer.status, missing.exec(answer.body)?.[1]]).toEqual([400, 'Nothing was done: say why.'])
    // What was selected stands in no address: there may be more than one takes.
    expect(answer.url).toBe(`${server.issuer}/admin/sessions/revocation`)
    expect((await send(browser, answer, '/admin/sessions/revocation', { reason: 'lost' })).body).toContain('Ended: 1 session')
  })
})
