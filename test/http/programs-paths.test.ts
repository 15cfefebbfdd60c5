// Addresses that only programs ask: whatever goes wrong there, and whatever is accepted, the answer is JSON and says what is allowed.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { API } from '../support/clients.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer({ settings: { LATCHKEY_SHARED_SIGNALS: 'on', LATCHKEY_STATUS_LISTS: 'on' } })
})

afterAll(() => server?.stop())

const ask = (method: string, path: string, headers: { readonly [name: string]: string } = {}, body?: string) =>
  fetch(`${server.issuer}${path}`, {
    method,
    headers: { accept: 'text/html', ...headers },
    ...(body === undefined ? {} : { body }),
  })

describe('with Accept: text/html', () => {
  test.each([
    ['GET', '/shared-signals'],
    ['GET', '/shared-signals/nothing'],
    ['GET', '/Shared-Signals/nothing'],
    ['GET', '/shared-signals/stream/nothing'],
    ['GET', '/.well-known/ssf-configuration/nothing'],
    ['GET', '/status-lists/a/b'],
    ['GET', '/revocations/nothing'],
  ])('%s %s is not there', async (method, path) => {
    const response = await ask(method, path)
    expect({ status: response.status, type: response.headers.get('content-type') }).toEqual({
      status: 404,
      type: 'application/problem+json',
    })
    expect(await response.json()).toMatchObject({ status: 404, title: expect.any(String) })
  })

  test.each([
    ['PATCH', '/shared-signals/stream', ['GET', 'HEAD', 'POST', 'DELETE']],
    ['GET', '/shared-signals/poll', ['POST']],
    ['POST', '/.well-known/ssf-configuration', ['GET', 'HEAD']],
    ['POST', '/status-lists', ['GET', 'HEAD']],
    ['DELETE', '/status-lists/stl_aaaaaaaaaaaaaaaa', ['GET', 'HEAD']],
    ['DELETE', '/revocations', ['GET', 'HEAD']],
    ['GET', '/token', ['POST']],
    ['GET', '/revoke', ['POST']],
    ['GET', '/introspect', ['POST']],
    ['GET', '/par', ['POST']],
    ['DELETE', '/userinfo', ['GET', 'POST']],
    ['POST', '/jwks', ['GET']],
    ['POST', '/.well-known/openid-configuration', ['GET']],
  ])('%s %s is not allowed', async (method, path, allowed) => {
    const response = await ask(method, path)
    expect({ status: response.status, type: response.headers.get('content-type') }).toEqual({
      status: 405,
      type: 'application/problem+json',
    })
    expect(response.headers.get('allow')?.split(', ')).toEqual(expect.arrayContaining(allowed))
  })

  test.each(['/token', '/revoke', '/introspect', '/par'])('what a client does wrong at %s is JSON', async (path) => {
    const type = 'application/x-www-form-urlencoded'
    const response = await ask('POST', path, { 'content-type': type }, 'client_id=nobody&token=x')
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await response.json()).toMatchObject({ error: expect.any(String) })
  })

  test('an answer of introspection is what it always is', async () => {
    const { client_id, client_secret } = API
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const body = new URLSearchParams({ client_id, client_secret, token: 'nothing' }).toString()
    const response = await ask('POST', '/introspect', headers, body)
    expect({ status: response.status, body: await response.json() }).toEqual({ status: 200, body: { active: false } })
  })
})

test('a page for people is one still', async () => {
  for (const path of ['/nothing', '/account/nothing', '/authorize']) {
    expect((await ask('GET', path)).headers.get('content-type')).toMatch(/^text\/html/)
  }
  expect((await ask('POST', '/logout/success')).headers.get('content-type')).toMatch(/^text\/html/)
})

test.each(['/status-lists', '/status-lists/stl_aaaaaaaaaaaaaaaa', '/.well-known/ssf-configuration'])(
  'a page of another origin may read %s, also when its browser asks first',
  async (path) => {
    const asks = { origin: 'https://app.example', 'access-control-request-headers': 'if-none-match' }
    const preflight = await ask('OPTIONS', path, { ...asks, 'access-control-request-method': 'GET' })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, HEAD, OPTIONS')
    expect(preflight.headers.get('access-control-allow-headers')).toBe('*')
    const answer = await ask('GET', path, { origin: asks.origin })
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    expect(answer.headers.get('access-control-expose-headers')).toContain('ETag')
  },
)
