// What happens to accounts by the admin API: suspended, contained, deleted, unlocked, their passwords set anew by a link.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { atConsole, send } from '../admin-console/people.ts'
import { Browser } from '../support/browser.ts'
import { API, SPA, WEB } from '../support/clients.ts'
import { introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { ask, PASSWORD, type Person, personToken, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let token: string
let hash: string
const people = new Map<Person, string>()

beforeAll(async () => {
  server = await startAdminServer({ settings: { LATCHKEY_RATE_LIMITS: 'on', LATCHKEY_RATE_LIMIT_PEOPLE: '100000' } })
  token = await robotToken(server)
  hash = await server.latchkey.nouns.passwords.hash(PASSWORD)
  for (const person of ['owner', 'operator', 'auditor', 'helpdesk'] as const)
    people.set(person, await personToken(server, person))
}, 60_000)

afterAll(() => server?.stop())

let number = 0
const get = (path: string) => ask(server, token, `GET ${path}`)
const events = (accountId: string) =>
  run(server.databaseUrl, 'SELECT name, actor, reason FROM audit_events WHERE account_id = $1 ORDER BY id', [accountId])

/** An account with a password, and what signs in to it. */
async function someone(more: object = {}) {
  number += 1
  const email = `someone-${number}@ends.example`
  const { body } = await ask(server, token, 'POST /accounts', { body: { email, password_hash: hash, ...more } })
  const person = { username: email, password: PASSWORD }
  const browser = new Browser()
  return { id: body.id as string, email, signIn: () => obtainTokens(server, SPA, { browser, person }), browser, person }
}

const signsIn = async ({ person }: { person: { username: string; password: string } }) => {
  const result = await server.latchkey.nouns.signIn.signIn({ ...person, origin: { address: '192.0.2.1' } })
  return result.outcome === 'ok'
}

describe('an end of all that an account has', () => {
  test.each([
    ['suspension', 'POST', '/suspension'],
    ['containment', 'POST', '/containment'],
    ['deletion', 'DELETE', ''],
  ])('a preview of the %s says what would end, by name, and ends nothing', async (_what, method, path) => {
    const one = await someone()
    const { tokens } = await one.signIn()
    await obtainTokens(server, WEB, { browser: one.browser, person: one.person })
    const { status, body } = await ask(server, token, `${method} /accounts/${one.id}${path}`, { body: { dry_run: true } })
    expect(status).toBe(200)
    expect(body).toEqual({
      dry_run: true,
      sessions: 1,
      grants: 2,
      refresh_families: 2,
      logout_notifications: 0,
      devices: [
        {
          session_id: expect.stringMatching(/^ses_/),
          device: 'Chrome on Linux',
          address: '127.0.0.1',
          last_active_at: expect.any(String),
        },
      ],
      clients: [
        { id: 'notes-spa', name: 'Notes' },
        { id: 'notes-web', name: 'App notes-web' },
      ],
    })
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).status).toBe(200)
    expect((await get(`/accounts/${one.id}`)).body).toMatchObject({ status: 'active', has_password: true, sessions: 1 })
  })

  test('AD1: a preview counts for whoever may end it, and names only what they may see by itself', async () => {
    const one = await someone()
    await one.signIn()
    const preview = async (scope: string) => {
      const body = { dry_run: true }
      return (await ask(server, await robotToken(server, scope), `POST /accounts/${one.id}/suspension`, { body })).body
    }
    const counts = { dry_run: true, sessions: 1, grants: 1, refresh_families: 1, logout_notifications: 0 }
    expect(await preview('accounts:write')).toEqual({ ...counts, devices: null, clients: null })
    const devices = [expect.objectContaining({ device: 'Chrome on Linux' })]
    expect(await preview('accounts:write sessions:read')).toEqual({ ...counts, devices, clients: null })
    const clients = [{ id: 'notes-spa', name: 'Notes' }]
    expect(await preview('accounts:write sessions:read grants:read')).toEqual({ ...counts, devices, clients })
    expect(await preview('accounts:write grants:read')).toEqual({ ...counts, devices: null, clients: null })
  })

  test('containment ends it, and nobody gets in until the password is set anew', async () => {
    const one = await someone()
    const { tokens } = await one.signIn()
    await ask(server, token, `POST /accounts/${one.id}/password-reset`)
    const { status, body } = await ask(server, token, `POST /accounts/${one.id}/containment`, { body: { reason: 'phished' } })
    expect(status).toBe(200)
    expect(body).toMatchObject({ sessions: 1, grants: 1, refresh_families: 1 })
    expect(body.sequence).toBeGreaterThan(0)
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
    expect(await signsIn(one)).toBe(false)
    expect((await get(`/accounts/${one.id}`)).body).toMatchObject({
      status: 'active',
      has_password: false,
      sessions: 0,
      grants: 0,
      password_link: null,
    })
    expect((await events(one.id)).at(-2)).toEqual({ name: 'account.contained', actor: 'robot', reason: 'phished' })
  })

  test('suspension keeps the person out, and its end lets them in again', async () => {
    const one = await someone()
    const { tokens } = await one.signIn()
    expect((await ask(server, token, `POST /accounts/${one.id}/suspension`)).body).toMatchObject({ sessions: 1, grants: 1 })
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect(await signsIn(one)).toBe(false)
    expect((await get('/accounts?status=suspended')).body.items.map(({ id }: { id: string }) => id)).toContain(one.id)
    const refused = await ask(server, token, `POST /accounts/${one.id}/password-reset`)
    expect([refused.status, refused.body.detail]).toEqual([409, 'The account is suspended: reinstate it first.'])
    // Again: there is nothing left to end, and nothing is written down.
    expect((await ask(server, token, `POST /accounts/${one.id}/suspension`)).body.sessions).toBe(0)
    expect((await ask(server, token, `DELETE /accounts/${one.id}/suspension`, { body: { reason: 'back' } })).status).toBe(200)
    expect(await signsIn(one)).toBe(true)
    const names = (await events(one.id)).map(({ name }) => name)
    expect(names.filter((name) => String(name).startsWith('account.'))).toEqual([
      'account.created',
      'account.suspended',
      'account.reinstated',
    ])
  })

  test('deletion leaves nothing of the person, and the address is free', async () => {
    const one = await someone()
    await one.signIn()
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(server, token, `DELETE /accounts/${one.id}`)))
    const done = answers.filter(({ status }) => status === 200)
    expect(done.map(({ body }) => body.sessions)).toEqual([1])
    expect(answers.filter(({ status }) => ![200, 404, 503].includes(status))).toEqual([])
    expect((await get(`/accounts/${one.id}`)).status).toBe(404)
    expect((await get(`/accounts?search=${one.email}`)).body.items).toEqual([])
    const again = await ask(server, token, 'POST /accounts', { body: { email: one.email } })
    expect(again.status).toBe(201)
    expect(again.body.id).not.toBe(one.id)
  })

  test.each([
    ['POST', '/suspension', { dry_run: 'yes' }],
    ['POST', '/containment', { everything: true }],
    ['DELETE', '', { reason: { $ne: '' } }],
    ['POST', '/password-reset', { password: 'in clear' }],
    ['POST', '/password-reset', { send_mail: 1 }],
    ['DELETE', '/lockout', { account: 'acc_other' }],
    ['DELETE', '/suspension', { dry_run: true }],
  ])('AD3, AD6: %s %s with %j is refused', async (method, path, body) => {
    const one = await someone()
    const answer = await ask(server, token, `${method} /accounts/${one.id}${path}`, { body })
    expect([answer.status, answer.body.type]).toEqual([400, 'urn:latchkey:problem:invalid-request'])
    expect((await events(one.id)).map(({ name }) => name)).toEqual(['account.created'])
  })

  test('AD2: what is not there is not found', async () => {
    for (const request of [
      'POST /suspension',
      'DELETE /suspension',
      'POST /containment',
      'POST /password-reset',
      'DELETE /lockout',
    ]) {
      const [method, path] = request.split(' ')
      for (const body of [{}, ...(path === '/containment' || request === 'POST /suspension' ? [{ dry_run: true }] : [])]) {
        expect((await ask(server, token, `${method} /accounts/acc_nobody${path}`, { body })).status).toBe(404)
      }
    }
  })
})

