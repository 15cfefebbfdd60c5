// What all routes of the admin API have in common: its document, its errors, requests that are sent again, and how often one may ask.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { TestServer } from '../support/server.ts'
import { ask, personToken, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let token: string

beforeAll(async () => {
  server = await startAdminServer({ settings: { LATCHKEY_RATE_LIMITS: 'on', LATCHKEY_RATE_LIMIT_ADMIN: '250' } })
  token = await robotToken(server)
})

afterAll(() => server?.stop())

describe('the OpenAPI document', () => {
  test('is public, readable from every site, and names every route with its scope', async () => {
    const { status, headers, body } = await ask(server, '', 'GET /openapi.json')
    expect(status).toBe(200)
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(body.openapi).toBe('3.1.0')
    for (const route of server.latchkey.administration.apiRoutes) {
      const operation = body.paths[route.path.replace(/:(\w+)/g, '{$1}')]?.[route.method]
      expect(operation?.operationId).toBe(route.name)
      if (route.access !== 'public')
        expect(operation.security).toEqual(
          [route.access, ...(route.accessToOwn ?? [])].map(({ scope }) => ({ accessToken: [scope] })),
        )
      const refusals = route.access === 'public' ? [] : ['401', '403', '429']
      expect(Object.keys(operation.responses)).toEqual([...Object.keys(route.outcomes), ...refusals, 'default'])
    }
  })

  test('refers to nothing that is not in it', async () => {
    const { body } = await ask(server, '', 'GET /openapi.json')
    const references = [...JSON.stringify(body).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? '')
    expect(references.length).toBeGreaterThan(0)
    for (const path of references) {
      const found = path.split('/').reduce<unknown>((at, part) => (at as { [name: string]: unknown })?.[part], body)
      expect({ path, found: found !== undefined }).toEqual({ path, found: true })
    }
  })
})

describe('WB7: errors are problems, for programs', () => {
  test.each([
    ['GET /nothing', 404],
    ['PUT /sessions', 405],
    ['GET /sessions/revocations/x', 404],
  ])('%s', async (request, expected) => {
    const { status, headers, body } = await ask(server, token, request, { headers: { accept: 'text/html' } })
    expect(status).toBe(expected)
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toMatchObject({ status: expected, request_id: expect.any(String) })
    if (expected === 405) expect(headers.get('allow')).toContain('GET')
  })

  test('a body that is no JSON, or of another type, or too large', async () => {
    const post = (body: string, type = 'application/json') =>
      fetch(`${server.issuer}/admin/api/v1/sessions/revocations`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': type },
        body,
      })
    expect((await post('{"ids":')).status).toBe(400)
    expect((await post('ids=a', 'application/x-www-form-urlencoded')).status).toBe(415)
    expect((await post(JSON.stringify({ ids: ['x'.repeat(70_000)] }))).status).toBe(413)
  })

  test('If-Match where nothing has a version is refused, rather than passed over', async () => {
    const { status, body } = await ask(server, token, 'DELETE /sessions/ses_nobody', { headers: { 'if-match': '"one"' } })
    expect([status, body.detail]).toEqual([400, 'If-Match means nothing here.'])
  })
})

describe('a request that is sent again', () => {
  const post = (key: string, body: unknown = { ids: ['ses_nobody'] }) =>
    ask(server, token, 'POST /sessions/revocations', { body, headers: { 'idempotency-key': key } })

  test('is answered the same, and done once', async () => {
    const first = await post('a-key')
    const again = await post('a-key')
    expect(first.status).toBe(200)
    expect(again.body).toEqual(first.body)
  })

  test('with another body is refused', async () => {
    await post('used')
    const { status, body } = await post('used', { ids: ['ses_other'] })
    expect([status, body.type]).toEqual([422, 'urn:latchkey:problem:idempotency-key-reused'])
  })

  test('fifty at once: one does it, and nobody gets another answer', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => post('raced')))
    const done = answers.filter(({ status }) => status === 200)
    expect(done.length).toBeGreaterThan(0)
    expect(new Set(done.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    for (const { status, body } of answers) {
      if (status !== 200) expect([status, body.type]).toEqual([409, 'urn:latchkey:problem:request-under-way'])
    }
  })

  test('after it was refused is looked at anew', async () => {
    expect((await post('refused', { ids: [] })).status).toBe(400)
    expect((await post('refused', { ids: [] })).status).toBe(400)
  })

  test('a key belongs to the caller, whatever token it comes with', async () => {
    await post('shared')
    const other = await robotToken(server, 'sessions:revoke')
    expect(
      (await ask(server, other, 'POST /sessions/revocations', { body: { ids: ['x'] }, headers: { 'idempotency-key': 'shared' } }))
        .status,
    ).toBe(422)
  })

  test('a key is printable and not too long', async () => {
    expect((await post('with space')).status).toBe(400)
    expect((await post('x'.repeat(201))).status).toBe(400)
  })
})

test('each caller has a budget of its own, and sees how much is left', async () => {
  const { headers } = await ask(server, token, 'GET /sessions')
  expect(headers.get('ratelimit-limit')).toBe('250')
  const left = Number(headers.get('ratelimit-remaining'))
  await Promise.all(Array.from({ length: left }, () => ask(server, token, 'GET /sessions?limit=1')))
  const { status, headers: refused, body } = await ask(server, token, 'GET /sessions')
  expect(status).toBe(429)
  expect(Number(refused.get('retry-after'))).toBeGreaterThan(0)
  expect(body.status).toBe(429)
  // Somebody else, at this very server.
  expect((await ask(server, await personToken(server, 'owner'), 'GET /sessions')).status).toBe(200)
})
