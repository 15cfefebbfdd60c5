// Shared Signals (OpenID SSF 1.0, CAEP 1.0): clients hear of ended sessions and changed passwords, pushed (RFC 8935) or fetched (RFC 8936).
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { metricsText } from '../../server/http/metrics.ts'
import { createPurge } from '../../server/maintenance/purge-expired.ts'
import { SPA } from '../support/clients.ts'
import { until } from '../support/logout-app.ts'
import { samplesOf } from '../support/metrics.ts'
import { claimsOf, obtainTokens, tokenRequest } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { ACCEPT, HANG, type Receiver, startReceiver, withStatus } from '../support/receiver.ts'
import { startServer, type TestServer } from '../support/server.ts'

const SECRET = { client_secret: 'a-secret-of-the-receiver-that-is-long-enough' }
const PUSHED = { client_id: 'siem', ...SECRET }
const FETCHING = { client_id: 'fetching', ...SECRET }
const LEAVING = { client_id: 'leaving', ...SECRET }
const STRANGER = { client_id: 'stranger', ...SECRET }
const RECEIVER = { grant_types: ['client_credentials'], scope: 'ssf.manage' }
const PUSH = 'urn:ietf:rfc:8935'
const POLL = 'urn:ietf:rfc:8936'
const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
const REVOKED = `${CAEP}session-revoked`
const CHANGED = `${CAEP}credential-change`
const BY = { actor: 'acc_admin' }
const AUTHORIZATION = 'Bearer a-word-that-the-receiver-knows'

/** That nobody breaks off. */
const NEVER = new AbortController().signal

let server: TestServer
let receiver: Receiver

beforeAll(async () => {
  receiver = await startReceiver()
  server = await startServer({
    settings: { LATCHKEY_SHARED_SIGNALS: 'on' },
    provision: {
      clients: [
        { ...PUSHED, ...RECEIVER },
        { ...FETCHING, ...RECEIVER },
        { ...LEAVING, ...RECEIVER },
        { ...STRANGER, ...RECEIVER, scope: 'revocations:read' },
      ],
    },
  })
})

afterEach(async () => {
  receiver.answer = ACCEPT
  for (const client of [PUSHED, FETCHING]) {
    const { body } = await ask(client, 'GET', '/stream')
    for (const { stream_id } of body) await ask(client, 'DELETE', `/stream?stream_id=${stream_id}`)
  }
  await deliver()
  receiver.received.length = 0
})

afterAll(async () => {
  await server?.stop()
  await receiver?.stop()
})

const deliver = async () => server.latchkey.signals?.delivery.run()
const closeUnfetched = async () => server.latchkey.signals?.tasks.find(({ name }) => name.includes('fetched'))?.run(NEVER)
const countGivenUp = async () =>
  samplesOf(await metricsText([await server.latchkey.metrics.figures()])).get('latchkey_signals_total{outcome="given_up"}') ?? 0
const signals = () => server.latchkey.stores.db.signal.findMany({ orderBy: { createdAt: 'asc' } })

async function tokenOf(
  client: typeof PUSHED,
  scope = 'ssf.manage',
  resource = `${server.issuer}/shared-signals`,
): Promise<string> {
  const { body } = await tokenRequest(server, client, { grant_type: 'client_credentials', resource, scope })
  return body.access_token ?? ''
}

