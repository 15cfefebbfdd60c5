// Revocation under attack and under failure (RFC 7009): it ends what it should and nothing else, and it stays.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { createLog } from '../../server/http/log.ts'
import { createPurge } from '../../server/maintenance/purge-expired.ts'
import { createRevocationFollower } from '../../server/tokens/revocation-follower.ts'
import { API, BILLING, MACHINE, SPA, WEB } from '../support/clients.ts'
import { until } from '../support/logout-app.ts'
import { claimsOf, clientRequest, introspect, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { createDatabase } from '../support/postgres.ts'
import { freePorts, startProgram } from '../support/program.ts'
import { startPrivateRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { ADA, PROVISION, startServer, type TestServer } from '../support/server.ts'

const GUARD = { client_id: 'guard', client_secret: 'a-secret-of-the-guard-that-is-long-enough' }

const RACERS = 50

let redis: RedisServer
let server: TestServer
/** Another process on the same database and the same Redis. */
let neighbour: TestServer

beforeAll(async () => {
  redis = await startPrivateRedis()
  const clients = [{ ...GUARD, grant_types: ['client_credentials'], scope: 'revocations:read' }]
  server = await startServer({ redisUrl: redis.url, provision: { clients } })
  const settings = { ISSUER: server.issuer }
  neighbour = await startServer({ redisUrl: redis.url, databaseUrl: server.databaseUrl, settings, provision: { clients } })
})

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
  await redis?.stop()
})

type Asking = Parameters<typeof clientRequest>[2]

const revoke = (client: Asking, token: string, more: { readonly [name: string]: string } = {}) =>
  clientRequest(server, '/revoke', client, { token, ...more })

const isActive = async (token: string | undefined, client: Asking = API) => (await introspect(server, client, token ?? '')).active

const entries = () => server.latchkey.stores.db.revocation.count()

test('RV1: an unknown, garbled or dead token is answered like one that was revoked just now', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  const answers = []
  const dead = tokens.body.refresh_token ?? ''
  for (const token of [
    dead,
    dead,
    'never-was',
    `rt_${'A'.repeat(22)}.0.${'B'.repeat(43)}`,
    `at_${'A'.repeat(43)}`,
    'x'.repeat(4000),
  ]) {
    const answer = await revoke(SPA, token)
    answers.push({ status: answer.status, body: await answer.text(), type: answer.headers.get('content-type') })
  }
  expect(answers).toEqual(answers.map(() => ({ status: 200, body: '', type: null })))
})

test('RV2: a client revokes nothing of another client’s, whatever kind of token it has found', async () => {
  const spa = await obtainTokens(server, SPA)
  const opaque = await obtainTokens(server, WEB, { params: { scope: 'openid email' } })
  const before = await entries()
  for (const token of [spa.tokens.body.access_token, spa.tokens.body.refresh_token])
    expect((await revoke(WEB, token ?? '')).status).toBe(200)
  for (const token of [opaque.tokens.body.access_token, opaque.tokens.body.refresh_token])
    expect((await revoke(SPA, token ?? '')).status).toBe(200)
  expect(await entries()).toBe(before)
  expect(await isActive(spa.tokens.body.access_token)).toBe(true)
  expect(await isActive(opaque.tokens.body.access_token, WEB)).toBe(true)
  expect((await refresh(server, SPA, spa.tokens.body.refresh_token ?? '')).status).toBe(200)
  expect((await refresh(server, WEB, opaque.tokens.body.refresh_token ?? '')).status).toBe(200)
})

test('RV3: a refresh token takes all its access tokens with it, JWT and opaque, of all its generations', async () => {
  const { tokens } = await obtainTokens(server, WEB)
  const second = await refresh(server, WEB, tokens.body.refresh_token ?? '')
  const opaque = await refresh(server, WEB, second.body.refresh_token ?? '', { scope: 'openid email' })
  const other = await obtainTokens(server, WEB)
  await revoke(WEB, opaque.body.refresh_token ?? '')
  for (const answer of [tokens, second, opaque]) expect(await isActive(answer.body.access_token, WEB)).toBe(false)
  expect(await isActive(other.tokens.body.access_token)).toBe(true)
  const userinfo = await fetch(new URL('/userinfo', server.issuer), {
    headers: { authorization: `Bearer ${second.body.access_token}` },
  })
  expect(userinfo.status).toBe(401)
})

