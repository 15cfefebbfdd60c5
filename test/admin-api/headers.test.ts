// The headers that answers have, and those that the OpenAPI document says they have: the same.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { type ApiResult, ask, personToken, robotToken, startAdminServer } from './api.ts'

interface Declared {
  readonly [header: string]: { readonly required?: boolean; readonly description?: string }
}

let server: TestServer
let robot: string
let document: ApiResult['body']
/** Headers that were seen: `createClient 201 location`. */
const seen = new Set<string>()

/** What any answer of any server may have, and what is said elsewhere: of the body, and of who may keep it. */
const COMMON = [
  'date',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-type',
  'content-length',
  'cache-control',
  'vary',
]
/** What each page of this server has for browsers. */
let forBrowsers: readonly string[]

beforeAll(async () => {
  server = await startAdminServer({ settings: { LATCHKEY_RATE_LIMITS: 'on', LATCHKEY_RATE_LIMIT_ADMIN: '200' } })
  robot = await robotToken(server)
  document = (await ask(server, '', 'GET /openapi.json')).body
  const page = await fetch(`${server.issuer}/livez-is-not-here`)
  forBrowsers = [...page.headers.keys()].filter((name) => name !== 'x-request-id')
})

afterAll(() => server?.stop())

function routeOf(request: string) {
  const [method = '', path = ''] = request.split(' ')
  const [bare = ''] = path.split('?')
  const fits = server.latchkey.administration.apiRoutes.filter(
    (route) => route.method === method.toLowerCase() && new RegExp(`^${route.path.replace(/:\w+/g, '[^/]+')}$`).test(bare),
  )
  // The one that is most like it.
  const [route] = fits.toSorted((one, other) => one.path.split(':').length - other.path.split(':').length)
  if (route === undefined) throw new Error(`there is no route for ${request}`)
  return route
}

/** Asks, and compares what was sent with what is declared. */
async function compared(
  token: string,
  request: string,
  options: Parameters<typeof ask>[3] = {},
  expected = 200,
): Promise<ApiResult> {
  const answer = await ask(server, token, request, options)
  const { name, path, method } = routeOf(request)
  const { responses } = document.paths[path.replace(/:(\w+)/g, '{$1}')][method]
  const { status } = answer
  const declared: Declared = (responses[status] ?? responses.default).headers
  const names = new Map(Object.entries(declared).map(([header, about]) => [header.toLowerCase(), about]))
  const sent = [...answer.headers.keys()].filter((header) => !COMMON.includes(header) && !forBrowsers.includes(header))
  const ofRoute = [...answer.headers.keys()].filter((header) => names.has(header))
  expect({ request, status, undeclared: sent.filter((header) => !names.has(header)) }).toEqual({
    request,
    status: expected,
    undeclared: [],
  })
  const missing = [...names].filter(([header, { required }]) => required === true && !ofRoute.includes(header))
  expect({ request, missing: missing.map(([header]) => header) }).toEqual({ request, missing: [] })
  for (const header of ofRoute) seen.add(`${name} ${responses[status] === undefined ? 'default' : status} ${header}`)
  return answer
}

test('what is made and changed: its place, and its version', async () => {
  const account = await compared(robot, 'POST /accounts', { body: { email: 'new@people.example' } }, 201)
  const at = `/accounts/${account.body.id}`
  expect(account.headers.get('location')).toBe(`/admin/api/v1${at}`)
  expect(account.headers.get('etag')).toBe((await compared(robot, `GET ${at}`)).headers.get('etag'))
  await compared(robot, `PATCH ${at}`, { body: { name: 'New' } })

  const client = await compared(robot, 'POST /clients', { body: { kind: 'machine' } }, 201)
  const { client_id: id, metadata } = client.body
  await compared(robot, `GET /clients/${id}`)
  await compared(robot, `PUT /clients/${id}`, { body: metadata })
  expect((await compared(robot, `PUT /clients/${id}`, { body: { ...metadata, dry_run: true } })).headers.has('etag')).toBe(false)
  await compared(robot, `GET /clients/${id}/secrets`)

  const api = await compared(
    robot,
    'POST /resource-servers',
    { body: { identifier: 'https://h.example/', scopes: ['h:r'] } },
    201,
  )
  await compared(robot, `GET /resource-servers/${api.body.id}`)
  await compared(robot, `PUT /resource-servers/${api.body.id}`, { body: { scopes: ['h:r'] } })

  const webhook = await compared(robot, 'POST /webhooks', { body: { url: 'https://hooks.example/', events: ['client.*'] } }, 201)
  await compared(robot, `GET /webhooks/${webhook.body.id}`)
  await compared(robot, `PATCH /webhooks/${webhook.body.id}`, { body: { description: 'For me' } })
  await compared(robot, `POST /webhooks/${webhook.body.id}/test`, { body: {} }, 202)
})

