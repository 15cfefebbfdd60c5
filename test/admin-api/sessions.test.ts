// Sessions by the admin API: looked for over the whole installation, looked at with all that hangs from them, and ended.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { closeExpiredSessions } from '../../server/maintenance/expired-sessions.ts'
import { Browser } from '../support/browser.ts'
import { API, PARTNER, SPA, WEB } from '../support/clients.ts'
import { claimsOf, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { ask, personToken, robotToken, startAdminServer, wholePreview } from './api.ts'

let server: TestServer
let token: string

beforeAll(async () => {
  server = await startAdminServer()
  token = await robotToken(server)
})

afterAll(() => server?.stop())

const get = (path: string) => ask(server, token, `GET ${path}`)

/** A session of Grace's or Ada's, with its tokens. */
async function signInAs(person: { readonly username: string; readonly password: string }, browser = new Browser()) {
  const { tokens } = await obtainTokens(server, SPA, { browser, person })
  return { browser, tokens: tokens.body, id: String(claimsOf(tokens.body.access_token).sid) }
}

/** Their time is over, and they have been closed. */
async function runOut(ids: readonly string[]): Promise<void> {
  await run(server.databaseUrl, "UPDATE sessions SET expires_at = latchkey_now() - interval '1 second' WHERE id = ANY($1)", [ids])
  const { stores, nouns } = server.latchkey
  await closeExpiredSessions({ db: stores.db, expiry: nouns.sessionExpiry })
}

/** The sessions of which the audit log says that they were revoked for a reason. */
async function revokedFor(reason: string): Promise<string[]> {
  const { body } = await get('/audit-events?name=session.revoked&limit=200')
  const events: { reason: string; session_id: string }[] = body.items
  return events
    .filter((event) => event.reason === reason)
    .map((event) => event.session_id)
    .toSorted()
}

describe('the list', () => {
  test('shows who is signed in, with what, from where and to which apps', async () => {
    const { id, browser } = await signInAs(server.grace)
    await obtainTokens(server, WEB, { browser, person: server.grace })
    const { status, body } = await get('/sessions?account=grace@people.example')
    expect(status).toBe(200)
    expect(body.items[0]).toMatchObject({
      id,
      account: { email: 'grace@people.example', name: 'Grace Hopper' },
      address: '127.0.0.1',
      methods: ['pwd'],
      clients: [
        { client_id: 'notes-spa', name: 'Notes' },
        { client_id: 'notes-web', name: 'App notes-web' },
      ],
      state: 'live',
      ended_at: null,
      end_reason: null,
    })
  })

  test('goes on where a page ended, in one order, without a gap or a double', async () => {
    for (let round = 0; round < 5; round += 1) await signInAs(server.ada)
    const all = (await get('/sessions?limit=200')).body.items.map(({ id }: { id: string }) => id)
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await get(`/sessions?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      expect(body.items.length).toBeLessThanOrEqual(2)
      seen.push(...body.items.map(({ id }: { id: string }) => id))
      cursor = body.next_cursor
    }
    expect(seen).toEqual(all)
    expect(all.length).toBeGreaterThan(5)
  })

  test.each([
    ['client=notes-web', ({ clients }) => clients.some((client) => client.client_id === 'notes-web')],
    ['ip=127.0.0.1', ({ address }) => address === '127.0.0.1'],
    ['ip=127.0.0.0/8', ({ address }) => address.startsWith('127.')],
    ['method=pwd', ({ methods }) => methods.includes('pwd')],
    ['active=true', ({ state }) => state === 'live'],
    ['state=live&since=2020-01-01T00:00:00Z', ({ state }) => state === 'live'],
    ['administrators=true', ({ account }) => account.email === 'ada@people.example'],
    ['more_than=3', ({ account }) => account.email === 'ada@people.example'],
    ['new_device=true', ({ account }) => account.email !== ''],
  ] as [string, (item: Shown) => boolean][])('is narrowed by %s', async (query, expected) => {
    const { status, body } = await get(`/sessions?${query}&limit=200`)
    expect(status).toBe(200)
    expect(body.items.length).toBeGreaterThan(0)
    for (const item of body.items) expect(expected(item)).toBe(true)
  })

  test.each([
    'ip=10.0.0.0/8',
    'ip=::/0',
    'method=otp',
    'active=false',
    'state=expired',
    'since=2999-01-01T00:00:00Z',
    'before=2020-01-01T00:00:00Z',
    'idle=600',
    'more_than=500',
    'client=nobody',
    'account=nobody@people.example',
    'account=acc_nobody',
  ])('is empty for %s', async (query) => {
    expect((await get(`/sessions?${query}`)).body).toEqual({ items: [], next_cursor: null })
  })

  test.each([
    'ip=10.1',
    'ip=10.0.0.0/33',
    'ip=localhost',
    'ip=fe80::1%25eth0',
    'ip=fe80::1%25eth0/64',
    "ip=127.0.0.1'--",
    'limit=0',
    'limit=201',
    'limit=two',
    'since=yesterday',
    'since=0000-01-01T00:00:00Z',
    'before=9999-12-31T23:59:59-10:00',
    'active=yes',
    'active=true&active=false',
    'active=true&state=live',
    'account[contains]=a',
    'filter=all',
    'more_than=0',
    'cursor=AAAA',
  ])('AD6: refuses %s in words', async (query) => {
    const { status, body, headers } = await get(`/sessions?${query}`)
    expect(status).toBe(400)
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(body.detail.length).toBeGreaterThan(10)
    expect(body.detail).not.toMatch(/Invalid|expected string|SELECT|prisma/i)
  })

  test('AD6: a cursor is good for its own list only, and for no other text', async () => {
    const { body } = await get('/sessions?limit=1')
    const cursor: string = body.next_cursor
    expect((await get(`/sessions?limit=1&cursor=${cursor}`)).status).toBe(200)
    for (const forged of [`${cursor}A`, cursor.slice(0, -2), `${cursor.startsWith('A') ? 'B' : 'A'}${cursor.slice(1)}`]) {
      expect((await get(`/sessions?cursor=${forged}`)).body.type).toBe('urn:latchkey:problem:invalid-cursor')
    }
    expect((await get(`/sessions?active=true&cursor=${cursor}`)).body.type).toBe('urn:latchkey:problem:invalid-cursor')
  })
})

interface Shown {
  readonly account: { readonly email: string }
  readonly address: string
  readonly methods: readonly string[]
  readonly clients: readonly { readonly client_id: string }[]
  readonly state: string
}

describe('a session', () => {
  test('is shown with its grants, families, and until when an access token may live', async () => {
    const { id, tokens } = await signInAs(server.grace)
    await refresh(server, SPA, tokens.refresh_token ?? '')
    const { body } = await get(`/sessions/${id}`)
    expect(body.id).toBe(id)
    expect(body.grants).toHaveLength(1)
    expect(body.grants[0]).toMatchObject({
      client: { id: 'notes-spa', name: 'Notes' },
      session_id: id,
      live: true,
      refresh_families: [{ generation: 1, live: true, ended_at: null }],
    })
    expect(Date.parse(body.grants[0].access_tokens_until)).toBeGreaterThan(Date.now() + 800_000)
    expect(body).toMatchObject({ revocations: [], logout_notifications: [], guards: [] })
  })

  test('ends with all that hangs from it, and says so afterwards', async () => {
    const { id, tokens } = await signInAs(server.grace)
    const { status, body } = await ask(server, token, `DELETE /sessions/${id}`, { body: { reason: 'lost laptop' } })
    expect(status).toBe(200)
    expect(body).toMatchObject({ sessions: 1, grants: 1, refresh_families: 1 })
    expect(body.sequence).toBeGreaterThan(0)
    expect((await refresh(server, SPA, tokens.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect(
      await introspect(
        server,
        { client_id: 'notes-api', client_secret: 'a-secret-of-the-notes-api-that-is-long-enough' },
        tokens.access_token ?? '',
      ),
    ).toEqual({ active: false })
    const after = (await get(`/sessions/${id}`)).body
    expect(after).toMatchObject({ state: 'ended', end_reason: 'session_revoked' })
    expect(after.revocations).toMatchObject([{ kind: 'sid', value: id, reason: 'session_revoked' }])
    const audit = await run(
      server.databaseUrl,
      `SELECT actor, reason FROM audit_events WHERE name = 'session.revoked' AND session_id = $1`,
      [id],
    )
    expect(audit).toEqual([{ actor: 'robot', reason: 'lost laptop' }])
    // Again: there is nothing left to end, and nothing is written down.
    expect((await ask(server, token, `DELETE /sessions/${id}`)).body).toMatchObject({ sessions: 0, grants: 0 })
  })

  test('is proved to have ended also where its account, or everybody, was named', async () => {
    const { accounts } = server.latchkey.nouns
    const person = { username: 'gone@people.example', password: 'somebody who will be gone 1815' }
    const { id: accountId } = await accounts.create({ email: person.username, emailVerified: true, password: person.password })
    const deleted = await signInAs(person)
    const everybody = await signInAs(server.grace)
    await server.latchkey.nouns.events.accounts.delete(accountId, { actor: 'system' })
    expect((await get(`/sessions/${deleted.id}`)).body.revocations).toMatchObject([{ kind: 'sub', value: accountId }])
    await server.latchkey.nouns.endEverySession({})
    token = await robotToken(server)
    expect((await get(`/sessions/${everybody.id}`)).body.revocations).toMatchObject([{ kind: 'client_id', value: SPA.client_id }])
  })

  test.each(['GET', 'DELETE'])('AD2: %s of one that is not there is 404', async (method) => {
    const { status, body } = await ask(server, token, `${method} /sessions/ses_nobody`)
    expect([status, body.type]).toEqual([404, 'urn:latchkey:problem:not-found'])
  })
})

describe('many at once', () => {
  const revoke = (body: unknown, headers = {}) => ask(server, token, 'POST /sessions/revocations', { body, headers })

  test('a preview says what would end, and ends nothing', async () => {
    const { id } = await signInAs(server.grace)
    const { body } = await revoke({ filter: { account: 'grace@people.example' }, dry_run: true })
    expect(body).toMatchObject({ dry_run: true, accounts: 1, more: false, people: [{ email: 'grace@people.example' }] })
    expect(body.sessions).toBeGreaterThan(0)
    expect(body.clients.map((client: { id: string }) => client.id)).toContain('notes-spa')
    expect((await get(`/sessions/${id}`)).body.state).toBe('live')
  })

  test('by ids, of which some are over or never were', async () => {
    const one = await signInAs(server.grace)
    const two = await signInAs(server.grace)
    const ids = [one.id, two.id, one.id, 'ses_nobody']
    expect((await revoke({ ids, dry_run: true })).body.sessions).toBe(2)
    expect((await revoke({ ids, reason: 'both' })).body).toMatchObject({ sessions: 2, grants: 2 })
    expect((await revoke({ ids })).body).toMatchObject({ sessions: 0 })
  })

  test('by ids, of which some ran out: those are neither counted nor told of, what still hung from them is, as the dry run said', async () => {
    const live = await signInAs(server.grace)
    const gone = await signInAs(server.grace)
    const over = await signInAs(server.grace)
    const offline = await obtainTokens(server, PARTNER, {
      browser: over.browser,
      person: server.grace,
      params: { prompt: 'consent' },
    })
    await runOut([gone.id, over.id])
    // Of this one the last access token is over, too.
    await run(server.databaseUrl, "UPDATE grants SET closes_at = latchkey_now() - interval '1 second' WHERE session_id = $1", [
      gone.id,
    ])
    const ids = [live.id, gone.id, over.id]
    const { body: dry } = await revoke({ ids, dry_run: true })
    const { body: deed } = await revoke({ ids, reason: 'some are over' })
    const countsOf = ({ sessions, grants, refresh_families, logout_notifications }: typeof dry) => {
      return { sessions, grants, refresh_families, logout_notifications }
    }
    // The live one's, and of the one that is over: that of its last access token, and that of what is offline.
    expect(countsOf(deed)).toEqual({ sessions: 1, grants: 3, refresh_families: 2, logout_notifications: 0 })
    expect(countsOf(dry)).toEqual(countsOf(deed))
    expect(await revokedFor('some are over')).toEqual([live.id, over.id].toSorted())
    expect((await refresh(server, PARTNER, offline.tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect(await introspect(server, API, over.tokens.access_token ?? '')).toEqual({ active: false })
    for (const id of [gone.id, over.id])
      expect((await get(`/sessions/${id}`)).body).toMatchObject({ state: 'expired', end_reason: null })

    // Nothing of any is left.
    for (const id of ids) {
      const { body } = await ask(server, token, `DELETE /sessions/${id}`, { body: { reason: 'once more' } })
      expect(countsOf(body)).toEqual({ sessions: 0, grants: 0, refresh_families: 0, logout_notifications: 0 })
    }
    expect(await revokedFor('once more')).toEqual([])
  })

  test('by a filter, and nothing else ends', async () => {
    const ada = await signInAs(server.ada)
    await signInAs(server.grace)
    const { body } = await revoke({ filter: { account: 'grace@people.example' } })
    expect(body.sessions).toBeGreaterThan(0)
    expect((await get('/sessions?account=grace@people.example&active=true')).body.items).toEqual([])
    expect((await get(`/sessions/${ada.id}`)).body.state).toBe('live')
  })

  test('by a filter that asks for what is over, nothing', async () => {
    const { id } = await signInAs(server.grace)
    for (const filter of [{ state: 'ended' }, { state: 'expired' }, { active: false }]) {
      const both = [await revoke({ filter, dry_run: true }), await revoke({ filter })]
      expect(both.map(({ status, body }) => [status, body.sessions])).toEqual([
        [200, 0],
        [200, 0],
      ])
    }
    expect((await get(`/sessions/${id}`)).body.state).toBe('live')
  })

  test('AD8: what is much goes on as a job, which says how far it is', async () => {
    // Not signed in one by one: that many hashes are not what is shown here.
    await run(
      server.databaseUrl,
      `INSERT INTO sessions (id, account_id, address, methods, expires_at, absolute_expires_at)
       SELECT 'ses_many_' || n, (SELECT id FROM accounts WHERE email = 'nobody@staff.example'), '203.0.113.9', '{pwd}',
         latchkey_now() + interval '1 hour', latchkey_now() + interval '1 hour' FROM generate_series(1, 700) n`,
    )
    const preview = await wholePreview(() => revoke({ filter: { ip: '203.0.113.0/24' }, dry_run: true }))
    expect(preview).toMatchObject({ sessions: 700, accounts: 1 })
    const { status, body, headers } = await revoke({ filter: { ip: '203.0.113.0/24' }, reason: 'a stolen proxy' })
    expect(status).toBe(202)
    expect(headers.get('location')).toBe(`/admin/api/v1/revocation-jobs/${body.job.id}`)
    const job = await until(async () => {
      const now = (await get(`/revocation-jobs/${body.job.id}`)).body
      return now.state === 'done' ? now : undefined
    })
    expect(job).toMatchObject({ total: 700, left: 0, ended: { sessions: 700 }, actor: 'robot', reason: 'a stolen proxy' })
    expect(job.ended.sequence).toBeGreaterThan(0)
    expect((await get('/sessions?ip=203.0.113.0/24&active=true')).body.items).toEqual([])
    const events = await run(
      server.databaseUrl,
      `SELECT count(*)::int AS n FROM audit_events WHERE name = 'session.revoked' AND reason = 'a stolen proxy'`,
    )
    expect(events).toEqual([{ n: 700 }])
    expect((await get('/revocation-jobs')).body.items[0].id).toBe(body.job.id)
  })

  test.each([
    [{}, 'either ids or a filter'],
    [{ ids: [], filter: {} }, 'at least one'],
    [{ ids: ['a'], filter: { active: true } }, 'either'],
    [{ filter: {} }, 'say something'],
    [{ filter: { account: { contains: 'a' } } }, 'text'],
    [{ filter: { ip: 'x' } }, 'address'],
    [{ filter: { ip: 'fe80::1%eth0' } }, 'address'],
    [{ filter: { before: '0000-01-01T00:00:00Z' } }, '1970'],
    [{ ids: ['a'], all: true }, 'all'],
    [{ ids: 'a' }, 'ids'],
    [{ ids: ['a'], reason: 'x'.repeat(1001) }, '1000'],
    [{ ids: ['a'], dry_run: 'yes' }, 'true or false'],
  ])('AD3, AD6: %j is refused in words', async (body, words) => {
    const answer = await revoke(body)
    expect(answer.status).toBe(400)
    expect(answer.body.type).toBe('urn:latchkey:problem:invalid-request')
    expect(answer.body.detail).toContain(words)
  })

  test('AD3: members that change what objects are change nothing', async () => {
    const response = await fetch(`${server.issuer}/admin/api/v1/sessions/revocations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"ids":["a"],"__proto__":{"dry_run":true},"constructor":{"prototype":{"x":1}}}',
    })
    expect(response.status).toBe(400)
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false)
  })
})

/** Waits for something that happens in the background. */
async function until<Value>(look: () => Promise<Value | undefined>): Promise<Value> {
  for (let tries = 0; tries < 400; tries += 1) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('it did not happen')
}

test('AD1: of a session’s tree everybody sees the parts that they could ask for by themselves', async () => {
  const { id } = await signInAs(server.grace)
  await ask(server, token, `DELETE /sessions/${id}`)
  const seen = async (who: string) => {
    const { body } = await ask(server, who, `GET /sessions/${id}`)
    return Object.fromEntries(['grants', 'revocations', 'guards', 'logout_notifications'].map((part) => [part, body[part]]))
  }
  expect(await seen(await personToken(server, 'helpdesk'))).toEqual({
    ...{ grants: null, revocations: null, guards: null },
    logout_notifications: [],
  })
  expect(await seen(await robotToken(server, 'sessions:read grants:read'))).toMatchObject({
    ...{ grants: [{ client: { id: 'notes-spa' } }], revocations: null, guards: null },
  })
  expect(await seen(await personToken(server, 'auditor'))).toMatchObject({
    ...{ grants: [{ client: { id: 'notes-spa' } }], revocations: [{ value: id }], guards: [] },
  })
})
