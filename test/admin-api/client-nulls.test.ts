// Members of a registration that are null: what the OpenAPI document says of them, and what becomes of them.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestServer } from '../support/server.ts'
import { ask, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let token: string

beforeAll(async () => {
  server = await startAdminServer()
  token = await robotToken(server)
})

afterAll(() => server?.stop())

const post = (path: string, body: unknown) => ask(server, token, `POST ${path}`, { body })
const put = (path: string, body: unknown) => ask(server, token, `PUT ${path}`, { body })

test('AD6: null is taken where the document says so, and there it counts as left out', async () => {
  const { body: document } = await ask(server, '', 'GET /openapi.json')
  const bodyOf = (path: string, method: string) =>
    document.paths[path][method].requestBody.content['application/json'].schema.properties as {
      readonly [name: string]: { readonly anyOf?: readonly { readonly type?: string }[] }
    }
  const { client_id: id, metadata } = (await post('/clients', { kind: 'web', redirect_uris: ['https://new.example/cb'] })).body
  for (const [properties, send] of [
    [bodyOf('/clients', 'post'), (nulls: object) => post('/clients', { kind: 'machine', ...nulls })],
    [bodyOf('/clients/{id}', 'put'), (nulls: object) => put(`/clients/${id}`, { ...metadata, dry_run: true, ...nulls })],
  ] as const) {
    expect(Object.keys(properties).length).toBeGreaterThan(25)
    const [nullable, others] = [[] as string[], [] as string[]]
    for (const [name, { anyOf = [] }] of Object.entries(properties))
      (anyOf.some(({ type }) => type === 'null') ? nullable : others).push(name)
    expect(nullable).toEqual(expect.arrayContaining(['client_name', 'redirect_uris', 'token_endpoint_auth_method', 'scope']))
    // All that a registration must have is what it was before.
    const kept = ['redirect_uris', 'client_id']
    const all = await send(Object.fromEntries(nullable.filter((name) => !kept.includes(name)).map((name) => [name, null])))
    expect([[200, 201].includes(all.status), all.body.errors]).toEqual([true, undefined])
    for (const name of [...others, 'client_names', 'admin']) {
      const { status, body } = await send({ [name]: null })
      expect({ name, status, at: body.errors?.map(({ at }: { at: string }) => at) }).toEqual({
        name,
        status: 400,
        at: [`/${name}`],
      })
    }
  }
  const made = await post('/clients', {
    kind: 'spa',
    redirect_uris: ['https://a.example/'],
    client_name: null,
    grant_types: null,
  })
  const plain = await post('/clients', { kind: 'spa', redirect_uris: ['https://a.example/'] })
  const { client_id: one, ...left } = made.body.metadata
  expect({ ...left, client_id: plain.body.client_id }).toEqual(plain.body.metadata)
  expect(one).toBe(made.body.client_id)
})
