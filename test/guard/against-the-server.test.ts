// The guard and the server that it is made for: what ends there is refused here soon, over HTTP and over Redis.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import pg from 'pg'
import { createGuard, type Guard, type GuardOptions } from '../../guard/main.ts'
import { API, MACHINE, NOTES, SPA } from '../support/clients.ts'
import { clientRequest, obtainTokens, refresh } from '../support/oauth.ts'
import { startPrivateRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { outcomeOf, until } from './trial.ts'

const CLIENT = { client_id: 'notes-guard', client_secret: 'a-secret-of-the-guard-that-is-long-enough' }

let redis: RedisServer
let server: TestServer
const guards: Guard[] = []
const connections: Redis[] = []

beforeAll(async () => {
  redis = await startPrivateRedis()
  const clients = [{ ...CLIENT, grant_types: ['client_credentials'], scope: 'revocations:read' }]
  server = await startServer({ redisUrl: redis.url, provision: { clients } })
})

afterAll(async () => {
  await Promise.all(guards.map((guard) => guard.close()))
  for (const connection of connections) connection.disconnect()
  await server?.stop()
  await redis?.stop()
})

async function guard(options: Partial<GuardOptions> = {}): Promise<Guard> {
  const client = { id: CLIENT.client_id, secret: CLIENT.client_secret }
  const log = () => undefined
  const made = await createGuard({ issuer: server.issuer, audience: NOTES, client, log, ...options })
  guards.push(made)
  return made
}

function connection(): Redis {
  const made = new Redis(redis.url)
  connections.push(made)
  return made
}

async function expectRefusedSoon(judge: Guard, token: string): Promise<void> {
  await until(async () => (await outcomeOf(judge, token)) === 'InvalidToken: revoked', 3000)
}

test('a token that its client revokes is refused soon, and others stay good', async () => {
  const judge = await guard()
  await until(() => judge.status().following === 'stream')
  const [one, other] = [await obtainTokens(server, SPA), await obtainTokens(server, SPA)].map(({ tokens }) => tokens.body)
  expect(await judge.verify(one?.access_token ?? '', { scope: 'notes:read' })).toMatchObject({
    client_id: SPA.client_id,
    aud: NOTES,
  })
  await clientRequest(server, '/revoke', SPA, { token: one?.access_token ?? '' })
  await expectRefusedSoon(judge, one?.access_token ?? '')
  expect(await outcomeOf(judge, other?.access_token ?? '')).toBe('good')
  expect(await outcomeOf(judge, one?.id_token ?? '')).toMatch(/^InvalidToken: (type|audience)$/)
})

test('what a guard has applied is known to the server', async () => {
  const judge = await guard()
  const { tokens } = await obtainTokens(server, SPA)
  await clientRequest(server, '/revoke', SPA, { token: tokens.body.access_token ?? '' })
  await expectRefusedSoon(judge, tokens.body.access_token ?? '')
  const { sequence = 0 } = judge.status()
  const database = new pg.Client(server.databaseUrl)
  await database.connect()
  try {
    await until(async () => {
      const { rows } = await database.query(
        'SELECT max(sequence) AS most FROM revocation_acknowledgements WHERE client_id = $1',
        [CLIENT.client_id],
      )
      return Number(rows[0]?.most) >= sequence
    })
  } finally {
    await database.end()
  }
})

test('a revoked refresh token takes the access tokens of its grant along, also for a guard that starts later', async () => {
  const judge = await guard()
  const { tokens } = await obtainTokens(server, SPA)
  const next = await refresh(server, SPA, tokens.body.refresh_token ?? '')
  await clientRequest(server, '/revoke', SPA, { token: next.body.refresh_token ?? '' })
  for (const token of [tokens.body.access_token, next.body.access_token]) await expectRefusedSoon(judge, token ?? '')
  const late = await guard()
  expect(await outcomeOf(late, tokens.body.access_token ?? '')).toBe('InvalidToken: revoked')
  expect(late.status()).toMatchObject({ stale: false, clockAheadSeconds: 0, sequence: judge.status().sequence })
})

test('signing out ends what the session got', async () => {
  const judge = await guard()
  const { tokens, browser } = await obtainTokens(server, SPA)
  expect(await outcomeOf(judge, tokens.body.access_token ?? '')).toBe('good')
  await browser.submit(await browser.open(new URL('/logout', server.issuer)))
  await expectRefusedSoon(judge, tokens.body.access_token ?? '')
})

test('over Redis alone it is the same, and after Redis was emptied nothing lives again', async () => {
  const admin = connection()
  const judge = await createGuard({ issuer: server.issuer, audience: NOTES, redis: connection(), log: () => undefined })
  guards.push(judge)
  const { tokens } = await obtainTokens(server, SPA)
  const { tokens: others } = await obtainTokens(server, SPA)
  expect(await outcomeOf(judge, tokens.body.access_token ?? '')).toBe('good')
  await clientRequest(server, '/revoke', SPA, { token: tokens.body.access_token ?? '' })
  await expectRefusedSoon(judge, tokens.body.access_token ?? '')
  expect(judge.status().following).toBe('redis')
  await admin.flushall()
  await clientRequest(server, '/revoke', SPA, { token: others.body.access_token ?? '' })
  await until(async () => (await outcomeOf(judge, others.body.access_token ?? '')) === 'InvalidToken: revoked', 5000)
  expect(await outcomeOf(judge, tokens.body.access_token ?? '')).toBe('InvalidToken: revoked')
})

test('a client that may not listen, and one that is not known, are told what to register', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  for (const [client, fix] of [
    [{ id: MACHINE.client_id, secret: MACHINE.client_secret }, 'revocations:read in its scope'],
    [{ id: CLIENT.client_id, secret: 'another secret that is long enough' }, 'Correct the id and the secret'],
  ] as const) {
    const judge = await guard({ client })
    await expect(judge.verify(tokens.body.access_token ?? '')).rejects.toMatchObject({
      name: 'FeedRefused',
      status: 503,
      fix: expect.stringContaining(fix),
    })
  }
})

