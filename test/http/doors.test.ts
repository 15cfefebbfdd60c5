// LG9: the limits of the real program hold at every door, however its address is written.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { MACHINE } from '../support/clients.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer({
    settings: {
      LATCHKEY_RATE_LIMITS: 'on',
      LATCHKEY_RATE_LIMIT_PEOPLE: '20',
      LATCHKEY_RATE_LIMIT_TOKEN_FAILURES: '5',
      TRUST_PROXY: '127.0.0.1',
    },
  })
})

afterAll(() => server.stop())

let places = 0

/** Somebody who comes from a place of their own. A program: it sends no `Origin`, as browsers do. */
function visitor(): (path: string, options?: { readonly body?: string; readonly client?: string }) => Promise<number> {
  const address = `198.51.100.${++places}`
  return async (path, { body, client = `${MACHINE.client_id}:wrong` } = {}) => {
    const headers = { 'x-forwarded-for': address, authorization: `Basic ${Buffer.from(client).toString('base64')}` }
    const form = body === undefined ? {} : { method: 'POST', body: new URLSearchParams(body) }
    const answer = await fetch(server.issuer + path, { headers, redirect: 'manual', ...form })
    await answer.arrayBuffer()
    return answer.status
  }
}

describe('LG9: pages for people', () => {
  test.each([
    '/account',
    '/ACCOUNT',
    '/account/',
    '/Account/password',
    '/interactions/unknown',
    '/INTERACTIONS/unknown',
    '/Interactions/unknown/',
    '/logout',
    '/setup',
    '/Setup/',
  ])('%s is counted', async (path) => {
    const ask = visitor()
    for (let index = 0; index < 20; index += 1) expect(await ask(path)).not.toBe(429)
    expect(await ask(path)).toBe(429)
    expect(await ask('/account')).toBe(429)
  })

  test('discovery and keys are not', async () => {
    const ask = visitor()
    for (let index = 0; index < 40; index += 1) expect(await ask('/jwks')).toBe(200)
  })
})

describe('LG9, CA1: wrong secrets', () => {
  const body = 'grant_type=client_credentials&token=x'
  test.each(['/token', '/token/', '/revoke', '/revoke/', '/introspect', '/introspect/'])('at %s are counted', async (path) => {
    const ask = visitor()
    for (let index = 0; index < 5; index += 1) expect(await ask(path, { body })).toBe(401)
    expect(await ask(path, { body })).toBe(429)
    // Nor is the right one looked at then, or the limit would tell which it is.
    expect(await ask('/token', { body, client: `${MACHINE.client_id}:${MACHINE.client_secret}` })).toBe(429)
  })

  test('in another spelling of the client id are the same', async () => {
    const ask = visitor()
    const [first = '', ...rest] = MACHINE.client_id
    const escaped = `%${first.charCodeAt(0).toString(16)}${rest.join('')}`
    for (let index = 0; index < 5; index += 1) expect(await ask('/token', { body, client: `${escaped}:wrong` })).toBe(401)
    expect(await ask('/token', { body })).toBe(429)
  })

  test('do not lock the client out for others', async () => {
    const ask = visitor()
    for (let index = 0; index < 6; index += 1) await ask('/token', { body })
    const elsewhere = visitor()
    expect(await elsewhere('/token', { body, client: `${MACHINE.client_id}:${MACHINE.client_secret}` })).toBe(200)
  })
})
