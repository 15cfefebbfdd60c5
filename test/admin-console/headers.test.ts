// What browsers may do with the console's pages, as the whole server answers them and not a view by itself: every page that links lead to,
// every route of the table (so a new one is looked at without anybody thinking of it), and what is said when something is wrong.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { CONSOLE_POLICY, type ConsoleRoute } from '../../server/admin-console/console.ts'
import { startAdminServer } from '../admin-api/api.ts'
import { Browser } from '../support/browser.ts'
import { SPA } from '../support/clients.ts'
import { claimsOf, obtainTokens } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'
import { tagsOf } from '../views/page-markup.ts'
import { atConsole } from './people.ts'

let server: TestServer
let routes: readonly ConsoleRoute[]
let owner: Browser
let csrf: string

beforeAll(async () => {
  server = await startAdminServer()
  routes = server.latchkey.administration.consoleRoutes
  const { browser, page } = await atConsole(server, 'owner')
  owner = browser
  csrf = /name="csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
})

afterAll(() => server?.stop())

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

/** Asks as the owner. What goes on for ever, such as the stream of the audit log, is not waited for. */
async function ask(path: string, options: RequestInit = {}): Promise<Answer> {
  const headers = { accept: 'text/html', origin: server.issuer, 'sec-fetch-site': 'same-origin', ...options.headers }
  const cookie = owner.cookieHeader('/admin')
  const response = await fetch(`${server.issuer}${path}`, { redirect: 'manual', ...options, headers: { ...headers, cookie } })
  const { status } = response
  if (!response.headers.get('content-type')?.startsWith('text/html')) {
    await response.body?.cancel()
    return { status, headers: response.headers, body: '' }
  }
  return { status, headers: response.headers, body: await response.text() }
}

/** What an answer lacks, or has too much of. */
function faultsOf({ headers, body }: Answer): string[] {
  const policy = headers.get('content-security-policy') ?? ''
  return [
    ...EXPECTED.filter(([name, value]) => headers.get(name) !== value).map(([name]) => `${name}: ${headers.get(name)}`),
    ...(!/\bno-store\b/.test(headers.get('cache-control') ?? '') ? [`cache-control: ${headers.get('cache-control')}`] : []),
    ...DIRECTIVES.filter((directive) => !policy.split(';').includes(directive)).map(
      (directive) => `without ${directive}: ${policy}`,
    ),
    ...(/unsafe|\*|https?:/.test(policy) ? [`too much is allowed: ${policy}`] : []),
    ...TOLD.filter((name) => headers.has(name)).map((name) => `${name}: ${headers.get(name)}`),
    ...inlineOf(body),
  ]
}

const EXPECTED = [
  ['x-content-type-options', 'nosniff'],
  ['referrer-policy', 'no-referrer'],
  ['x-frame-options', 'DENY'],
  ['cross-origin-opener-policy', 'same-origin'],
] as const

const DIRECTIVES = [
  "default-src 'none'",
  "style-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
]

/** Headers by which a server tells what it is made of. */
const TOLD = ['server', 'x-powered-by', 'via']

/** Scripts and styles that stand in the page itself, which the policy would not run. */
function inlineOf(body: string): string[] {
  const scripts = [...body.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/g)]
  const inline = scripts.filter(([tag, inside]) => inside !== '' || !/ src="\/assets\/[\w.-]+"/.test(tag))
  const attributes = tagsOf(body).flatMap(({ name, attributes: own }) =>
    [...own.keys()]
      .filter((key) => key === 'style' || key.startsWith('on') || (own.get(key) ?? '').startsWith('javascript:'))
      .map((key) => `${name} ${key}`),
  )
  return [...inline.map(([tag]) => tag), ...(/<style\b/.test(body) ? ['a style sheet in the page'] : []), ...attributes]
}

