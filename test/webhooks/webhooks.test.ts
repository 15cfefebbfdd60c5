// Webhooks: what happens is told to those who asked for it, signed, for a day if need be, and if and only if it was committed.
import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { recordAudit } from '../../server/audit/audit.ts'
import { AUDIT_EVENT_NAMES } from '../../server/audit/event-names.ts'
import { metricsText } from '../../server/http/metrics.ts'
import { createPurge } from '../../server/maintenance/purge-expired.ts'
import type { Transaction } from '../../server/storage/postgres.ts'
import { signaturesOf } from '../../server/webhooks/secrets.ts'
import type { Webhook } from '../../server/webhooks/webhooks.ts'
import { SPA } from '../support/clients.ts'
import { until } from '../support/logout-app.ts'
import { samplesOf } from '../support/metrics.ts'
import { claimsOf, obtainTokens } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { ACCEPT, HANG, type ReceivedPost, type Receiver, startReceiver, withStatus } from '../support/receiver.ts'
import { startServer, type TestServer } from '../support/server.ts'

interface Told {
  readonly type: string
  readonly timestamp: string
  readonly data: { readonly [member: string]: unknown; readonly detail: { readonly [member: string]: unknown } }
}

/** What docs/how-to/receive-webhooks.md has people write. */
type VerifyWebhook = (secret: string, headers: ReceivedPost['headers'], body: string, now?: number) => Told

const BY = { actor: 'acc_admin', reason: 'because', powers: new Set(['audit:read']) }

let verifyWebhook: VerifyWebhook
let server: TestServer
/** Another process on the same database. */
let neighbour: TestServer
let receiver: Receiver
let webhook: Webhook
let secret: string

beforeAll(async () => {
  const page = await readFile(new URL('../../docs/how-to/receive-webhooks.md', import.meta.url), 'utf8')
  const code = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  const module = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as { verifyWebhook: VerifyWebhook }
  verifyWebhook = module.verifyWebhook
  receiver = await startReceiver()
  server = await startServer()
  neighbour = await startServer({ databaseUrl: server.databaseUrl, settings: { ISSUER: server.issuer } })
})

beforeEach(async () => {
  const made = await webhooks().create({ url: receiver.url, events: ['session.*', 'refresh_token.reused'] }, BY)
  webhook = made.webhook
  secret = made.secret
})

afterEach(async () => {
  receiver.answer = ACCEPT
  for (const { id } of await webhooks().list()) await webhooks().delete(id, BY)
  await deliver()
  receiver.received.length = 0
})

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
  await receiver?.stop()
})

const webhooks = () => server.latchkey.webhooks.webhooks
/** By whichever of the two comes first. */
const deliver = () => Promise.all([server, neighbour].map(({ latchkey }) => latchkey.webhooks.delivery.run()))
const deliveries = () => webhooks().deliveries({ webhookId: webhook.id })
const events = (name: string) => server.latchkey.stores.db.auditEvent.findMany({ where: { name }, orderBy: { id: 'asc' } })
const happen = (name: 'session.revoked' | 'session.expired' | 'grant.revoked', tx?: Transaction) =>
  recordAudit(tx ?? server.latchkey.stores.db, { name, actor: 'system', sessionId: 'ses_1', reason: 'so it was' })
const verified = ({ headers, body }: ReceivedPost, by = secret) =>
  verifyWebhook(by, headers, body, Number(headers['webhook-timestamp']))

describe('the signature', () => {
  // The vector of the specification's reference libraries.
  const vector = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body: '{"test": 2432232314}' }
  const known = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='

  test('is the published one', () => {
    expect(signaturesOf([Buffer.from(known, 'base64')], vector)).toBe(signature)
  })

  test('is taken by what the documents have people write, and nothing else is', () => {
    const headers = { 'webhook-id': vector.id, 'webhook-timestamp': String(vector.timestamp), 'webhook-signature': signature }
    const verify = (changed: object, body = vector.body, by = `whsec_${known}`, now = vector.timestamp) =>
      verifyWebhook(by, { ...headers, ...changed }, body, now)
    expect(verify({})).toEqual({ test: 2432232314 })
    expect(verify({ 'webhook-signature': `v1a,AAAA v1,AAAA ${signature}` })).toEqual({ test: 2432232314 })
    expect(() => verify({}, '{"test": 2432232315}')).toThrow('not signed')
    expect(() => verify({}, vector.body, `whsec_${btoa('x'.repeat(32))}`)).toThrow('not signed')
    expect(() => verify({ 'webhook-id': 'msg_2' })).toThrow('not signed')
    expect(() => verify({ 'webhook-signature': signature.replace('v1', 'v2') })).toThrow('not signed')
    expect(() => verify({}, vector.body, undefined, vector.timestamp + 301)).toThrow('too old')
  })
})