test.each([1, 2, 5])('RV3: a refresh token that is %i rotations old ends what a thief made of it', async (rotations) => {
  const { tokens } = await obtainTokens(server, SPA)
  const given = tokens.body.refresh_token ?? ''
  let newest = tokens.body
  for (let rotation = 0; rotation < rotations; rotation += 1)
    newest = (await refresh(server, SPA, newest.refresh_token ?? '')).body
  // Another client's it is still not, and whoever asks whether it is good is told no.
  await revoke(WEB, given)
  expect(await isActive(newest.access_token)).toBe(true)
  expect(await isActive(given, SPA)).toBe(false)
  expect((await revoke(SPA, given)).status).toBe(200)
  expect(await isActive(newest.access_token)).toBe(false)
  expect((await refresh(server, SPA, newest.refresh_token ?? '')).status).toBe(400)
})

test('RV4: one JWT access token, and no other of the same person, grant or client', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  const next = await refresh(server, SPA, tokens.body.refresh_token ?? '')
  const other = await obtainTokens(server, SPA)
  await revoke(SPA, tokens.body.access_token ?? '')
  expect(await isActive(tokens.body.access_token)).toBe(false)
  for (const answer of [next, other.tokens]) expect(await isActive(answer.body.access_token)).toBe(true)
  expect((await refresh(server, SPA, next.body.refresh_token ?? '')).status).toBe(200)
})

describe('RV4: a token that comes fifty times at once, at two nodes, ends once', () => {
  async function given(params: { readonly scope?: string } = {}) {
    const { body } = (await obtainTokens(server, WEB, { params })).tokens
    const { grant_id } = await introspect(server, WEB, body.refresh_token ?? '')
    return { accessToken: body.access_token ?? '', refreshToken: body.refresh_token ?? '', grantId: String(grant_id) }
  }

  /** All are answered alike; what was written of it. */
  async function revokeByMany(token: string, { grantId, event }: { readonly grantId: string; readonly event: string }) {
    const before = await entries()
    const answers = await Promise.all(
      Array.from({ length: RACERS }, async (_, index) => {
        const answer = await clientRequest(index % 2 === 0 ? server : neighbour, '/revoke', WEB, { token })
        return [answer.status, await answer.text()]
      }),
    )
    expect(answers).toEqual(Array(RACERS).fill([200, '']))
    const events = await server.latchkey.stores.db.auditEvent.count({ where: { name: event, grantId } })
    return { entries: (await entries()) - before, events }
  }

  test('a JWT: one entry, one event', async () => {
    const { accessToken, grantId } = await given()
    expect(await revokeByMany(accessToken, { grantId, event: 'access_token.revoked' })).toEqual({ entries: 1, events: 1 })
    expect(await isActive(accessToken, WEB)).toBe(false)
  })

  test('an opaque access token: one event, and no entry, since every API asks here', async () => {
    const { accessToken, grantId } = await given({ scope: 'openid email' })
    expect(await revokeByMany(accessToken, { grantId, event: 'access_token.revoked' })).toEqual({ entries: 0, events: 1 })
    expect(await isActive(accessToken, WEB)).toBe(false)
  })

  test('a refresh token: one entry, of its grant, and one event', async () => {
    const { refreshToken, grantId } = await given()
    expect(await revokeByMany(refreshToken, { grantId, event: 'grant.revoked' })).toEqual({ entries: 1, events: 1 })
    expect((await refresh(server, WEB, refreshToken)).body.error).toBe('invalid_grant')
  })
})

