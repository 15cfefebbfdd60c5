// The revocations feed over HTTP: the whole list, the rest of it, and what comes, for those who may have it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createAcknowledgements } from '../../server/tokens/revocation-acknowledgements.ts'
import { API, MACHINE, NOTES, SPA } from '../support/clients.ts'
import { claimsOf, clientRequest, obtainTokens, tokenRequest } from '../support/oauth.ts'
import { moveDatabaseClock } from '../support/postgres.ts'
import { startPrivateRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type FeedListener, listen } from './listener.ts'

const GUARD = { client_id: 'guard', client_secret: 'a-secret-of-the-guard-that-is-long-enough' }
const LISTENING_APP = { ...SPA, client_id: 'listening-app', scope: 'openid revocations:read' }
const REST = { grant_types: ['client_credentials'], scope: 'revocations:read' }

let redis: RedisServer
let server: TestServer
let other: TestServer

beforeAll(async () => {
  redis = await startPrivateRedis()
  const provision = {
    clients: [
      { ...GUARD, ...REST },
      { ...GUARD, client_id: 'guard-to-go', ...REST },
      { ...GUARD, client_id: 'guard-beside', ...REST },
      {
        ...{ client_id: LISTENING_APP.client_id, scope: LISTENING_APP.scope, redirect_uris: [LISTENING_APP.redirect_uri] },
        ...{ token_endpoint_auth_method: 'none', grant_types: ['authorization_code'], skip_consent: true },
      },
    ],
  }
  server = await startServer({ redisUrl: redis.url, provision })
  // A second process of the same installation.
  other = await startServer({
    redisUrl: redis.url,
    databaseUrl: server.databaseUrl,
    settings: { ISSUER: server.issuer },
    provision,
  })
})

afterAll(async () => {
  await other?.stop()
  await server?.stop()
  await redis?.stop()
})

const resource = () => `${server.issuer}/revocations`

async function feedToken(client: { client_id: string; client_secret: string } = GUARD): Promise<string> {
  const { body } = await tokenRequest(server, client, {
    grant_type: 'client_credentials',
    resource: resource(),
    scope: 'revocations:read',
  })
  return body.access_token ?? ''
}