test('a session that is revoked is told of, with what the audit log says of it', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  const sessionId = String(claimsOf(tokens.body.access_token).sid)
  const accountId = String(claimsOf(tokens.body.id_token).sub)
  const origin = { address: '192.0.2.7', userAgent: 'A Browser', requestId: 'req-1' }
  await server.latchkey.nouns.sessions.end({ accountId, sessionId, origin })
  const typesTold = () => receiver.received.map((one) => (verified(one) as { type: string }).type).toSorted()
  await until(() => receiver.received.length === 2)
  // That somebody signed in was not asked for, but that the session began was.
  expect(typesTold()).toEqual(['session.revoked', 'session.started'])
  const post = receiver.received.find((one) => (verified(one) as { type: string }).type === 'session.revoked')
  expect(post?.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'Latchkey' })
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  const told = verified(post as ReceivedPost)
  const [event] = await events('session.revoked')
  expect(told).toEqual({
    type: 'session.revoked',
    timestamp: event?.at.toISOString(),
    data: {
      id: String(event?.id),
      actor: accountId,
      account_id: accountId,
      session_id: sessionId,
      address: '192.0.2.7',
      user_agent: 'A Browser',
      request_id: 'req-1',
      detail: {},
    },
  })
  await until(async () => (await deliveries()).every(({ state }) => state === 'delivered'))
  expect(await deliveries()).toMatchObject([
    { id: post?.headers['webhook-id'], event: 'session.revoked', eventId: event?.id, state: 'delivered', lastStatus: 202 },
    { event: 'session.started', state: 'delivered' },
  ])
  expect(receiver.received).toHaveLength(2)
  expect(() => verified(post as ReceivedPost, `whsec_${btoa('y'.repeat(32))}`)).toThrow('not signed')
})

test('what was rolled back is not told, and what was committed is', async () => {
  const { db } = server.latchkey.stores
  const broken = db.$transaction(async (tx) => {
    await happen('session.revoked', tx)
    expect(await tx.webhookDelivery.count()).toBe(1)
    throw new Error('something else went wrong')
  })
  await expect(broken).rejects.toThrow('something else went wrong')
  await deliver()
  expect(await deliveries()).toEqual([])
  await happen('session.revoked')
  await deliver()
  expect(receiver.received).toHaveLength(1)
})

test('each is told what it asked for, by name or by how names begin', async () => {
  const everything = await webhooks().create({ url: receiver.url, events: ['*'] }, BY)
  const grants = await webhooks().create({ url: receiver.url, events: ['grant.revoked'] }, BY)
  const namesOf = async (webhookId: string) => (await webhooks().deliveries({ webhookId })).map(({ event }) => event).sort()
  for (const name of ['session.revoked', 'session.expired', 'grant.revoked'] as const) await happen(name)
  expect(await namesOf(webhook.id)).toEqual(['session.expired', 'session.revoked'])
  expect(await namesOf(grants.webhook.id)).toEqual(['grant.revoked'])
  // Its own making was written before it was there; that of the other came after.
  expect(await namesOf(everything.webhook.id)).toEqual([
    'grant.revoked',
    'session.expired',
    'session.revoked',
    'webhook.created',
    'webhook.created',
  ])
})

