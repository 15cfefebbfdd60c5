// Who may use which route of the admin API: each route by each role, by clients with and without its scope, and by tokens that are
// not for it. Generated from the table of routes, so that no route is left out.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ROLES, scopesOfRoles } from '../../config/roles.ts'
import { ADMIN_SCOPES } from '../../config/scopes.ts'
import type { ApiRoute } from '../../server/admin-api/route.ts'
import { MACHINE, SPA } from '../support/clients.ts'
import { obtainTokens, tokenRequest } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'
import { adminResourceOf, ask, PEOPLE, type Person, personToken, ROBOT, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let routes: readonly ApiRoute[]
const tokens = new Map<Person, string>()

beforeAll(async () => {
  server = await startAdminServer()
  routes = server.latchkey.administration.apiRoutes
  for (const person of PEOPLE) tokens.set(person, await personToken(server, person))
}, 60_000)

afterAll(() => server?.stop())

const guarded = () => routes.flatMap((route) => (route.access === 'public' ? [] : [{ ...route, access: route.access }]))

/** Asks for something that is not there, so that nothing is changed by those who may. */
function request(route: ApiRoute, token: string) {
  const path = route.path.replace(/:\w+/g, 'not-there')
  return ask(
    server,
    token,
    `${route.method.toUpperCase()} ${path}`,
    route.body === undefined ? {} : { body: { dry_run: 'neither' } },
  )
}

test('AD1: every route has a rule: a scope of the admin API, and roles that carry it', () => {
  expect(guarded().length).toBeGreaterThan(3)
  for (const { access, name } of guarded()) {
    expect({ name, scope: ADMIN_SCOPES.includes(access.scope) }).toEqual({ name, scope: true })
    expect({ name, roles: access.roles.length > 0 && access.roles.every((role) => ROLES.includes(role)) }).toEqual({
      name,
      roles: true,
    })
    for (const role of access.roles)
      expect({ name, role, carries: scopesOfRoles([role]).has(access.scope) }).toMatchObject({ carries: true })
  }
  expect(routes.filter(({ access }) => access === 'public').map(({ name }) => name)).toEqual([
    'getOpenApi',
    'getReference',
    'getReferenceOfNoun',
  ])
})

test('AD1: names and addresses are there once', () => {
  const unique = (values: readonly string[]) => expect(new Set(values).size).toBe(values.length)
  unique(routes.map(({ name }) => name))
  unique(routes.map(({ method, path }) => `${method} ${path}`))
})

test.each(PEOPLE)('AD1: %s may use the routes of the role and no other', async (person) => {
  const token = tokens.get(person) ?? ''
  for (const route of guarded()) {
    const { status, body } = await request(route, token)
    const may = (route.access.roles as readonly string[]).includes(person)
    const seen = { route: route.name, refused: status === 403, unknown: status === 401 }
    expect(seen).toEqual({ route: route.name, refused: !may, unknown: false })
    if (!may) expect(body.type).toBe('urn:latchkey:problem:insufficient-role')
  }
})

test('AD1: a client may use the routes of the scopes that its token has, and no other', async () => {
  const byScope = new Map<string, string>()
  for (const { access } of guarded()) {
    if (!byScope.has(access.scope)) byScope.set(access.scope, await robotToken(server, access.scope))
  }
  // A thousand requests and more: those of one scope at once.
  for (const [scope, token] of byScope) {
    const asked = guarded().map(async (route) => ({ route, answer: await request(route, token) }))
    for (const { route, answer } of await Promise.all(asked)) {
      const { status, body, headers } = answer
      const may = route.access.scope === scope
      expect({ route: route.name, scope, refused: status === 403 }).toEqual({ route: route.name, scope, refused: !may })
      if (may) continue
      expect(body.type).toBe('urn:latchkey:problem:insufficient-scope')
      expect(headers.get('www-authenticate')).toContain(`scope="${route.access.scope}"`)
    }
  }
}, 120_000)

describe('AD5: a token that is not for the admin API opens nothing', () => {
  const first = () => guarded()[0] as ApiRoute

  test('none at all', async () => {
    for (const route of guarded()) expect((await request(route, '')).status).toBe(401)
  })

  test('the access token of an app, an ID token, a client’s own token for another API', async () => {
    const { tokens: ofApp } = await obtainTokens(server, SPA)
    const { body: ofMachine } = await tokenRequest(server, MACHINE, { grant_type: 'client_credentials', scope: 'notes:read' })
    for (const token of [ofApp.body.access_token, ofApp.body.id_token, ofMachine.access_token, 'nonsense']) {
      const { status, body } = await request(first(), token ?? 'missing')
      expect(status).toBe(401)
      expect(body.status).toBe(401)
    }
  })

  test('a client that is not named for it gets no token', async () => {
    const { status, body } = await tokenRequest(server, MACHINE, {
      grant_type: 'client_credentials',
      resource: adminResourceOf(server),
      scope: 'sessions:read',
    })
    expect([status, body.error]).toEqual([400, 'invalid_target'])
  })

  test('a token whose session has ended', async () => {
    const token = await personToken(server, 'auditor')
    expect((await ask(server, token, 'GET /sessions')).status).toBe(200)
    const { body } = await ask(server, tokens.get('owner') ?? '', 'GET /sessions?account=auditor@staff.example&active=true')
    for (const { id } of body.items) await ask(server, tokens.get('owner') ?? '', `DELETE /sessions/${id}`)
    expect((await ask(server, token, 'GET /sessions')).status).toBe(401)
  })
})

test('AD4: a role that is taken away counts at once, whatever the token says', async () => {
  const token = await personToken(server, 'operator')
  const { latchkey } = server
  const account = await latchkey.nouns.accounts.findByEmail('operator@staff.example')
  await latchkey.nouns.events.accounts.changeRoles({ accountId: account?.id ?? '', roles: [] }, { actor: 'system' })
  expect([401, 403]).toContain((await ask(server, token, 'GET /sessions')).status)
  await latchkey.nouns.events.accounts.changeRoles({ accountId: account?.id ?? '', roles: ['operator'] }, { actor: 'system' })
})

test('a client may ask for less than it is named for, and then has less', async () => {
  const token = await robotToken(server, 'grants:read')
  expect((await ask(server, token, 'GET /sessions')).status).toBe(403)
  expect(ROBOT.client_id).toBe('robot')
})