async function ask(
  query = '',
  headers: { readonly [name: string]: string } = {},
  at: string = server.issuer,
): Promise<{ status: number; headers: Headers; body: Snapshot }> {
  const response = await fetch(`${at}/revocations${query}`, {
    headers: { authorization: `Bearer ${await feedToken()}`, ...headers },
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

interface Snapshot {
  readonly sequence: number
  readonly entries: readonly {
    readonly sequence: number
    readonly kind: string
    readonly value: string
    readonly until: number
    readonly at: number
  }[]
}

/** Revokes a JWT access token; its `jti`. */
async function revokeOne(): Promise<string> {
  const { tokens } = await obtainTokens(server, SPA)
  const { jti } = claimsOf(tokens.body.access_token)
  await clientRequest(server, '/revoke', SPA, { token: tokens.body.access_token ?? '' })
  return String(jti)
}

describe('as JSON', () => {
  test('an answer to a revocation comes after the entry: whoever asks any process finds it', async () => {
    const before = await server.latchkey.stores.db.$queryRaw<
      { now: number }[]
    >`SELECT EXTRACT(EPOCH FROM latchkey_now())::float8 AS now`
    const jti = await revokeOne()
    const { status, headers, body } = await ask()
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
    const entry = body.entries.at(-1)
    expect(entry).toEqual({ sequence: body.sequence, kind: 'jti', value: jti, until: expect.any(Number), at: expect.any(Number) })
    // By PostgreSQL's clock, as the time of the answer is.
    expect(entry?.at).toBeGreaterThanOrEqual(Math.floor((before[0]?.now ?? Number.NaN) * 1000) / 1000)
    expect(entry?.at).toBeLessThanOrEqual(Number(headers.get('latchkey-time')))
    // The token lives 900 seconds, and clocks may differ by a minute.
    const seconds = (entry?.until ?? 0) - Date.now() / 1000
    expect(seconds).toBeGreaterThan(800)
    expect(seconds).toBeLessThan(962)
  })

  test('`after` asks for the rest only, and an ETag for nothing when nothing is new', async () => {
    const first = await ask()
    const jti = await revokeOne()
    const rest = await ask(`?after=${first.body.sequence}`)
    expect(rest.body.entries.map(({ value }) => value)).toEqual([jti])
    const etag = rest.headers.get('etag') ?? ''
    const again = await ask(`?after=${first.body.sequence}`, { 'if-none-match': etag })
    expect(again.status).toBe(304)
    await revokeOne()
    expect((await ask(`?after=${first.body.sequence}`, { 'if-none-match': etag })).status).toBe(200)
  })

  test('every answer tells the time of PostgreSQL, also one that is not new and one that goes on', async () => {
    const { headers, body } = await ask()
    const etag = { 'if-none-match': headers.get('etag') ?? '' }
    const control = new AbortController()
    await moveDatabaseClock(server.databaseUrl, 120)
    try {
      const authorization = `Bearer ${await feedToken()}`
      const stream = await fetch(`${server.issuer}/revocations?after=${body.sequence}`, {
        headers: { authorization, accept: 'text/event-stream' },
        signal: control.signal,
      })
      const same = await ask('', etag)
      expect([stream.status, same.status]).toEqual([200, 304])
      for (const told of [stream.headers, same.headers, (await ask()).headers]) {
        const ahead = Number(told.get('latchkey-time')) - Date.now() / 1000
        expect(Math.abs(ahead - 120)).toBeLessThan(5)
      }
    } finally {
      control.abort()
      await moveDatabaseClock(server.databaseUrl, 0)
    }
  })

  test.each(['-1', '1.5', 'abc', '1e9', '9'.repeat(16), '1&after=2', '%00'])(
    'an absurd `after` (%s) is refused',
    async (after) => {
      const { status, headers } = await ask(`?after=${after}`)
      expect(status).toBe(400)
      expect(headers.get('content-type')).toContain('application/problem+json')
    },
  )

  test('an `after` from a future that the database does not have says to begin again', async () => {
    const { status, headers } = await ask('?after=999999999')
    expect(status).toBe(410)
    expect(headers.get('content-type')).toContain('application/problem+json')
  })

  test('an entry goes when the last token that it could mean has expired', async () => {
    await revokeOne()
    await server.advance(900 + 61)
    expect((await ask()).body.entries).toEqual([])
  })
})

describe('who may have it', () => {
  const refusal = async (authorization: string | undefined, accept = 'text/event-stream') => {
    const response = await fetch(`${server.issuer}/revocations`, {
      headers: { accept, ...(authorization === undefined ? {} : { authorization }) },
    })
    return {
      status: response.status,
      challenge: response.headers.get('www-authenticate') ?? '',
      type: response.headers.get('content-type') ?? '',
      body: await response.json(),
    }
  }

  test('nobody without an access token, and whoever asks as a browser would is answered as a program all the same', async () => {
    for (const accept of ['text/event-stream', 'text/html', '*/*']) {
      const { status, challenge, type } = await refusal(undefined, accept)
      expect({ status, challenge, type }).toEqual({
        status: 401,
        // RFC 6750 §3.1: without authentication there is no error code.
        challenge: 'Bearer realm="latchkey"',
        type: 'application/problem+json',
      })
    }
  })

  test('TK4: no token for another API, no ID token, no token of somebody else', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const machine = await tokenRequest(server, MACHINE, {
      grant_type: 'client_credentials',
      resource: NOTES,
      scope: 'notes:read',
    })
    const good = await feedToken()
    const [head, claims, signature = ''] = good.split('.')
    const forged = `${head}.${claims}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    for (const token of [tokens.body.access_token, tokens.body.id_token, machine.body.access_token, forged, 'x', 'a.b.c']) {
      const { status, challenge } = await refusal(`Bearer ${token}`)
      expect(status).toBe(401)
      expect(challenge).toContain('error="invalid_token"')
    }
    expect((await refusal(`Basic ${good}`)).status).toBe(400)
  })

  test.each([
    ['PUT', ''],
    ['DELETE', ''],
    ['GET', '/acknowledgements'],
    ['GET', '/nothing'],
  ])('%s /revocations%s is refused as programs are told', async (method, path) => {
    const response = await fetch(`${server.issuer}/revocations${path}`, { method, headers: { accept: 'text/html' } })
    expect([404, 405]).toContain(response.status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
  })

  test('HEAD asks for the list and listens to nothing', async () => {
    const before = server.latchkey.revocations.listeners.count
    const headers = { authorization: `Bearer ${await feedToken()}`, accept: 'text/event-stream' }
    expect((await fetch(`${server.issuer}/revocations`, { method: 'HEAD', headers })).status).toBe(200)
    expect(server.latchkey.revocations.listeners.count).toBe(before)
  })

  test('only clients whose own scope names it: others get no token for it', async () => {
    for (const client of [MACHINE, API]) {
      const { status, body } = await tokenRequest(server, client, {
        grant_type: 'client_credentials',
        resource: resource(),
        scope: 'revocations:read',
      })
      expect(status).toBe(400)
      expect(['invalid_target', 'invalid_scope']).toContain(body.error)
    }
  })

  test('a token without the scope is told which one is missing', async () => {
    const { body } = await tokenRequest(server, GUARD, { grant_type: 'client_credentials', resource: resource() })
    const { status, challenge } = await refusal(`Bearer ${body.access_token}`)
    expect(status).toBe(403)
    expect(challenge).toContain('error="insufficient_scope"')
    expect(challenge).toContain('scope="revocations:read"')
  })

  test('a token that was revoked opens nothing any more', async () => {
    const token = await feedToken()
    await clientRequest(server, '/revoke', GUARD, { token })
    expect((await refusal(`Bearer ${token}`)).status).toBe(401)
  })
})

describe('as events', () => {
  const open: FeedListener[] = []
  afterAll(() => {
    for (const listener of open) listener.close()
  })

  const listenAs = async (
    client = GUARD,
    { query = '', headers = {}, at = server.issuer }: { query?: string; headers?: { [name: string]: string }; at?: string } = {},
  ) => {
    const listener = await listen(`${at}/revocations${query}`, {
      authorization: `Bearer ${await feedToken(client)}`,
      ...headers,
    })
    open.push(listener)
    return listener
  }

  test('all of the list comes first, then a heartbeat that says how far it is, then what is new', async () => {
    const before = await revokeOne()
    const listener = await listenAs()
    expect(listener.status).toBe(200)
    expect(listener.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(listener.headers.get('cache-control')).toBe('no-store')
    await listener.until(({ events }) => events.some(({ event }) => event === 'heartbeat'))
    expect(listener.entries().at(-1)).toMatchObject({ kind: 'jti', value: before })
    const { data } = listener.events.find(({ event }) => event === 'heartbeat') ?? {}
    expect(data).toEqual({ sequence: listener.entries().at(-1)?.sequence })

    const after = await revokeOne()
    await listener.until(() => listener.entries().at(-1)?.value === after)
    const last = listener.events.filter(({ event }) => event === 'message').at(-1)
    expect(last?.id).toBe(String(last?.data.sequence))
  })

  test('what one process ends is heard at another one', async () => {
    const listener = await listenAs(GUARD, { at: other.issuer })
    await listener.until(({ events }) => events.some(({ event }) => event === 'heartbeat'))
    const jti = await revokeOne()
    await listener.until(() => listener.entries().at(-1)?.value === jti)
  })

  test('a listener that comes again goes on where it was, by header or by `after`', async () => {
    const { sequence } = (await ask()).body
    const jti = await revokeOne()
    for (const listener of [
      await listenAs(GUARD, { headers: { 'last-event-id': String(sequence) } }),
      await listenAs(GUARD, { query: `?after=${sequence}` }),
    ]) {
      await listener.until(({ events }) => events.some(({ event }) => event === 'heartbeat'))
      expect(listener.entries().map(({ value }) => value)).toEqual([jti])
    }
  })

  test.each(['-5', 'x', '9'.repeat(20)])('a forged Last-Event-ID (%s) is refused', async (id) => {
    expect((await listenAs(GUARD, { headers: { 'last-event-id': id } })).status).toBe(400)
  })

  test('a Last-Event-ID from a future that the database does not have says to begin again', async () => {
    expect((await listenAs(GUARD, { headers: { 'last-event-id': '99999999' } })).status).toBe(410)
  })

  test('a listener whose client is removed hears of that, and nothing more; others stay', async () => {
    const leaving = await listenAs({ ...GUARD, client_id: 'guard-to-go' })
    const staying = await listenAs()
    await leaving.until(({ events }) => events.length > 0)
    await server.latchkey.nouns.events.clients.suspend('guard-to-go', { actor: 'system' })
    await leaving.until(({ ended }) => ended)
    await staying.until(() => staying.entries().at(-1)?.value === 'guard-to-go')
    expect(leaving.entries().at(-1)?.value).toBe('guard-to-go')
    const { length } = leaving.entries()
    await revokeOne()
    await staying.until(() => staying.entries().at(-1)?.kind === 'jti')
    expect([leaving.entries().length, staying.ended]).toEqual([length, false])
  })

  test('who listens by the token of a person is cut off when that ends', async () => {
    const { tokens } = await obtainTokens(server, LISTENING_APP, { params: { resource: resource() } })
    const listener = await listen(`${server.issuer}/revocations`, { authorization: `Bearer ${tokens.body.access_token}` })
    open.push(listener)
    await listener.until(({ events }) => events.length > 0)
    const { sid } = claimsOf(tokens.body.access_token)
    await server.latchkey.nouns.events.sessions.revoke([String(sid)], { actor: 'system' })
    await listener.until(({ ended }) => ended)
    expect(listener.entries().at(-1)).toMatchObject({ kind: 'sid', value: sid })
  })

  test('the end of everything is heard before one is cut off, and that is when there are tokens again', async () => {
    const listeners = await Promise.all([listenAs(), listenAs()])
    for (const listener of listeners) await listener.until(({ events }) => events.length > 0)
    await server.latchkey.nouns.endEverything({ cause: 'everything_ended' })
    for (const listener of listeners) {
      await listener.until(({ ended }) => ended)
      expect(listener.entries()).toContainEqual(expect.objectContaining({ kind: 'client_id', value: GUARD.client_id }))
    }
    const [row] = await server.latchkey.stores.db.$queryRaw<{ over: boolean }[]>`
      SELECT max(before) + interval '1 second' <= latchkey_now() AS over FROM revocations
      WHERE kind = 'client_id' AND value = ${GUARD.client_id}`
    expect(row?.over).toBe(true)
    expect((await listenAs()).status).toBe(200)
  })

  test('the end of what a key has signed is heard before one is cut off', async () => {
    const listener = await listenAs()
    await listener.until(({ events }) => events.length > 0)
    const [key] = await server.latchkey.stores.db.signingKey.findMany({ where: { status: 'signing' }, take: 1 })
    await server.latchkey.nouns.endings.run('signing_key_compromised', async ({ entries }) => {
      for (const { id } of await server.latchkey.stores.db.signingKey.findMany({ where: { status: 'signing' } }))
        entries.push({ kind: 'kid', value: id, issuedUntilNow: true })
    })
    await listener.until(({ ended }) => ended)
    expect(listener.entries()).toContainEqual(expect.objectContaining({ kind: 'kid', value: key?.id }))
  })

  test('a listener is sent away when its token expires', async () => {
    const listener = await listenAs()
    await listener.until(({ events }) => events.length > 0)
    await server.advance(901)
    await listener.until(({ ended }) => ended)
  })
})

describe('acknowledgements', () => {
  const acknowledge = async (body: unknown, type = 'application/json') => {
    const response = await fetch(`${server.issuer}/revocations/acknowledgements`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await feedToken()}`, 'content-type': type },
      body: JSON.stringify(body),
    })
    return response.status
  }

  test('a process that ends says so, and is forgotten; of others nobody can say it', async () => {
    const { sequence } = (await ask()).body
    const known = async () => {
      await server.latchkey.revocations.acknowledgements.write()
      const listeners = await server.latchkey.revocations.acknowledgements.list()
      return listeners.map(({ clientId, instance }) => `${clientId} ${instance}`).filter((name) => name.includes('-ending'))
    }
    const leave = async (instance: string, token: Promise<string>) => {
      const headers = { authorization: `Bearer ${await token}` }
      const url = `${server.issuer}/revocations/acknowledgements/${encodeURIComponent(instance)}`
      return (await fetch(url, { method: 'DELETE', headers })).status
    }
    expect(await acknowledge({ sequence, instance: 'written-ending' })).toBe(204)
    expect(await known()).toEqual(['guard written-ending'])
    expect(await acknowledge({ sequence, instance: 'noted-ending' })).toBe(204)
    expect(await leave('written-ending', feedToken({ ...GUARD, client_id: 'guard-beside' }))).toBe(204)
    expect(await leave('written-ending', Promise.resolve('made-up'))).toBe(401)
    expect(await leave("'; DROP TABLE", feedToken())).toBe(204)
    expect(await leave('noted-ending', feedToken())).toBe(204)
    expect(await known()).toEqual(['guard written-ending'])
    expect(await leave('written-ending', feedToken())).toBe(204)
    expect(await known()).toEqual([])
    // What another process has noted just before, and writes just after.
    other.latchkey.revocations.acknowledgements.note({ clientId: 'guard', instance: 'late-ending', sequence })
    expect(await leave('late-ending', feedToken())).toBe(204)
    await other.latchkey.revocations.acknowledgements.write()
    expect(await known()).toEqual([])
    expect(await leave('written-ending', feedToken())).toBe(204)
  })

  test('the server knows how far each process of an API has come', async () => {
    const jti = await revokeOne()
    const { sequence } = (await ask()).body
    expect(await acknowledge({ sequence, instance: 'one' })).toBe(204)
    expect(await acknowledge({ sequence: sequence - 1, instance: 'two' })).toBe(204)
    // A late one of an earlier time takes nothing back.
    await server.latchkey.revocations.acknowledgements.write()
    expect(await acknowledge({ sequence: sequence - 1, instance: 'one' })).toBe(204)
    await server.latchkey.revocations.acknowledgements.write()
    const known = await server.latchkey.revocations.acknowledgements.list()
    expect(known.map(({ clientId, instance, sequence: at }) => ({ clientId, instance, at }))).toEqual([
      { clientId: 'guard', instance: 'one', at: sequence },
      { clientId: 'guard', instance: 'two', at: sequence - 1 },
    ])
    expect(jti).not.toBe('')
  })

  test.each([
    [{ instance: 'one' }, 400],
    [{ sequence: -1, instance: 'one' }, 400],
    [{ sequence: 1, instance: '' }, 400],
    [{ sequence: 1, instance: 'x'.repeat(65) }, 400],
    [{ sequence: 1, instance: 'one', more: true }, 400],
    [{ sequence: Number.MAX_SAFE_INTEGER, instance: 'one' }, 410],
  ])('%j is refused with %d', async (body, status) => {
    expect(await acknowledge(body)).toBe(status)
  })

  test('are written later when the database does not answer, and the newest of a process counts', async () => {
    const { db } = server.latchkey.stores
    let failing = true
    const flaky = new Proxy(db, {
      get: (target, name, receiver) =>
        name === '$executeRaw' && failing ? () => Promise.reject(new Error('gone')) : Reflect.get(target, name, receiver),
    })
    const acknowledgements = createAcknowledgements({ db: flaky })
    acknowledgements.note({ clientId: 'later', instance: 'one', sequence: 1 })
    acknowledgements.note({ clientId: 'later', instance: 'two', sequence: 1 })
    await expect(acknowledgements.write()).rejects.toThrow('gone')
    acknowledgements.note({ clientId: 'later', instance: 'one', sequence: 2 })
    failing = false
    await acknowledgements.write()
    const known = (await acknowledgements.list()).filter(({ clientId }) => clientId === 'later')
    expect(known.map(({ instance, sequence }) => [instance, sequence])).toEqual([
      ['one', 2],
      ['two', 1],
    ])
  })

  test('of a client with ever new names a thousand are kept, those that were heard last; and others are heard', async () => {
    const acknowledgements = createAcknowledgements({ db: server.latchkey.stores.db })
    const heard = async (client: string) =>
      (await acknowledgements.list()).filter(({ clientId }) => clientId === client).map(({ instance }) => instance)
    for (const round of ['a', 'b']) {
      for (let at = 0; at < 1200; at += 1) acknowledgements.note({ clientId: 'liar', instance: `${round}-${at}`, sequence: 1 })
      acknowledgements.note({ clientId: 'neighbour', instance: round, sequence: 1 })
      await acknowledgements.write()
    }
    const kept = await heard('liar')
    expect(kept).toHaveLength(1000)
    expect(kept.filter((instance) => !instance.startsWith('b-'))).toEqual([])
    expect(await heard('neighbour')).toEqual(['a', 'b'])
  })

  test('a form is refused', async () => {
    expect(await acknowledge({ sequence: 1, instance: 'one' }, 'application/x-www-form-urlencoded')).toBe(415)
  })
})
