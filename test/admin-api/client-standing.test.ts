// Whether a client may be used, by the admin API: secrets that overlap, suspension, and secrets that somebody else has had.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { errorLines } from '../attacks/attempts.ts'
import { API, MACHINE, WEB } from '../support/clients.ts'
import { introspect, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'
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
const remove = (path: string, body?: unknown) => ask(server, token, `DELETE ${path}`, body === undefined ? {} : { body })

async function machine(): Promise<{ client_id: string; client_secret: string }> {
  return (await post('/clients', { kind: 'machine', scope: 'notes:read' })).body
}

/** What a client is answered that authenticates so. */
async function authenticates(client: { readonly client_id: string; readonly client_secret: string }): Promise<boolean> {
  const { status } = await tokenRequest(server, client, { grant_type: 'client_credentials', scope: 'notes:read' })
  return status === 200
}

/** Asks until it is so: processes take changes of clients over within a second. */
async function until(asked: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 5000; performance.now() < end; ) if (await asked()) return
  throw new Error('it did not happen in five seconds')
}

describe('another secret', () => {
  test('is shown once, and the one before stays good for the overlap', async () => {
    const client = await machine()
    const { status, body } = await post(`/clients/${client.client_id}/secrets`, {
      overlap_seconds: 3600,
      reason: 'the yearly one',
    })
    expect([status, body]).toEqual([
      201,
      { id: expect.stringMatching(/^sec_/), client_secret: expect.stringMatching(/^[\w-]{43}$/), expires_at: null },
    ])
    await until(() => authenticates({ ...client, client_secret: body.client_secret }))
    expect(await authenticates(client)).toBe(true)
    const { items } = (await get(`/clients/${client.client_id}/secrets`)).body
    expect(items).toMatchObject([
      { expires_at: expect.any(String), expired: false },
      { id: body.id, expires_at: null, expired: false },
    ])
    expect(Object.keys(items[0])).toEqual(['id', 'created_at', 'expires_at', 'expired'])
    await server.advance(3601)
    token = await robotToken(server)
    expect(await authenticates(client)).toBe(false)
    expect(await authenticates({ ...client, client_secret: body.client_secret })).toBe(true)
    expect((await get(`/clients/${client.client_id}`)).body.secrets[0].expired).toBe(true)
  })

  test('without overlap ends the one before at once, and ends no token', async () => {
    const client = await machine()
    const { body: before } = await tokenRequest(server, client, { grant_type: 'client_credentials', scope: 'notes:read' })
    const { body } = await post(`/clients/${client.client_id}/secrets`, { overlap_seconds: 0 })
    await until(async () => !(await authenticates(client)))
    expect(await authenticates({ ...client, client_secret: body.client_secret })).toBe(true)
    expect(await introspect(server, API, before.access_token ?? '')).toMatchObject({ active: true })
  })

  test('fifty at once: never more than two are good', async () => {
    const client = await machine()
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(`/clients/${client.client_id}/secrets`)))
    expectOnly(answers, 201)
    expect((await get(`/clients/${client.client_id}/secrets`)).body.items).toHaveLength(2)
  })

  test('AD7: a request that is sent again gets the same secret and makes no other; what is kept of it is sealed', async () => {
    const client = await machine()
    const again = () =>
      ask(server, token, `POST /clients/${client.client_id}/secrets`, {
        body: {},
        headers: { 'idempotency-key': `again-${client.client_id}` },
      })
    const first = await again()
    expect((await again()).body).toEqual(first.body)
    expect((await get(`/clients/${client.client_id}/secrets`)).body.items).toHaveLength(2)
    const kept = await run(server.databaseUrl, "SELECT encode(answer, 'escape') AS answer FROM idempotent_requests")
    expect(JSON.stringify(kept)).not.toContain(first.body.client_secret)
  })

  test('is not for a client without secrets, nor one that would have ended already', async () => {
    const refused = await post('/clients/notes-spa/secrets')
    expect([refused.status, refused.body.detail]).toEqual([409, 'The client notes-spa authenticates by none, and has no secret.'])
    const { client_id: id } = await machine()
    expect((await post(`/clients/${id}/secrets`, { expires_at: '2020-01-01T00:00:00Z' })).status).toBe(409)
    for (const body of [
      { overlap_seconds: -1 },
      { overlap_seconds: 2_592_001 },
      { overlap_seconds: '0' },
      { expires_at: 'soon' },
      { secret: 'mine' },
    ])
      expect((await post(`/clients/${id}/secrets`, body)).status).toBe(400)
  })

  test('is taken away by its id, of its own client only', async () => {
    const [one, other] = [await machine(), await machine()]
    const [secret] = (await get(`/clients/${one.client_id}/secrets`)).body.items
    expect((await remove(`/clients/${other.client_id}/secrets/${secret.id}`)).status).toBe(404)
    expect((await remove(`/clients/${one.client_id}/secrets/${secret.id}`)).body).toMatchObject({ grants: 0 })
    expect((await remove(`/clients/${one.client_id}/secrets/${secret.id}`)).status).toBe(404)
    await until(async () => !(await authenticates(one)))
    expect(await authenticates(other)).toBe(true)
  })
})

