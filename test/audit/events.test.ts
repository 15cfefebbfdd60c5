// What is written to the audit log: who, what, on whom, from where, in which request; never a secret; nothing that misleads whoever
// reads it; and if and only if what it tells of was done.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ask, PASSWORD, personToken, ROBOT, robotToken, startAdminServer } from '../admin-api/api.ts'
import { Browser } from '../support/browser.ts'
import { API, MACHINE, PARTNER, SPA, WEB } from '../support/clients.ts'
import { makeProofKey } from '../support/dpop.ts'
import {
  authorizationRequest,
  basic,
  callbackParams,
  claimsOf,
  clientRequest,
  introspect,
  obtainTokens,
  redeem,
  refresh,
  signIn,
  tokenRequest,
} from '../support/oauth.ts'
import { createDatabase, run } from '../support/postgres.ts'
import { freePorts, startProgram } from '../support/program.ts'
import { redisUrl } from '../support/redis.ts'
import { PROVISION, type TestServer } from '../support/server.ts'

let server: TestServer
let robot: string

beforeAll(async () => {
  server = await startAdminServer({
    settings: { LATCHKEY_RATE_LIMITS: 'on', LATCHKEY_RATE_LIMIT_TOKEN_FAILURES: '200', LATCHKEY_REFRESH_REPLAY_WINDOW: '0' },
  })
  robot = await robotToken(server)
}, 60_000)

afterAll(() => server?.stop())

interface Row {
  readonly id: string
  readonly name: string
  readonly actor: string | null
  readonly account_id: string | null
  readonly client_id: string | null
  readonly session_id: string | null
  readonly grant_id: string | null
  readonly address: string | null
  readonly user_agent: string | null
  readonly request_id: string | null
  readonly reason: string | null
  readonly detail: { readonly [member: string]: unknown }
}

async function rows(where = 'true', ...values: unknown[]): Promise<Row[]> {
  return (await run(server.databaseUrl, `SELECT * FROM audit_events WHERE ${where} ORDER BY id`, values)) as Row[]
}

async function lastId(): Promise<string> {
  return (await rows()).at(-1)?.id ?? '0'
}

/** Events that something has caused, once there are so many. */
async function caused(after: string, names: readonly string[]): Promise<Row[]> {
  for (let tries = 0; ; tries += 1) {
    const found = await rows('id > $1 AND name = ANY($2)', after, names)
    if (names.every((name) => found.some((row) => row.name === name)) || tries === 100) return found
    await new Promise((done) => setTimeout(done, 30))
  }
}

const idOf = async (email: string) => (await server.latchkey.nouns.accounts.findByEmail(email))?.id ?? ''