test.each(['access_token', 'refresh_token', 'id_token', '', 'x'.repeat(300)])(
  'RV5: the hint %j keeps no token from being found',
  async (hint) => {
    const { tokens } = await obtainTokens(server, WEB, { params: { scope: 'openid email' } })
    const jwt = await obtainTokens(server, WEB)
    await revoke(WEB, tokens.body.access_token ?? '', { token_type_hint: hint })
    await revoke(WEB, jwt.tokens.body.access_token ?? '', { token_type_hint: hint })
    await revoke(WEB, jwt.tokens.body.refresh_token ?? '', { token_type_hint: hint })
    expect(await isActive(tokens.body.access_token, WEB)).toBe(false)
    expect(await isActive(jwt.tokens.body.access_token)).toBe(false)
    expect((await refresh(server, WEB, jwt.tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  },
)

test('RV6: whoever does not say or show who they are revokes nothing', async () => {
  const { tokens } = await obtainTokens(server, WEB)
  const token = tokens.body.refresh_token ?? ''
  const asked = async (params: { readonly [name: string]: string }) => {
    const answer = await fetch(new URL('/revoke', server.issuer), { method: 'POST', body: new URLSearchParams(params) })
    return answer.status
  }
  expect([400, 401]).toContain(await asked({ token }))
  expect(await asked({ token, client_id: WEB.client_id })).toBe(401)
  expect(await asked({ token, client_id: 'nobody' })).toBe(401)
  expect((await revoke({ ...WEB, client_secret: 'wrong' }, token)).status).toBe(401)
  expect((await refresh(server, WEB, token)).status).toBe(200)
})

test('RV7: a wrong method, a wrong body or no token is refused, and revokes nothing', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  const token = tokens.body.refresh_token ?? ''
  const url = new URL('/revoke', server.issuer)
  const params = new URLSearchParams({ token, client_id: SPA.client_id })
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const answer = await fetch(`${url.href}?${params}`, { method })
    expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, 'POST, OPTIONS'])
  }
  const json = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(Object.fromEntries(params)),
  })
  expect(json.status).toBe(400)
  expect((await fetch(`${url.href}?${params}`, { method: 'POST' })).status).toBe(400)
  const without = await clientRequest(server, '/revoke', SPA, {})
  expect([without.status, await without.json()]).toMatchObject([400, { error: 'invalid_request' }])
  const twice = await fetch(url, { method: 'POST', body: new URLSearchParams(`${params}&token=another`) })
  expect(twice.status).toBe(400)
  expect((await refresh(server, SPA, token)).status).toBe(200)
})

test('RV8: success has no content and no content type, for each kind of token', async () => {
  const { tokens } = await obtainTokens(server, WEB)
  const opaque = await obtainTokens(server, WEB, { params: { scope: 'openid email' } })
  for (const token of [tokens.body.access_token, tokens.body.refresh_token, opaque.tokens.body.access_token, 'never-was']) {
    const answer = await revoke(WEB, token ?? '')
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([200, null, ''])
    expect(answer.headers.get('cache-control')).toBe('no-store')
  }
})

describe('RV10: an entry', () => {
  test('lives as long as the token has left that it is about, and the skew of clocks; it is not there for ever', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const { jti, exp = 0 } = claimsOf(tokens.body.access_token)
    await server.advance(600)
    await revoke(SPA, tokens.body.access_token ?? '')
    const entry = await server.latchkey.stores.db.revocation.findFirstOrThrow({ where: { kind: 'jti', value: String(jti) } })
    expect(entry.until.getTime() / 1000).toBe(exp + 60)
  })

  test('is not written for a token that has expired', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    await server.advance(901)
    const before = await entries()
    expect((await revoke(SPA, tokens.body.access_token ?? '')).status).toBe(200)
    expect(await entries()).toBe(before)
  })

  test('has a time to live in Redis too, as has every key that this server ever wrote', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const { jti, iat = 0, exp = 0 } = claimsOf(tokens.body.access_token)
    await revoke(SPA, tokens.body.access_token ?? '')
    const client = new Redis(redis.url)
    const key = `latchkey:revoked:jti:${jti}`
    await until(async () => (await client.exists(key)) === 1)
    const keys = await client.keys('*')
    const lives = await Promise.all(keys.map(async (key) => [key, await client.pttl(key)] as const))
    await client.quit()
    expect(keys).toContain('latchkey:revocations')
    const life = new Map(lives).get(key) ?? 0
    expect(Math.abs(life / 1000 - (exp - iat + 60))).toBeLessThan(30)
    expect(lives.filter(([, life]) => life <= 0)).toEqual([])
  })

  test('vanishes when it is over: from the table, from memory, and from what the feed tells', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    await revoke(SPA, tokens.body.access_token ?? '')
    const { db } = server.latchkey.stores
    const follower = createRevocationFollower({ db })
    await follower.catchUp()
    const { sequence, size } = follower.log
    expect(size).toBeGreaterThan(0)
    await server.advance(900 + 61)
    await follower.catchUp()
    expect(follower.log).toMatchObject({ size: 0, sequence })
    const asks = { grant_type: 'client_credentials', resource: `${server.issuer}/revocations`, scope: 'revocations:read' }
    const { body } = await tokenRequest(server, GUARD, asks)
    // The process that answers forgets every ten seconds of its own.
    await server.advance(11)
    const feed = await fetch(`${server.issuer}/revocations`, { headers: { authorization: `Bearer ${body.access_token}` } })
    expect(await feed.json()).toEqual({ sequence, entries: [] })
    await createPurge({ db, log: createLog({ level: 'fatal', format: 'json' }) }).run()
    expect(await db.revocation.count()).toBe(0)
  })
})