describe('AD4: nobody acts upon an account that may do more than they', () => {
  const idOf = async (person: Person) => (await get(`/accounts?search=${person}@staff`)).body.items[0].id as string

  test.each([
    ['operator', 'owner', 'POST', '/suspension'],
    ['operator', 'owner', 'DELETE', '/suspension'],
    ['operator', 'owner', 'POST', '/containment'],
    ['operator', 'owner', 'POST', '/password-reset'],
    ['operator', 'owner', 'DELETE', '/lockout'],
    ['helpdesk', 'operator', 'POST', '/password-reset'],
    ['helpdesk', 'auditor', 'POST', '/password-reset'],
    ['helpdesk', 'owner', 'DELETE', '/lockout'],
  ] as const)('%s upon %s: %s %s', async (who, whom, method, path) => {
    const sent = path === '/password-reset' ? { body: { send_mail: true } } : {}
    const { status, body } = await ask(server, people.get(who) ?? '', `${method} /accounts/${await idOf(whom)}${path}`, sent)
    expect([status, body.type]).toEqual([403, 'urn:latchkey:problem:out-of-reach'])
  })

  test.each(['auditor', 'helpdesk'] as const)(
    'an operator is not shown a link to the account of %s, whose roles may do what operators may not: it is mailed',
    async (whom) => {
      const operator = people.get('operator') ?? ''
      const path = `POST /accounts/${await idOf(whom)}/password-reset`
      const shown = await ask(server, operator, path)
      expect([shown.status, shown.body.type]).toEqual([403, 'urn:latchkey:problem:out-of-reach'])
      expect(shown.body.detail).toContain('have it mailed')
      const mailed = await ask(server, operator, path, { body: { send_mail: true } })
      expect([mailed.status, mailed.body.password_link.url]).toEqual([201, null])
      expect((await ask(server, token, path)).status).toBe(201)
      const { browser, page } = await atConsole(server, 'operator', `/admin/accounts/${await idOf(whom)}/sign-in`)
      expect([page.body.includes('Mail the person a link'), page.body.includes('Make a link')]).toEqual([true, false])
      // Whatever they send: it is mailed.
      const sent = await send(browser, page, `/admin/accounts/${await idOf(whom)}/password-reset`, { reason: 'lost' })
      expect([sent.status, sent.body.includes('on its way to the person'), sent.body.includes('?token=')]).toEqual([
        200,
        true,
        false,
      ])
    },
  )

  test('AU1: that somebody tried is written down, once at first and then how often, however often they try', async () => {
    const { occasional } = server.latchkey.audit
    const [operator, owner] = [await idOf('operator'), await idOf('owner')]
    await server.advance(61)
    await occasional.flush()
    const [last] = await run(server.databaseUrl, 'SELECT max(id)::text AS id FROM audit_events')
    for (let times = 0; times < 20; times += 1)
      await ask(server, people.get('operator') ?? '', `POST /accounts/${owner}/containment`, { body: { reason: 'typed' } })
    await server.advance(61)
    // Writes what waits, after what is being written.
    await occasional.flush()
    const written = await run(
      server.databaseUrl,
      `SELECT actor, client_id, account_id, reason, detail FROM audit_events
       WHERE name = 'admin_access.refused' AND id > $1::bigint ORDER BY id`,
      [last?.id],
    )
    const detail = { route: 'containAccount' }
    const about = { actor: operator, account_id: operator, client_id: 'tool', reason: 'out_of_reach' }
    expect(written).toEqual([
      { ...about, detail },
      { ...about, detail: { ...detail, times: 19 } },
    ])
  })

  test('within reach they may', async () => {
    const one = await someone()
    const helpdesk = people.get('helpdesk') ?? ''
    const mailed = await ask(server, helpdesk, `POST /accounts/${one.id}/password-reset`, { body: { send_mail: true } })
    expect([mailed.status, mailed.body.password_link]).toEqual([201, { url: null, mailed: true, expires_at: expect.any(String) }])
    expect((await ask(server, helpdesk, `DELETE /accounts/${one.id}/lockout`)).status).toBe(200)
    expect((await ask(server, helpdesk, `POST /accounts/${one.id}/suspension`)).status).toBe(403)
    const operator = people.get('operator') ?? ''
    expect((await ask(server, operator, `POST /accounts/${one.id}/containment`)).status).toBe(200)
    expect((await ask(server, operator, `DELETE /accounts/${one.id}`)).status).toBe(403)
  })
})

