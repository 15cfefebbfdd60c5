// Who may see which page of the console, and do what there: each route by each role, generated from the table of routes.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ROLES, scopesOfRoles } from '../../config/roles.ts'
import { ADMIN_SCOPES } from '../../config/scopes.ts'
import type { ConsoleRoute } from '../../server/admin-console/console.ts'
import { PEOPLE, type Person, startAdminServer } from '../admin-api/api.ts'
import { Browser } from '../support/browser.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole } from './people.ts'

let server: TestServer
let routes: readonly ConsoleRoute[]

beforeAll(async () => {
  server = await startAdminServer()
  routes = server.latchkey.administration.consoleRoutes
})

afterAll(() => server?.stop())

/** Asks for something that is not there, by a form that is one of ours, so that nothing is changed by those who may. */
async function ask(browser: Browser, route: ConsoleRoute, csrf: string): Promise<number> {
  const url = `${server.issuer}/admin${route.path.replace(/:\w+/g, 'not-there')}`
  const body = new URLSearchParams({ csrf }).toString()
  const response = await browser.fetch(url, route.method === 'get' ? {} : { method: 'POST', body })
  return response.status
}

test('AD1: every route has a rule: a scope of the admin API, and roles that carry it', () => {
  expect(routes.length).toBeGreaterThan(4)
  for (const { access, path } of routes) {
    expect({ path, scope: ADMIN_SCOPES.includes(access.scope) }).toEqual({ path, scope: true })
    expect({ path, roles: access.roles.length > 0 && access.roles.every((role) => ROLES.includes(role)) }).toEqual({
      path,
      roles: true,
    })
    for (const role of access.roles)
      expect({ path, role, carries: scopesOfRoles([role]).has(access.scope) }).toMatchObject({ carries: true })
  }
  const names = routes.map(({ method, path }) => `${method} ${path}`)
  expect(new Set(names).size).toBe(names.length)
})

test.each(PEOPLE)('AD1: %s may use the routes of the role and no other', async (person: Person) => {
  const { browser, page } = await atConsole(server, person)
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? (await csrfOf(browser))
  for (const route of routes) {
    const may = (route.access.roles as readonly string[]).includes(person)
    const status = await ask(browser, route, csrf)
    expect({ route: `${route.method} ${route.path}`, refused: status === 403 }).toEqual({
      route: `${route.method} ${route.path}`,
      refused: !may,
    })
  }
})

/** Somebody without a role sees no page of the console, and so no form of it; one of the account page sets the same cookie. */
async function csrfOf(browser: Browser): Promise<string> {
  const page = await browser.open(`${server.issuer}/account`)
  return /name="csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
}

describe('without signing in', () => {
  test('every page leads to the sign-in page, and nothing is done', async () => {
    for (const route of routes) {
      expect({ route: route.path, status: await ask(new Browser(), route, 'none') }).toEqual({ route: route.path, status: 303 })
    }
  })
})

describe('WB3: an action', () => {
  test('is refused without the token of a form of the console, and from another site', async () => {
    const { browser, page } = await atConsole(server, 'owner')
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
    const other = await atConsole(server, 'operator')
    const ofOther = /name="csrf" value="([^"]+)"/.exec(other.page.body)?.[1] ?? ''
    for (const route of routes.filter(({ method }) => method === 'post')) {
      for (const [token, headers] of [
        ['', {}],
        ['wrong', {}],
        [ofOther, {}],
        [csrf, { origin: 'https://evil.example' }],
        [csrf, { 'sec-fetch-site': 'cross-site' }],
      ] as const) {
        const url = `${server.issuer}/admin${route.path.replace(/:\w+/g, 'not-there')}`
        const response = await browser.fetch(url, {
          method: 'POST',
          body: new URLSearchParams({ csrf: token }).toString(),
          headers,
        })
        expect({ route: route.path, headers, status: response.status }).toEqual({ route: route.path, headers, status: 403 })
      }
    }
  })
})

test('each role sees the sections that it may open, and no other', async () => {
  for (const person of ROLES) {
    const { browser, page } = await atConsole(server, person)
    const sections = [...page.body.matchAll(/<li><a href="(\/admin\/[^"]+)"/g)].map(([, href = '']) => href)
    expect(sections.length).toBeGreaterThan(0)
    for (const href of sections) {
      const response = await browser.fetch(`${server.issuer}${href}`)
      expect({ person, href, status: response.status }).toEqual({ person, href, status: 200 })
    }
  }
})

test('AU1: what is refused is written down: by whom, what and why, and nothing that was typed', async () => {
  const { browser, page } = await atConsole(server, 'auditor', '/admin/tokens')
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
  const post = (path: string, fields: { readonly [name: string]: string }) =>
    browser.fetch(`${server.issuer}/admin${path}`, { method: 'POST', body: new URLSearchParams(fields).toString() })
  // Of what is alike the first in a minute is written by itself.
  await server.advance(61)
  await server.latchkey.audit.occasional.flush()
  const before = await lastEvent()
  expect((await browser.fetch(`${server.issuer}/admin/keys/rotation`)).status).toBe(403)
  expect((await post('/sessions/revocation', { csrf, reason: 'canary-typed' })).status).toBe(403)
  expect((await post('/tokens/inspection', { csrf: 'forged', token: 'canary-typed' })).status).toBe(403)
  await server.advance(301)
  expect((await post('/session-audits/rev_canary-typed/sign-off', { csrf, reason: 'canary-typed' })).status).toBe(303)
  await server.latchkey.audit.occasional.flush()
  const rows = await run(
    server.databaseUrl,
    `SELECT a.email AS by, e.account_id = e.actor AS own, e.reason, e.detail, host(e.address::inet) AS address FROM audit_events e
     JOIN accounts a ON a.id = e.actor WHERE e.name = 'admin_access.refused' AND e.id > $1::bigint`,
    [before],
  )
  const told = { by: 'auditor@staff.example', own: true, address: '127.0.0.1' }
  // Each is written by itself, in no order.
  expect(rows).toHaveLength(4)
  expect(rows).toEqual(
    expect.arrayContaining([
      { ...told, reason: 'insufficient_role', detail: { route: 'GET /admin/keys/rotation' } },
      { ...told, reason: 'insufficient_role', detail: { route: 'POST /admin/sessions/revocation' } },
      { ...told, reason: 'forged_form', detail: { route: 'POST /admin/tokens/inspection' } },
      { ...told, reason: 'stale_sign_in', detail: { route: 'POST /admin/session-audits/:id/sign-off' } },
    ]),
  )
})

async function lastEvent(): Promise<unknown> {
  const [row] = await run(server.databaseUrl, 'SELECT COALESCE(max(id), 0)::text AS id FROM audit_events')
  return (row as { readonly id: string }).id
}