describe('a suspension', () => {
  test('is previewed, ends all, keeps everybody out, and is lifted', async () => {
    const { tokens } = await obtainTokens(server, WEB)
    const access = tokens.body.access_token ?? ''
    const preview = await post('/clients/notes-web/suspension', { dry_run: true })
    expect(preview.body).toMatchObject({ dry_run: true, grants: 1, refresh_families: 1, accounts: 1, more: false })
    expect(await introspect(server, API, access)).toMatchObject({ active: true })
    const { status, body } = await post('/clients/notes-web/suspension', { reason: 'it leaks' })
    expect([status, body]).toMatchObject([200, { grants: 1, refresh_families: 1 }])
    expect(await introspect(server, API, access)).toEqual({ active: false })
    expect((await refresh(server, WEB, tokens.body.refresh_token ?? '')).status).not.toBe(200)
    expect((await get('/clients?status=suspended')).body.items).toMatchObject([{ client_id: 'notes-web', status: 'suspended' }])
    // Once more ends nothing more.
    expect((await post('/clients/notes-web/suspension')).body).toMatchObject({ grants: 0 })
    const reinstated = await remove('/clients/notes-web/suspension')
    expect(reinstated.status).toBe(200)
    // What it was told: not before, and then.
    const from = reinstated.body.tokens_from
    expect((await get('/clients/notes-web')).body.tokens_from).toBe(from)
    const [left] = await run(
      server.databaseUrl,
      'SELECT EXTRACT(EPOCH FROM $1::timestamptz - latchkey_now())::float8 AS seconds',
      [from],
    )
    expect(left?.seconds).toBeGreaterThan(5)
    expect(left?.seconds).toBeLessThanOrEqual(12)
    expect(
      await obtainTokens(server, WEB).then(
        ({ tokens: { status: early } }) => early,
        () => 'refused',
      ),
    ).not.toBe(200)
    await server.advance(Number(left?.seconds))
    expect((await get('/clients/notes-web')).body.tokens_from).toBeNull()
    await until(async () => (await obtainTokens(server, WEB).catch(() => undefined)) !== undefined)
    expect(await introspect(server, API, access)).toEqual({ active: false })
    const events = await run(
      server.databaseUrl,
      "SELECT name, actor, reason FROM audit_events WHERE client_id = 'notes-web' AND name LIKE 'client.%nst%' OR name = 'client.suspended' ORDER BY id",
    )
    expect(events).toEqual([
      { name: 'client.suspended', actor: 'robot', reason: 'it leaks' },
      { name: 'client.reinstated', actor: 'robot', reason: null },
    ])
  })

  test('by fifty at once is one', async () => {
    const { client_id: id } = await machine()
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(`/clients/${id}/suspension`)))
    expectOnly(answers, 200)
    const events = await run(
      server.databaseUrl,
      `SELECT count(*)::int AS count FROM audit_events WHERE client_id = '${id}' AND name = 'client.suspended'`,
    )
    expect(events).toEqual([{ count: 1 }])
  })
})

describe('secrets that somebody else has had', () => {
  test('are gone, with all that the client was given, and are never good again', async () => {
    const { body: given } = await tokenRequest(server, MACHINE, { grant_type: 'client_credentials', scope: 'notes:read' })
    expect((await post('/clients/reports/compromise', { dry_run: true })).body).toMatchObject({ secrets: 1 })
    const { status } = await post('/clients/reports/compromise', { reason: 'it stood in a log' })
    expect(status).toBe(200)
    expect(await introspect(server, API, given.access_token ?? '')).toEqual({ active: false })
    await until(async () => !(await authenticates(MACHINE)))
    const { body } = await post('/clients/reports/secrets')
    // A process that had not heard of it might have issued tokens until then, so none are issued that would look like those.
    await server.advance(12)
    await until(() => authenticates({ ...MACHINE, client_secret: body.client_secret }))
  })

  test('do not come back with a provision file that still has them', async () => {
    const again = await startServer({
      databaseUrl: server.databaseUrl,
      settings: { ISSUER: server.issuer },
      provision: { clients: [], accounts: [] },
    })
    try {
      const notes = again.log.lines.map((line) => String(line.msg)).join('\n')
      expect(notes).toContain('the secret of client reports was marked as compromised, and is not taken: give it another')
      expect(await authenticates(MACHINE)).toBe(false)
    } finally {
      await again.stop()
    }
  })
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
})
