// Resource servers by the admin API: the APIs that access tokens can be for, their scopes, and what people read of those.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { errorLines } from '../attacks/attempts.ts'
import { Browser } from '../support/browser.ts'
import { API, BILLING, NOTES, WEB } from '../support/clients.ts'
import { authorizationRequest, introspect, obtainTokens, tokenRequest } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { ask, expectOnly, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let token: string

beforeAll(async () => {
  server = await startAdminServer()
  token = await robotToken(server)
})

afterAll(() => server?.stop())

const get = (path: string) => ask(server, token, `GET ${path}`)
const post = (path: string, body: unknown = {}) => ask(server, token, `POST ${path}`, { body })
const put = (path: string, body: unknown, version?: string) =>
  ask(server, token, `PUT ${path}`, { body, headers: version === undefined ? {} : { 'if-match': version } })
const remove = (path: string, body?: unknown) => ask(server, token, `DELETE ${path}`, body === undefined ? {} : { body })

let made = 0
async function registered(more: object = {}) {
  made += 1
  const { status, body } = await post('/resource-servers', {
    identifier: `https://new-${made}.example/api`,
    scopes: [`new${made}:read`, `new${made}:write`],
    ...more,
  })
  expect([status, body.detail]).toEqual([201, undefined])
  return body
}

async function until<Answer>(asked: () => Promise<Answer>, isSo: (answer: Answer) => boolean): Promise<Answer> {
  const end = performance.now() + 5000
  for (;;) {
    const answer = await asked()
    if (isSo(answer)) return answer
    if (performance.now() > end) throw new Error(`it did not come: ${JSON.stringify(answer)}`)
  }
}

describe('resource servers', () => {
  test('are listed by identifier, a page at a time, and found by id or identifier', async () => {
    const { body } = await get('/resource-servers?limit=1')
    expect(body.items).toMatchObject([{ identifier: BILLING, access_token_format: 'opaque', managed_by: 'provision' }])
    const { body: next } = await get(`/resource-servers?limit=1&cursor=${body.next_cursor}`)
    expect(next).toMatchObject({ items: [{ identifier: NOTES, default: true, clients: ['notes-api'] }], next_cursor: null })
    const [{ id }] = next.items
    expect(id).toMatch(/^rs_[\w-]{22}$/)
    const byId = await get(`/resource-servers/${id}`)
    const byIdentifier = await get(`/resource-servers/${encodeURIComponent(NOTES)}`)
    expect(byId.status).toBe(200)
    expect(byIdentifier.body).toEqual(byId.body)
    expect(byIdentifier.headers.get('etag')).toBe(byId.headers.get('etag'))
    expect((await get('/resource-servers?q=https://B')).body.items).toMatchObject([{ identifier: BILLING }])
    for (const nothing of ['%25', '%ED%A0%80', 'nobody'])
      expect((await get(`/resource-servers?q=${nothing}`)).body.items).toEqual([])
  })

  test.each(['rs_nobody', 'rs_', 'nobody', encodeURIComponent('https://nobody.example/'), '%00', '%ED%A0%80'])(
    'AD2: %s is not there, by any route',
    async (id) => {
      expect((await get(`/resource-servers/${id}`)).status).toBe(404)
      expect((await put(`/resource-servers/${id}`, { scopes: ['a:b'] })).status).toBe(404)
      expect((await remove(`/resource-servers/${id}`)).status).toBe(404)
    },
  )

  test('AD2: this server’s own are not among them, and nobody can register one in their place', async () => {
    for (const path of ['', '/admin/api', '/admin/api/', '/revocations', '/shared-signals']) {
      const identifier = `${server.issuer}${path}`
      expect((await get(`/resource-servers/${encodeURIComponent(identifier)}`)).status).toBe(404)
      const { status, body } = await post('/resource-servers', { identifier, scopes: ['a:b'] })
      expect([status, body.errors[0].at]).toEqual([400, '/identifier'])
    }
    for (const scope of ['accounts:write', 'openid', 'revocations:read', 'ssf.manage'])
      expect((await post('/resource-servers', { identifier: 'https://own.example', scopes: [scope] })).status).toBe(400)
  })
})

describe('a new resource server', () => {
  test('gets tokens for its scopes, and people read what they mean', async () => {
    const api = await registered({
      identifier: 'https://photos.example/api',
      name: 'Photos',
      scopes: ['photos:read'],
      scope_descriptions: { 'photos:read': 'Look at your photos' },
      access_token_ttl: 120,
    })
    expect(api).toMatchObject({ id: expect.stringMatching(/^rs_/), access_token_format: 'jwt', default: false, managed_by: null })
    const { body: client } = await post('/clients', {
      kind: 'web',
      client_name: 'Album',
      redirect_uris: ['https://album.example/cb'],
      scope: 'openid photos:read',
    })
    const app = { ...client, redirect_uri: 'https://album.example/cb', scope: 'openid photos:read' }
    const request = authorizationRequest(server, app, { resource: api.identifier })
    // The set of scopes is another one: every process takes it over within a second.
    const page = await until(
      () => new Browser().open(request.url),
      ({ status, body }) => status === 200 && body.includes('name="password"'),
    )
    expect(page.status).toBe(200)
    const browser = new Browser()
    const signIn = await browser.open(request.url)
    const consent = await browser.submit(signIn, server.grace)
    expect(consent.body).toContain('Look at your photos')
    expect(consent.body).toContain('<bdi>Photos</bdi>')
    expect(consent.body).toContain('https://photos.example/api')
    const { tokens } = await obtainTokens(server, app, {
      params: { resource: api.identifier },
      token: { resource: api.identifier },
    })
    expect(tokens.body.expires_in).toBe(120)
    const [event] = await run(
      server.databaseUrl,
      "SELECT actor, detail FROM audit_events WHERE name = 'resource_server.created' ORDER BY id DESC LIMIT 1",
    )
    expect(event).toEqual({ actor: 'robot', detail: { identifier: api.identifier, scopes: ['photos:read'] } })
  })

  test.each([
    ['no scope', { scopes: [] }, '/scopes'],
    ['a scope twice', { scopes: ['a:b', 'a:b'] }, '/scopes/1'],
    ['a scope with a space', { scopes: ['a b'] }, '/scopes/0'],
    ['a fragment', { identifier: 'https://x.example/#a', scopes: ['a:b'] }, '/identifier'],
    ['a scheme that runs', { identifier: 'javascript:alert(1)', scopes: ['a:b'] }, '/identifier'],
    ['half a character', { identifier: 'https://x.example/\ud800', scopes: ['a:b'] }, '/identifier'],
    ['NUL', { identifier: 'https://x.example/\u0000', scopes: ['a:b'] }, '/identifier'],
    ['NUL in a name', { name: '\u0000', scopes: ['a:b'] }, '/name'],
    ['a text for another scope', { scopes: ['a:b'], scope_descriptions: { 'c:d': 'C' } }, '/scope_descriptions/c:d'],
    ['a text that turns round', { scopes: ['a:b'], scope_descriptions: { 'a:b': '\u202eesrever' } }, '/scope_descriptions/a:b'],
    ['a text that is an object', { scopes: ['a:b'], scope_descriptions: { 'a:b': { gt: '' } } }, '/scope_descriptions/a:b'],
    ['a life of a week', { scopes: ['a:b'], access_token_ttl: 604_800 }, '/access_token_ttl'],
    ['a client that cannot be', { scopes: ['a:b'], clients: ['a\u0000'] }, '/clients/0'],
    ['AD3: an owner', { scopes: ['a:b'], managed_by: 'latchkey' }, ''],
    ['AD3: a prototype', { scopes: ['a:b'], constructor: { prototype: {} } }, ''],
  ])('is refused with %s, in words and with the place', async (_what, body, at) => {
    const { status, body: problem } = await post('/resource-servers', { identifier: 'https://x.example/', ...body })
    expect(status).toBe(400)
    expect(problem.errors.map((fault: { at: string }) => fault.at)).toContain(at)
    expect(problem.detail).not.toMatch(/expected string|SELECT|prisma/i)
    expect((await get(`/resource-servers/${encodeURIComponent('https://x.example/')}`)).status).toBe(404)
  })

  test('names clients that are there, and not the server’s own', async () => {
    for (const client of ['nobody', 'latchkey-account']) {
      const { status, body } = await post('/resource-servers', {
        identifier: 'https://y.example/',
        scopes: ['y:r'],
        clients: [client],
      })
      expect([status, body.detail]).toEqual([409, `There is no client ${client} that could act for https://y.example/.`])
    }
  })

  test('fifty at once with one identifier, or as the default of one scope: one is made', async () => {
    const twins = await Promise.all(
      Array.from({ length: 50 }, () => post('/resource-servers', { identifier: 'https://twin.example/', scopes: ['twin:r'] })),
    )
    expectOnly(twins, 201, 409)
    expect(twins.filter(({ status }) => status === 201)).toHaveLength(1)
    const defaults = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        post('/resource-servers', { identifier: `https://default-${index}.example/`, scopes: ['shared:r'], default: true }),
      ),
    )
    expectOnly(defaults, 201, 409)
    expect(defaults.filter(({ status }) => status === 201)).toHaveLength(1)
  })
})

