// The example API lets in what is good, now, for it, and nothing else; every refusal is the challenge of RFC 6750.

import { createHmac } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { exportSPKI } from 'jose'
import { startApi } from '../../examples/api/api.ts'
import type { RunningExample } from '../../examples/server.ts'
import { API_CLIENT, startIssuer, type TestIssuer } from './issuer.ts'

const SPA_ORIGIN = 'http://localhost:3001'

let issuer: TestIssuer
let api: RunningExample

beforeAll(async () => {
  issuer = await startIssuer()
  api = await startApi({ issuer: issuer.url, ...API_CLIENT, spaOrigin: SPA_ORIGIN, port: 0, log: () => undefined })
})

afterAll(async () => {
  await api.close()
  await issuer.close()
})

test('a good token may read and write notes, and each person has their own', async () => {
  const written = await call({ token: await issuer.accessToken(), note: '  Remember Menabrea.  ' })
  expect(written.status).toBe(201)
  const read = await call({ token: await issuer.accessToken() })
  expect(read.status).toBe(200)
  expect(await read.json()).toEqual({ notes: ['Remember Menabrea.'] })
  const others = await call({ token: await issuer.accessToken({ sub: 'grace' }) })
  expect(await others.json()).toEqual({ notes: [] })
})

describe('a token is refused', () => {
  const past = Math.floor(Date.now() / 1000) - 10
  test.each<[string, () => Promise<string>]>([
    ['that is for another API', () => issuer.accessToken({ aud: 'https://other.example' })],
    ['that is for no API', () => issuer.accessToken({ aud: null })],
    ['of another issuer', () => issuer.accessToken({ iss: 'https://other.example' })],
    ['that is an ID token', () => issuer.accessToken({}, { typ: 'JWT' })],
    ['that is a logout token', () => issuer.accessToken({}, { typ: 'logout+jwt' })],
    ['that has expired', () => issuer.accessToken({ exp: past })],
    ['that never expires', () => issuer.accessToken({ exp: null })],
    ['that is not good yet', () => issuer.accessToken({ nbf: past + 120 })],
    ['that names no client', () => issuer.accessToken({ client_id: null })],
    ['that is not signed', async () => rewritten(await issuer.accessToken(), { alg: 'none' }, () => '')],
    [
      'whose contents were changed',
      async () => (await issuer.accessToken()).replace(/\.[^.]+\./, `.${encoded({ sub: 'eve' })}.`),
    ],
    ['that is signed with the public key as an HMAC secret', signedWithPublicKey],
    ['that is no token', async () => 'opaque-token'],
  ])('%s', async (_what, token) => {
    const response = await call({ token: await token() })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token", error_description="/)
    expect(await response.json()).toEqual({ error: expect.any(String) })
  })

  test('that is signed by a key nobody knows; while that cannot be looked up it is told when to come again', async () => {
    const token = await issuer.accessToken({}, { kid: 'stranger' })
    for (let tries = 0; ; tries += 1) {
      const response = await call({ token })
      if (response.status !== 503 || tries === 5) {
        expect(response.status).toBe(401)
        expect(response.headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token", error_description="/)
        return
      }
      const seconds = response.headers.get('retry-after')
      expect(seconds).toMatch(/^\d+$/)
      await wait(Number(seconds) * 1000)
    }
  }, 60_000)

  test('that was good until it was revoked', async () => {
    const token = await issuer.accessToken({ jti: 'to-be-revoked' })
    expect((await call({ token })).status).toBe(200)
    issuer.revoke('to-be-revoked')
    const response = await call({ token })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain(
      'error="invalid_token", error_description="The access token is not active."',
    )
  })
})

test('a request without a token is told that one is needed, without an error code (RFC 6750 §3.1)', async () => {
  const response = await fetch(`${api.url}/notes`)
  const metadata = 'http://localhost:3003/.well-known/oauth-protected-resource'
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toBe(`Bearer scope="notes:read", resource_metadata="${metadata}"`)
  // RFC 9728: where to get one.
  const told = await (await fetch(`${api.url}/.well-known/oauth-protected-resource`)).json()
  expect(told).toMatchObject({ resource: 'http://localhost:3003', authorization_servers: [issuer.url] })
})