test('while two secrets are good it is signed with both; from then on with the new one only', async () => {
  const next = (await webhooks().rotateSecret(webhook.id, BY, 3600)) ?? ''
  await happen('session.revoked')
  await deliver()
  const [both] = receiver.received
  expect(String(both?.headers['webhook-signature']).split(' ')).toHaveLength(2)
  for (const good of [secret, next]) expect(verified(both as ReceivedPost, good).type).toBe('session.revoked')
  await server.advance(3601)
  await happen('session.revoked')
  await deliver()
  const last = receiver.received.at(-1) as ReceivedPost
  expect(verified(last, next).type).toBe('session.revoked')
  expect(() => verified(last, secret)).toThrow('not signed')
  // One that somebody else may have is worth nothing at once, and of three there are never three good.
  const third = (await webhooks().rotateSecret(webhook.id, BY, 0)) ?? ''
  const fourth = (await webhooks().rotateSecret(webhook.id, BY)) ?? ''
  await happen('session.revoked')
  await deliver()
  const signed = receiver.received.at(-1) as ReceivedPost
  for (const good of [third, fourth]) expect(verified(signed, good).type).toBe('session.revoked')
  expect(() => verified(signed, next)).toThrow('not signed')
  expect(await events('webhook_secret.rotated')).toHaveLength(3)
})

describe('a webhook that does not take it', () => {
  test('is told again, with the same id and another signature, until it does', async () => {
    receiver.answer = withStatus(503)
    await happen('session.revoked')
    await deliver()
    const [first] = await deliveries()
    expect(first).toMatchObject({ state: 'retrying', attempts: 1, lastStatus: 503, lastError: 'it answered 503' })
    const firstWait = ((first?.nextAttemptAt?.getTime() ?? 0) - (first?.lastAttemptAt?.getTime() ?? 0)) / 1000
    expect(firstWait).toBeGreaterThan(0.9)
    expect(firstWait).toBeLessThan(5.1)
    await server.advance(6)
    await deliver()
    receiver.answer = ACCEPT
    await server.advance(30)
    await deliver()
    await server.advance(3600)
    await deliver()
    expect(receiver.received).toHaveLength(3)
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-signature'])).size).toBe(3)
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1)
    expect(await deliveries()).toMatchObject([{ state: 'delivered', attempts: 3, lastError: undefined }])
  })

  test('is given up after a day, which is recorded and not itself delivered; it can be sent again by hand', async () => {
    await webhooks().update(webhook.id, { events: ['*'] }, BY)
    receiver.answer = withStatus(500)
    await deliver()
    await happen('session.revoked')
    await server.advance(86_401)
    await deliver()
    const failed = await webhooks().deliveries({ webhookId: webhook.id, event: 'session.revoked' })
    expect(failed).toMatchObject([{ state: 'failed', nextAttemptAt: undefined, finishedAt: expect.any(Date) }])
    // On a busy machine the look of every other second may have come in between.
    const { id = '', attempts } = failed[0] ?? {}
    expect((await events('webhook_delivery.failed')).map(({ detail }) => detail)).toContainEqual({
      webhook: webhook.id,
      delivery: id,
      event: 'session.revoked',
      attempts,
    })
    expect(await webhooks().deliveries({ event: 'webhook_delivery.failed' })).toEqual([])
    receiver.answer = ACCEPT
    for (let times = 0; times < 2; times += 1) {
      receiver.received.length = 0
      expect(await webhooks().resend(id, { actor: 'acc_admin', reason: 'repaired' })).toBe(true)
      await until(() => receiver.received.some(({ headers }) => headers['webhook-id'] === id))
      await deliver()
      expect(await webhooks().deliveries({ event: 'session.revoked' })).toMatchObject([{ id, state: 'delivered' }])
    }
    expect((await events('webhook_delivery.resent')).at(-1)).toMatchObject({ actor: 'acc_admin', detail: { delivery: id } })
    expect(await webhooks().resend('msg_of_nobody', BY)).toBe(false)
  })

  test('that redirects is not followed', async () => {
    receiver.answer = withStatus(307, { Location: '/elsewhere' })
    await happen('session.revoked')
    await deliver()
    expect(receiver.received).toHaveLength(1)
    expect(await deliveries()).toMatchObject([{ lastError: 'it redirects (307), which is not followed' }])
    receiver.answer = ACCEPT
  })

  test('that hangs harms nobody else', async () => {
    const hanging = await startReceiver()
    hanging.answer = HANG
    await webhooks().create({ url: hanging.url, events: ['session.*'] }, BY)
    const { db } = server.latchkey.stores
    const revoked = { name: 'session.revoked', actor: 'system' }
    await db.auditEvent.createMany({ data: Array.from({ length: 100 }, () => revoked) })
    const begun = performance.now()
    await server.latchkey.webhooks.delivery.look()
    await until(() => receiver.received.length === 100)
    expect(performance.now() - begun).toBeLessThan(4000)
    // This process and its neighbour, two places each.
    expect(hanging.received.length).toBeLessThanOrEqual(4)
    await hanging.stop()
  }, 30_000)

  test('and answers 410 is disabled, and nothing more waits for it', async () => {
    receiver.answer = withStatus(410)
    const { db } = server.latchkey.stores
    await db.auditEvent.createMany({ data: Array.from({ length: 20 }, () => ({ name: 'session.revoked', actor: 'system' })) })
    await deliver()
    expect(await webhooks().find(webhook.id)).toMatchObject({ enabled: false })
    expect((await deliveries()).every(({ state }) => state === 'failed')).toBe(true)
    expect(receiver.received.length).toBeLessThan(20)
    const [event, ...more] = await events('webhook.disabled')
    expect(event).toMatchObject({ actor: 'system', reason: 'it answered 410', detail: { webhook: webhook.id } })
    expect(more).toEqual([])
    const before = receiver.received.length
    await happen('session.revoked')
    await deliver()
    expect(receiver.received).toHaveLength(before)
    const [old] = await deliveries()
    expect(await webhooks().resend(old?.id ?? '', BY)).toBe(false)
    await webhooks().update(webhook.id, { enabled: true }, BY)
    receiver.answer = ACCEPT
    expect(await webhooks().resend(old?.id ?? '', BY)).toBe(true)
    await until(() => receiver.received.length === before + 1)
  })
})

