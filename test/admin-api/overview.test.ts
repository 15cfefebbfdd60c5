// How the server fares, by the admin API: what was counted and when, how old what should be replaced is, what is to be done, and that
// everybody is told what they may look at and no more.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import pg from 'pg'
import { createEventCounting } from '../../server/overview/event-counts.ts'
import { MACHINE, SPA, WEB } from '../support/clients.ts'
import { obtainTokens, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { type ApiResult, ask, PEOPLE, personToken, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let token: string

beforeAll(async () => {
  server = await startAdminServer({ settings: { LATCHKEY_RATE_LIMITS: 'on', LATCHKEY_RATE_LIMIT_PEOPLE: '100000' } })
  token = await robotToken(server)
})

afterAll(() => server?.stop())

const sql = (statement: string, values?: unknown[]) => run(server.databaseUrl, statement, values)
const overview = async () => (await ask(server, token, 'GET /overview')).body

/** All that happened is sealed and counted, whoever does it. */
async function counted(): Promise<ApiResult['body']> {
  const { audit, administration } = server.latchkey
  for (const end = performance.now() + 20_000; performance.now() < end; ) {
    await audit.sealer.run()
    await administration.figures.refresh()
    const [{ left } = {}] = await sql(`
      SELECT (SELECT count(*) FROM audit_events) - (SELECT sum(cardinality(event_ids)) FROM audit_seals
        WHERE number <= (SELECT counted_seal FROM overview_figures)) AS left`)
    if (Number(left) === 0) return overview()
  }
  throw new Error('not everything was counted')
}

type Bucket = { readonly at: string; readonly succeeded: number; readonly failed: number; readonly reused: number }

function sums(buckets: readonly Bucket[]) {
  const sum = (of: (bucket: Bucket) => number) => buckets.reduce((total, bucket) => total + of(bucket), 0)
  return {
    succeeded: sum((bucket) => bucket.succeeded),
    failed: sum(({ failed }) => failed),
    reused: sum(({ reused }) => reused),
  }
}

async function duty(name: string) {
  const { duties } = await overview()
  return duties.find((one: { readonly name: string }) => one.name === name)
}

/** Events of other times, as they would have been written then. */
function happened(name: string, secondsAgo: number, many: number): Promise<unknown> {
  return sql(
    `INSERT INTO audit_events (at, name) SELECT latchkey_now() - make_interval(secs => $1), $2 FROM generate_series(1, $3::int)`,
    [secondsAgo, name, many],
  )
}

const HOUR = 3600
const DAY = 24 * HOUR

test('a server on which nobody has signed in says so', async () => {
  const { status, body } = await ask(server, token, 'GET /overview')
  expect(status).toBe(200)
  expect(body.sign_ins.hours).toHaveLength(24)
  expect(body.sign_ins.days).toHaveLength(7)
  expect(sums(body.sign_ins.days)).toEqual({ succeeded: 0, failed: 0, reused: 0 })
  const after = await counted()
  expect(after.active_sessions).toEqual({ count: 0, as_of: expect.any(String) })
  expect(Math.abs(Date.parse(after.sign_ins.as_of) - Date.parse(after.at))).toBeLessThan(60_000)
})

describe('sign-ins', () => {
  test('are counted by the hour and the day, with those that failed and tokens that came twice', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    await obtainTokens(server, SPA, { person: server.grace })
    const { signIn } = server.latchkey.nouns.signIn
    for (let time = 0; time < 3; time += 1) await signIn({ username: server.ada.username, password: 'wrong', origin: {} })
    const first = tokens.body.refresh_token ?? ''
    const second = (await refresh(server, SPA, first)).body.refresh_token ?? ''
    await refresh(server, SPA, second)
    expect((await refresh(server, SPA, first)).status).toBe(400)
    const { sign_ins: signIns } = await counted()
    expect(sums(signIns.hours)).toEqual({ succeeded: 2, failed: 3, reused: 1 })
    expect(sums(signIns.days)).toEqual(sums(signIns.hours))
  })

  test('of other hours and days stand there, and those of eight days ago nowhere', async () => {
    const before = (await counted()).sign_ins
    await happened('sign_in.succeeded', 3 * HOUR, 7)
    await happened('sign_in.failed', 3 * DAY, 40)
    await happened('sign_in.failed', 9 * DAY, 1000)
    const { sign_ins: after } = await counted()
    const change = (of: readonly Bucket[], was: readonly Bucket[]) =>
      of.map(({ succeeded, failed }, index) => [succeeded - (was[index]?.succeeded ?? 0), failed - (was[index]?.failed ?? 0)])
    // Unless the hour or the day has changed meanwhile.
    if (after.hours.at(-1).at === before.hours.at(-1).at) {
      expect(change(after.hours, before.hours).at(-4)).toEqual([7, 0])
      expect(change(after.days, before.days).at(-4)).toEqual([0, 40])
    }
    expect(sums(after.days).failed - sums(before.days).failed).toBe(40)
    expect(sums(after.days).succeeded - sums(before.days).succeeded).toBe(7)
  })

  test('are counted once, however many count at once', async () => {
    const before = sums((await counted()).sign_ins.days)
    await happened('sign_in.succeeded', HOUR, 2500)
    const { db } = server.latchkey.stores
    await server.latchkey.audit.sealer.run()
    await Promise.all(Array.from({ length: 50 }, () => createEventCounting({ db }).run()))
    expect(sums((await counted()).sign_ins.days).succeeded - before.succeeded).toBe(2500)
  })

  test('that come to light late, since their transaction took long, are not missed', async () => {
    const before = sums((await counted()).sign_ins.days)
    const slow = new pg.Client({ connectionString: server.databaseUrl })
    await slow.connect()
    try {
      await slow.query('BEGIN')
      await slow.query("INSERT INTO audit_events (name) VALUES ('sign_in.failed')")
      await happened('sign_in.failed', 0, 5)
      expect(sums((await counted()).sign_ins.days).failed - before.failed).toBe(5)
      await slow.query('COMMIT')
    } finally {
      await slow.end()
    }
    expect(sums((await counted()).sign_ins.days).failed - before.failed).toBe(6)
  })

  test('say until when they are counted, when whoever seals is behind', async () => {
    await counted()
    const sealer = new pg.Client({ connectionString: server.databaseUrl })
    await sealer.connect()
    try {
      await sealer.query('BEGIN')
      await sealer.query('SELECT FROM audit_sealing WHERE id = 1 FOR UPDATE')
      await happened('sign_in.failed', 120, 1)
      await server.latchkey.administration.figures.refresh()
      const { at, sign_ins: signIns } = await overview()
      expect((Date.parse(at) - Date.parse(signIns.as_of)) / 1000).toBeGreaterThan(110)
    } finally {
      await sealer.end()
    }
    const { at, sign_ins: signIns } = await counted()
    expect((Date.parse(at) - Date.parse(signIns.as_of)) / 1000).toBeLessThan(60)
  })
})

describe('what is live', () => {
  test('is counted, and what has ended or expired is not', async () => {
    const before = await counted()
    const { tokens } = await obtainTokens(server, SPA)
    await obtainTokens(server, WEB, { person: server.grace })
    const two = await counted()
    expect(two.active_sessions.count - before.active_sessions.count).toBe(2)
    expect(two.active_grants.count - before.active_grants.count).toBe(2)
    await ask(server, token, `DELETE /grants/${JSON.parse(atob(tokens.body.access_token?.split('.')[1] ?? '')).grant_id}`)
    expect((await counted()).active_grants.count).toBe(two.active_grants.count - 1)
    await ask(server, token, 'POST /clients/notes-web/suspension', { body: {} })
    expect((await counted()).active_grants.count).toBe(two.active_grants.count - 2)
    await ask(server, token, 'DELETE /clients/notes-web/suspension')
    await sql("UPDATE sessions SET expires_at = latchkey_now() - interval '1 second' WHERE ended_at IS NULL")
    expect((await counted()).active_sessions.count).toBe(0)
  })

  test('is counted again by itself, and says when that was', async () => {
    await sql(
      "UPDATE overview_figures SET look_due_at = latchkey_now(), live_due_at = latchkey_now(), live_at = 'epoch' WHERE id = 1",
    )
    const { figures } = server.latchkey.administration
    await Promise.all(Array.from({ length: 20 }, () => figures.run()))
    for (const end = performance.now() + 20_000; ; ) {
      const { at, active_sessions: live } = await overview()
      if (Date.parse(at) - Date.parse(live.as_of) < 60_000) break
      if (performance.now() > end) throw new Error('it was not counted again')
    }
    const [row] = await sql('SELECT live_due_at - live_at AS wait, sessions, grants FROM overview_figures')
    expect(row?.wait).toMatchObject({ seconds: 30 })
  })
})

describe('locked accounts', () => {
  test('are counted, those that are nobody’s are not, and the duty leads to them', async () => {
    expect(await duty('locked_accounts')).toMatchObject({ state: 'done', todo: null })
    const { signIn } = server.latchkey.nouns.signIn
    for (let time = 0; time < 11; time += 1) {
      await signIn({ username: server.grace.username, password: 'wrong', origin: { address: '192.0.2.1' } })
      await signIn({ username: 'nobody@nowhere.example', password: 'wrong', origin: { address: '192.0.2.1' } })
    }
    expect((await counted()).locked_accounts).toEqual({ count: 1, as_of: expect.any(String) })
    expect(await duty('locked_accounts')).toMatchObject({ state: 'due', href: '/admin/blocks', todo: expect.any(String) })
    await ask(server, token, `DELETE /accounts/${encodeURIComponent(await idOf(server.grace.username))}/lockout`)
    expect((await counted()).locked_accounts.count).toBe(0)
    expect(await duty('locked_accounts')).toMatchObject({ state: 'done' })
  })

  async function idOf(email: string): Promise<string> {
    return String((await sql('SELECT id FROM accounts WHERE email_key = $1', [email]))[0]?.id)
  }
})

describe('client secrets', () => {
  const aged = (client: string, days: number) =>
    sql('UPDATE client_secrets SET created_at = latchkey_now() - make_interval(days => $2) WHERE client_id = $1', [client, days])
  const listed = async () =>
    (await ask(server, token, 'GET /clients?secrets=due')).body.items.map((client: { client_id: string }) => client.client_id)

  test('are done, due and overdue by the age of the oldest', async () => {
    expect(await duty('client_secrets')).toMatchObject({ state: 'done', href: '/admin/clients' })
    expect((await overview()).client_secrets).toMatchObject({ under_60_days: 0, older: 0 })
    await aged(WEB.client_id, 45)
    expect((await overview()).client_secrets).toMatchObject({ under_60_days: 1, older: 0 })
    await aged(WEB.client_id, 80)
    expect(await duty('client_secrets')).toMatchObject({ state: 'due', href: `/admin/clients/${WEB.client_id}` })
    expect(await listed()).toEqual([])
    await aged(WEB.client_id, 91)
    await aged(MACHINE.client_id, 300)
    const { state, due_at: dueAt, says, href } = await duty('client_secrets')
    expect({ state, says, href }).toEqual({
      state: 'overdue',
      says: 'Those of 2 apps were not.',
      href: '/admin/secrets?state=due',
    })
    expect(Math.round((Date.now() - Date.parse(dueAt)) / DAY / 1000)).toBe(210)
    expect(await listed()).toEqual([WEB.client_id, MACHINE.client_id].toSorted())
    const { client_secrets: ages } = await overview()
    expect(ages).toMatchObject({ older: 2, under_90_days: 0 })
    expect(ages.clients).toBe(ages.under_30_days + ages.older)
  })

  test('AD1: are listed by age, each to whoever may see what has it', async () => {
    const list = async (query = '', asker = token) => (await ask(server, asker, `GET /secrets${query}`)).body
    const url = 'https://hooks.example/path-that-may-be-secret'
    const made = await ask(server, token, 'POST /webhooks', { body: { url, events: ['*'] } })
    expect(made.status).toBe(201)
    const { id: webhookId, secret } = made.body
    await aged(WEB.client_id, 91)
    await aged(MACHINE.client_id, 300)
    const { items } = await list()
    const owners = items.map(({ owner_id: id }: { owner_id: string }) => id)
    expect(owners.slice(0, 2)).toEqual([MACHINE.client_id, WEB.client_id])
    expect(items[0]).toEqual({
      ...{ id: expect.stringMatching(/^sec_/), of: 'client', owner_id: MACHINE.client_id, owner_name: null },
      ...{ created_at: expect.any(String), expires_at: null, being_replaced: false, due_at: expect.any(String) },
    })
    expect(items).toContainEqual(
      expect.objectContaining({ of: 'webhook', owner_id: webhookId, owner_name: 'https://hooks.example', being_replaced: false }),
    )
    expect(JSON.stringify(items)).not.toContain('path-that-may-be-secret')
    expect(JSON.stringify(items)).not.toContain(secret)

    const [one, other] = await Promise.all(
      ['keys:read clients:read', 'keys:read webhooks:read'].map((scope) => robotToken(server, scope)),
    )
    expect(new Set((await list('', one)).items.map(({ of }: { of: string }) => of))).toEqual(new Set(['client']))
    expect(new Set((await list('', other)).items.map(({ of }: { of: string }) => of))).toEqual(new Set(['webhook']))
    expect((await list('', await robotToken(server, 'keys:read'))).items).toEqual([])

    // A page at a time, all of them and none twice.
    const found: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { items: { owner_id: string }[]; next_cursor: string | null } = await list(
        `?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
      )
      found.push(...page.items.map(({ owner_id: id }) => id))
      cursor = page.next_cursor
    }
    expect(found).toEqual(owners)

    await sql("UPDATE webhook_secrets SET created_at = latchkey_now() - interval '100 days' WHERE webhook_id = $1", [webhookId])
    expect(await duty('webhook_secrets')).toMatchObject({
      state: 'overdue',
      says: 'Those of 1 webhook were not.',
      href: '/admin/secrets?state=due',
    })
    const due = (await list('?due=true')).items.map(({ owner_id: id }: { owner_id: string }) => id)
    expect(due).toEqual([MACHINE.client_id, webhookId, WEB.client_id])
    expect((await ask(server, token, `POST /webhooks/${webhookId}/secrets`, { body: {} })).status).toBe(201)
    const states = (await list()).items
      .filter(({ owner_id: id }: { owner_id: string }) => id === webhookId)
      .map((item: { being_replaced: boolean; due_at: string | null }) => [item.being_replaced, item.due_at === null])
    expect(states).toEqual([
      [true, true],
      [false, false],
    ])
    expect(await duty('webhook_secrets')).toMatchObject({ state: 'done' })
    await ask(server, token, `DELETE /webhooks/${webhookId}`)
  })

  test('one that has a successor is out of it, and so is that of a suspended client', async () => {
    await ask(server, token, `POST /clients/${WEB.client_id}/secrets`, { body: {} })
    expect(await listed()).toEqual([MACHINE.client_id])
    await ask(server, token, `POST /clients/${MACHINE.client_id}/suspension`, { body: {} })
    expect(await listed()).toEqual([])
    expect(await duty('client_secrets')).toMatchObject({ state: 'done' })
    await ask(server, token, `DELETE /clients/${MACHINE.client_id}/suspension`)
    expect(await duty('client_secrets')).toMatchObject({ state: 'overdue' })
  })
})

describe('duties', () => {
  test('what fails for long is pointed out, and what has just failed is not', async () => {
    await sql(
      "INSERT INTO webhooks (id, url, description, events) VALUES ('wh_aaaaaaaaaaaaaaaa', 'https://hooks.example/x', '', '{}')",
    )
    const deliver = (id: string, state: string, minutes: number) =>
      sql(
        `INSERT INTO webhook_deliveries (id, webhook_id, event_id, event, state, created_at, give_up_at)
         VALUES ($1, 'wh_aaaaaaaaaaaaaaaa', 1, 'session.revoked', $2, latchkey_now() - make_interval(mins => $3), 'infinity')`,
        [id, state, minutes],
      )
    await deliver('msg_1', 'retrying', 30)
    expect(await duty('webhooks')).toMatchObject({ state: 'done' })
    await deliver('msg_2', 'retrying', 90)
    expect(await duty('webhooks')).toMatchObject({
      state: 'due',
      says: '1 webhook for more than an hour: hooks.example.',
      href: '/admin/webhooks/wh_aaaaaaaaaaaaaaaa',
    })
    await deliver('msg_3', 'failed', 10)
    expect(await duty('webhooks')).toMatchObject({ state: 'overdue' })
    await deliver('msg_4', 'delivered', 1)
    await sql("DELETE FROM webhook_deliveries WHERE state = 'retrying'")
    expect(await duty('webhooks')).toMatchObject({ state: 'done' })
    await sql('UPDATE webhooks SET enabled = false')
    await deliver('msg_5', 'failed', 0)
    expect(await duty('webhooks')).toMatchObject({ state: 'done' })
  })

  test('apps that were not told, and mail that waits', async () => {
    const name = 'logout_notifications'
    const untold = (id: string, state: string, minutes: number) =>
      sql(
        `INSERT INTO logout_notifications (id, session_id, client_id, account_id, sid, cause, state, created_at, give_up_at, next_attempt_at)
         VALUES ($1, $1, 'notes-spa', 'acc_1', 'sid', 'signed_out', $2, latchkey_now() - make_interval(mins => $3), 'infinity', 'infinity')`,
        [id, state, minutes],
      )
    await untold('lgo_1', 'retrying', 30)
    await untold('lgo_2', 'delivered', 300)
    expect(await duty(name)).toMatchObject({ state: 'done' })
    await untold('lgo_3', 'retrying', 90)
    expect(await duty(name)).toMatchObject({
      state: 'due',
      says: '1 time they have not: notes-spa.',
      href: expect.stringContaining('retrying'),
    })
    await untold('lgo_4', 'failed', 1500)
    expect(await duty(name)).toMatchObject({ state: 'overdue', href: '/admin/logout-notifications?state=failed' })
    expect(await duty('mail')).toMatchObject({ state: 'done' })
    await sql(
      `INSERT INTO mail_outbox (id, kind, account_id, sealed, created_at, next_attempt_at)
       VALUES ('mail_1', 'password_link', 'acc_1', '', latchkey_now() - interval '2 hours', 'infinity')`,
    )
    expect(await duty('mail')).toMatchObject({ state: 'due', says: 'One mail has waited for more than an hour.' })
  })

  test('what the system finds is named, but for what is a duty by itself', async () => {
    const { state, says, href } = await duty('system')
    expect({ state, href }).toEqual({ state: 'due', href: '/admin/system' })
    // It is no server for people.
    expect(says).toContain('Settings')
    await sql("UPDATE signing_keys SET signing_since = latchkey_now() - interval '91 days'")
    expect((await duty('system')).says).not.toContain('Signing keys')
    expect(await duty('signing_keys')).toMatchObject({
      state: 'overdue',
      says: expect.stringMatching(/^\d keys should have been\.$/),
    })
    expect((await overview()).signing_keys[0]).toMatchObject({ status: 'signing', due_at: expect.any(String) })
    await sql("UPDATE signing_keys SET signing_since = latchkey_now() - interval '80 days'")
    expect(await duty('signing_keys')).toMatchObject({ state: 'due' })
    await sql('UPDATE signing_keys SET signing_since = latchkey_now()')
    expect(await duty('signing_keys')).toMatchObject({ state: 'done' })
  })

  test('the audit of sessions is due when a report is there, and done for a month when it was signed off', async () => {
    const { sessionReviews } = server.latchkey.administration
    expect(await duty('session_audit')).toMatchObject({ state: 'done', says: 'The first report is to come.' })
    const { review } = await sessionReviews.begin({ actor: 'system' })
    await sessionReviews.run()
    expect(await duty('session_audit')).toMatchObject({ state: 'due', href: `/admin/session-audits/${review.id}` })
    await sessionReviews.signOff(review.id, { actor: 'system', reason: 'looked through' })
    expect(await duty('session_audit')).toMatchObject({ state: 'done', says: 'Yes.' })
    await sql("UPDATE session_reviews SET signed_off_at = signed_off_at - interval '33 days'")
    expect(await duty('session_audit')).toMatchObject({ state: 'overdue', says: 'No.', href: '/admin/session-audits' })
  })

  test('stand in the order of their urgency, and each leads to a page of the console', async () => {
    const { duties } = await overview()
    const order = ['overdue', 'due', 'done']
    const states = duties.map((one: { state: string }) => order.indexOf(one.state))
    expect(states).toEqual(states.toSorted())
    for (const { href, question } of duties) {
      expect(href).toMatch(/^\/admin\/[a-z-]+/)
      expect(question).toMatch(/\?$/)
    }
  })
})

describe('AD1: each role is told what it may look at, and no more', () => {
  const PARTS = ['sign_ins', 'active_sessions', 'active_grants', 'locked_accounts', 'signing_keys', 'client_secrets']
  const parts = (body: ApiResult['body']) => PARTS.filter((part) => body[part] !== null)
  const names = (body: ApiResult['body']) => body.duties.map(({ name }: { readonly name: string }) => name).toSorted()
  const ALL = [
    ...['client_secrets', 'locked_accounts', 'logout_notifications', 'mail'],
    ...['session_audit', 'signing_keys', 'system', 'webhook_secrets', 'webhooks'],
  ]

  test.each(PEOPLE)('%s', async (person) => {
    const { status, body } = await ask(server, await personToken(server, person), 'GET /overview')
    expect(status).toBe(person === 'nobody' ? 403 : 200)
    if (person === 'nobody') return
    const helps = person === 'helpdesk'
    expect(parts(body)).toEqual(helps ? ['active_sessions', 'locked_accounts'] : PARTS)
    expect(names(body)).toEqual(helps ? ['locked_accounts', 'logout_notifications'] : ALL)
  })

  test('a client by the scopes of its token', async () => {
    const get = async (scope: string) => (await ask(server, await robotToken(server, scope), 'GET /overview')).body
    const least = await get('sessions:read')
    expect([parts(least), names(least)]).toEqual([['active_sessions'], ['logout_notifications']])
    const more = await get('sessions:read keys:read audit:read')
    expect(parts(more)).toEqual(['sign_ins', 'active_sessions', 'signing_keys'])
  })
})

test('AD7: no secret, digest or sealed value is told', async () => {
  const text = JSON.stringify(await overview())
  const rows = await sql(
    "SELECT encode(digest, 'hex') AS hex, encode(digest, 'base64') AS base64 FROM client_secrets UNION SELECT encode(sealed_private, 'hex'), encode(sealed_private, 'base64') FROM signing_keys",
  )
  for (const { hex, base64 } of rows) for (const form of [hex, base64]) expect(text).not.toContain(form)
  for (const { client_secret: secret } of [WEB, MACHINE]) expect(text).not.toContain(secret)
})

test.each(['?since=1', '?limit=10', '?may[]=all', '?__proto__[x]=1', '?a=%00'])('AD6: takes no parameters: %s', async (query) => {
  const { status, body } = await ask(server, token, `GET /overview${query}`)
  expect([status, body.type]).toEqual([400, 'urn:latchkey:problem:invalid-request'])
})

test.each(['?secrets=old', '?secrets=', '?secrets=due&secrets=due'])(
  'AD6: of clients nothing but due can be asked: %s',
  async (query) => {
    expect((await ask(server, token, `GET /clients${query}`)).status).toBe(400)
  },
)

test('no large table is read for it: it is told even while they are away', async () => {
  const large = ['sessions', 'grants', 'audit_events', 'refresh_families', 'access_tokens']
  for (const table of large) await sql(`ALTER TABLE ${table} RENAME TO ${table}_away`)
  try {
    const { events, sessions, duties } = await server.latchkey.administration.overview(() => true)
    expect([events?.hours.length, sessions?.live?.count, duties.length]).toEqual([24, expect.any(Number), 9])
  } finally {
    for (const table of large) await sql(`ALTER TABLE ${table}_away RENAME TO ${table}`)
  }
})
