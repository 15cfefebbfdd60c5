// Accounts by the admin API: looked for over the whole installation, looked at, made and changed.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Browser } from '../support/browser.ts'
import { PARTNER, SPA } from '../support/clients.ts'
import { obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { adminResourceOf, ask, PASSWORD, type Person, personToken, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let token: string
const people = new Map<Person, string>()

/** Of “correct horse battery staple”. */
const BCRYPT = '$2b$10$5u8CTsmWMyBS4e/mPWzE4uJ1d0dY8Gd0rVKZ1xBoGzqK6s5t7w3nG'

beforeAll(async () => {
  server = await startAdminServer()
  token = await robotToken(server)
  for (const person of ['owner', 'operator', 'auditor', 'helpdesk'] as const)
    people.set(person, await personToken(server, person))
}, 60_000)

afterAll(() => server?.stop())

const get = (path: string) => ask(server, token, `GET ${path}`)
const create = (body: unknown, as = token) => ask(server, as, 'POST /accounts', { body })
const change = (id: string, body: unknown, headers = {}, as = token) =>
  ask(server, as, `PATCH /accounts/${id}`, { body, headers })
const idOf = async (email: string): Promise<string> =>
  (await get(`/accounts?search=${encodeURIComponent(email)}`)).body.items[0].id
const emails = (body: { items: { email: string }[] }) => body.items.map(({ email }) => email)
const events = (accountId: string) =>
  run(server.databaseUrl, 'SELECT name, actor, reason, detail FROM audit_events WHERE account_id = $1 ORDER BY id', [accountId])

describe('the list', () => {
  test('shows who there is, and no secret', async () => {
    const { status, body } = await get('/accounts?search=ada@')
    expect(status).toBe(200)
    expect(body).toEqual({
      items: [
        {
          id: expect.stringMatching(/^acc_/),
          email: 'ada@people.example',
          email_verified: true,
          name: 'Ada Lovelace',
          roles: ['owner'],
          status: 'active',
          has_password: true,
          password_set_at: expect.any(String),
          last_signed_in_at: null,
          managed_by: 'provision',
          created_at: expect.any(String),
          updated_at: expect.any(String),
        },
      ],
      next_cursor: null,
    })
  })

  test('goes on where a page ended, with a search and without, in one order, without a gap or a double', async () => {
    for (const name of ['Staffan', 'staff Nurse', 'STAFF', 'Staff Sergeant'])
      await create({ email: `${name.replace(' ', '.')}.${name.length}@pages.example`, name })
    for (const query of ['', 'search=staff', 'search=s', 'has_password=false', 'search=staff&never_signed_in=true']) {
      const all = emails((await get(`/accounts?limit=200&${query}`)).body)
      const seen: string[] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const { body } = await get(`/accounts?limit=2&${query}${cursor === '' ? '' : `&cursor=${cursor}`}`)
        seen.push(...emails(body))
        cursor = body.next_cursor
      }
      expect({ query, seen }).toEqual({ query, seen: all })
      expect(new Set(all).size).toBe(all.length)
      expect(all.length).toBeGreaterThan(3)
    }
  })

  test('finds by the beginning of an address or a name, in whatever case, addresses first', async () => {
    await create({ email: 'zoe@search.example', name: 'Ünal Çelik' })
    await create({ email: 'celik@search.example', name: 'Zoë Washburne' })
    expect(emails((await get('/accounts?search=ZO')).body)).toEqual(['zoe@search.example', 'celik@search.example'])
    expect(emails((await get(`/accounts?search=${encodeURIComponent('ünal ç')}`)).body)).toEqual(['zoe@search.example'])
    expect(emails((await get('/accounts?search=%20Celik@search.EXAMPLE')).body)).toEqual(['celik@search.example'])
    for (const nothing of ['elik', '%25', '_oe', "'", '%E2%80%8B']) {
      expect(emails((await get(`/accounts?search=${nothing}`)).body)).toEqual([])
    }
  })

  test.each([
    ['role=operator', ['operator@staff.example']],
    ['role=owner&search=own', ['owner@staff.example']],
    ['never_signed_in=false&role=auditor', ['auditor@staff.example']],
    ['status=suspended', []],
    ['locked=true', []],
    ['before=2020-01-01T00:00:00Z', []],
    ['since=2999-01-01T00:00:00Z', []],
    ['has_password=false&role=owner', []],
  ])('is narrowed by %s', async (query, expected) => {
    const { status, body } = await get(`/accounts?${query}`)
    expect([status, emails(body)]).toEqual([200, expected])
  })

  test.each([
    'role=admin',
    'status=deleted',
    'locked=maybe',
    'search=',
    'search=%00',
    'search[contains]=a',
    'search=a&search=b',
    'since=yesterday',
    'since=0000-01-01T00:00:00Z',
    'before=0000-01-01T00:00:00Z',
    'limit=0',
    'password=x',
    'cursor=AAAA',
    'order=name',
  ])('AD6: refuses %s in words', async (query) => {
    const { status, body } = await get(`/accounts?${query}`)
    expect(status).toBe(400)
    expect(body.detail.length).toBeGreaterThan(10)
    expect(body.detail).not.toMatch(/Invalid|expected string|SELECT|prisma/i)
  })

  test('AD6: a cursor is good for its own search only', async () => {
    const { body } = await get('/accounts?limit=1&search=staff')
    expect((await get(`/accounts?cursor=${body.next_cursor}`)).body.type).toBe('urn:latchkey:problem:invalid-cursor')
  })
})

describe('an account', () => {
  test('is shown with what it has, and when it was used', async () => {
    const browser = new Browser()
    await obtainTokens(server, PARTNER, { browser, person: server.grace })
    const { status, body, headers } = await get(`/accounts/${await idOf('grace@people.example')}`)
    expect(status).toBe(200)
    expect(headers.get('etag')).toMatch(/^"[\w-]{22}"$/)
    expect(body).toMatchObject({
      email: 'grace@people.example',
      profile: {},
      sessions: 1,
      grants: 1,
      consents: [{ client: { id: PARTNER.client_id }, scopes: expect.arrayContaining(['openid']) }],
      lockout: { until: null, counts: [] },
      password_link: null,
    })
    expect(Date.parse(body.last_signed_in_at)).toBeGreaterThan(Date.now() - 60_000)
    expect(JSON.stringify(body)).not.toMatch(/argon2|hash|digest/)
  })

  test.each(['GET', 'PATCH', 'DELETE'])('AD2: %s of one that is not there is 404', async (method) => {
    for (const id of ['acc_nobody', 'ses_1', "'", '..%2faccounts', 'acc_%F0%9F%94%91']) {
      const { status, body } = await ask(server, token, `${method} /accounts/${id}`, method === 'PATCH' ? { body: {} } : {})
      expect([status, body.type]).toEqual([404, 'urn:latchkey:problem:not-found'])
    }
    expect((await ask(server, token, `${method} /accounts/%00`, method === 'PATCH' ? { body: {} } : {})).status).toBe(400)
  })
})

describe('a new account', () => {
  test('LG9: comes with a one-time link, shown once, and no password', async () => {
    const { status, body, headers } = await create({
      email: ' Marie@new.example ',
      name: 'Marie Curie',
      profile: { family_name: 'Curie', address: { country: 'FR' } },
      reason: 'starts on Monday',
    })
    expect(status).toBe(201)
    expect(headers.get('location')).toBe(`/admin/api/v1/accounts/${body.id}`)
    expect(body).toMatchObject({
      email: 'Marie@new.example',
      email_verified: false,
      roles: [],
      has_password: false,
      profile: { family_name: 'Curie', address: { country: 'FR' } },
      password_link: { mailed: false },
    })
    expect(body.password_link.url).toMatch(new RegExp(`^${server.issuer}/set-password\\?token=pwd_[\\w-]{43}$`))
    expect(Date.parse(body.password_link.expires_at)).toBeGreaterThan(Date.now() + 86_000_000)
    // AD7: afterwards nothing shows it.
    const later = JSON.stringify((await get(`/accounts/${body.id}`)).body)
    expect(later).not.toContain('pwd_')
    expect(JSON.parse(later).password_link).toEqual({ mailed: false, expires_at: body.password_link.expires_at })
    const log = await events(body.id)
    expect(log).toMatchObject([
      { name: 'account.created', actor: 'robot', reason: 'starts on Monday', detail: { roles: [] } },
      { name: 'password_link.created', actor: 'robot', detail: { mailed: false } },
    ])
    expect(JSON.stringify(log)).not.toContain('pwd_')
  })

  test('with a hash of another system can sign in at once, and has no link', async () => {
    const hash = await server.latchkey.nouns.passwords.hash(PASSWORD)
    const { body } = await create({ email: 'old@new.example', password_hash: hash, email_verified: true })
    expect(body).toMatchObject({ has_password: true, email_verified: true, password_link: null })
    const { tokens } = await obtainTokens(server, SPA, { person: { username: 'old@new.example', password: PASSWORD } })
    expect(tokens.body.access_token).toBeDefined()
    expect(JSON.stringify(body)).not.toContain(hash.slice(0, 20))
  })

  test('fifty at once with one address: one is made', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => create({ email: 'raced@new.example' })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    for (const { status, body } of answers) {
      if (status !== 201) expect([status, body.detail]).toEqual([409, 'An account with this e-mail address exists.'])
    }
  })

  test('sent again with the same key gets the same link', async () => {
    const headers = { 'idempotency-key': 'made-once' }
    const first = await ask(server, token, 'POST /accounts', { body: { email: 'once@new.example' }, headers })
    const again = await ask(server, token, 'POST /accounts', { body: { email: 'once@new.example' }, headers })
    expect(first.status).toBe(201)
    expect(again.body).toEqual(first.body)
  })

  test('AD7: a link that is mailed is shown to nobody', async () => {
    const { status, body } = await create({ email: 'mailed@new.example', send_mail: true })
    expect(status).toBe(201)
    expect(body.password_link).toEqual({ url: null, mailed: true, expires_at: expect.any(String) })
    expect(JSON.stringify(body)).not.toContain('pwd_')
  })

  test.each([
    [{}, 'email'],
    [{ email: 'none' }, 'e-mail address'],
    [{ email: { contains: '@' } }, 'text'],
    [{ email: 'a\u0000b@x.example' }, 'e-mail address'],
    [{ email: 'a\u200bb@x.example' }, 'e-mail address'],
    [{ email: 'x@x.example', name: 'a\u0000' }, 'control'],
    [{ email: 'x@x.example', name: '\ud800' }, 'control'],
    [{ email: 'x@x.example', name: 'n'.repeat(201) }, '200'],
    [{ email: 'x@x.example', password: 'in clear' }, 'password'],
    [{ email: 'x@x.example', password_hash: 'md5:5f4dcc3b' }, 'argon2id'],
    [{ email: 'x@x.example', password_hash: '$argon2id$v=19$m=99999999,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA' }, 'bounds'],
    [{ email: 'x@x.example', roles: ['root'] }, 'owner'],
    [{ email: 'x@x.example', roles: 'owner' }, 'list'],
    [{ email: 'x@x.example', roles: ['auditor', 'auditor'] }, 'twice'],
    [{ email: 'x@x.example', profile: { sub: 'acc_other' } }, 'sub'],
    [{ email: 'x@x.example', profile: { locale: 'a\u0000' } }, 'character'],
    [{ email: 'x@x.example', profile: [] }, 'profile'],
    [{ email: 'x@x.example', email_verified: 'true' }, 'true or false'],
    [{ email: 'x@x.example', id: 'acc_mine' }, 'id'],
    [{ email: 'x@x.example', status: 'active' }, 'status'],
    [{ email: 'x@x.example', created_at: '2020-01-01T00:00:00Z' }, 'created_at'],
    [{ email: 'x@x.example', managed_by: 'provision' }, 'managed_by'],
  ])('AD3, AD6: %j is refused in words', async (body, words) => {
    const answer = await create(body)
    expect([answer.status, answer.body.type]).toEqual([400, 'urn:latchkey:problem:invalid-request'])
    expect(answer.body.detail).toContain(words)
    expect(answer.body.detail).not.toMatch(/Invalid input|expected/)
  })

  test('AD3: members that change what objects are change nothing', async () => {
    const body = '{"email":"x@x.example","__proto__":{"roles":["owner"]},"constructor":{"prototype":{"roles":["owner"]}}}'
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const response = await fetch(`${server.issuer}/admin/api/v1/accounts`, { method: 'POST', headers, body })
    expect(response.status).toBe(400)
    expect(Object.hasOwn(Object.prototype, 'roles')).toBe(false)
  })
})