describe('RV11: what was revoked stays revoked when Redis', () => {
  const forgetting: readonly (readonly [string, (client: Redis) => Promise<unknown>])[] = [
    ['is flushed', (client) => client.flushall()],
    [
      'evicts whatever it has to make room',
      async (client) => {
        await client.config('SET', 'maxmemory-policy', 'allkeys-lru')
        await client.config('SET', 'maxmemory', '1mb')
        // Redis frees memory as new things come, the ones first that were not used for longest.
        for (let filler = 0; (await client.keys('latchkey:*')).length > 0; filler += 1) {
          expect(filler).toBeLessThan(2000)
          await client.set(`filler:${filler}`, 'x'.repeat(8192)).catch(() => undefined)
        }
        await client.config('SET', 'maxmemory', '0')
        await client.config('SET', 'maxmemory-policy', 'noeviction')
      },
    ],
    ['comes back empty, as a replica that never had it', () => redis.restart()],
  ]

  test.each(forgetting)('%s', async (_, forget) => {
    const revoked = await obtainTokens(server, SPA)
    const jwt = await obtainTokens(server, WEB)
    const opaque = await obtainTokens(server, WEB, { params: { scope: 'openid email' } })
    const own = await tokenRequest(server, MACHINE, {
      grant_type: 'client_credentials',
      resource: BILLING,
      scope: 'billing:read',
    })
    await revoke(SPA, revoked.tokens.body.refresh_token ?? '')
    await revoke(WEB, jwt.tokens.body.access_token ?? '')
    await revoke(WEB, opaque.tokens.body.access_token ?? '')
    await revoke(MACHINE, own.body.access_token ?? '')
    const client = new Redis(redis.url, { maxRetriesPerRequest: 1 })
    client.on('error', () => undefined)
    await forget(client)
    client.disconnect()
    expect((await refresh(server, SPA, revoked.tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect(await isActive(revoked.tokens.body.access_token)).toBe(false)
    expect(await isActive(jwt.tokens.body.access_token)).toBe(false)
    expect(await isActive(opaque.tokens.body.access_token, WEB)).toBe(false)
    expect(await isActive(own.body.access_token, MACHINE)).toBe(false)
    // What was not revoked does not depend on what Redis knows either.
    expect((await refresh(server, WEB, jwt.tokens.body.refresh_token ?? '')).status).toBe(200)
  })
})

test('RV9: once it is answered, a revocation outlives the server and Redis, killed at that moment', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-revocation-'))
  const database = await createDatabase()
  const file = join(folder, 'provision.json')
  await writeFile(file, JSON.stringify(PROVISION))
  const ports = await freePorts()
  const settings = {
    DATA_DIR: folder,
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    PROVISION_FILE: file,
    LATCHKEY_RATE_LIMITS: 'off',
  }
  let program = await startProgram(ports, settings)
  const at = { issuer: program.issuer, ada: ADA }
  const [grant, token] = [await obtainTokens(at, SPA), await obtainTokens(at, WEB)]
  const answers = await Promise.all([
    clientRequest(at, '/revoke', SPA, { token: grant.tokens.body.refresh_token ?? '' }),
    clientRequest(at, '/revoke', WEB, { token: token.tokens.body.access_token ?? '' }),
  ])
  await Promise.all([program.kill(), redis.kill()])
  expect(answers.map(({ status }) => status)).toEqual([200, 200])
  await redis.restart()
  program = await startProgram(ports, settings)
  expect((await refresh(at, SPA, grant.tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  expect((await introspect(at, API, grant.tokens.body.access_token ?? '')).active).toBe(false)
  expect((await introspect(at, API, token.tokens.body.access_token ?? '')).active).toBe(false)
  expect((await refresh(at, WEB, token.tokens.body.refresh_token ?? '')).status).toBe(200)
  await program.kill()
  await database.drop()
  await rm(folder, { recursive: true, force: true })
}, 60_000)