describe('AU1: each security event is written once, with all that is known', () => {
  test('a sign-in, its session and its app', async () => {
    const before = await lastId()
    const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
    const { sid, grant_id: grantId } = claimsOf(tokens.body.access_token)
    const grace = await idOf('grace@people.example')
    const found = await caused(before, ['sign_in.succeeded', 'session.started', 'client.signed_in'])
    expect(found.map(({ name }) => name)).toEqual(['sign_in.succeeded', 'session.started', 'client.signed_in'])
    for (const row of found) {
      expect(row).toMatchObject({
        actor: grace,
        account_id: grace,
        address: '127.0.0.1',
        user_agent: expect.stringMatching(/Chrome/),
      })
      expect(row.request_id).toMatch(/^[\da-f-]{36}$/)
    }
    expect(found[1]).toMatchObject({ session_id: sid, detail: { methods: ['pwd'] } })
    expect(found[2]).toMatchObject({ session_id: sid, client_id: SPA.client_id, grant_id: grantId })
  })

  test('a second app in the session, and the same app again', async () => {
    const browser = new Browser()
    const { tokens } = await obtainTokens(server, SPA, { browser, person: server.grace })
    const before = await lastId()
    await obtainTokens(server, WEB, { browser })
    await obtainTokens(server, WEB, { browser })
    const found = await caused(before, ['client.signed_in'])
    const { sid } = claimsOf(tokens.body.access_token)
    expect(found.map(({ name, client_id, session_id }) => [name, client_id, session_id])).toEqual([
      ['client.signed_in', WEB.client_id, sid],
    ])
    expect(await rows("name = 'session.started' AND session_id = $1", sid)).toHaveLength(1)
  })

  test('consent that was not given', async () => {
    const browser = new Browser()
    const before = await lastId()
    let page = await browser.open(authorizationRequest(server, PARTNER, { prompt: 'consent' }).url)
    page = await browser.submit(page, server.grace)
    expect(
      callbackParams(await browser.submit(page, {}, 'deny').catch(async () => browser.submit(page, {}, 'cancel'))),
    ).toMatchObject({
      error: 'access_denied',
    })
    const [row] = await caused(before, ['consent.denied'])
    const grace = await idOf('grace@people.example')
    expect(row).toMatchObject({ actor: grace, account_id: grace, client_id: PARTNER.client_id, address: '127.0.0.1' })
  })

  test('clients that do not authenticate: the first of each kind, and how many more', async () => {
    const before = await lastId()
    const wrong = { ...MACHINE, client_secret: 'a-wrong-secret-that-nobody-has-registered' }
    for (let times = 0; times < 40; times += 1) await tokenRequest(server, wrong, { grant_type: 'client_credentials' })
    for (let times = 0; times < 5; times += 1) {
      await tokenRequest(server, { client_id: `nobody-${times}`, client_secret: 'x' }, { grant_type: 'client_credentials' })
    }
    const first = await caused(before, ['client_authentication.failed'])
    expect(first.map(({ client_id, actor, reason, detail }) => [client_id, actor, reason, detail])).toEqual([
      [MACHINE.client_id, MACHINE.client_id, 'invalid secret provided', {}],
      [null, null, 'client not found', {}],
    ])
    await server.advance(61)
    await server.latchkey.audit.occasional.flush()
    const all = await caused(before, ['client_authentication.failed'])
    expect(all.slice(2).map(({ client_id, detail }) => [client_id, detail])).toEqual([
      [MACHINE.client_id, { times: 39 }],
      [null, { times: 4 }],
    ])
    robot = await robotToken(server)
  })

  test('a thousand addresses and clients that fail fill nothing', async () => {
    const before = await lastId()
    const { occasional } = server.latchkey.audit
    for (let one = 0; one < 1000; one += 1)
      occasional.note({ name: 'rate_limit.reached', address: `10.0.0.${one}` }, [String(one)])
    await server.advance(61)
    await occasional.flush()
    const found = await caused(before, ['rate_limit.reached'])
    expect(found).toHaveLength(51)
    expect(found.at(-1)?.detail).toEqual({ many: true, times: 950 })
    robot = await robotToken(server)
  })

  test('whoever is turned away for asking too often', async () => {
    const before = await lastId()
    const wrong = { ...API, client_secret: 'a-wrong-secret-that-nobody-has-registered' }
    for (let times = 0; times < 205; times += 1) await tokenRequest(server, wrong, { grant_type: 'client_credentials' })
    const found = await caused(before, ['rate_limit.reached'])
    expect(found.filter(({ name }) => name === 'rate_limit.reached')).toMatchObject([
      { address: '127.0.0.1', detail: { limit: 'client_failures' } },
    ])
    await server.advance(3600)
    robot = await robotToken(server)
  }, 60_000)

  test('whoever asks the admin API for what he may not', async () => {
    const helpdesk = await personToken(server, 'helpdesk')
    const before = await lastId()
    for (let times = 0; times < 10; times += 1) await ask(server, helpdesk, 'GET /audit-events')
    const found = await caused(before, ['admin_access.refused'])
    const id = await idOf('helpdesk@staff.example')
    const about = { actor: id, account_id: id, client_id: 'tool', reason: 'insufficient_role' }
    expect(found).toMatchObject([{ ...about, detail: { route: 'listAuditEvents' } }])
  })

  test('what a person does by the admin API: who, and by which app', async () => {
    const owner = await personToken(server, 'owner')
    const [actor, nobody] = [await idOf('owner@staff.example'), await idOf('nobody@staff.example')]
    const made = await ask(server, robot, 'POST /clients', { body: { kind: 'machine' } })
    const webhook = await ask(server, robot, 'POST /webhooks', { body: { url: 'https://hooks.example/', events: ['client.*'] } })
    const before = await lastId()
    for (const request of [
      `POST /accounts/${nobody}/suspension`,
      `DELETE /accounts/${nobody}/suspension`,
      `POST /clients/${made.body.client_id}/secrets`,
      `POST /clients/${made.body.client_id}/suspension`,
      `DELETE /webhooks/${webhook.body.id}`,
    ])
      expect((await ask(server, owner, request, { body: { reason: 'by the tool' } })).status).toBeLessThan(300)
    const found = (await rows('id > $1 AND actor = $2', before, actor)).map(({ name, client_id, detail }) => [
      name,
      client_id,
      detail.through,
    ])
    const client = made.body.client_id
    expect(found).toEqual([
      ['account.suspended', 'tool', undefined],
      ['account.reinstated', 'tool', undefined],
      ['client_secret.created', client, 'tool'],
      ['client.suspended', client, 'tool'],
      ['webhook.deleted', 'tool', undefined],
    ])
    // A client that acts for itself is the actor, and there is nobody besides.
    const [own] = await rows("name = 'webhook.created' AND actor = 'robot' AND id <= $1", before)
    expect([own?.client_id, own?.detail.through]).toEqual([null, undefined])
  })

  test('whoever comes to the admin API with a token that is none for it, however many they make up', async () => {
    const notes = await tokenRequest(server, MACHINE, { grant_type: 'client_credentials', scope: 'notes:read' })
    const another = notes.body.access_token ?? ''
    const ended = await robotToken(server, 'sessions:read')
    await clientRequest(server, '/revoke', ROBOT, { token: ended })
    const madeUp = Array.from({ length: 30 }, (_, index) => `${robot.slice(0, -8)}AAAA${1000 + index}`)
    await server.advance(61)
    const before = await lastId()
    for (const token of [...madeUp, 'no-token-at-all', another, ended, ended]) {
      const answer = await ask(server, token, 'GET /sessions')
      expect([token.length, answer.status]).toEqual([token.length, 401])
    }
    // Without one there is nothing to tell of.
    expect((await ask(server, '', 'GET /sessions')).status).toBe(401)
    await server.advance(61)
    await server.latchkey.audit.occasional.flush()
    const found = await caused(before, ['access_token.refused'])
    const events = found.filter(({ name }) => name === 'access_token.refused')
    const nobody = { actor: null, client_id: null, account_id: null, address: '127.0.0.1', reason: 'invalid_token' }
    const [route, reports, machine] = [
      'listSessions',
      { actor: MACHINE.client_id, client_id: MACHINE.client_id },
      ROBOT.client_id,
    ]
    const own = { actor: machine, client_id: machine, reason: 'ended_token' }
    const order = ({ reason, detail }: Row) => `${reason} ${detail.times ?? 0}`
    expect(events.toSorted((one, other) => (order(one) < order(other) ? -1 : 1))).toMatchObject([
      { ...own, detail: { route } },
      { ...own, detail: { route, times: 1 } },
      { ...nobody, detail: { route } },
      { ...nobody, detail: { route, times: 30 } },
      { ...reports, reason: 'other_audience', detail: { route } },
    ])
    expect(events.every(({ request_id: id }) => id !== null)).toBe(true)
    for (const token of [...madeUp, another, ended]) expect(JSON.stringify(events)).not.toContain(token.slice(-20))
  })

  test('tokens that were stolen, revoked, replayed', async () => {
    const before = await lastId()
    const one = await obtainTokens(server, SPA, { person: server.grace })
    await refresh(server, SPA, one.tokens.body.refresh_token ?? '')
    await server.advance(2)
    await refresh(server, SPA, one.tokens.body.refresh_token ?? '')
    const two = await obtainTokens(server, SPA, { person: server.grace })
    await redeem(server, SPA, two.authorization, two.code)
    const three = await obtainTokens(server, WEB, { person: server.grace })
    await clientRequest(server, '/revoke', WEB, { token: three.tokens.body.access_token ?? '' })
    const names = ['refresh_token.reused', 'authorization_code.replayed', 'access_token.revoked']
    const found = await caused(before, names)
    const grace = await idOf('grace@people.example')
    for (const name of names) {
      const some = found.filter((row) => row.name === name)
      expect(some).toHaveLength(1)
      expect(some[0]).toMatchObject({ account_id: grace, address: '127.0.0.1', request_id: expect.stringMatching(/./) })
      expect(some[0]?.grant_id).toMatch(/^gra_/)
    }
  })

  test('what was changed of a client: from what to what', async () => {
    const before = await lastId()
    const { clients } = server.latchkey.nouns.events
    const { registered } = server.latchkey.nouns.events
    const client = await registered.clients.find(PARTNER.client_id)
    if (client === undefined) throw new Error('there is no partner')
    const metadata = { ...client.metadata, client_name: 'Another name', redirect_uris: ['https://partner.example/other'] }
    await clients.update(metadata, { actor: 'acc_admin', reason: 'moved' })
    const [row] = await caused(before, ['client.updated'])
    expect(row).toMatchObject({ actor: 'acc_admin', client_id: PARTNER.client_id, reason: 'moved' })
    expect(row?.detail).toEqual({
      members: ['client_name', 'redirect_uris'],
      changes: {
        client_name: { from: 'App partner', to: 'Another name' },
        redirect_uris: { from: ['https://partner.example/callback'], to: ['https://partner.example/other'] },
      },
    })
    await clients.update(client.metadata, { actor: 'acc_admin' })
  })

  test('another e-mail address, not whole; other roles; a link by which an owner is made; a job', async () => {
    const before = await lastId()
    const { accounts } = server.latchkey.nouns.events
    const id = await idOf('nobody@staff.example')
    await accounts.changeEmail({ accountId: id, email: 'somebody@staff.example', verified: true }, { actor: 'system' })
    await accounts.changeRoles({ accountId: id, roles: ['helpdesk'] }, { actor: 'system' })
    await accounts.changeRoles({ accountId: id, roles: [] }, { actor: 'system' })
    await ask(server, robot, 'POST /sessions/revocations', { body: { filter: { client: 'nobody' } } })
    const found = await caused(before, ['account.email_changed', 'account.roles_changed'])
    expect(found.map(({ name, detail }) => [name, detail])).toEqual([
      ['account.email_changed', { email: { from: 'n…@staff.example', to: 's…@staff.example' }, verified: true }],
      ['account.roles_changed', { roles: ['helpdesk'], roles_before: [] }],
      ['account.roles_changed', { roles: [], roles_before: ['helpdesk'] }],
    ])
  })
})

