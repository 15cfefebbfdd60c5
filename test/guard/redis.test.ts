// Revocations straight from the server's Redis, by ioredis and by something in the shape of node-redis: as they happen, from the
// beginning, and after Redis was emptied.
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import type { GuardOptions } from '../../guard/main.ts'
import { redisUrl } from '../support/redis.ts'
import { outcomeOf, startTrial, until } from './trial.ts'

const STREAM = 'latchkey:revocations'
const url = redisUrl()
const admin = new Redis(url)
const clients: Redis[] = [admin]

beforeEach(async () => {
  await admin.del(STREAM)
})

afterAll(() => {
  for (const client of clients) client.disconnect()
})

async function add(sequence: number, jti: string): Promise<void> {
  const until = String(Math.floor(Date.now() / 1000) + 900)
  await admin.xadd(STREAM, `${sequence}-0`, 'kind', 'jti', 'value', jti, 'until', until)
}

/** As the project's own connections are: in no mood to wait. */
function ioredis(): Redis {
  const client = new Redis(url, { commandTimeout: 500, enableOfflineQueue: false, keyPrefix: 'app:' })
  clients.push(client)
  return client
}

/** The commands of node-redis that the guard uses, on ioredis. */
function nodeRedis(): NonNullable<GuardOptions['redis']> {
  const make = () => {
    let client: Redis | undefined
    return {
      duplicate: make,
      async connect() {
        client = new Redis(url)
        clients.push(client)
      },
      sendCommand: async ([command = '', ...args]: string[]) => {
        const reply = await client?.call(command, ...args)
        // ioredis makes the maps of RESP3 flat; node-redis does not.
        return command === 'XREAD' && Array.isArray(reply) ? new Map([reply as [string, unknown]]) : reply
      },
      destroy: () => client?.disconnect(),
      on: () => undefined,
    }
  }
  return make()
}

describe.each<[string, () => NonNullable<GuardOptions['redis']>]>([
  ['ioredis', ioredis],
  ['node-redis', nodeRedis],
])('%s', (_name, client) => {
  test('entries of before and of now are known at once, and freshness comes from Redis', async () => {
    await using trial = await startTrial()
    await add(1001, 'before')
    const guard = await trial.redisGuard({ redis: client() })
    const token = (jti: string) => trial.issuer.accessToken({ jti })
    await until(async () => (await outcomeOf(guard, await token('other'))) === 'good')
    expect(await outcomeOf(guard, await token('before'))).toBe('InvalidToken: revoked')
    const now = await token('now')
    await add(1002, 'now')
    await until(async () => (await outcomeOf(guard, now)) === 'InvalidToken: revoked', 3000)
    expect(guard.status()).toMatchObject({ following: 'redis', sequence: 1002, stale: false })
    trial.advance(12)
    await until(() => (guard.status().stalenessSeconds ?? 99) < 2)
    expect(trial.issuer.requests.filter((request) => request.includes('revocations'))).toEqual([])
  })

  test('Redis emptied: all is read again, nothing known is forgotten, and lower numbers are not overlooked', async () => {
    await using trial = await startTrial()
    await add(1001, 'kept')
    const guard = await trial.redisGuard({ redis: client() })
    await until(() => guard.status().sequence === 1001)
    await admin.del(STREAM)
    await add(3, 'after the flush')
    const token = await trial.issuer.accessToken({ jti: 'after the flush' })
    await until(async () => (await outcomeOf(guard, token)) === 'InvalidToken: revoked', 4000)
    expect(await outcomeOf(guard, await trial.issuer.accessToken({ jti: 'kept' }))).toBe('InvalidToken: revoked')
  })
})

test('an empty Redis is not believed when there is a feed to ask: the snapshot is taken as well', async () => {
  await using trial = await startTrial()
  trial.issuer.revoke({ kind: 'jti', value: 'only in the feed' })
  trial.issuer.behaviour.feed = 'failing'
  const guard = await trial.guard({ redis: ioredis() })
  const token = await trial.issuer.accessToken({ jti: 'only in the feed' })
  await until(() => guard.status().following === 'redis')
  expect(await outcomeOf(guard, token)).toBe('FeedUnavailable')
  trial.issuer.behaviour.feed = 'here'
  await until(async () => (await outcomeOf(guard, token)) === 'InvalidToken: revoked')
  await until(() => trial.issuer.acknowledged.length > 0)
})

test('emptied in the middle: what Redis lost is got from the feed', async () => {
  await using trial = await startTrial()
  await add(1001, 'first')
  trial.issuer.revoke({ kind: 'jti', value: 'first' })
  const guard = await trial.guard({ redis: ioredis() })
  await until(() => guard.status().following === 'redis')
  trial.issuer.revoke({ kind: 'jti', value: 'never in Redis' })
  await admin.del(STREAM)
  const token = await trial.issuer.accessToken({ jti: 'never in Redis' })
  await until(async () => (await outcomeOf(guard, token)) === 'InvalidToken: revoked', 4000)
})

test('a Redis that is away: the feed is asked instead; without one nobody is let in', async () => {
  await using trial = await startTrial()
  const away = new Redis('redis://127.0.0.1:1', { retryStrategy: () => 50, lazyConnect: true })
  away.on('error', () => undefined)
  clients.push(away)
  const guard = await trial.guard({ redis: away })
  expect(await outcomeOf(guard, await trial.issuer.accessToken())).toBe('good')
  trial.advance(6)
  trial.issuer.aheadSeconds = 6
  await until(() => guard.status().following === 'polling' && (guard.status().stalenessSeconds ?? 99) < 3)
  const alone = await trial.redisGuard({ redis: away, startTimeoutSeconds: 1 })
  expect(await outcomeOf(alone, await trial.issuer.accessToken())).toBe('FeedUnavailable')
  await until(() => trial.lines.some(({ message }) => message.includes('Redis cannot be read')), 10_000)
})
