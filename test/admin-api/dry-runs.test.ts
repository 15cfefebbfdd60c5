// Dry runs: each says no where the deed is refused, in the same words, and neither does anything.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { ask, type Person, personToken, ROBOT, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let robot: string

beforeAll(async () => {
  server = await startAdminServer()
  robot = await robotToken(server)
})

afterAll(() => server?.stop())

const idOf = async (person: Person): Promise<string> =>
  (await ask(server, robot, `GET /accounts?search=${person}@staff`)).body.items[0].id

/** The last event but those that say that somebody was refused something. */
const lastEvent = async () =>
  (await run(server.databaseUrl, "SELECT max(id)::text AS id FROM audit_events WHERE name <> 'admin_access.refused'"))[0]?.id

/** Asks both, and that they answer the same. */
async function refusedAlike(token: string, request: string, body: object, expected: { status: number; type: string }) {
  const before = await lastEvent()
  const dry = await ask(server, token, request, { body: { ...body, dry_run: true } })
  expect(await lastEvent()).toBe(before)
  const deed = await ask(server, token, request, { body })
  const seen = [dry, deed].map(({ status, body: { type, detail } }) => ({ status, type, detail }))
  const type = `urn:latchkey:problem:${expected.type}`
  expect({ request, seen }).toEqual({ request, seen: seen.map(() => ({ ...expected, type, detail: deed.body.detail })) })
}

test('AD4: of what may do more than the caller, clients and accounts alike', async () => {
  const beyond = { status: 403, type: 'out-of-reach' }
  const operator = await personToken(server, 'operator')
  const owner = await idOf('owner')
  for (const what of ['suspension', 'containment']) await refusedAlike(operator, `POST /accounts/${owner}/${what}`, {}, beyond)
  for (const what of ['suspension', 'compromise'])
    await refusedAlike(operator, `POST /clients/${ROBOT.client_id}/${what}`, {}, beyond)

  const made = await ask(server, robot, 'POST /clients', { body: { kind: 'machine', scope: 'keys:write' } })
  const { client_id: id, metadata } = made.body
  const small = await robotToken(server, 'clients:read clients:write')
  await refusedAlike(small, `DELETE /clients/${id}`, {}, beyond)
  await refusedAlike(small, `PUT /clients/${id}`, { ...metadata, scope: 'clients:read' }, beyond)
  // Nor is one given what the caller has not.
  const plain = await ask(server, robot, 'POST /clients', { body: { kind: 'machine', scope: 'clients:read' } })
  const grown = { ...plain.body.metadata, scope: 'keys:write' }
  await refusedAlike(small, `PUT /clients/${plain.body.client_id}`, grown, beyond)
})

test('of the last owner’s account', async () => {
  const owner = await idOf('owner')
  await run(server.databaseUrl, "UPDATE accounts SET roles = '{}' WHERE 'owner' = ANY (roles) AND id <> $1", [owner])
  for (const request of [`POST /accounts/${owner}/suspension`, `DELETE /accounts/${owner}`])
    await refusedAlike(robot, request, {}, { status: 409, type: 'refused' })
  // It is contained all the same: whoever has it must lose it.
  const contained = await ask(server, robot, `POST /accounts/${owner}/containment`, { body: { dry_run: true } })
  expect([contained.status, contained.body.dry_run]).toEqual([200, true])
})

test('of a resource server that could not be so', async () => {
  const shared = { scopes: ['twin:read'], default: true }
  const first = await ask(server, robot, 'POST /resource-servers', { body: { identifier: 'https://one.example/', ...shared } })
  expect(first.status).toBe(201)
  const { body: other } = await ask(server, robot, 'POST /resource-servers', {
    body: { identifier: 'https://two.example/', scopes: ['twin:read'] },
  })
  const request = `PUT /resource-servers/${other.id}`
  await refusedAlike(robot, request, shared, { status: 409, type: 'refused' })
  await refusedAlike(robot, request, { scopes: ['twin:read'], clients: ['nobody'] }, { status: 409, type: 'refused' })
})

test('of tokens that are not named so', async () => {
  await refusedAlike(robot, 'POST /tokens/revocations', { sub: ROBOT.client_id }, { status: 409, type: 'refused' })
})

test('of a key that is compromised already', async () => {
  const { body } = await ask(server, robot, 'GET /keys')
  const { kid } = body.items.find(({ status, alg }: { status: string; alg: string }) => status === 'signing' && alg === 'RS256')
  expect((await ask(server, robot, `POST /keys/${kid}/compromise`, { body: {} })).status).toBe(200)
  await refusedAlike(robot, `POST /keys/${kid}/compromise`, {}, { status: 409, type: 'refused' })
})