async function ask(client: typeof PUSHED, method: string, path: string, body?: object, token?: string) {
  const response = await fetch(`${server.issuer}/shared-signals${path}`, {
    method,
    headers: { authorization: `Bearer ${token ?? (await tokenOf(client))}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}

const createPushStream = (more = {}) =>
  ask(PUSHED, 'POST', '/stream', {
    delivery: { method: PUSH, endpoint_url: receiver.url, authorization_header: AUTHORIZATION },
    events_requested: [REVOKED, CHANGED, `${CAEP}device-compliance-change`],
    description: 'the security desk',
    ...more,
  })
const createPollStream = () => ask(FETCHING, 'POST', '/stream', { delivery: { method: POLL } })
const poll = (request = {}) => ask(FETCHING, 'POST', '/poll', { returnImmediately: true, ...request })

async function signIn(person = server.ada) {
  const { tokens } = await obtainTokens(server, SPA, { person })
  return {
    sessionId: String(claimsOf(tokens.body.access_token).sid),
    accountId: String(claimsOf(tokens.body.id_token).sub),
  }
}

/** As a receiver does it, by the server's metadata. */
async function verified(set: string, audience: string) {
  const metadata = (await (await fetch(`${server.issuer}/.well-known/ssf-configuration`)).json()) as { jwks_uri: string }
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri))
  const { payload, protectedHeader } = await jwtVerify(set, keys, { issuer: server.issuer, audience, typ: 'secevent+jwt' })
  return { payload, protectedHeader }
}

test('the metadata says how and where', async () => {
  const response = await fetch(`${server.issuer}/.well-known/ssf-configuration`)
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(await response.json()).toEqual({
    spec_version: '1_0',
    issuer: server.issuer,
    jwks_uri: `${server.issuer}/jwks`,
    delivery_methods_supported: [PUSH, POLL],
    configuration_endpoint: `${server.issuer}/shared-signals/stream`,
    verification_endpoint: `${server.issuer}/shared-signals/verification`,
    authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
    default_subjects: 'ALL',
  })
})

describe('a stream', () => {
  test('is made, read and deleted by its client, which has one', async () => {
    const made = await createPushStream()
    expect(made).toEqual({
      status: 201,
      body: {
        stream_id: expect.stringMatching(/^str_/),
        iss: server.issuer,
        aud: 'siem',
        delivery: { method: PUSH, endpoint_url: receiver.url },
        events_supported: [REVOKED, CHANGED],
        events_requested: [REVOKED, CHANGED, `${CAEP}device-compliance-change`],
        events_delivered: [REVOKED, CHANGED],
        min_verification_interval: 30,
        description: 'the security desk',
      },
    })
    const path = `/stream?stream_id=${made.body.stream_id}`
    expect((await createPushStream()).status).toBe(409)
    expect(await ask(PUSHED, 'GET', path)).toEqual({ status: 200, body: made.body })
    expect((await ask(PUSHED, 'GET', '/stream')).body).toEqual([made.body])
    // To others it is not there.
    for (const method of ['GET', 'DELETE']) expect((await ask(FETCHING, method, path)).status).toBe(404)
    expect((await ask(PUSHED, 'DELETE', '/stream')).status).toBe(400)
    expect((await ask(PUSHED, 'DELETE', path)).status).toBe(204)
    expect((await ask(PUSHED, 'GET', path)).status).toBe(404)
    const names = (await server.latchkey.stores.db.auditEvent.findMany({ where: { clientId: 'siem' } })).map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['signal_stream.created', 'signal_stream.deleted']))
  })

  test('is verified when its client asks, now and then', async () => {
    const state = 'a word of the client’s'
    const pushed = await createPushStream({ events_requested: [CHANGED] })
    const fetched = await createPollStream()
    const verify = (client: typeof PUSHED, { body }: typeof pushed) =>
      ask(client, 'POST', '/verification', { stream_id: body.stream_id, state })
    expect((await verify(PUSHED, pushed)).status).toBe(204)
    expect((await verify(FETCHING, fetched)).status).toBe(204)
    expect((await verify(FETCHING, pushed)).status).toBe(404)
    await until(() => receiver.received.length === 1)
    const [set] = Object.values<string>((await poll()).body.sets)
    const told = [await verified(receiver.received[0]?.body ?? '', 'siem'), await verified(set ?? '', 'fetching')]
    for (const [index, { payload }] of told.entries()) {
      expect(payload).toMatchObject({
        sub_id: { format: 'opaque', id: [pushed, fetched][index]?.body.stream_id },
        events: { 'https://schemas.openid.net/secevent/ssf/event-type/verification': { state } },
      })
    }
    expect((await verify(PUSHED, pushed)).status).toBe(429)
    await server.advance(31)
    expect((await verify(PUSHED, pushed)).status).toBe(204)
  })

  test.each([
    [{ delivery: { method: PUSH } }, 'endpoint_url is missing'],
    [{ delivery: { method: PUSH, endpoint_url: 'http://hooks.example/' } }, 'it must be https'],
    [{ delivery: { method: PUSH, endpoint_url: 'https://10.0.0.1/' } }, 'LATCHKEY_WEBHOOK_PRIVATE_ADDRESSES'],
    [{ delivery: { method: PUSH, endpoint_url: 'https://a.example/', authorization_header: 'a\r\nb: c' } }, 'printable ASCII'],
    [{ delivery: { method: 'urn:ietf:rfc:9999' } }, 'urn:ietf:rfc:8935'],
    [{ events_requested: [] }, 'events_requested must have one of'],
    [{ events_requested: [`${CAEP}token-claims-change`] }, 'events_requested must have one of'],
  ])('is refused with %j', async (more, message) => {
    const { status, body } = await createPushStream(more)
    expect({ status, detail: body.detail }).toEqual({ status: 400, detail: expect.stringContaining(message) })
  })

  test.each(['\0', 'a\u0007', '\ud800', 'two\nlines', 'turned \u202e round'])('holds no text like %j', async (text) => {
    const refused = { status: 400, detail: expect.stringContaining('it must be one line of plain text') }
    const answer = async (asked: ReturnType<typeof ask>) => {
      const { status, body } = await asked
      return { status, detail: body.detail }
    }
    expect(await answer(createPushStream({ description: text }))).toEqual(refused)
    expect(await answer(createPushStream({ events_requested: [REVOKED, text] }))).toEqual(refused)
    expect(await answer(createPushStream({ delivery: { method: PUSH, endpoint_url: `${receiver.url}${text}` } }))).toEqual(
      refused,
    )
    const { body } = await createPollStream()
    const verify = (request: object) => answer(ask(FETCHING, 'POST', '/verification', request))
    expect(await verify({ stream_id: body.stream_id, state: text })).toEqual(refused)
    expect(await verify({ stream_id: `${body.stream_id}${text}` })).toMatchObject({ status: 404 })
    expect(await answer(poll({ ack: [text] }))).toEqual(refused)
    expect(await answer(poll({ setErrs: { set_1: { err: text } } }))).toEqual(refused)
    expect(await answer(poll({ setErrs: { [text]: { err: 'jws' } } }))).toMatchObject({ status: 400 })
    const path = `/stream?stream_id=${encodeURIComponent(`${body.stream_id}${text.toWellFormed()}`)}`
    for (const method of ['GET', 'DELETE']) expect((await ask(FETCHING, method, path)).status).toBe(404)
  })

  test.each([
    [{ stream_id: undefined }, 'it is missing → at stream_id'],
    [{ stream_id: 7 }, 'it must be text → at stream_id'],
    [{ stream_id: 'str_x', state: 'x'.repeat(1001) }, 'it must have 1000 characters at most → at state'],
  ])('is not verified with %j, and the answer says why', async (request, detail) => {
    expect(await ask(FETCHING, 'POST', '/verification', request)).toMatchObject({ status: 400, body: { detail } })
  })

  test('wants an access token for this resource, with the scope', async () => {
    expect((await ask(PUSHED, 'GET', '/stream', undefined, 'nonsense')).status).toBe(401)
    const forFeed = await tokenOf(STRANGER, 'revocations:read', `${server.issuer}/revocations`)
    for (const path of ['/stream', '/poll']) {
      expect((await ask(STRANGER, 'POST', path, {}, forFeed)).status).toBe(401)
    }
    const { body } = await tokenRequest(server, STRANGER, {
      grant_type: 'client_credentials',
      resource: `${server.issuer}/shared-signals`,
      scope: 'ssf.manage',
    })
    expect(body.access_token).toBeUndefined()
  })
})

describe('pushed is', () => {
  test('the end of a session, as CAEP has it', async () => {
    await createPushStream()
    const { sessionId, accountId } = await signIn()
    await server.latchkey.nouns.sessions.end({ accountId, sessionId, origin: {} })
    await until(() => receiver.received.length === 1)
    const [{ headers, body } = { headers: {}, body: '' }] = receiver.received
    expect(headers).toMatchObject({
      'content-type': 'application/secevent+jwt',
      accept: 'application/json',
      authorization: AUTHORIZATION,
    })
    const { payload, protectedHeader } = await verified(body, 'siem')
    expect(protectedHeader).toMatchObject({ alg: 'RS256', typ: 'secevent+jwt' })
    const at = payload.iat
    expect(payload).toEqual({
      iss: server.issuer,
      aud: 'siem',
      iat: expect.any(Number),
      jti: expect.stringMatching(/^set_/),
      sub_id: {
        format: 'complex',
        user: { format: 'iss_sub', iss: server.issuer, sub: accountId },
        session: { format: 'opaque', id: sessionId },
      },
      events: { [REVOKED]: { event_timestamp: at, reason_admin: { en: 'session revoked' } } },
    })
  })

  test('every session that ends with its account, and who did it', async () => {
    await createPushStream({ events_requested: [REVOKED] })
    const one = await signIn(server.grace)
    const other = await signIn(server.grace)
    await server.latchkey.nouns.events.accounts.suspend(one.accountId, BY)
    await until(() => receiver.received.length === 2)
    const told = await Promise.all(receiver.received.map(({ body }) => verified(body, 'siem')))
    const ended = told.map(({ payload }) => (payload.sub_id as { session: { id: string } }).session.id)
    expect(ended.sort()).toEqual([one.sessionId, other.sessionId].sort())
    for (const { payload } of told)
      expect(payload.events).toMatchObject({
        [REVOKED]: { initiating_entity: 'admin', reason_admin: { en: 'account suspended' } },
      })
    await server.latchkey.nouns.events.accounts.reinstate(one.accountId, BY)
  })

  test('a changed password', async () => {
    await createPushStream({ events_requested: [CHANGED] })
    const { accountId } = await signIn(server.grace)
    const next = 'a moth in relay 71 panel G'
    await server.latchkey.nouns.events.accounts.resetPassword({ accountId, next }, BY)
    await until(() => receiver.received.length === 1)
    const { payload } = await verified(receiver.received[0]?.body ?? '', 'siem')
    expect(payload).toMatchObject({
      sub_id: { format: 'iss_sub', iss: server.issuer, sub: accountId },
      events: {
        [CHANGED]: {
          event_timestamp: payload.iat,
          initiating_entity: 'admin',
          reason_admin: { en: 'password reset' },
          credential_type: 'password',
          change_type: 'update',
        },
      },
    })
    expect(JSON.stringify(payload)).not.toContain(next)
  })

  test('the same token again until it is taken, and not to a receiver that redirects or hangs', async () => {
    await createPushStream()
    const { sessionId, accountId } = await signIn()
    receiver.answer = withStatus(307, { Location: '/elsewhere' })
    await server.latchkey.nouns.sessions.end({ accountId, sessionId, origin: {} })
    await deliver()
    expect(await signals()).toMatchObject([{ state: 'retrying', lastError: 'it redirects (307), which is not followed' }])
    receiver.answer = withStatus(400)
    await server.advance(6)
    await deliver()
    expect(await signals()).toMatchObject([{ state: 'retrying', lastError: 'it refuses the security event (400)' }])
    receiver.answer = ACCEPT
    await server.advance(60)
    await deliver()
    expect(await signals()).toMatchObject([{ state: 'delivered', attempts: 3, lastStatus: 202 }])
    const payloads = await Promise.all(receiver.received.map(async ({ body }) => (await verified(body, 'siem')).payload))
    expect(new Set(payloads.map((payload) => JSON.stringify(payload))).size).toBe(1)
    // Whoever signs out waits for nobody.
    receiver.answer = HANG
    const next = await signIn()
    const begun = performance.now()
    await server.latchkey.nouns.sessions.end({ ...next, origin: {} })
    expect(performance.now() - begun).toBeLessThan(1000)
  }, 30_000)

  test('nothing for a day, and it is given up and recorded', async () => {
    await createPushStream()
    const { sessionId, accountId } = await signIn()
    receiver.answer = withStatus(500)
    await server.latchkey.nouns.sessions.end({ accountId, sessionId, origin: {} })
    await deliver()
    await server.advance(86_401)
    await deliver()
    expect(await signals()).toMatchObject([{ state: 'failed', nextAttemptAt: null }])
    const event = await server.latchkey.stores.db.auditEvent.findFirst({ where: { name: 'signal.failed' } })
    expect(event).toMatchObject({ actor: 'system', accountId, sessionId, clientId: 'siem', reason: 'it answered 500' })
  })

  test('nothing to a client that is suspended; what waits is told when it is reinstated, within a day', async () => {
    const delivery = { method: PUSH, endpoint_url: receiver.url }
    expect((await ask(LEAVING, 'POST', '/stream', { delivery })).status).toBe(201)
    receiver.answer = withStatus(503)
    const { clients } = server.latchkey.nouns.events
    const end = async () => server.latchkey.nouns.sessions.end({ ...(await signIn()), origin: {} })
    await end()
    await deliver()
    receiver.answer = ACCEPT
    await clients.suspend('leaving', BY)
    // Of what happens meanwhile it is told nothing.
    await end()
    await server.advance(60)
    await deliver()
    expect(await signals()).toMatchObject([{ state: 'retrying', lastError: 'its client is suspended' }])
    expect(receiver.received).toHaveLength(1)
    await clients.reinstate('leaving', BY)
    await server.advance(60)
    await deliver()
    expect(await signals()).toMatchObject([{ state: 'delivered' }])
    expect(receiver.received).toHaveLength(2)
    receiver.answer = withStatus(503)
    await end()
    await deliver()
    await clients.suspend('leaving', BY)
    await server.advance(86_401)
    await deliver()
    expect(await signals()).toMatchObject([{ state: 'delivered' }, { state: 'failed', lastError: 'its client is suspended' }])
    expect(receiver.received).toHaveLength(3)
    const event = { name: 'signal.failed', clientId: 'leaving', reason: 'its client is suspended' }
    expect(await server.latchkey.stores.db.auditEvent.count({ where: event })).toBe(1)
    await server.latchkey.stores.db.signal.deleteMany()
  })

  test('nothing to a client that no longer has the scope, not even what was waiting; and from when it has it again', async () => {
    const delivery = { method: PUSH, endpoint_url: receiver.url }
    expect((await ask(PUSHED, 'POST', '/stream', { delivery })).status).toBe(201)
    const { clients, registered } = server.latchkey.nouns.events
    const registration = await registered.clients.find(PUSHED.client_id)
    if (registration === undefined) throw new Error('the client is not there')
    const end = async () => server.latchkey.nouns.sessions.end({ ...(await signIn()), origin: {} })
    receiver.answer = withStatus(503)
    await end()
    await deliver()
    receiver.answer = ACCEPT
    await clients.update({ ...registration.metadata, scope: 'revocations:read' }, BY)
    await end()
    await server.advance(60)
    await deliver()
    expect(await signals()).toMatchObject([{ state: 'retrying', lastError: 'its client no longer has the scope ssf.manage' }])
    expect(receiver.received).toHaveLength(1)
    await clients.update(registration.metadata, BY)
    await end()
    await server.advance(60)
    await deliver()
    expect((await signals()).map(({ state }) => state)).toEqual(['delivered', 'delivered'])
    // Its tokens of before are dead until the second is over in which it was given the scope.
    await server.advance(3)
    await server.latchkey.stores.db.signal.deleteMany()
  })

  test('nothing to a client that is deleted: it has no stream', async () => {
    const { clients } = server.latchkey.nouns.events
    const end = async () => server.latchkey.nouns.sessions.end({ ...(await signIn()), origin: {} })
    receiver.answer = withStatus(503)
    await clients.reinstate('leaving', BY)
    await end()
    await deliver()
    await clients.delete('leaving', BY)
    expect(await run(server.databaseUrl, 'SELECT 1 FROM signal_streams')).toEqual([])
    await end()
    await server.advance(60)
    await deliver()
    expect(await signals()).toMatchObject([{ state: 'failed', lastError: 'the stream is gone' }])
    await server.latchkey.stores.db.signal.deleteMany()
  })

  test('with a header that is stored sealed, and is in no log or event; of the address its origin is', async () => {
    const endpoint_url = `${receiver.url}/a-secret-path`
    await createPushStream({ delivery: { method: PUSH, endpoint_url, authorization_header: AUTHORIZATION } })
    const made = await server.latchkey.stores.db.auditEvent.findMany({ where: { name: 'signal_stream.created' } })
    expect(made.at(-1)?.detail).toMatchObject({ endpointOrigin: new URL(receiver.url).origin })
    expect(JSON.stringify(made.map(({ detail }) => detail))).not.toContain('a-secret-path')
    const rows = await run(server.databaseUrl, 'SELECT to_json(s)::text AS row FROM signal_streams s')
    const events = await run(server.databaseUrl, 'SELECT to_json(a)::text AS row FROM audit_events a')
    const word = AUTHORIZATION.replace('Bearer ', '')
    for (const text of [JSON.stringify(rows), JSON.stringify(events), server.log.text]) {
      expect(text).not.toContain(word)
      expect(text).not.toContain(Buffer.from(word).toString('hex'))
    }
  })
})

describe('fetched is', () => {
  test('what is waiting, until the receiver says that it has it', async () => {
    expect((await createPollStream()).body.delivery).toEqual({
      method: POLL,
      endpoint_url: `${server.issuer}/shared-signals/poll`,
    })
    const ended: string[] = []
    for (let times = 0; times < 3; times += 1) {
      const { sessionId, accountId } = await signIn()
      await server.latchkey.nouns.sessions.end({ accountId, sessionId, origin: {} })
      ended.push(sessionId)
    }
    const first = await poll({ maxEvents: 2 })
    expect(first).toMatchObject({ status: 200, body: { moreAvailable: true } })
    const sets: [string, string][] = Object.entries(first.body.sets)
    expect(sets).toHaveLength(2)
    for (const [index, [jti, set]] of sets.entries()) {
      const { payload } = await verified(set, 'fetching')
      expect(payload).toMatchObject({ jti, sub_id: { session: { id: ended[index] } } })
    }
    // Not said, and so given out again.
    expect(Object.keys((await poll()).body.sets)).toHaveLength(3)
    const [one, two] = sets.map(([jti]) => jti)
    const rest = await poll({ ack: [one], setErrs: { [two ?? '']: { err: 'invalid_key', description: 'a long story' } } })
    expect(Object.keys(rest.body.sets)).toHaveLength(1)
    expect(rest.body.moreAvailable).toBe(false)
    expect((await poll({ maxEvents: 0, ack: Object.keys(rest.body.sets) })).body).toEqual({ sets: {}, moreAvailable: false })
    expect((await signals()).map(({ state, lastError }) => [state, lastError])).toEqual([
      ['delivered', null],
      ['failed', 'it refuses the security event (invalid_key)'],
      ['delivered', null],
    ])
    const failed = { name: 'signal.failed', clientId: 'fetching' }
    expect(await server.latchkey.stores.db.auditEvent.findMany({ where: failed })).toMatchObject([
      { actor: 'system', sessionId: ended[1], reason: 'it refuses the security event (invalid_key)', detail: { signal: two } },
    ])
    expect(server.log.text).toContain('a security event was not taken, and will not be told again')
  })

  test('nothing of another stream, which nobody else can acknowledge', async () => {
    await createPushStream()
    receiver.answer = withStatus(503)
    const { sessionId, accountId } = await signIn()
    await server.latchkey.nouns.sessions.end({ accountId, sessionId, origin: {} })
    await deliver()
    await createPollStream()
    const [signal] = await signals()
    expect((await poll({ ack: [signal?.id] })).body).toEqual({ sets: {}, moreAvailable: false })
    expect(await signals()).toMatchObject([{ state: 'retrying' }])
    // A stream that is pushed is not fetched.
    expect((await ask(PUSHED, 'POST', '/poll', {})).status).toBe(404)
  })

  test.each([
    [{ maxEvents: -1 }, 'it must be 0 at least → at maxEvents'],
    [{ maxEvents: 0.5 }, 'it must be a whole number → at maxEvents'],
    [{ ack: 'all' }, 'it must be a list → at ack'],
    [{ ack: [1] }, 'it must be text → at ack[0]'],
    [{ ack: Array.from({ length: 501 }, () => 'set_1') }, 'it must have 500 entries at most → at ack'],
    [{ setErrs: [] }, 'it must be an object → at setErrs'],
    [{ setErrs: { set_1: 'no' } }, 'it must be an object → at setErrs.set_1'],
    [{ setErrs: { set_1: {} } }, 'it is missing → at setErrs.set_1.err'],
    [{ setErrs: { ['x'.repeat(101)]: { err: 'jws' } } }, 'it cannot be taken → at setErrs'],
    [{ returnImmediately: 'no' }, 'it must be true or false → at returnImmediately'],
  ])('nothing for a request that is not one', async (request, detail) => {
    await createPollStream()
    expect(await poll(request)).toMatchObject({ status: 400, body: { detail: expect.stringContaining(detail) } })
  })

  test('for eight days; then it is given up, recorded for the whole stream, and gone', async () => {
    const { body } = await createPollStream()
    for (let times = 0; times < 2; times += 1) {
      const { sessionId, accountId } = await signIn()
      await server.latchkey.nouns.sessions.end({ accountId, sessionId, origin: {} })
    }
    const { db } = server.latchkey.stores
    const givenUp = () => db.auditEvent.findMany({ where: { name: 'signal.failed', reason: { contains: 'not fetched' } } })
    await closeUnfetched()
    expect(await givenUp()).toEqual([])
    const before = await countGivenUp()
    await server.advance(8 * 86_400 + 1)
    expect((await poll()).body.sets).toEqual({})
    await Promise.all([closeUnfetched(), closeUnfetched()])
    const [event, ...more] = await givenUp()
    expect(event).toMatchObject({ actor: 'system', clientId: 'fetching', detail: { stream: body.stream_id, signals: 2 } })
    expect(more).toEqual([])
    expect(await countGivenUp()).toBe(before + 2)
    const purge = createPurge({ db, log: server.latchkey.log })
    await purge.run()
    expect(await signals()).toHaveLength(2)
    await server.advance(3600)
    await purge.run()
    expect(await signals()).toEqual([])
  })
})

test('what was rolled back is no event', async () => {
  await createPollStream()
  const { sessionId } = await signIn()
  const { db } = server.latchkey.stores
  const broken = db.$transaction(async (tx) => {
    await tx.session.update({ where: { id: sessionId }, data: { endedAt: new Date(), endReason: 'signed_out' } })
    expect(await tx.signal.count()).toBe(1)
    throw new Error('something else went wrong')
  })
  await expect(broken).rejects.toThrow('something else went wrong')
  expect((await poll()).body.sets).toEqual({})
})

test('there is nothing of this where it is off', async () => {
  const other = await startServer()
  expect(other.latchkey.signals).toBeUndefined()
  for (const path of ['/.well-known/ssf-configuration', '/shared-signals/stream']) {
    expect((await fetch(`${other.issuer}${path}`)).status).toBe(404)
  }
  await other.stop()
})
