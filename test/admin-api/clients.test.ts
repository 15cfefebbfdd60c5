// Clients by the admin API: looked for, registered, changed and deleted.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { errorLines } from '../attacks/attempts.ts'
import { Browser } from '../support/browser.ts'
import { API, WEB } from '../support/clients.ts'
import { authorizationRequest, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { ask, expectOnly, personToken, robotToken, startAdminServer } from './api.ts'

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

/** Registers a client that is there for one test. */
async function registered(more: object = {}): Promise<{ client_id: string; client_secret: string; metadata: object }> {
  const { status, body } = await post('/clients', { kind: 'web', redirect_uris: ['https://new.example/cb'], ...more })
  expect([status, body.detail]).toEqual([201, undefined])
  return body
}

/** Asks until it is so: processes take changes of clients over within a second. */
async function until<Answer>(asked: () => Promise<Answer>, isSo: (answer: Answer) => boolean): Promise<Answer> {
  const end = performance.now() + 5000
  for (;;) {
    const answer = await asked()
    if (isSo(answer)) return answer
    if (performance.now() > end) throw new Error(`it did not come: ${JSON.stringify(answer)}`)
  }
}

describe('the list', () => {
  test('shows clients by client_id, and not the server’s own', async () => {
    const { status, body } = await get('/clients?limit=200')
    expect(status).toBe(200)
    const ids = body.items.map(({ client_id }: { client_id: string }) => client_id)
    expect(ids).toEqual(expect.arrayContaining(['notes-api', 'notes-spa', 'notes-web', 'partner', 'reports', 'robot', 'tool']))
    expect(ids).not.toContain('latchkey-account')
    expect(body.items.find(({ client_id }: { client_id: string }) => client_id === 'notes-spa')).toEqual({
      client_id: 'notes-spa',
      name: 'Notes',
      kind: 'spa',
      status: 'active',
      managed_by: 'provision',
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
  })

  test('goes on where a page ended, without a gap or a double', async () => {
    const all = (await get('/clients?limit=200')).body.items.map(({ client_id }: { client_id: string }) => client_id)
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await get(`/clients?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      seen.push(...body.items.map(({ client_id }: { client_id: string }) => client_id))
      cursor = body.next_cursor
    }
    expect(seen).toEqual(all)
  })

  test.each([
    ['q=notes-', ['notes-api', 'notes-spa', 'notes-web']],
    ['q=NOTES-S', ['notes-spa']],
    ['q=app%20notes', ['notes-web']],
    ['q=otes', []],
    ['q=%ED%A0%80', []],
    ['q=%25', []],
    ['q=note_', []],
    ['kind=spa', ['notes-spa']],
    ['kind=machine', ['notes-api', 'reports', 'robot']],
    ['kind=native', []],
    ['status=suspended', []],
    ['managed_by=demo', []],
    ['managed_by=provision&q=to', ['tool']],
  ])('is narrowed by %s', async (query, expected) => {
    const { body } = await get(`/clients?${query}`)
    expect(body.items.map(({ client_id }: { client_id: string }) => client_id)).toEqual(expected)
  })

  test.each([
    'kind=robot',
    'status=deleted',
    'managed_by=latchkey',
    'q=',
    `q=${'x'.repeat(301)}`,
    'q[contains]=a',
    'sort=name',
    'limit=0',
    'cursor=AAAA',
    "kind=spa'--",
  ])('AD6: refuses %s in words', async (query) => {
    const { status, body } = await get(`/clients?${query}`)
    expect(status).toBe(400)
    expect(body.detail).not.toMatch(/Invalid|expected string|SELECT|prisma/i)
  })

  test('AD6: a cursor is good for its own filter only', async () => {
    const { body } = await get('/clients?limit=1')
    expect((await get(`/clients?limit=1&kind=spa&cursor=${body.next_cursor}`)).body.type).toBe(
      'urn:latchkey:problem:invalid-cursor',
    )
  })
})

describe('a client', () => {
  test('is shown with its registration, its secrets and what it holds', async () => {
    await obtainTokens(server, WEB)
    const { status, body, headers } = await get('/clients/notes-web')
    expect(status).toBe(200)
    expect(headers.get('etag')).toMatch(/^"[\w-]{27}"$/)
    expect(body).toMatchObject({
      client_id: 'notes-web',
      kind: 'web',
      metadata: { client_id: 'notes-web', redirect_uris: ['https://web.example/callback'], skip_consent: true },
      secrets: [{ id: expect.stringMatching(/^sec_/), created_at: expect.any(String), expires_at: null, expired: false }],
      acts_for: [],
      holds: { grants: 1, refresh_families: 1, accounts: 1, more: false },
      unknown_scopes: [],
    })
    expect((await get('/clients/notes-api')).body.acts_for).toEqual(['https://notes.example/api'])
  })

  test('AD7: neither its secret nor the digest of it is in any answer', async () => {
    const texts = await Promise.all(
      ['/clients', '/clients/notes-web', '/clients/notes-web/secrets'].map(async (path) =>
        JSON.stringify((await get(path)).body),
      ),
    )
    const rows = await run(
      server.databaseUrl,
      "SELECT encode(digest, 'hex') hex, encode(digest, 'base64') b64 FROM client_secrets",
    )
    for (const text of texts) {
      expect(text).not.toContain(WEB.client_secret)
      for (const { hex, b64 } of rows) {
        expect(text).not.toContain(String(hex))
        expect(text).not.toContain(String(b64))
      }
    }
  })

  test('says how long what it gets really lives, and which setting decides', async () => {
    const { body } = await get('/clients/partner')
    expect(body.lifetimes).toEqual({
      session: {
        unused: { seconds: 28_800, decided_by: 'LATCHKEY_SESSION_IDLE_TTL' },
        most: { seconds: 86_400, decided_by: 'LATCHKEY_SESSION_TTL' },
      },
      grant: { seconds: 2_592_000, decided_by: 'LATCHKEY_REFRESH_ABSOLUTE_TTL' },
      id_token: { seconds: 3600, decided_by: 'LATCHKEY_ID_TOKEN_TTL' },
      refresh_token: {
        unused: { seconds: 28_800, decided_by: 'LATCHKEY_SESSION_IDLE_TTL' },
        most: { seconds: 86_400, decided_by: 'LATCHKEY_SESSION_TTL' },
      },
      offline_refresh_token: {
        unused: { seconds: 604_800, decided_by: 'LATCHKEY_REFRESH_IDLE_TTL' },
        most: { seconds: 2_592_000, decided_by: 'LATCHKEY_REFRESH_ABSOLUTE_TTL' },
      },
      access_tokens: [
        {
          resource: null,
          format: 'opaque',
          scopes: ['openid', 'profile', 'email', 'offline_access'],
          seconds: 900,
          decided_by: 'LATCHKEY_ACCESS_TOKEN_TTL',
        },
        {
          resource: 'https://notes.example/api',
          format: 'jwt',
          scopes: ['notes:read'],
          seconds: 900,
          decided_by: 'access_token_ttl of https://notes.example/api',
        },
      ],
    })
    const { body: machine } = await get('/clients/reports')
    expect(machine.lifetimes).toMatchObject({ session: null, grant: null, id_token: null, refresh_token: null })
    expect(machine.lifetimes.access_tokens[0]).toMatchObject({ decided_by: 'LATCHKEY_CLIENT_CREDENTIALS_TTL' })
  })

  test.each(['nobody', 'latchkey-account', '%00', '%ED%A0%80', 'a%20b', '..%2F..', 'x'.repeat(300)])(
    'AD2: %s is not there, by any route',
    async (id) => {
      // What holds a character that no name can hold is refused before it is looked for.
      const refusal = id === '%00' ? 400 : 404
      for (const request of ['GET', 'PUT', 'DELETE'].map((method) => `${method} /clients/${id}`)) {
        const body = request.startsWith('PUT') ? { body: { redirect_uris: ['https://a.example/'] } } : {}
        const answer = await ask(server, token, request, body)
        expect([request, answer.status]).toEqual([request, refusal])
      }
      for (const path of ['suspension', 'compromise', 'secrets', 'redirect-uri-test'])
        expect((await post(`/clients/${id}/${path}`, path === 'redirect-uri-test' ? { redirect_uri: 'x' } : {})).status).toBe(
          refusal,
        )
    },
  )
})

describe('a new client', () => {
  test('of the kind web gets an id and a secret, which is shown once, and can sign people in', async () => {
    const client = await registered({ client_name: 'New', scope: 'openid notes:read', skip_consent: true })
    expect(client).toMatchObject({
      client_id: expect.stringMatching(/^app_[\w-]{16}$/),
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      client_secret_expires_at: 0,
      name: 'New',
      kind: 'web',
      managed_by: null,
      metadata: {
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['authorization_code', 'refresh_token'],
        require_pkce: true,
      },
    })
    const app = { ...client, redirect_uri: 'https://new.example/cb', scope: 'openid notes:read' }
    const { tokens } = await obtainTokens(server, app)
    expect(tokens.body.refresh_token).toBeDefined()
    expect(JSON.stringify((await get(`/clients/${client.client_id}`)).body)).not.toContain(client.client_secret)
    const stored = await run(server.databaseUrl, 'SELECT row_to_json(c)::text AS text FROM clients c')
    expect(JSON.stringify(stored)).not.toContain(client.client_secret)
    const events = await run(
      server.databaseUrl,
      `SELECT name, actor FROM audit_events WHERE client_id = '${client.client_id}' ORDER BY id LIMIT 2`,
    )
    expect(events).toEqual([
      { name: 'client.created', actor: 'robot' },
      { name: 'client_secret.created', actor: 'robot' },
    ])
  })

  test.each([
    ['spa', { redirect_uris: ['https://new.example/cb'] }, { application_type: 'web', token_endpoint_auth_method: 'none' }],
    ['native', { redirect_uris: ['com.example.app:/cb'] }, { application_type: 'native', token_endpoint_auth_method: 'none' }],
    ['machine', {}, { grant_types: ['client_credentials'], response_types: [], scope: 'openid' }],
  ])('of the kind %s has safe defaults', async (kind, members, expected) => {
    const { status, body } = await post('/clients', { kind, ...members })
    expect(status).toBe(201)
    expect(body.metadata).toMatchObject(expected)
    expect(body.client_secret === null).toBe(kind !== 'machine')
    expect(body.kind).toBe(kind)
    expect((await get(`/clients?kind=${kind}&limit=200`)).body.items).toContainEqual(
      expect.objectContaining({ client_id: body.client_id }),
    )
  })

  test('may be a pasted registration document, with an id of its own', async () => {
    const { status, body } = await post('/clients', {
      client_id: 'pasted',
      client_id_issued_at: 1_700_000_000,
      client_name: 'Pasted',
      redirect_uris: ['https://pasted.example/cb'],
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code'],
      logo_uri: null,
    })
    expect([status, body.client_id]).toEqual([201, 'pasted'])
    expect((await get('/clients/pasted')).body.metadata.logo_uri).toBeUndefined()
  })

  test('is told of scopes that no API has', async () => {
    const client = await registered({ scope: 'openid notes:reed' })
    expect((await get(`/clients/${client.client_id}`)).body.unknown_scopes).toEqual(['notes:reed'])
  })

  test.each([
    ['no redirect URI', { kind: 'web' }, ['']],
    [
      'a kind that the members contradict',
      { kind: 'spa', redirect_uris: ['https://a.example/'], token_endpoint_auth_method: 'client_secret_basic' },
      ['/kind'],
    ],
    ['a kind that is none', { kind: 'robot' }, ['/kind']],
    ['a secret of one’s own', { kind: 'machine', client_secret: 'x'.repeat(40) }, ['/client_secret']],
    ['an unknown member', { kind: 'machine', redirect_urls: [] }, ['/redirect_urls']],
    ['several things at once', { kind: 'machine', scope: 'a  b', contacts: 'me' }, ['/scope', '/contacts']],
    ['an object where text is due', { kind: 'machine', client_name: { contains: 'a' } }, ['/client_name']],
    ['NUL in a name', { kind: 'machine', client_name: 'a\u0000b' }, ['/client_name']],
    ['half a character', { kind: 'machine', client_name: 'a\ud800' }, ['/client_name']],
    [
      'NUL in a key',
      { kind: 'machine', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'EC', note: 'a\u0000' }] } },
      ['/jwks/keys/0'],
    ],
    [
      'a private key',
      { kind: 'machine', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'EC', d: 'x' }] } },
      ['/jwks/keys/0'],
    ],
    [
      'certificates where there are none',
      { kind: 'machine', token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys: [{ kty: 'EC' }] } },
      ['/token_endpoint_auth_method'],
    ],
    ['an id that looks like ours', { kind: 'machine', client_id: 'acc_robot' }, ['/client_id']],
    ['http to elsewhere', { kind: 'spa', redirect_uris: ['http://a.example/'] }, ['/redirect_uris/0']],
  ])('is refused with %s, in words and with the place', async (_what, body, places) => {
    const { status, body: problem } = await post('/clients', body)
    expect(status).toBe(400)
    expect(problem.errors.map(({ at }: { at: string }) => at)).toEqual(expect.arrayContaining(places))
    expect(problem.detail).not.toMatch(/Invalid|expected string|SELECT|prisma/i)
  })

  test.each(['status', 'managed_by', 'secrets', 'void_until', 'created_at', 'roles', '__proto__', 'constructor'])(
    'AD3: cannot be given %s',
    async (member) => {
      const text = `{"kind":"machine","client_id":"massive","${member}":{"polluted":true}}`
      const response = await fetch(`${server.issuer}/admin/api/v1/clients`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: text,
      })
      // What JavaScript itself reads into the name never gets as far as being a member.
      expect(response.status).toBe(member === '__proto__' ? 201 : 400)
      if (response.status === 201) {
        expect(JSON.stringify((await get('/clients/massive')).body)).not.toContain('polluted')
        await remove('/clients/massive')
      }
      expect((await get('/clients/massive')).status).toBe(404)
      expect(Reflect.get({}, 'polluted')).toBeUndefined()
    },
  )

  test('fifty at once with one client_id: one is made', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => post('/clients', { kind: 'machine', client_id: 'raced' })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expectOnly(answers, 201, 409)
    expect((await get('/clients/raced')).body.secrets).toHaveLength(1)
  })

  test('AD4: nobody gives a client scopes of the admin API that they do not have', async () => {
    const small = await robotToken(server, 'clients:read clients:write')
    const body = { kind: 'machine', client_id: 'climber', scope: 'accounts:write' }
    const refused = await ask(server, small, 'POST /clients', { body })
    expect([refused.status, refused.body.type]).toEqual([403, 'urn:latchkey:problem:out-of-reach'])
    expect((await get('/clients/climber')).status).toBe(404)
    expect((await ask(server, small, 'POST /clients', { body: { ...body, scope: 'clients:read' } })).status).toBe(201)
    // Nor by way of a client that has them.
    for (const request of ['POST /clients/robot/secrets', 'POST /clients/robot/compromise', 'POST /clients/robot/suspension'])
      expect(await ask(server, small, request, { body: {} })).toMatchObject({
        status: 403,
        body: { type: 'urn:latchkey:problem:out-of-reach' },
      })
  })

  test('AD1: an operator suspends, and does not register', async () => {
    const operator = await personToken(server, 'operator')
    expect((await ask(server, operator, 'POST /clients', { body: { kind: 'machine' } })).status).toBe(403)
    const { client_id: id } = await registered()
    expect((await ask(server, operator, `POST /clients/${id}/suspension`, { body: {} })).status).toBe(200)
    expect((await ask(server, operator, `DELETE /clients/${id}/suspension`)).status).toBe(200)
    expect((await ask(server, operator, `DELETE /clients/${id}`)).status).toBe(403)
  })
})

describe('a change', () => {
  test('takes the whole registration, as it was shown, and says what is different', async () => {
    const { client_id: id } = await registered({ client_name: 'Before' })
    const { body: shown, headers } = await get(`/clients/${id}`)
    const after = { ...shown.metadata, client_name: 'After', redirect_uris: ['https://new.example/other'] }
    const {
      status,
      body,
      headers: changed,
    } = await put(`/clients/${id}`, { ...after, reason: 'it moved' }, headers.get('etag') ?? '')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      grants: 0,
      sequence: expect.any(Number),
      members: ['client_name', 'redirect_uris'],
      client_secret: null,
    })
    const { body: now, headers: fresh } = await get(`/clients/${id}`)
    expect(now.metadata).toEqual(after)
    expect(fresh.get('etag')).toBe(changed.get('etag'))
    const [event] = await run(
      server.databaseUrl,
      `SELECT reason, detail FROM audit_events WHERE client_id = '${id}' AND name = 'client.updated'`,
    )
    expect(event).toEqual({
      reason: 'it moved',
      detail: {
        members: ['client_name', 'redirect_uris'],
        changes: {
          client_name: { from: 'Before', to: 'After' },
          redirect_uris: { from: ['https://new.example/cb'], to: ['https://new.example/other'] },
        },
      },
    })
  })

  test('that gives it less ends its access tokens; a preview says so and ends nothing', async () => {
    const client = await registered({ scope: 'openid notes:read notes:write', skip_consent: true })
    const app = { ...client, redirect_uri: 'https://new.example/cb', scope: 'openid notes:read notes:write' }
    const { tokens } = await obtainTokens(server, app)
    const access = tokens.body.access_token ?? ''
    const less = { ...client.metadata, scope: 'openid notes:read' }
    const preview = await put(`/clients/${client.client_id}`, { ...less, dry_run: true })
    expect(preview.body).toEqual({ dry_run: true, members: ['scope'], access_tokens: true, secrets: 0 })
    expect(await introspect(server, API, access)).toMatchObject({ active: true })
    expect((await put(`/clients/${client.client_id}`, less)).status).toBe(200)
    expect(await introspect(server, API, access)).toEqual({ active: false })
    const refreshed = await until(
      () => refresh(server, app, tokens.body.refresh_token ?? ''),
      ({ body }) => body.scope?.includes('notes:write') !== true,
    )
    expect(refreshed.status).toBe(200)
  })

  test('to a public client takes its secrets, and back gives it a new one', async () => {
    const client = await registered()
    const asPublic = { ...client.metadata, token_endpoint_auth_method: 'none' }
    expect((await put(`/clients/${client.client_id}`, { ...asPublic, dry_run: true })).body.secrets).toBe(1)
    expect((await put(`/clients/${client.client_id}`, asPublic)).status).toBe(200)
    expect((await get(`/clients/${client.client_id}/secrets`)).body.items).toEqual([])
    const back = await put(`/clients/${client.client_id}`, client.metadata)
    expect(back.body.client_secret).toMatch(/^[\w-]{43}$/)
    expect(back.body.client_secret).not.toBe(client.client_secret)
  })

  test('of what was changed meanwhile is refused: of fifty at once one is first', async () => {
    const { client_id: id, metadata } = await registered()
    const etag = (await get(`/clients/${id}`)).headers.get('etag') ?? ''
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => put(`/clients/${id}`, { ...metadata, client_name: `Name ${index}` }, etag)),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expectOnly(answers, 200, 412)
    const stale = await put(`/clients/${id}`, { ...metadata, dry_run: true }, etag)
    expect([stale.status, stale.body.type]).toEqual([412, 'urn:latchkey:problem:stale-version'])
    // A secret more is another version as well: whoever has not seen it does not know what they change.
    const seen = (await get(`/clients/${id}`)).headers.get('etag') ?? ''
    await post(`/clients/${id}/secrets`)
    expect((await put(`/clients/${id}`, metadata, seen)).status).toBe(412)
  })

  test('does not change the client_id', async () => {
    const { client_id: id, metadata } = await registered()
    const { status, body } = await put(`/clients/${id}`, { ...metadata, client_id: 'another' })
    expect([status, body.errors[0].at]).toEqual([400, '/client_id'])
  })

  test('of what a provision file has made is refused, and says where to change it', async () => {
    const { body: shown } = await get('/clients/notes-spa')
    for (const answer of [
      await put('/clients/notes-spa', { ...shown.metadata, client_name: 'Mine' }),
      await put('/clients/notes-spa', { ...shown.metadata, client_name: 'Mine', dry_run: true }),
      await remove('/clients/notes-spa'),
      await remove('/clients/notes-spa', { dry_run: true }),
    ]) {
      expect([answer.status, answer.body.type]).toEqual([409, 'urn:latchkey:problem:refused'])
      expect(answer.body.detail).toBe(
        'The client notes-spa is managed by the provision file: change it there, and apply the file (npx latchkey apply).',
      )
    }
    expect((await get('/clients/notes-spa')).body.name).toBe('Notes')
  })
})

describe('the end of a client', () => {
  test('is previewed, ends all that it was given, and lets nobody in any more', async () => {
    const client = await registered({ scope: 'openid notes:read', skip_consent: true })
    const app = { ...client, redirect_uri: 'https://new.example/cb', scope: 'openid notes:read' }
    const { tokens } = await obtainTokens(server, app)
    const preview = await remove(`/clients/${client.client_id}`, { dry_run: true })
    expect(preview.body).toEqual({
      dry_run: true,
      grants: 1,
      refresh_families: 1,
      accounts: 1,
      more: false,
      secrets: 1,
      acts_for: [],
    })
    const { status, body } = await remove(`/clients/${client.client_id}`, { reason: 'no longer used' })
    expect([status, body]).toEqual([
      200,
      { sessions: 0, grants: 1, refresh_families: 1, logout_notifications: 0, sequence: expect.any(Number) },
    ])
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
    expect((await get(`/clients/${client.client_id}`)).status).toBe(404)
    expect((await remove(`/clients/${client.client_id}`)).status).toBe(404)
    expect((await get('/clients?limit=200')).body.items).not.toContainEqual(
      expect.objectContaining({ client_id: client.client_id }),
    )
  })

  test('by fifty at once is one end', async () => {
    const { client_id: id } = await registered()
    const answers = await Promise.all(Array.from({ length: 50 }, () => remove(`/clients/${id}`)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expectOnly(answers, 200, 404)
  })
})

describe('the test of a redirect URI', () => {
  const WEB_URIS = ['https://app.example/cb', 'https://app.example/cb?tenant=a', 'http://127.0.0.1:4000/cb']
  const NATIVE_URIS = ['com.example.app:/cb', 'http://127.0.0.1/cb', 'http://[::1]:1/cb']

  test.each([
    ['web', 'https://app.example/cb', undefined],
    ['web', 'https://app.example/cb/', 'ends with a slash'],
    ['web', 'http://app.example/cb', 'the scheme is http: and https: is registered'],
    ['web', 'https://APP.example/cb', 'upper and lower case differ'],
    ['web', 'https://app.example:443/cb', 'is written otherwise'],
    ['web', 'https://app.example:8443/cb', 'the port is 8443 and 443 is registered'],
    ['web', 'https://app.example/CB', 'upper and lower case differ in paths'],
    ['web', 'https://app.example/callback', 'the path is /callback and /cb is registered'],
    ['web', 'https://app.example/cb?tenant=b', 'the query is ?tenant=b and ?tenant=a is registered'],
    ['web', 'https://app.example/cb?x=1', 'has the query ?x=1 and none is registered'],
    ['web', 'https://app.example/cb#', 'has a fragment'],
    ['web', 'https://app.example.evil.example/cb', 'the host is app.example.evil.example and app.example is registered'],
    ['web', 'https://www.app.example/cb', 'the host is www.app.example'],
    ['web', 'http://localhost:4000/cb', 'names of this machine are compared as they are written'],
    ['web', 'http://127.0.0.1:5000/cb', 'only a client with application_type native may choose its port'],
    ['web', '/cb', 'is not an absolute URI'],
    ['web', 'https://app.example/a/../cb', 'is written otherwise'],
    ['web', 'https://ada@app.example/cb', 'must not have a user name'],
    ['native', 'com.example.app:/cb', undefined],
    ['native', 'http://127.0.0.1:51234/cb', undefined],
    ['native', 'http://[::1]:51234/cb', undefined],
    ['native', 'http://127.0.0.1:51234/cb/', 'ends with a slash'],
    ['native', 'http://localhost:51234/cb', 'names of this machine are compared as they are written'],
    ['native', 'com.example.app://cb', 'the host is cb'],
    ['native', 'com.example.other:/cb', 'the scheme is com.example.other:'],
  ] as const)('%s: %s', async (kind, uri, reason) => {
    const id = `tried-${kind}`
    if ((await get(`/clients/${id}`)).status === 404)
      await registered({ client_id: id, kind, redirect_uris: kind === 'web' ? WEB_URIS : NATIVE_URIS })
    const { status, body } = await post(`/clients/${id}/redirect-uri-test`, { redirect_uri: uri })
    expect(status).toBe(200)
    expect(body.matches).toBe(reason === undefined)
    if (reason === undefined) expect(body.reasons).toEqual([])
    else expect(body.reasons.join('; ')).toContain(reason)
    // The library says the same.
    const request = authorizationRequest(server, { client_id: id, redirect_uri: uri, scope: 'openid' })
    const page = await new Browser().open(request.url)
    expect(page.status).toBe(reason === undefined ? 200 : 400)
  })

  test('AD6: takes text and nothing else', async () => {
    for (const redirect_uri of [{ contains: 'a' }, ['https://a.example'], 7, null, 'x'.repeat(2001)])
      expect((await post('/clients/notes-web/redirect-uri-test', { redirect_uri })).status).toBe(400)
    expect((await post('/clients/notes-web/redirect-uri-test', { redirect_uri: '\u0000' })).body.matches).toBe(false)
  })
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
})