test('what is begun, and files', async () => {
  await run(
    server.databaseUrl,
    `INSERT INTO sessions (id, account_id, methods, expires_at, absolute_expires_at)
     SELECT 'ses_many_' || n, (SELECT id FROM accounts WHERE email = 'nobody@staff.example'), '{pwd}',
       latchkey_now() + interval '1 hour', latchkey_now() + interval '1 hour' FROM generate_series(1, 250) n`,
  )
  await run(
    server.databaseUrl,
    `INSERT INTO grants (id, account_id, client_id, payload, expires_at)
     SELECT 'gra_many_' || n, (SELECT id FROM accounts WHERE email = 'nobody@staff.example'), 'notes-web',
       '{"openid":{"scope":"openid"}}', latchkey_now() + interval '1 hour' FROM generate_series(1, 250) n`,
  )
  const filter = { account: 'nobody@staff.example' }
  await compared(robot, 'POST /grants/revocations', { body: { filter } }, 202)
  await compared(robot, 'POST /sessions/revocations', { body: { filter } }, 202)
  await compared(robot, 'GET /revocation-jobs')
  const review = await compared(robot, 'POST /session-audits', { body: {} }, 202)
  const auditor = await personToken(server, 'auditor')
  for (let tries = 0; tries < 400; tries += 1) {
    const { body } = await ask(server, auditor, `GET /session-audits/${review.body.id}`)
    if (body.made_at !== null) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  for (const path of [`/session-audits/${review.body.id}/export`, '/audit-events/export'])
    expect((await compared(robot, `GET ${path}`)).headers.get('content-disposition')).toMatch(/^attachment; filename=/)
})

test('what is refused', async () => {
  const body = { ids: ['ses_nobody'] }
  expect((await compared('', 'GET /sessions', {}, 401)).headers.get('www-authenticate')).toBe('Bearer realm="latchkey"')
  await compared('made.up.token', 'GET /sessions', {}, 401)
  await compared('', 'GET /sessions', { headers: { authorization: 'Basic YTpi' } }, 400)
  const narrow = await robotToken(server, 'webhooks:read webhooks:write')
  await compared(narrow, 'GET /sessions', {}, 403)
  await compared(narrow, 'POST /webhooks', { body: { url: 'https://hooks.example/', events: ['*'] } }, 403)
  await compared(robot, 'GET /sessions?limit=0', {}, 400)
  await compared(robot, 'GET /clients/nobody', {}, 404)
  await compared(robot, 'PUT /clients/notes-spa', { body: { redirect_uris: ['https://x.example/'] } }, 409)
  await compared(robot, 'POST /sessions/revocations', { body, headers: { 'idempotency-key': 'once' } })
  await compared(robot, 'POST /sessions/revocations', { body: { ids: ['x'] }, headers: { 'idempotency-key': 'once' } }, 422)
  const operator = await personToken(server, 'operator')
  const { headers } = await compared(operator, 'GET /sessions')
  await Promise.all(
    Array.from({ length: Number(headers.get('ratelimit-remaining')) }, () => ask(server, operator, 'GET /sessions?limit=1')),
  )
  await compared(operator, 'GET /sessions', {}, 429)
})

test('what is open to everybody', async () => {
  const { headers } = await compared('', 'GET /openapi.json')
  expect(headers.has('ratelimit-limit')).toBe(false)
  await compared('', 'GET /reference')
})

test('every header that a route declares of its own was sent by it', () => {
  const declared = Object.values<ApiResult['body']>(document.paths).flatMap((methods) =>
    Object.values<ApiResult['body']>(methods).flatMap(({ operationId, responses }) =>
      Object.entries<ApiResult['body']>(responses).flatMap(([status, { headers }]) =>
        Object.keys(headers)
          .filter((name) => ['ETag', 'Location', 'Content-Disposition', 'Access-Control-Allow-Origin'].includes(name))
          .map((name) => `${operationId} ${status} ${name.toLowerCase()}`),
      ),
    ),
  )
  expect(declared.length).toBeGreaterThan(20)
  expect(declared.filter((one) => !seen.has(one))).toEqual([])
  for (const one of ['listSessions 401 www-authenticate', 'listSessions 429 retry-after', 'listSessions 200 ratelimit-reset'])
    expect([...seen]).toContain(one)
})