test('one that was moved while its old address answered 410 is told at the new one', async () => {
  const asked = Promise.withResolvers<ServerResponse>()
  receiver.answer = asked.resolve
  await happen('session.revoked')
  const delivering = deliver()
  const old = await asked.promise
  receiver.answer = ACCEPT
  await webhooks().update(webhook.id, { url: `${receiver.url}/new` }, BY)
  old.writeHead(410).end()
  await delivering
  await until(async () => (await deliveries())[0]?.state === 'delivered')
  expect(receiver.received).toHaveLength(2)
  expect(await webhooks().find(webhook.id)).toMatchObject({ enabled: true })
  expect(await deliveries()).toMatchObject([{ state: 'delivered', attempts: 2, lastStatus: 202 }])
})

test('of two processes that deliver at once, each delivery is made by one', async () => {
  const revoked = { name: 'session.revoked', actor: 'system' }
  await server.latchkey.stores.db.auditEvent.createMany({ data: Array.from({ length: 200 }, () => revoked) })
  await Promise.all([server, neighbour].map(({ latchkey }) => latchkey.webhooks.delivery.run()))
  await until(() => receiver.received.length >= 200)
  await Promise.all([server, neighbour].map(({ latchkey }) => latchkey.webhooks.delivery.run()))
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(200)
  expect(receiver.received).toHaveLength(200)
})

test('one that is disabled by hand is told nothing, neither what waits nor what comes', async () => {
  receiver.answer = withStatus(503)
  await happen('session.revoked')
  await deliver()
  receiver.answer = ACCEPT
  expect(await webhooks().update(webhook.id, { enabled: false }, BY)).toMatchObject({ webhook: { enabled: false } })
  await happen('session.revoked')
  await server.advance(3600)
  await deliver()
  expect(receiver.received).toHaveLength(1)
  expect(await deliveries()).toMatchObject([{ state: 'failed', lastError: 'the webhook is disabled' }])
  expect((await events('webhook.disabled')).at(-1)).toMatchObject({
    actor: BY.actor,
    reason: BY.reason,
    detail: { webhook: webhook.id, deliveries: 1 },
  })
})

