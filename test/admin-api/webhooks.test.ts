// Webhooks by the admin API: made, changed, tried and deleted, and what they were told.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { signaturesOf } from '../../server/webhooks/secrets.ts'
import { errorLines } from '../attacks/attempts.ts'
import { run } from '../support/postgres.ts'
import { ACCEPT, type ReceivedPost, type Receiver, startReceiver, withStatus } from '../support/receiver.ts'
import type { TestServer } from '../support/server.ts'
import { ask, expectOnly, personToken, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let token: string
let receiver: Receiver
let other: Receiver

beforeAll(async () => {
  receiver = await startReceiver()
  other = await startReceiver()
  server = await startAdminServer()
  token = await robotToken(server)
})

beforeEach(() => {
  for (const one of [receiver, other]) {
    one.answer = ACCEPT
    one.received.length = 0
  }
})

afterAll(async () => {
  await server?.stop()
  await receiver?.stop()
  await other?.stop()
})

const get = (path: string) => ask(server, token, `GET ${path}`)
const post = (path: string, body: unknown = {}) => ask(server, token, `POST ${path}`, { body })
const patch = (path: string, body: unknown, version?: string) =>
  ask(server, token, `PATCH ${path}`, { body, headers: version === undefined ? {} : { 'if-match': version } })
const remove = (path: string) => ask(server, token, `DELETE ${path}`)

async function made(more: object = {}) {
  const { status, body } = await post('/webhooks', { url: receiver.url, events: ['client.*'], ...more })
  expect([status, body.detail]).toEqual([201, undefined])
  return body
}

async function until<Answer>(asked: () => Promise<Answer> | Answer, isSo: (answer: Answer) => boolean): Promise<Answer> {
  const end = performance.now() + 10_000
  for (;;) {
    const answer = await asked()
    if (isSo(answer)) return answer
    if (performance.now() > end) throw new Error(`it did not come: ${JSON.stringify(answer)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Whether a delivery was signed by a secret. */
function isSignedBy({ headers, body }: ReceivedPost, secret: string): boolean {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const signature = signaturesOf([key], {
    id: String(headers['webhook-id']),
    timestamp: Number(headers['webhook-timestamp']),
    body,
  })
  return String(headers['webhook-signature']).split(' ').includes(signature)
}

describe('a webhook', () => {
  test('is made, shown with its secret once, and told of what happens', async () => {
    const webhook = await made({ description: 'For the dashboard' })
    expect(webhook).toEqual({
      id: expect.stringMatching(/^wh_/),
      url: receiver.url,
      origin: new URL(receiver.url).origin,
      description: 'For the dashboard',
      events: ['client.*'],
      enabled: true,
      created_at: expect.any(String),
      updated_at: expect.any(String),
      secrets: [{ id: expect.stringMatching(/^whs_/), created_at: expect.any(String), expires_at: null }],
      secret: expect.stringMatching(/^whsec_[\w+/]{43}=$/),
    })
    const { secret, ...shown } = webhook
    const look = await get(`/webhooks/${webhook.id}`)
    expect(look.body).toEqual(shown)
    expect(look.headers.get('etag')).toMatch(/^"[\w-]{27}"$/)
    expect((await get('/webhooks')).body).toMatchObject({ items: [{ id: webhook.id }], next_cursor: null })
    await post('/clients', { kind: 'machine', client_id: 'told-of' })
    const [told] = await until(
      () => receiver.received,
      (received) => received.length === 1,
    )
    expect(told === undefined ? '' : JSON.parse(told.body)).toMatchObject({
      type: 'client.created',
      data: { client_id: 'told-of', actor: 'robot' },
    })
    expect(told !== undefined && isSignedBy(told, secret)).toBe(true)
    // AD7: in no answer, table or event after that.
    const sealed = await run(server.databaseUrl, "SELECT encode(sealed, 'base64') AS sealed FROM webhook_secrets")
    const texts = [
      JSON.stringify(look.body),
      JSON.stringify((await get('/webhooks')).body),
      JSON.stringify((await get(`/webhooks/${webhook.id}/deliveries`)).body),
    ]
    texts.push(JSON.stringify(await run(server.databaseUrl, 'SELECT detail FROM audit_events')))
    for (const text of texts) {
      expect(text).not.toContain(secret)
      expect(text).not.toContain(secret.slice(6, 30))
      for (const row of sealed) expect(text).not.toContain(String(row.sealed).slice(0, 40))
    }
    await remove(`/webhooks/${webhook.id}`)
  })

  test.each([
    ['http to elsewhere', { url: 'http://hooks.example/' }, '/url'],
    ['a private network', { url: 'https://10.0.0.1/' }, '/url'],
    ['a user name', { url: 'https://ada:secret@hooks.example/' }, '/url'],
    ['no URL', { url: 'hooks' }, '/url'],
    ['an object', { url: { not: '' } }, '/url'],
    ['no event', { events: [] }, '/events'],
    ['an event that is none', { events: ['client.dropped'] }, '/events'],
    ['an event twice', { events: ['*', '*'] }, '/events'],
    ['what becomes of deliveries', { events: ['webhook_delivery.failed'] }, '/events'],
    ['two lines', { description: 'a\nb' }, '/description'],
    ['NUL', { description: '\u0000' }, '/description'],
    ['AD3: a secret', { secret: 'whsec_mine' }, ''],
    ['AD3: an id', { id: 'wh_mine' }, ''],
  ])('is refused with %s, in words and with the place', async (_what, more, at) => {
    const { status, body } = await post('/webhooks', { url: 'https://hooks.example/', events: ['*'], ...more })
    expect(status).toBe(400)
    expect(body.errors.map((fault: { at: string }) => fault.at)).toContain(at)
    expect(body.detail).not.toMatch(/Invalid|expected string|SELECT|prisma/i)
    expect((await get('/webhooks')).body.items).toEqual([])
  })

  test.each(['wh_nobody', 'nobody', '%00', '%ED%A0%80', "wh_'--"])('AD2: %s is not there, by any route', async (id) => {
    // What holds a character that no name can hold is refused before it is looked for.
    const refusal = id === '%00' ? 400 : 404
    for (const [request, body] of [
      [`GET /webhooks/${id}`],
      [`PATCH /webhooks/${id}`, { enabled: false }],
      [`DELETE /webhooks/${id}`],
      [`POST /webhooks/${id}/secrets`, {}],
      [`POST /webhooks/${id}/test`, {}],
      [`GET /webhooks/${id}/deliveries`],
      [`GET /webhook-deliveries/${id}`],
      [`POST /webhook-deliveries/${id}/attempts`, {}],
    ] as [string, unknown?][])
      expect([request, (await ask(server, token, request, body === undefined ? {} : { body })).status]).toEqual([
        request,
        refusal,
      ])
  })

  test('its address is for those who may write it: path and query may hold a secret', async () => {
    const webhook = await made({ url: `${receiver.url}/T0KEN?key=hidden` })
    const auditor = await personToken(server, 'auditor')
    for (const path of ['/webhooks', `/webhooks/${webhook.id}`]) {
      const { status, body } = await ask(server, auditor, `GET ${path}`)
      expect(status).toBe(200)
      expect(JSON.stringify(body)).not.toMatch(/T0KEN|hidden/)
      expect(body.items?.[0].origin ?? body.origin).toBe(new URL(receiver.url).origin)
    }
    expect((await ask(server, auditor, `DELETE /webhooks/${webhook.id}`)).status).toBe(403)
    await remove(`/webhooks/${webhook.id}`)
  })
})

describe('AD4: whoever may not read the audit log', () => {
  const asked = { url: 'https://hooks.example/a', events: ['session.*'] }
  let narrow: string

  beforeAll(async () => {
    narrow = await robotToken(server, 'webhooks:read webhooks:write')
  })

  const expectRefused = ({ status, headers, body }: Awaited<ReturnType<typeof ask>>) => {
    expect([status, body.type, body.detail]).toEqual([
      403,
      'urn:latchkey:problem:insufficient-scope',
      'The scope audit:read is missing.',
    ])
    expect(headers.get('www-authenticate')).toContain('scope="audit:read"')
  }

  test('has nobody told of it: neither a client for itself, nor an owner by an app that was not given it', async () => {
    const owner = await personToken(server, 'owner', 'openid webhooks:read webhooks:write')
    for (const caller of [narrow, owner])
      for (const events of [['*'], ['session.*'], ['client.created']])
        expectRefused(await ask(server, caller, 'POST /webhooks', { body: { ...asked, events } }))
    expect((await get('/webhooks')).body.items).toEqual([])
  })

  test('does not have one that is there told more, or elsewhere, or again; and looks after it otherwise', async () => {
    const webhook = await made(asked)
    const path = `/webhooks/${webhook.id}`
    const change = (body: object) => ask(server, narrow, `PATCH ${path}`, { body })
    for (const more of [
      { events: ['*'] },
      { events: ['session.*', 'client.created'] },
      { url: 'https://other.example/' },
      { url: 'https://hooks.example/b' },
    ])
      expectRefused(await change(more))
    for (const less of [{ events: ['session.revoked', 'session.signed_out'] }, { description: 'Quieter' }, { enabled: false }])
      expect((await change(less)).status).toBe(200)
    for (const more of [{ enabled: true }, { events: ['session.*'] }, { url: 'https://other.example/', enabled: false }])
      expectRefused(await change(more))
    expect((await get(path)).body).toMatchObject({
      url: asked.url,
      events: ['session.revoked', 'session.signed_out'],
      enabled: false,
    })
    expect((await patch(path, { enabled: true, events: ['*'] })).status).toBe(200)
    expect((await ask(server, narrow, `POST ${path}/secrets`, { body: {} })).status).toBe(201)
    expect((await ask(server, narrow, `DELETE ${path}`)).status).toBe(200)
  })
})

test('there are fifty at most, however many are made at once, and they are listed a page at a time', async () => {
  const asked = { url: 'https://hooks.example/', events: ['client.*'] }
  const kept = [await made(asked), await made(asked)]
  const answers = await Promise.all(Array.from({ length: 100 }, () => post('/webhooks', asked)))
  expectOnly(answers, 201, 409)
  for (const { status, body } of answers) if (status === 409) expect(body.detail).toBe('There are 50 webhooks already.')
  // Those that a busy machine sent away.
  while ((await post('/webhooks', asked)).status !== 409);
  const [counted] = await run(server.databaseUrl, 'SELECT count(*)::int AS webhooks FROM webhooks')
  expect(counted?.webhooks).toBe(50)
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body } = await get(`/webhooks?limit=20${cursor === '' ? '' : `&cursor=${cursor}`}`)
    seen.push(...body.items.map(({ id }: { id: string }) => id))
    expect(body.items).toHaveLength(body.next_cursor === null ? 10 : 20)
    cursor = body.next_cursor
  }
  expect(new Set(seen).size).toBe(50)
  expect(seen.slice(0, 2)).toEqual(kept.map(({ id }) => id))
  for (const query of ['limit=0', 'limit=201', 'cursor=AAAA', 'enabled=true'])
    expect((await get(`/webhooks?${query}`)).status).toBe(400)
  for (const id of seen) await remove(`/webhooks/${id}`)
})

describe('a change', () => {
  test('of what was changed meanwhile is refused: of fifty at once one is first', async () => {
    const webhook = await made()
    const etag = (await get(`/webhooks/${webhook.id}`)).headers.get('etag') ?? ''
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => patch(`/webhooks/${webhook.id}`, { description: `Number ${index}` }, etag)),
    )
    expectOnly(answers, 200, 412)
    const done = answers.filter(({ status }) => status === 200)
    expect(done).toHaveLength(1)
    expect(done[0]?.body.secret).toBeNull()
    expect((await get(`/webhooks/${webhook.id}`)).headers.get('etag')).toBe(done[0]?.headers.get('etag'))
    await remove(`/webhooks/${webhook.id}`)
  })

  test('AD7: of the origin gives a new secret, shown once; nothing is signed by the old one any more', async () => {
    const webhook = await made({ events: ['client.created'] })
    // An address at the same origin is the same program.
    const nearby = await patch(`/webhooks/${webhook.id}`, { url: `${receiver.url}/v2` })
    expect(nearby.body).toMatchObject({ url: `${receiver.url}/v2`, secret: null, secrets: webhook.secrets })
    receiver.answer = withStatus(500)
    await post('/clients', { kind: 'machine' })
    await until(
      () => receiver.received,
      (received) => received.length > 0,
    )
    const moved = await patch(`/webhooks/${webhook.id}`, { url: other.url, reason: 'it moved' })
    expect(moved.body.secret).toMatch(/^whsec_/)
    expect(moved.body.secrets).toHaveLength(1)
    expect(moved.body.secrets[0].id).not.toBe(webhook.secrets[0].id)
    await post('/clients', { kind: 'machine' })
    await server.advance(60)
    token = await robotToken(server)
    await server.latchkey.webhooks.delivery.run()
    // Also what had been put in before.
    const told = await until(
      () => other.received,
      (received) => received.length >= 2,
    )
    for (const one of told) {
      expect(isSignedBy(one, webhook.secret)).toBe(false)
      expect(isSignedBy(one, moved.body.secret)).toBe(true)
    }
    const events = await run(
      server.databaseUrl,
      `SELECT name, reason FROM audit_events WHERE detail->>'webhook' = '${webhook.id}' ORDER BY id`,
    )
    expect(events.slice(-2)).toEqual([
      { name: 'webhook.updated', reason: 'it moved' },
      { name: 'webhook_secret.rotated', reason: 'it moved' },
    ])
    await remove(`/webhooks/${webhook.id}`)
  })

  test('of the secret is shown once, and the one before stays good for the overlap', async () => {
    const webhook = await made({ events: ['client.created'] })
    const { status, body } = await post(`/webhooks/${webhook.id}/secrets`, { overlap_seconds: 600 })
    expect([status, Object.keys(body)]).toEqual([201, ['secret']])
    expect((await get(`/webhooks/${webhook.id}`)).body.secrets).toMatchObject([
      { expires_at: expect.any(String) },
      { expires_at: null },
    ])
    await post('/clients', { kind: 'machine' })
    const [both] = await until(
      () => receiver.received,
      (received) => received.length === 1,
    )
    for (const secret of [webhook.secret, body.secret]) expect(both !== undefined && isSignedBy(both, secret)).toBe(true)
    const { body: last } = await post(`/webhooks/${webhook.id}/secrets`, { overlap_seconds: 0 })
    await post('/clients', { kind: 'machine' })
    const told = await until(
      () => receiver.received,
      (received) => received.length === 2,
    )
    expect(
      [webhook.secret, body.secret, last.secret].map((secret) => told[1] !== undefined && isSignedBy(told[1], secret)),
    ).toEqual([false, false, true])
    for (const wrong of [{ overlap_seconds: -1 }, { overlap_seconds: 604_801 }, { secret: 'mine' }])
      expect((await post(`/webhooks/${webhook.id}/secrets`, wrong)).status).toBe(400)
    await remove(`/webhooks/${webhook.id}`)
  })

  test('that disables it keeps it from being told', async () => {
    const webhook = await made()
    expect((await patch(`/webhooks/${webhook.id}`, { enabled: false })).body.enabled).toBe(false)
    const refused = await post(`/webhooks/${webhook.id}/test`)
    expect([refused.status, refused.body.detail]).toEqual([409, 'The webhook is disabled, and is told nothing.'])
    for (const wrong of [{ enabled: 'no' }, { url: 'http://x.example' }, { events: ['nothing'] }, { secret: 'x' }])
      expect((await patch(`/webhooks/${webhook.id}`, wrong)).status).toBe(400)
    await remove(`/webhooks/${webhook.id}`)
    expect((await remove(`/webhooks/${webhook.id}`)).status).toBe(404)
  })
})

describe('deliveries', () => {
  test('a trial is told whatever the webhook asks for, once, and says what came of it', async () => {
    for (const events of [['session.revoked'], ['*']]) {
      const webhook = await made({ events })
      receiver.received.length = 0
      const { status, body } = await post(`/webhooks/${webhook.id}/test`)
      expect([status, body]).toMatchObject([202, { event: 'webhook.tested', webhook_id: webhook.id }])
      const done = await until(
        async () => (await get(`/webhook-deliveries/${body.id}`)).body,
        ({ state }) => state === 'delivered',
      )
      expect(done).toMatchObject({ attempts: 1, last_status: 202, last_error: null, next_attempt_at: null })
      const told = receiver.received.filter(({ headers }) => headers['webhook-id'] === body.id)
      expect(told).toHaveLength(1)
      expect(JSON.parse(told[0]?.body ?? '{}')).toMatchObject({
        type: 'webhook.tested',
        data: { actor: 'robot', detail: { webhook: webhook.id } },
      })
      await remove(`/webhooks/${webhook.id}`)
    }
  })

  test('are listed a page at a time, by state, and made again by hand', async () => {
    const webhook = await made({ events: ['client.created'] })
    for (let round = 0; round < 5; round += 1) await post('/clients', { kind: 'machine' })
    const delivered = await until(
      async () => (await get(`/webhooks/${webhook.id}/deliveries?state=delivered`)).body.items,
      (items) => items.length === 5,
    )
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await get(`/webhooks/${webhook.id}/deliveries?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      seen.push(...body.items.map(({ id }: { id: string }) => id))
      cursor = body.next_cursor
    }
    expect(seen).toEqual(delivered.map(({ id }: { id: string }) => id))
    for (const state of ['waiting', 'retrying', 'failed'])
      expect((await get(`/webhooks/${webhook.id}/deliveries?state=${state}`)).body.items).toEqual([])
    const again = await post(`/webhook-deliveries/${seen[0]}/attempts`, { reason: 'they lost it' })
    expect([again.status, again.body.id]).toEqual([202, seen[0]])
    await until(
      () => receiver.received.filter(({ headers }) => headers['webhook-id'] === seen[0]),
      (received) => received.length === 2,
    )
    for (const query of ['state=lost', 'event=x', 'limit=0', 'cursor=AAAA', 'state[not]=failed'])
      expect((await get(`/webhooks/${webhook.id}/deliveries?${query}`)).status).toBe(400)
    // A cursor of another webhook's list is none of this one's.
    const { body: page } = await get(`/webhooks/${webhook.id}/deliveries?limit=1`)
    const second = await made()
    expect((await get(`/webhooks/${second.id}/deliveries?limit=1&cursor=${page.next_cursor}`)).body.type).toBe(
      'urn:latchkey:problem:invalid-cursor',
    )
    await patch(`/webhooks/${webhook.id}`, { enabled: false })
    expect((await post(`/webhook-deliveries/${seen[0]}/attempts`)).status).toBe(409)
    for (const { id } of [webhook, second]) await remove(`/webhooks/${id}`)
  })
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
})