test('while the feed is closed to it, a guard may ask about each token with the client of its resource server', async () => {
  const judge = await guard({ client: { id: API.client_id, secret: API.client_secret }, whenStale: 'introspect' })
  const { tokens } = await obtainTokens(server, SPA)
  expect(judge.status().stale).toBe(true)
  expect(await outcomeOf(judge, tokens.body.access_token ?? '')).toBe('good')
  await clientRequest(server, '/revoke', SPA, { token: tokens.body.access_token ?? '' })
  expect(await outcomeOf(judge, tokens.body.access_token ?? '')).toBe('InvalidToken: revoked')
})

test('the end of everything reaches every guard, and none is without its stream for long, nor complains', async () => {
  const lines: string[] = []
  const judges = await Promise.all([1, 2, 3].map(() => guard({ log: ({ level, message }) => lines.push(`${level} ${message}`) })))
  for (const judge of judges) await until(() => judge.status().following === 'stream')
  const { tokens } = await obtainTokens(server, SPA)
  const token = tokens.body.access_token ?? ''
  for (const judge of judges) expect(await outcomeOf(judge, token)).toBe('good')
  await server.latchkey.nouns.endEverything({ cause: 'everything_ended' })
  await Promise.all(judges.map((judge) => expectRefusedSoon(judge, token)))
  // They are cut off when another token can be made, and come again with it.
  await until(async () => {
    const [row] = await server.latchkey.stores.db.$queryRaw<{ over: boolean }[]>`
      SELECT max(before) + interval '1 second' <= latchkey_now() AS over FROM revocations`
    return row?.over === true
  }, 5000)
  for (const judge of judges) await until(() => judge.status().following === 'stream', 5000)
  const { tokens: next } = await obtainTokens(server, SPA)
  await clientRequest(server, '/revoke', SPA, { token: next.body.access_token ?? '' })
  for (const judge of judges) await expectRefusedSoon(judge, next.body.access_token ?? '')
  expect(lines.filter((line) => /^(warn|error)/.test(line))).toEqual([])
})