test('one that is deleted takes its secrets and deliveries along; what somebody wrote at that moment is not told', async () => {
  await happen('session.revoked')
  await deliver()
  await webhooks().delete(webhook.id, BY)
  expect(await run(server.databaseUrl, 'SELECT 1 FROM webhook_secrets UNION ALL SELECT 1 FROM webhook_deliveries')).toEqual([])
  expect(await webhooks().delete(webhook.id, BY)).toBe(false)
  expect(await webhooks().update(webhook.id, { enabled: true }, BY)).toBeUndefined()
  expect(await webhooks().rotateSecret(webhook.id, BY)).toBeUndefined()
  await run(
    server.databaseUrl,
    `INSERT INTO webhook_deliveries (id, webhook_id, event_id, event, give_up_at)
     SELECT 'msg_late', $1, max(id), 'session.revoked', latchkey_now() + interval '1 day' FROM audit_events`,
    [webhook.id],
  )
  await deliver()
  expect(receiver.received).toHaveLength(1)
  expect(await deliveries()).toMatchObject([{ state: 'failed', lastError: 'the webhook is disabled or deleted' }])
})

test('its secret is stored sealed, opens nowhere else, and is in no log or event', async () => {
  await happen('session.revoked')
  await deliver()
  const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64')
  const [row] = await run(server.databaseUrl, 'SELECT sealed FROM webhook_secrets WHERE webhook_id = $1', [webhook.id])
  expect(Buffer.from(row?.sealed).includes(bytes)).toBe(false)
  const everything = JSON.stringify(await run(server.databaseUrl, 'SELECT to_json(a)::text AS row FROM audit_events a'))
  for (const text of [everything, server.log.text]) {
    expect(text).not.toContain(secret)
    expect(text).not.toContain(bytes.toString('hex'))
  }
  // Moved to another webhook it opens nothing, and nothing is sent unsigned.
  const other = await webhooks().create({ url: receiver.url, events: ['grant.revoked'] }, BY)
  const move =
    'UPDATE webhook_secrets SET sealed = (SELECT sealed FROM webhook_secrets WHERE webhook_id = $1) WHERE webhook_id = $2'
  await run(server.databaseUrl, move, [webhook.id, other.webhook.id])
  await happen('grant.revoked')
  await deliver()
  expect(receiver.received).toHaveLength(1)
  expect(await webhooks().deliveries({ webhookId: other.webhook.id })).toMatchObject([
    { state: 'retrying', lastError: expect.stringContaining('ENCRYPTION_KEY') },
  ])
})

test.each(['\0', 'wh_\0', 'wh_', '\ud800', '', 'wh_1 OR true'])('what is called %j is simply not there', async (id) => {
  expect(await webhooks().find(id)).toBeUndefined()
  expect(await webhooks().update(id, { enabled: false }, BY)).toBeUndefined()
  expect(await webhooks().rotateSecret(id, BY)).toBeUndefined()
  expect(await webhooks().delete(id, BY)).toBe(false)
  expect(await webhooks().deliveries({ webhookId: id })).toEqual([])
  expect(await webhooks().deliveries({ event: id })).toEqual([])
  expect(await webhooks().resend(id.replace('wh_', 'msg_'), BY)).toBe(false)
})

test('a number of deliveries that is none is a hundred', async () => {
  await happen('session.revoked')
  await happen('session.revoked')
  for (const limit of [Number.NaN, -1, 1.5, undefined]) {
    expect(await webhooks().deliveries({ webhookId: webhook.id, ...(limit === undefined ? {} : { limit }) })).toHaveLength(2)
  }
  expect(await webhooks().deliveries({ limit: 1 })).toHaveLength(1)
})

test('of its address the audit log has the origin, so that no other webhook reads what may be secret in it', async () => {
  await webhooks().create({ url: receiver.url, events: ['webhook.*'] }, BY)
  const path = '/services/T000/a-secret-path'
  const { id } = (await webhooks().create({ url: `https://hooks.example${path}?token=a-secret-word`, events: ['*'] }, BY)).webhook
  await webhooks().update(id, { url: `https://other.example${path}/2` }, BY)
  await webhooks().update(id, { enabled: false }, BY)
  await deliver()
  const told = () =>
    receiver.received.map(({ body }) => JSON.parse(body) as Told).filter(({ data }) => data.detail.webhook === id)
  await until(() => told().length === 3)
  const of = (type: string) => told().find((event) => event.type === type)?.data.detail
  expect(of('webhook.created')).toEqual({ webhook: id, origin: 'https://hooks.example', events: ['*'] })
  expect(of('webhook.updated')).toMatchObject({ members: ['url'], origin: 'https://other.example' })
  const everything = JSON.stringify(await run(server.databaseUrl, 'SELECT to_json(a)::text AS row FROM audit_events a'))
  for (const text of [everything, server.log.text, ...receiver.received.map(({ body }) => body)]) {
    expect(text).not.toContain('a-secret-')
  }
})