test('another way of authorization is a bad request', async () => {
  const response = await fetch(`${api.url}/notes`, { headers: { authorization: 'Basic YTpi' } })
  expect(response.status).toBe(400)
  expect(response.headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_request", /)
})

test('a token in the address is not looked at (RFC 9700 §4.3.2)', async () => {
  const response = await fetch(`${api.url}/notes?access_token=${await issuer.accessToken()}`)
  expect(response.status).toBe(401)
})

test('a token without the scope is told which one is needed', async () => {
  const token = await issuer.accessToken({ scope: 'openid notes:read' })
  expect((await call({ token })).status).toBe(200)
  const response = await call({ token, note: 'no' })
  expect(response.status).toBe(403)
  expect(response.headers.get('www-authenticate')).toMatch(/^Bearer error="insufficient_scope", .*scope="notes:write"/)
})

test('nobody is let in while tokens cannot be checked', async () => {
  const token = await issuer.accessToken()
  issuer.outage = true
  try {
    // Keys are known from before; introspection is what fails here.
    const known = await call({ token })
    expect([known.status, known.headers.get('retry-after')]).toEqual([503, '5'])
    const fresh = await startApi({ issuer: issuer.url, ...API_CLIENT, spaOrigin: SPA_ORIGIN, port: 0, log: () => undefined })
    try {
      expect((await call({ token, url: fresh.url })).status).toBe(503)
      issuer.outage = false
      const deadline = performance.now() + 20_000
      let { status } = await call({ token, url: fresh.url })
      while (status === 503 && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 50))
        status = (await call({ token, url: fresh.url })).status
      }
      expect(status).toBe(200)
    } finally {
      await fresh.close()
    }
  } finally {
    issuer.outage = false
  }
})

test('nobody is let in when the API may not ask about tokens', async () => {
  const options = {
    issuer: issuer.url,
    ...API_CLIENT,
    clientSecret: 'wrong',
    spaOrigin: SPA_ORIGIN,
    port: 0,
    log: () => undefined,
  }
  const misconfigured = await startApi(options)
  try {
    expect((await call({ token: await issuer.accessToken(), url: misconfigured.url })).status).toBe(503)
  } finally {
    await misconfigured.close()
  }
})

test('pages of one origin may call it, those of others not', async () => {
  const preflight = (origin: string) => fetch(`${api.url}/notes`, { method: 'OPTIONS', headers: { origin } })
  const allowed = await preflight(SPA_ORIGIN)
  expect(allowed.status).toBe(204)
  expect(allowed.headers.get('access-control-allow-origin')).toBe(SPA_ORIGIN)
  expect(allowed.headers.get('access-control-allow-headers')).toBe('Authorization, Content-Type')
  for (const origin of ['http://localhost:3002', 'null', `${SPA_ORIGIN}.example`]) {
    const refused = await preflight(origin)
    expect(refused.headers.get('access-control-allow-origin')).toBeNull()
    expect(refused.headers.get('vary')).toBe('Origin')
  }
  const refusal = await fetch(`${api.url}/notes`, { headers: { origin: SPA_ORIGIN } })
  expect(refusal.headers.get('access-control-allow-origin')).toBe(SPA_ORIGIN)
})

test.each<[string, number, string, string]>([
  ['is empty', 400, 'application/json', '{"text": " "}'],
  ['is a number', 400, 'application/json', '{"text": 7}'],
  ['is null', 400, 'application/json', 'null'],
  ['is half of a note', 400, 'application/json', '{"text"'],
  ['is too long', 400, 'application/json', JSON.stringify({ text: 'x'.repeat(501) })],
  ['is far too long', 413, 'application/json', JSON.stringify({ text: 'x'.repeat(20_000) })],
  ['is of another type', 415, 'text/plain', '{"text": "hello"}'],
])('a note that %s gets %i', async (_what, status, type, body) => {
  const headers = { authorization: `Bearer ${await issuer.accessToken()}`, 'content-type': type }
  const response = await fetch(`${api.url}/notes`, { method: 'POST', headers, body })
  expect(response.status).toBe(status)
})

test('other methods and addresses are refused', async () => {
  const deleted = await fetch(`${api.url}/notes`, { method: 'DELETE' })
  expect([deleted.status, deleted.headers.get('allow')]).toEqual([405, 'GET, POST, OPTIONS'])
  expect((await fetch(`${api.url}/`)).status).toBe(404)
})

test('a taken port gives one line that names it', async () => {
  const port = Number(new URL(api.url).port)
  const second = startApi({ issuer: issuer.url, ...API_CLIENT, spaOrigin: SPA_ORIGIN, port, log: () => undefined })
  await expect(second).rejects.toThrow(`port ${port} is in use; stop what uses it, or choose another with PORT=…`)
})

async function call({ token, note, url = api.url }: { token: string; note?: string; url?: string }): Promise<Response> {
  const authorization = `Bearer ${token}`
  if (note === undefined) return fetch(`${url}/notes`, { headers: { authorization } })
  const headers = { authorization, 'content-type': 'application/json' }
  return fetch(`${url}/notes`, { method: 'POST', headers, body: JSON.stringify({ text: note }) })
}

/** RFC 8725 §2.1: the public key is no secret, and must not be taken for one. */
async function signedWithPublicKey(): Promise<string> {
  const secret = await exportSPKI(issuer.publicKey)
  return rewritten(await issuer.accessToken(), { alg: 'HS256' }, (input) =>
    createHmac('sha256', secret).update(input).digest('base64url'),
  )
}

function rewritten(token: string, header: object, sign: (input: string) => string): string {
  const input = `${encoded({ typ: 'at+jwt', kid: 'es', ...header })}.${token.split('.')[1]}`
  return `${input}.${sign(input)}`
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