describe('AD4: nobody gives more than they have', () => {
  test('helpdesk makes accounts, without roles, hashes and verified addresses', async () => {
    const helpdesk = people.get('helpdesk') ?? ''
    const asked = { email: 'by-helpdesk@new.example', name: 'New', roles: [] }
    // The link is a secret, which goes to the person.
    expect((await create(asked, helpdesk)).body.type).toBe('urn:latchkey:problem:insufficient-role')
    const made = await create({ ...asked, send_mail: true }, helpdesk)
    expect([made.status, made.body.password_link.url]).toEqual([201, null])
    for (const more of [{ roles: ['helpdesk'] }, { roles: ['owner'] }, { password_hash: BCRYPT }, { email_verified: true }]) {
      const { status, body } = await create({ email: 'more@new.example', ...more }, helpdesk)
      expect([status, body.type]).toEqual([403, 'urn:latchkey:problem:insufficient-role'])
    }
  })

  test('AD1: helpdesk sees of an account what it could ask for by itself', async () => {
    const id = await idOf('grace@people.example')
    const seen = async (who: string) => (await ask(server, who, `GET /accounts/${id}`)).body
    expect(await seen(people.get('helpdesk') ?? '')).toMatchObject({ sessions: expect.any(Number), grants: null, consents: null })
    expect(await seen(await robotToken(server, 'accounts:read'))).toMatchObject({ sessions: null, grants: null, consents: null })
    expect(await seen(people.get('auditor') ?? '')).toMatchObject({ grants: expect.any(Number), consents: expect.any(Array) })
  })

  test('operators and auditors make none', async () => {
    for (const person of ['operator', 'auditor'] as const) {
      expect((await create({ email: 'x@new.example' }, people.get(person))).status).toBe(403)
    }
  })

  test('a client gives no role that may do more than itself', async () => {
    const weak = await robotToken(server, 'accounts:read accounts:write sessions:read')
    const { status, body } = await create({ email: 'by-client@new.example', roles: ['auditor'] }, weak)
    expect([status, body.type]).toEqual([403, 'urn:latchkey:problem:out-of-reach'])
    expect((await create({ email: 'by-client@new.example', roles: ['helpdesk'] }, weak)).status).toBe(201)
  })

  test('helpdesk names people, and changes nothing that decides who gets in', async () => {
    const helpdesk = people.get('helpdesk') ?? ''
    const id = await idOf('grace@people.example')
    const named = await change(id, { name: 'Rear Admiral Hopper', profile: { nickname: 'Amazing' } }, {}, helpdesk)
    expect(named.body).toMatchObject({ name: 'Rear Admiral Hopper', profile: { nickname: 'Amazing' } })
    for (const more of [{ email: 'evil@x.example' }, { email_verified: true }, { roles: [] }, { roles: ['helpdesk'] }]) {
      expect((await change(id, more, {}, helpdesk)).body.type).toBe('urn:latchkey:problem:insufficient-role')
    }
    const { status, body } = await change(await idOf('owner@staff.example'), { name: 'Evil' }, {}, helpdesk)
    expect([status, body.type]).toEqual([403, 'urn:latchkey:problem:out-of-reach'])
  })

  test('AD4: an app that an owner gave some powers cannot have all of them by the owner’s own account', async () => {
    const narrow = await personToken(server, 'owner', 'openid accounts:read accounts:write')
    const id = await idOf('owner@staff.example')
    const reset = await ask(server, narrow, `POST /accounts/${id}/password-reset`, { body: {} })
    const attempts = [
      reset,
      await change(id, { email: 'mine@evil.example' }, {}, narrow),
      await change(id, { name: 'Mine' }, {}, narrow),
    ]
    for (const { status, body } of attempts) expect([status, body.type]).toEqual([403, 'urn:latchkey:problem:out-of-reach'])
    expect((await ask(server, token, `GET /accounts/${id}`)).body.email).toBe('owner@staff.example')
    expect((await change(id, { name: 'The owner' }, {}, await personToken(server, 'owner'))).status).toBe(200)
  })

  test('nobody makes themselves more', async () => {
    for (const person of ['operator', 'auditor', 'helpdesk'] as const) {
      const id = await idOf(`${person}@staff.example`)
      expect((await change(id, { roles: ['owner'] }, {}, people.get(person))).status).toBe(403)
    }
  })
})