describe('a password that is to be set anew', () => {
  test('stays good until the link is used; with end_sessions all ends now', async () => {
    const one = await someone()
    const { tokens } = await one.signIn()
    const asked = await ask(server, token, `POST /accounts/${one.id}/password-reset`)
    expect(asked.status).toBe(201)
    expect(asked.body).toMatchObject({
      password_link: { mailed: false, url: expect.any(String) },
      ended: { sessions: 0, grants: 0 },
    })
    expect(await signsIn(one)).toBe(true)
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).status).toBe(200)
    const ending = await ask(server, token, `POST /accounts/${one.id}/password-reset`, {
      body: { end_sessions: true, reason: 'lost' },
    })
    expect(ending.body.ended).toMatchObject({ sessions: 1, grants: 1 })
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
    expect(await signsIn(one)).toBe(true)
    expect((await events(one.id)).slice(-3)).toMatchObject([
      { name: 'password_link.created', reason: 'lost' },
      { name: 'account.signed_out_everywhere', actor: 'robot', reason: 'lost' },
      { name: 'sign_in.succeeded' },
    ])
  })

  test('PW8: with force_change lets nobody in from then on, and another one must be set by the link', async () => {
    const one = await someone()
    const path = `POST /accounts/${one.id}/password-reset`
    const forced = await ask(server, people.get('operator') ?? '', path, {
      body: { force_change: true, reason: 'seen on a note' },
    })
    expect(forced.status).toBe(201)
    expect(await signsIn(one)).toBe(false)
    expect((await get(`/accounts/${one.id}`)).body).toMatchObject({ password_set_at: null })
    expect((await events(one.id)).slice(-3)).toMatchObject([
      { name: 'password_link.created', reason: 'seen on a note' },
      { name: 'password.change_forced', reason: 'seen on a note' },
      { name: 'sign_in.failed' },
    ])
    // Not the one before, though nobody gets in by it any more.
    const { passwordLinks } = server.latchkey.administration
    const link = new URL(forced.body.password_link.url).searchParams.get('token') ?? ''
    expect(await passwordLinks.redeem(link, PASSWORD, {})).toEqual({ outcome: 'refused', reason: 'used_before' })
    const next = 'a quite different one 1843'
    expect(await passwordLinks.redeem(link, next, {})).toMatchObject({ outcome: 'done' })
    expect(await signsIn({ person: { ...one.person, password: next } })).toBe(true)
  })

  test('AD4: with force_change takes what containing an account takes, and is refused for the last owner', async () => {
    const one = await someone()
    const path = (id: string) => `POST /accounts/${id}/password-reset`
    const body = { send_mail: true, force_change: true }
    const helpdesk = await ask(server, people.get('helpdesk') ?? '', path(one.id), { body })
    expect([helpdesk.status, helpdesk.body.type]).toEqual([403, 'urn:latchkey:problem:insufficient-role'])
    expect(await signsIn(one)).toBe(true)
    const [last, ...others] = await run(
      server.databaseUrl,
      "SELECT id FROM accounts WHERE status = 'active' AND 'owner' = ANY (roles)",
    )
    const ids = [others.map(({ id }) => id)]
    await run(server.databaseUrl, "UPDATE accounts SET status = 'suspended' WHERE id = ANY($1)", ids)
    const refused = await ask(server, token, path(String(last?.id)), { body: { force_change: true } })
    await run(server.databaseUrl, "UPDATE accounts SET status = 'active' WHERE id = ANY($1)", ids)
    expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('the last owner')])
  })

  test('with end_sessions takes what ending sessions takes, of a role and of a scope', async () => {
    const one = await someone()
    const { tokens } = await one.signIn()
    const narrow = await robotToken(server, 'accounts:write')
    const path = `POST /accounts/${one.id}/password-reset`
    for (const [asking, type] of [
      [people.get('helpdesk') ?? '', 'insufficient-role'],
      [narrow, 'insufficient-scope'],
    ] as const) {
      const refused = await ask(server, asking, path, { body: { send_mail: true, end_sessions: true } })
      expect([refused.status, refused.body.type]).toEqual([403, `urn:latchkey:problem:${type}`])
      expect((await ask(server, asking, path, { body: { send_mail: true } })).status).toBe(201)
    }
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })
    const operator = people.get('operator') ?? ''
    expect((await ask(server, operator, path, { body: { end_sessions: true } })).body.ended).toMatchObject({ sessions: 1 })
  })

  test('AD1: is shown to no helpdesk: a link is a secret', async () => {
    const one = await someone()
    const path = `POST /accounts/${one.id}/password-reset`
    const refused = await ask(server, people.get('helpdesk') ?? '', path, { body: { reason: 'mine' } })
    expect([refused.status, refused.body.type]).toEqual([403, 'urn:latchkey:problem:insufficient-role'])
    expect(JSON.stringify(refused.body)).not.toContain('pwd_')
    expect((await ask(server, people.get('operator') ?? '', path)).body.password_link.url).toContain('pwd_')
  })

  test.each([
    ['POST', '/password-reset', 'password'],
    ['POST', '/password-reset', 'password_hash'],
    ['PATCH', '', 'password'],
    ['PATCH', '', 'password_hash'],
  ])('PW8: is chosen by nobody but the person: %s …%s with %s is refused', async (method, path, member) => {
    const one = await someone()
    const refused = await ask(server, token, `${method} /accounts/${one.id}${path}`, {
      body: { [member]: 'chosen by somebody 1' },
    })
    expect([refused.status, refused.body.type]).toEqual([400, 'urn:latchkey:problem:invalid-request'])
    expect(await signsIn(one)).toBe(true)
  })

  test('fifty links at once: one is good, the last', async () => {
    const one = await someone()
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => ask(server, token, `POST /accounts/${one.id}/password-reset`)),
    )
    // On a machine that has much else to do, some are told to come again.
    const made = answers.filter(({ status }) => status === 201)
    expect(answers.filter(({ status }) => status !== 201 && status !== 503)).toEqual([])
    const pages: number[] = []
    for (const { body } of made) pages.push((await new Browser().open(body.password_link.url)).status)
    expect(pages.toSorted()).toEqual([200, ...made.slice(1).map(() => 410)])
  })
})