describe('refused are', () => {
  test.each(['a\0b', '\ud800', 'two\nlines', 'turned \u202e round'])('the description %j', async (description) => {
    const made = webhooks().create({ url: receiver.url, events: ['*'], description }, BY)
    await expect(made).rejects.toThrow('one line of plain text')
  })

  test.each([
    ['http://hooks.example/', 'it must be https, or http on this machine'],
    ['https://user:pass@hooks.example/', 'it must not have a user name'],
    ['https://hooks.example/#there', 'it must not have a fragment'],
    ['https://10.0.0.1/', 'LATCHKEY_WEBHOOK_PRIVATE_ADDRESSES'],
    ['https://[::ffff:a9fe:a9fe]/', 'LATCHKEY_WEBHOOK_PRIVATE_ADDRESSES'],
    ['ftp://hooks.example/', 'it must be https'],
    ['hooks', 'it is not a URL'],
    ['https://hooks.example:0/', 'nobody can listen on port 0'],
  ])('the address %s', async (url, message) => {
    await expect(webhooks().create({ url, events: ['*'] }, BY)).rejects.toThrow(message)
    await expect(webhooks().update(webhook.id, { url }, BY)).rejects.toThrow(message)
  })

  test.each([
    [[], 'it must name an event'],
    [['sesion.revoked'], 'no event is called "sesion.revoked"'],
    [['session'], 'no event is called'],
    [['sess*'], 'no event is called'],
    [['webhook_delivery.failed'], 'no event is called'],
    [['webhook_delivery.*'], 'no event is called'],
    [['session.*', 'session.*'], 'twice'],
  ])('the events %j', async (wanted, message) => {
    await expect(webhooks().create({ url: receiver.url, events: wanted }, BY)).rejects.toThrow(message)
  })

  test('a private address that a name leads to, when it is told', async () => {
    const strict = await startServer({ settings: { LATCHKEY_WEBHOOK_PRIVATE_ADDRESSES: '10.0.0.0/8' } })
    const { webhooks: parts, stores } = strict.latchkey
    const { port } = new URL(receiver.url)
    await parts.webhooks.create({ url: `http://localhost:${port}/hooks`, events: ['*'] }, BY)
    await recordAudit(stores.db, { name: 'session.revoked', actor: 'system' })
    await parts.delivery.run()
    const [told] = await parts.webhooks.deliveries({ event: 'session.revoked' })
    expect(told).toMatchObject({ state: 'retrying', lastError: expect.stringContaining('LATCHKEY_WEBHOOK_PRIVATE_ADDRESSES') })
    expect(receiver.received).toEqual([])
    await strict.stop()
  })
})

test('what becomes of deliveries is counted', async () => {
  receiver.answer = withStatus(503)
  await happen('session.revoked')
  await deliver()
  const samples = samplesOf(await metricsText([await server.latchkey.metrics.figures()]))
  expect(samples.get('latchkey_webhook_deliveries_total{outcome="postponed"}')).toBeGreaterThan(0)
  expect(samples.get('latchkey_webhook_deliveries_waiting')).toBe(1)
})

test('outcomes are kept for a week', async () => {
  await happen('session.revoked')
  await deliver()
  const purge = createPurge({ db: server.latchkey.stores.db, log: server.latchkey.log })
  await server.advance(6 * 86_400)
  await purge.run()
  expect(await deliveries()).toHaveLength(1)
  await server.advance(86_401)
  await purge.run()
  expect(await deliveries()).toEqual([])
})

test('the page of webhooks names every event that can be asked for', async () => {
  const page = await readFile(new URL('../../docs/reference/webhooks.md', import.meta.url), 'utf8')
  const listed = [...(page.split('## Events')[1] ?? '').matchAll(/^\| `([a-z_]+\.[a-z_]+)` \|/gm)].map(([, name]) => name)
  expect(listed).toEqual(AUDIT_EVENT_NAMES.filter((name) => !name.startsWith('webhook_delivery.')))
})
