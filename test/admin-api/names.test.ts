// The names by which programs and bookmarks of others reach the admin API and the console: they do not change.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

const OPERATIONS = `
GET /sessions, GET /sessions/{id}, DELETE /sessions/{id}, POST /sessions/revocations,
GET /grants, GET /grants/{id}, DELETE /grants/{id}, POST /grants/revocations,
POST /tokens/inspection, POST /tokens/revocations, GET /revocations,
GET /accounts, POST /accounts, GET /accounts/{id}, PATCH /accounts/{id}, DELETE /accounts/{id}, POST /accounts/{id}/suspension,
DELETE /accounts/{id}/suspension, POST /accounts/{id}/containment, POST /accounts/{id}/password-reset, DELETE /accounts/{id}/lockout,
GET /clients, POST /clients, GET /clients/{id}, PUT /clients/{id}, DELETE /clients/{id}, GET /clients/{id}/secrets,
POST /clients/{id}/secrets, DELETE /clients/{id}/secrets/{sid}, POST /clients/{id}/suspension, DELETE /clients/{id}/suspension,
GET /resource-servers, POST /resource-servers, GET /keys, POST /keys/rotation, POST /keys/{kid}/compromise,
GET /audit-events, GET /audit-events/stream, GET /session-audits, POST /session-audits, GET /webhooks, POST /webhooks`
  .split(/,\s*/)
  .map((operation) => operation.trim())

test('of the admin API', async () => {
  const answer = await fetch(`${server.issuer}/admin/api/v1/openapi.json`)
  const { paths } = (await answer.json()) as { paths: { [path: string]: object } }
  const known = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/^.*\/v1/, '')}`),
  )
  expect(known).toEqual(expect.arrayContaining(OPERATIONS))
})

test.each(['sessions', 'grants', 'tokens', 'accounts', 'clients', 'keys', 'audit'])('of the page /admin/%s', async (section) => {
  // Whoever is not signed in is sent to do that; for what is not there nobody is.
  const { status } = await fetch(`${server.issuer}/admin/${section}`, { redirect: 'manual' })
  expect(status).toBe(303)
  expect((await fetch(`${server.issuer}/admin/never-was`, { redirect: 'manual' })).status).toBe(404)
})