describe('a change', () => {
  test('of texts and names ends nothing; of what was changed meanwhile it is refused', async () => {
    const api = await registered()
    const { headers } = await get(`/resource-servers/${api.id}`)
    const etag = headers.get('etag') ?? ''
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        put(`/resource-servers/${api.id}`, { scopes: api.scopes, name: `Name ${index}` }, etag),
      ),
    )
    expectOnly(answers, 200, 412)
    const done = answers.filter(({ status }) => status === 200)
    expect(done).toHaveLength(1)
    expect(done[0]?.body).toMatchObject({ members: ['name'], sequence: expect.any(Number) })
    expect((await get(`/resource-servers/${api.id}`)).headers.get('etag')).toBe(done[0]?.headers.get('etag'))
  })

  test('that takes a scope ends the tokens that may carry it; a preview names the clients and ends nothing', async () => {
    const api = await registered({ clients: [API.client_id] })
    const [read, write] = api.scopes
    const { body: client } = await post('/clients', { kind: 'machine', scope: `${read} ${write}` })
    const { body } = await until(
      () =>
        tokenRequest(server, client, { grant_type: 'client_credentials', resource: api.identifier, scope: `${read} ${write}` }),
      ({ status }) => status === 200,
    )
    const access = body.access_token ?? ''
    const preview = await put(`/resource-servers/${api.id}`, { scopes: [read], clients: api.clients, dry_run: true })
    expect(preview.body).toEqual({ dry_run: true, members: ['scopes'], clients: [client.client_id], more: false })
    expect(await introspect(server, API, access)).toMatchObject({ active: true })
    expect((await put(`/resource-servers/${api.id}`, { scopes: [read], clients: api.clients })).body).toMatchObject({
      members: ['scopes'],
    })
    expect(await introspect(server, API, access)).toEqual({ active: false })
  })

  test('does not change the identifier', async () => {
    const api = await registered()
    const { status, body } = await put(`/resource-servers/${api.id}`, {
      identifier: 'https://elsewhere.example/',
      scopes: api.scopes,
    })
    expect([status, body.detail]).toEqual([409, `The identifier is ${api.identifier}, and does not change.`])
  })

  test('of what a provision file has made is refused, and says where to change it', async () => {
    const path = `/resource-servers/${encodeURIComponent(NOTES)}`
    for (const { status, body } of [
      await put(path, { scopes: ['notes:read'] }),
      await put(path, { scopes: ['notes:read'], dry_run: true }),
      await remove(path),
      await remove(path, { dry_run: true }),
    ]) {
      expect([status, body.detail]).toEqual([
        409,
        `The resource server ${NOTES} is managed by the provision file: change it there, and apply the file (npx latchkey apply).`,
      ])
    }
  })
})

describe('the end', () => {
  test('is previewed, kills the tokens for it, and is one, whoever asks how often', async () => {
    const api = await registered({ clients: [API.client_id] })
    const [read] = api.scopes
    const { body: client } = await post('/clients', { kind: 'machine', scope: read })
    const { body } = await until(
      () => tokenRequest(server, client, { grant_type: 'client_credentials', resource: api.identifier, scope: read }),
      ({ status }) => status === 200,
    )
    const preview = await remove(`/resource-servers/${api.id}`, { dry_run: true })
    expect(preview.body).toEqual({ dry_run: true, members: [], clients: [client.client_id], more: false })
    const answers = await Promise.all(Array.from({ length: 50 }, () => remove(`/resource-servers/${api.id}`)))
    expectOnly(answers, 200, 404)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(await introspect(server, WEB, body.access_token ?? '')).toEqual({ active: false })
    expect((await get(`/resource-servers/${api.id}`)).status).toBe(404)
  })
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
})