describe('LG3: an account that is slowed down', () => {
  async function lockedOut() {
    const one = await someone()
    for (let tries = 0; tries < 11; tries += 1) await signsIn({ person: { ...one.person, password: 'wrong' } })
    expect(await signsIn(one)).toBe(false)
    return one
  }

  test('is found in the order of the list also where so many are locked that none is looked for by itself', async () => {
    const before = (await get('/accounts?limit=200')).body.items.map(({ id }: { id: string }) => id)
    const some = [before[0], before[2], before[3]]
    await run(
      server.databaseUrl,
      `INSERT INTO sign_in_failures (key, what, account_ids, failures, next_attempt_at, expires_at)
       SELECT sha256(n::text::bytea), 'sign_in', CASE WHEN n = 1 THEN $1::text[] ELSE ARRAY['acc_' || n, $2] END, 20,
         latchkey_now() + interval '1 hour', latchkey_now() + interval '1 day' FROM generate_series(1, 2100) n`,
      [some.slice(1), some[0]],
    )
    try {
      const found = async (query: string) =>
        (await get(`/accounts?limit=200&${query}`)).body.items.map(({ id }: { id: string }) => id)
      expect(await found('locked=true')).toEqual(some)
      expect(await found('locked=false')).toEqual(before.filter((id: string) => !some.includes(id)))
      const first = (await get('/accounts?locked=true&limit=1')).body
      expect(first.items.map(({ id }: { id: string }) => id)).toEqual([some[0]])
      expect(await found(`locked=true&cursor=${first.next_cursor}`)).toEqual(some.slice(1))
    } finally {
      await run(
        server.databaseUrl,
        'DELETE FROM sign_in_failures WHERE key IN (SELECT sha256(n::text::bytea) FROM generate_series(1, 2100) n)',
      )
    }
  })

  test('is shown as such, found as such, and unlocked', async () => {
    const one = await lockedOut()
    const { body } = await get(`/accounts/${one.id}`)
    expect(Date.parse(body.lockout.until)).toBeGreaterThan(Date.now())
    expect(body.lockout.counts).toEqual([{ what: 'sign_in', failures: 10, until: body.lockout.until }])
    expect((await get('/accounts?locked=true')).body.items.map(({ id }: { id: string }) => id)).toEqual([one.id])
    expect((await get('/accounts?locked=false&limit=200')).body.items.map(({ id }: { id: string }) => id)).not.toContain(one.id)
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => ask(server, token, `DELETE /accounts/${one.id}/lockout`, { body: { reason: 'called' } })),
    )
    expect(answers.filter((answer) => answer.body.forgotten === 1)).toHaveLength(1)
    expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([])
    expect(await signsIn(one)).toBe(true)
    expect((await events(one.id)).filter(({ name }) => name === 'account.unlocked')).toEqual([
      { name: 'account.unlocked', actor: 'robot', reason: 'called' },
    ])
    expect((await get(`/accounts/${one.id}`)).body.lockout).toEqual({ until: null, counts: [] })
  })

  test('is among the blocks, as are addresses that are no account’s; each is lifted once', async () => {
    const one = await lockedOut()
    for (let tries = 0; tries < 11; tries += 1)
      await signsIn({ person: { username: 'nobody@nowhere.example', password: 'wrong' } })
    const { body } = await get('/blocks')
    const mine = body.items.find((item: { account: { id: string } | null }) => item.account?.id === one.id)
    expect(mine).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      what: 'sign_in',
      account: { id: one.id, email: one.email, name: null },
      failures: 10,
      until: expect.any(String),
    })
    const strangers = body.items.filter((item: { account: object | null }) => item.account === null)
    expect(strangers).toMatchObject([{ what: null, failures: 10 }])
    const first = await get('/blocks?limit=1')
    const second = await get(`/blocks?limit=1&cursor=${first.body.next_cursor}`)
    expect([...first.body.items, ...second.body.items]).toEqual(body.items.slice(0, 2))

    const helpdesk = people.get('helpdesk') ?? ''
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(server, helpdesk, `DELETE /blocks/${mine.id}`)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(await signsIn(one)).toBe(true)
    expect((await ask(server, token, `DELETE /blocks/${strangers[0].id}`)).status).toBe(200)
    for (const id of [strangers[0].id, 'x', '%00', 'g'.repeat(16), 'A'.repeat(16)]) {
      expect([400, 404]).toContain((await ask(server, token, `DELETE /blocks/${id}`)).status)
    }
  })

  test('AD4: of an account out of reach is not lifted', async () => {
    for (let tries = 0; tries < 11; tries += 1) await signsIn({ person: { username: 'owner@staff.example', password: 'wrong' } })
    const { body } = await get('/blocks')
    const block = body.items.find((item: { account: { email: string } | null }) => item.account?.email === 'owner@staff.example')
    const refused = await ask(server, people.get('helpdesk') ?? '', `DELETE /blocks/${block.id}`)
    expect([refused.status, refused.body.type]).toEqual([403, 'urn:latchkey:problem:out-of-reach'])
    expect((await ask(server, people.get('owner') ?? '', `DELETE /blocks/${block.id}`)).status).toBe(200)
  })
})