/** One page of each route that links lead to, from the overview on. */
async function crawl(starts: readonly string[]): Promise<ReadonlyMap<ConsoleRoute, Answer>> {
  const found = new Map<ConsoleRoute, Answer>()
  const waiting = [...starts]
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    const below = path.split(/[?#]/)[0]?.replace(/^\/admin/, '') || '/'
    const matches = (route: ConsoleRoute) => new RegExp(`^${route.path.replace(/:\w+/g, '[^/]+')}$`).test(below)
    const route = routes.find((one) => one.method === 'get' && matches(one))
    if (route === undefined || found.has(route)) continue
    const answer = await ask(path)
    found.set(route, answer)
    const links = tagsOf(answer.body).flatMap(({ name, attributes }) => (name === 'a' ? [attributes.get('href') ?? ''] : []))
    waiting.push(...links.filter((href) => href.startsWith('/admin')))
  }
  return found
}

test('WB1, WB6: every page that links lead to has the console’s policy and nothing inline, and is kept by nobody', async () => {
  const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
  const { sub, sid } = claimsOf(tokens.body.access_token)
  const pages = await crawl(['/admin', `/admin/accounts/${sub}`, `/admin/sessions/${sid}`, '/admin/clients/tool/secrets'])
  expect(pages.size).toBeGreaterThan(40)
  for (const [{ path }, answer] of pages) {
    const { status, headers } = answer
    expect({ path, status, policy: headers.get('content-security-policy'), faults: faultsOf(answer) }).toEqual({
      ...{ path, status: 200, policy: CONSOLE_POLICY, faults: [] },
    })
  }
})

test('WB1, WB6, WB7: every route of the table, asked for what is not there and by forms that say nothing', async () => {
  for (const { method, path } of routes) {
    const url = `/admin${path.replace(/:\w+/g, 'not-there')}`
    const body = new URLSearchParams({ csrf })
    const answer = await ask(url, method === 'get' ? {} : { method: 'POST', body })
    expect({ method, path, status: answer.status, faults: faultsOf(answer) }).toEqual({
      ...{ method, path, status: expect.any(Number), faults: [] },
    })
    expect({ path, status: answer.status }).not.toMatchObject({ status: 500 })
    // The pages of settings and of the system are about what it is made of.
    if (answer.status >= 400) expect({ path, told: telling(answer.body) }).toEqual({ path, told: [] })
  }
})

describe('WB7: what is not answered as it was asked', () => {
  test.each([
    ['a page that there is not', '/admin/nothing', {}, 404],
    ['a thing that there is not', '/admin/sessions/ses_none', {}, 404],
    ['an id that cannot be', '/admin/sessions/%00', {}, 404],
    ['a method that no page takes', '/admin/sessions', { method: 'DELETE' }, 405],
    [
      'JSON in the place of a form',
      '/admin/sessions/revocation',
      { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } },
      415,
    ],
    [
      'a form that is none of ours',
      '/admin/sessions/revocation',
      { method: 'POST', body: new URLSearchParams({ csrf: 'forged' }) },
      403,
    ],
    ['a filter that is none', '/admin/sessions?ip=x%27%20OR%201=1', {}, 400],
  ])('%s', async (_what, path, options, status) => {
    const answer = await ask(path, options)
    expect({ status: answer.status, faults: faultsOf(answer), told: telling(answer.body) }).toEqual({
      status,
      faults: [],
      told: [],
    })
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
  })

  test('without signing in, every page leads to the sign-in page and says no more', async () => {
    const stranger = new Browser()
    for (const { method, path } of routes.filter((route) => route.method === 'get')) {
      const { status, headers, body } = await stranger.fetch(`${server.issuer}/admin${path.replace(/:\w+/g, 'not-there')}`)
      expect({
        method,
        path,
        status,
        to: String(headers.location).startsWith(server.issuer) || String(headers.location).startsWith('/'),
      }).toEqual({
        ...{ method, path, status: 303, to: true },
      })
      expect(headers['content-security-policy']).toBe(CONSOLE_POLICY)
      expect(body).not.toContain('class="console"')
    }
  })
})

/** What of a page tells how the server is made: stacks, statements, files, and what it is made of. */
function telling(body: string): string[] {
  return [
    /\bat \S+ \(?\S+:\d+:\d+/,
    /\b(SELECT|INSERT|UPDATE) .+ (FROM|INTO|SET)\b/,
    /\.ts\b|node_modules/,
    /prisma|postgres|ioredis|koa\b|oidc-provider/i,
  ].flatMap((pattern) => pattern.exec(body.replace(/<[^>]*>/g, ' '))?.[0] ?? [])
}