describe('AU1: no secret is written, in whatever form', () => {
  const planted = new Map<string, string>()
  const plant = (name: string, value: string | undefined): string => {
    if (value === undefined || value.length < 10) throw new Error(`nothing to plant for ${name}`)
    planted.set(name, value)
    return value
  }

  test('passwords, codes, tokens, secrets, proofs and cookies, through all flows', async () => {
    for (const [name, value] of Object.entries({ password: server.ada.password, staff: PASSWORD, robot: ROBOT.client_secret }))
      plant(name, value)
    await signInFlows()
    await clientFlows()
    await administrationFlows()
    await server.latchkey.audit.occasional.close()
    const written = (await run(server.databaseUrl, 'SELECT to_json(a)::text AS row FROM audit_events a')).map(({ row }) =>
      String(row),
    )
    expect(written.length).toBeGreaterThan(30)
    const places = { 'audit log': written.join('\n'), log: server.log.text }
    expect(places.log).toContain('/token')
    const found = [...planted].flatMap(([name, value]) =>
      formsOf(value).flatMap(([form, text]) =>
        Object.entries(places).flatMap(([place, all]) => (all.includes(text) ? [`${name} (${form}) in the ${place}`] : [])),
      ),
    )
    expect(planted.size).toBeGreaterThan(30)
    expect(found).toEqual([])
  }, 120_000)

  /** As somebody might have written it down. */
  function formsOf(value: string): [string, string][] {
    const bytes = Buffer.from(value)
    return [
      ['clear', value],
      ['base64', bytes.toString('base64').replace(/=+$/, '')],
      ['base64url', bytes.toString('base64url')],
      ['hex', bytes.toString('hex')],
      ['reversed', [...value].reverse().join('')],
      ...(encodeURIComponent(value) === value ? [] : [['in an address', encodeURIComponent(value)] as [string, string]]),
      ['as JSON', JSON.stringify(value).slice(1, -1)],
    ]
  }

  async function signInFlows(): Promise<void> {
    const browser = new Browser()
    const authorization = authorizationRequest(server, SPA)
    const page = await browser.open(authorization.url)
    const wrong = plant('wrong password', 'a password that is mistyped 8f2')
    const inWrongField = plant('password in the field of the name', 'my password, in the wrong field 77')
    await browser.submit(page, { username: server.ada.username, password: wrong })
    await browser.submit(page, { username: inWrongField, password: 'x' })
    await browser.submit(page, { username: `${inWrongField}@people.example`, password: wrong })
    const callback = await signIn(browser, await browser.open(authorization.url), server.ada)
    const { code = '' } = callbackParams(callback)
    plant('code', code)
    plant('verifier', authorization.verifier)
    plant('state', authorization.state)
    plant('session cookie', browser.cookie('latchkey_session'))
    const tokens = await redeem(server, SPA, authorization, code)
    const { access_token: access, refresh_token: first, id_token: idToken } = tokens.body
    plant('access token', access)
    plant('its signature', access?.split('.')[2])
    plant('ID token', idToken)
    plant('refresh token', first)
    for (const part of (first ?? '')
      .slice(3)
      .split('.')
      .filter((text) => text.length > 10))
      plant(`part of it ${part.length}`, part)
    const next = await refresh(server, SPA, first ?? '')
    plant('next refresh token', next.body.refresh_token)
    await server.advance(3)
    await refresh(server, SPA, first ?? '')
    await redeem(server, SPA, authorization, code)
    await introspect(server, API, access ?? '')
    await clientRequest(server, '/introspect', API, {
      token: plant('a token that is none', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.sig'),
    })
    await fetch(`${server.issuer}/userinfo`, { headers: { authorization: `Bearer ${access}` } })
    await fetch(`${server.issuer}/userinfo?access_token=${plant('a token in an address', 'token-in-an-address-0001')}`)
    await browser.open(`${server.issuer}/logout?id_token_hint=${idToken}`)
    await browser.open(
      `${server.issuer}/authorize?client_id=nobody&code=${plant('a code in an address', 'code-in-an-address-00002')}`,
    )
  }

  async function clientFlows(): Promise<void> {
    plant('secret of the machine', MACHINE.client_secret)
    const opaque = await tokenRequest(server, MACHINE, {
      grant_type: 'client_credentials',
      scope: 'billing:read',
      resource: 'https://billing.example/api',
    })
    plant('opaque token', opaque.body.access_token)
    await clientRequest(server, '/revoke', MACHINE, { token: opaque.body.access_token ?? '' })
    const wrong = plant('wrong secret', 'a-wrong-secret-of-a-client-0815-xyz')
    await tokenRequest(server, { ...MACHINE, client_secret: wrong }, { grant_type: 'client_credentials' })
    plant('the header of it', basic(MACHINE.client_id, wrong).slice(6))
    const asId = plant('a secret as client_id', 'a-secret-in-the-place-of-an-id-4711')
    await tokenRequest(server, { client_id: asId, client_secret: wrong }, { grant_type: 'client_credentials' })
    await tokenRequest(server, { client_id: asId }, { grant_type: 'client_credentials', client_secret: wrong })
    const assertion = plant('assertion', 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJyZXBvcnRzIiwic3ViIjoicmVwb3J0cyJ9.c2lnbmF0dXJl')
    await fetch(`${server.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      }),
    })
    const key = await makeProofKey()
    const proof = plant('DPoP proof', await key.proof({ htu: `${server.issuer}/token` }))
    const bound = await tokenRequest(server, MACHINE, { grant_type: 'client_credentials', scope: 'notes:read' }, { dpop: proof })
    plant('bound token', bound.body.access_token)
    await tokenRequest(server, MACHINE, { grant_type: 'client_credentials', scope: 'notes:read' }, { dpop: proof })
  }

  async function administrationFlows(): Promise<void> {
    const { nouns, webhooks } = server.latchkey
    const token = plant('token of an administrator', await personToken(server, 'owner'))
    await ask(server, token, 'GET /audit-events?limit=1')
    await ask(server, `${token.slice(0, -4)}AAAA`, 'GET /audit-events')
    const secret = plant('new secret of a client', 'a-brand-new-secret-of-the-reports-client')
    await nouns.events.clients.rotateSecret({ clientId: MACHINE.client_id, secret, overlapSeconds: 60 }, { actor: 'system' })
    const hook = await webhooks.webhooks.create(
      { url: 'http://localhost:9/hook?token=in-the-address-of-a-hook', events: ['*'] },
      { actor: 'system' },
    )
    plant('secret of a webhook', hook.secret)
    plant('a token in its address', 'in-the-address-of-a-hook')
    plant('its next secret', await webhooks.webhooks.rotateSecret(hook.webhook.id, { actor: 'system' }))
    await webhooks.webhooks.update(
      hook.webhook.id,
      { url: 'http://localhost:9/hook?token=in-the-address-of-a-hook&b' },
      { actor: 'system' },
    )
    await webhooks.webhooks.delete(hook.webhook.id, { actor: 'system' })
    const password = plant('reset password', 'an entirely new password 2027')
    await nouns.events.accounts.resetPassword(
      { accountId: await idOf('grace@people.example'), next: password },
      { actor: 'system' },
    )
  }
})

describe('AU2: what others write misleads no reader of the log', () => {
  /** Characters that move a cursor, break a line, hide or turn text. */
  const MISLEADING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

  test('line breaks, escape sequences and text that runs backwards in a reason', async () => {
    const { tokens } = await obtainTokens(server, SPA, { person: server.ada })
    const { sid } = claimsOf(tokens.body.access_token)
    const reason = 'stolen\r\n{"name":"sign_in.succeeded"}\u001b[2J\u202Etxt.exe\u2028\u200Bend\u0085'
    await ask(server, robot, `DELETE /sessions/${sid}`, { body: { reason } })
    const [row] = await rows("name = 'session.revoked' AND session_id = $1", sid)
    expect(row?.reason).toBe('stolen  {"name":"sign_in.succeeded"} [2J txt.exe  end ')
  })

  test('in a user agent; and one that is far too long', async () => {
    const before = await lastId()
    const wanted = ['\u00e2\u0080\u00ae backwards', `Agent ${'x'.repeat(12_000)}`]
    for (const userAgent of wanted) {
      const browser = new Browser({ userAgent })
      const page = await browser.open(authorizationRequest(server, SPA).url)
      await browser.submit(page, { username: server.ada.username, password: 'wrong' })
    }
    const found = (await caused(before, ['sign_in.failed'])).filter(({ name }) => name === 'sign_in.failed')
    expect(found.map(({ user_agent: text }) => text?.length)).toEqual([expect.any(Number), 400])
    for (const { user_agent: text } of found) expect(text).not.toMatch(MISLEADING)
  })

  test('a user agent of 64 KiB, and one with a line break, get no further than the door', async () => {
    const before = await lastId()
    const long = await fetch(`${server.issuer}/authorize`, { headers: { 'user-agent': 'x'.repeat(65_536) } }).catch(
      () => undefined,
    )
    expect([400, 431, undefined]).toContain(long?.status)
    expect(await rows('id > $1', before)).toEqual([])
  })

  test('nowhere in the whole log', async () => {
    for (const row of await rows()) {
      const texts = [...Object.values(row), ...stringsIn(row.detail)].filter((value) => typeof value === 'string')
      for (const text of texts) expect(text).not.toMatch(MISLEADING)
    }
  })

  function stringsIn(value: unknown): string[] {
    if (typeof value === 'string') return [value]
    return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : []
  }
})

describe('AU4: what cannot be written down is not done', () => {
  const liveNow = async (sid: unknown) =>
    (await run(server.databaseUrl, 'SELECT ended_at IS NULL AS live FROM sessions WHERE id = $1', [sid]))[0]?.live

  test('an audit log that refuses: the change fails with it', async () => {
    const { tokens } = await obtainTokens(server, SPA, { person: server.ada })
    const { sid } = claimsOf(tokens.body.access_token)
    await run(server.databaseUrl, "ALTER TABLE audit_events ADD CONSTRAINT full_disk CHECK (name <> 'session.revoked') NOT VALID")
    const refused = await ask(server, robot, `DELETE /sessions/${sid}`)
    expect(refused.status).toBeGreaterThanOrEqual(500)
    expect(await liveNow(sid)).toBe(true)
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })
    await run(server.databaseUrl, 'ALTER TABLE audit_events DROP CONSTRAINT full_disk')
    expect((await ask(server, robot, `DELETE /sessions/${sid}`)).status).toBe(200)
    expect(await liveNow(sid)).toBe(false)
  })

  test('nobody is signed in whose sign-in cannot be written down', async () => {
    await run(
      server.databaseUrl,
      "ALTER TABLE audit_events ADD CONSTRAINT full_disk CHECK (name <> 'sign_in.succeeded') NOT VALID",
    )
    const browser = new Browser()
    const page = await browser.submit(await browser.open(authorizationRequest(server, SPA).url), server.ada)
    expect(page.status).toBeGreaterThanOrEqual(500)
    await run(server.databaseUrl, 'ALTER TABLE audit_events DROP CONSTRAINT full_disk')
    expect((await obtainTokens(server, SPA)).tokens.status).toBe(200)
  })

  test('killed right after a revocation was answered: its event is there, and gets its seal', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-audit-'))
    const database = await createDatabase()
    const file = join(folder, 'provision.json')
    await writeFile(file, JSON.stringify(PROVISION))
    const ports = await freePorts()
    const settings = {
      DATA_DIR: folder,
      DATABASE_URL: database.url,
      REDIS_URL: redisUrl(),
      PROVISION_FILE: file,
      LATCHKEY_RATE_LIMITS: 'off',
    }
    let program = await startProgram(ports, settings)
    try {
      for (let round = 0; round < 3; round += 1) {
        const { tokens } = await obtainTokens({ issuer: program.issuer, ada: server.ada }, WEB)
        const { status } = await clientRequest({ issuer: program.issuer, ada: server.ada }, '/revoke', WEB, {
          token: tokens.body.refresh_token ?? '',
        })
        await program.kill()
        expect(status).toBe(200)
        const { grant_id: grantId } = claimsOf(tokens.body.access_token)
        const found = await run(database.url, "SELECT name FROM audit_events WHERE grant_id = $1 AND name LIKE '%revoked'", [
          grantId,
        ])
        expect(found).toHaveLength(1)
        program = await startProgram(ports, settings)
      }
      const unsealed =
        'SELECT count(*)::int AS count FROM audit_events WHERE NOT id = ANY(ARRAY(SELECT unnest(event_ids) FROM audit_seals))'
      for (let tries = 0; (await run(database.url, unsealed))[0]?.count !== 0 && tries < 200; tries += 1)
        await new Promise((done) => setTimeout(done, 100))
      expect((await run(database.url, unsealed))[0]?.count).toBe(0)
    } finally {
      await program.kill()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    }
  }, 180_000)
})