describe('a change', () => {
  const made = async (email: string) => (await create({ email, name: 'Before' })).body.id as string

  test('of what ends nothing', async () => {
    const id = await made('facts@change.example')
    const { status, body, headers } = await change(id, {
      name: null,
      email_verified: true,
      profile: { locale: 'de' },
      reason: 'asked',
    })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      name: null,
      email_verified: true,
      profile: { locale: 'de' },
      ended: { sessions: 0, sequence: 0 },
    })
    expect(headers.get('etag')).toBe((await get(`/accounts/${id}`)).headers.get('etag'))
    expect((await events(id)).slice(2)).toMatchObject([
      { name: 'account.renamed', actor: 'robot', reason: 'asked', detail: { changes: { name: { from: 'B…', to: null } } } },
      {
        name: 'account.updated',
        detail: {
          members: ['profile', 'email_verified'],
          changes: { 'profile.locale': { from: null, to: '[redacted]' }, email_verified: { from: false, to: true } },
        },
      },
    ])
    // The same again is no change.
    await change(id, { name: '', email_verified: true, profile: { locale: 'de' }, email: 'facts@change.example' })
    expect(await events(id)).toHaveLength(4)
  })

  test('AU1: what was changed is told without telling who the person is: the log stays when the account is erased', async () => {
    const id = await made('canary@change.example')
    const profile = { given_name: 'Canarina', phone_number: '+4915100000000', address: { locality: 'Canaryville' } }
    await change(id, { name: 'Canarina Redpoll', profile, reason: 'asked' })
    await change(id, { name: 'Another Canarina', profile: { ...profile, phone_number: '+4915100000001' } })
    const written = (await events(id)).slice(2)
    expect(written.map(({ detail }: { detail: unknown }) => (detail as { changes: unknown }).changes)).toEqual([
      { name: { from: 'B…', to: 'C… R…' } },
      Object.fromEntries(
        ['given_name', 'phone_number', 'address'].map((claim) => [`profile.${claim}`, { from: null, to: '[redacted]' }]),
      ),
      { name: { from: 'C… R…', to: 'A… C…' } },
      { 'profile.phone_number': { from: '[redacted]', to: '[redacted]' } },
    ])
    expect(JSON.stringify(written)).not.toMatch(/Canarina|Redpoll|49151|Canaryville/)
  })

  test('of the address ends all that the account has, and voids its link', async () => {
    const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
    const id = await idOf('grace@people.example')
    await ask(server, token, `POST /accounts/${id}/password-reset`)
    expect((await change(id, { email: 'ADA@people.example' })).status).toBe(409)
    const { body } = await change(id, { email: 'hopper@people.example' })
    expect(body).toMatchObject({ email: 'hopper@people.example', email_verified: false, password_link: null, sessions: 0 })
    expect(body.ended.sessions).toBeGreaterThan(0)
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    await change(id, { email: server.grace.username, email_verified: true })
    expect((await get(`/accounts/${id}`)).body).toMatchObject({ email: server.grace.username, email_verified: true })
  })

  test('of roles counts at once', async () => {
    const { body } = await create({ email: 'roles@change.example', roles: ['auditor', 'helpdesk'] })
    const changed = await change(body.id, { roles: ['helpdesk'] })
    expect(changed.body.roles).toEqual(['helpdesk'])
    expect(changed.body.ended.sequence).toBeGreaterThan(0)
    expect((await events(body.id)).at(-1)).toMatchObject({
      name: 'account.roles_changed',
      detail: { roles: ['helpdesk'], roles_before: ['auditor', 'helpdesk'] },
    })
  })

  test('AD4: the last owner stays one', async () => {
    const owners = (await get('/accounts?role=owner')).body.items.map(({ id }: { id: string }) => id) as string[]
    expect(owners).toHaveLength(2)
    const answers = await Promise.all(owners.map((id) => change(id, { roles: [] })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409])
    const [last] = (await get('/accounts?role=owner')).body.items
    const refusals = [
      await change(last.id, { roles: ['auditor'] }),
      await ask(server, token, `DELETE /accounts/${last.id}`),
      await ask(server, token, `POST /accounts/${last.id}/suspension`),
    ]
    for (const { status, body } of refusals) {
      expect([status, body.detail]).toEqual([409, 'This is the last owner who can sign in: make another one first.'])
    }
    for (const id of owners) await change(id, { roles: ['owner'] })
  })

  test('of what somebody else has changed meanwhile is refused', async () => {
    const id = await made('versions@change.example')
    const etag = (await get(`/accounts/${id}`)).headers.get('etag') ?? ''
    expect((await change(id, { name: 'First' }, { 'if-match': etag })).status).toBe(200)
    const { status, body } = await change(id, { name: 'Second' }, { 'if-match': etag })
    expect([status, body.type]).toEqual([412, 'urn:latchkey:problem:stale-version'])
    expect((await change(id, { name: 'Third' }, { 'if-match': 'W/"weak"' })).status).toBe(400)
    expect((await change(id, { name: 'Third' }, { 'if-match': '*' })).status).toBe(200)
  })

  test('of fifty at once with one version, one is made', async () => {
    const id = await made('races@change.example')
    const etag = (await get(`/accounts/${id}`)).headers.get('etag') ?? ''
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => change(id, { name: `Number ${index}` }, { 'if-match': etag })),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(49)
  })

  test.each([
    [{ password_hash: BCRYPT }, 'password_hash'],
    [{ status: 'suspended' }, 'status'],
    [{ name: 7 }, 'text'],
    [{ email: null }, 'text'],
    [{ roles: null }, 'list'],
    [{ roles: { push: 'owner' } }, 'list'],
    [{ profile: null }, 'profile'],
    [{ reason: '\u0000' }, 'character'],
    [[], ''],
    ['text', ''],
  ])('AD3, AD6: %j is refused in words', async (body, words) => {
    const answer = await change(await idOf('grace@people.example'), body)
    expect([answer.status, answer.body.type]).toEqual([400, 'urn:latchkey:problem:invalid-request'])
    expect(answer.body.detail).toContain(words)
  })
})

test('AD2: the token of an app finds nobody', async () => {
  const { body } = await tokenRequest(server, SPA, { grant_type: 'client_credentials', resource: adminResourceOf(server) })
  expect((await ask(server, body.access_token ?? 'none', 'GET /accounts')).status).toBe(401)
})
