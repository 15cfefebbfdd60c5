// The live store in Redis: the contract on a single server, with a key prefix, in a Cluster; and what the bytes in it show.
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { systemClock } from '../../config/clock.ts'
import { Secret } from '../../config/secrets.ts'
import { StorageUnavailable } from '../../server/storage/errors.ts'
import { liveKeys } from '../../server/storage/keys.ts'
import { openRedis } from '../../server/storage/redis.ts'
import { parseRedisUrl } from '../../server/storage/redis-client.ts'
import { createSealer } from '../../server/storage/sealing.ts'
import { describeLiveStore } from '../contract/live-store.ts'
import { describeStoredBytes, type OpenedBytes } from '../contract/stored-bytes.ts'
import type { OpenedStore } from '../contract/subject.ts'
import { redisUrl, startPrivateRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { spoilKeys } from '../support/spoiled-redis.ts'

const sealer = createSealer([new Secret(Buffer.alloc(32, 1).toString('base64url'))])

async function openTwo(clock: () => number, url: string, keyPrefix?: string): Promise<OpenedStore> {
  // What is kept is tried, not how soon.
  const settings = { url, sealer, clock, commandTimeoutMs: 5000, ...(keyPrefix === undefined ? {} : { keyPrefix }) }
  return { store: (await openRedis(settings)).store, other: (await openRedis(settings)).store }
}

describeLiveStore('Redis', (clock) => openTwo(clock, redisUrl()))
describeLiveStore('Redis, with a key prefix', (clock) => openTwo(clock, redisUrl(), 'of-a-neighbour:'))

describe('two prefixes in one Redis', () => {
  test('do not see each other', async () => {
    const url = redisUrl()
    const { store: one } = await openRedis({ url, sealer, clock: systemClock, keyPrefix: 'one:' })
    const { store: two } = await openRedis({ url, sealer, clock: systemClock, keyPrefix: 'two:' })
    await one.put({ model: 'Interaction', id: 'x', payload: {}, ttlSeconds: 60 })
    expect(await two.find('Interaction', 'x')).toBeUndefined()
    await one.close()
    await two.close()
  })
})

let cluster: RedisServer | undefined

describe('in a Cluster', () => {
  beforeAll(async () => {
    cluster = await startPrivateRedis(['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'])
    const admin = new Redis(cluster.url)
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    while (!String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) await wait(20)
    admin.disconnect()
  })

  afterAll(async () => {
    await cluster?.stop()
  })

  describeLiveStore('Redis Cluster', (clock) => openTwo(clock, `redis+cluster://127.0.0.1:${cluster?.port}`))
})

describeStoredBytes('Redis', async (clock): Promise<OpenedBytes> => {
  const url = redisUrl()
  const raw = new Redis(url)
  const opened = await openTwo(clock, url)
  return {
    ...opened,
    other: {
      ...opened.other,
      close() {
        raw.disconnect()
        return opened.other.close()
      },
    },
    async dump() {
      const keys = await raw.keys('*')
      // Revocations and the list of processes are not the store's: they are for others to read, and name nothing that opens anything.
      // Refused requests have a log of their own.
      const { revocations, revoked, revokedUntil, refusedRequests, processes, limit, throttles, throttleLift } = liveKeys
      const elsewhere: readonly string[] = [
        ...[revocations, revoked, revokedUntil, refusedRequests, processes],
        ...[limit, throttles, throttleLift],
      ]
      const kinds = Object.values(liveKeys).filter((kind) => !elsewhere.includes(kind))
      expect(new Set(keys.map((key) => key.split(':')[1]))).toEqual(new Set(kinds))
      const values = await Promise.all(
        keys.map(async (key) =>
          (await raw.type(key)) === 'hash'
            ? Object.entries(await raw.hgetallBuffer(key)).flat()
            : [(await raw.getBuffer(key)) ?? ''],
        ),
      )
      return Buffer.concat([...keys, ...values.flat()].map((part) => Buffer.from(part)))
    },
    clear: async () => void (await raw.flushdb()),
    spoil: (how) => spoilKeys(raw, how),
  }
})

describe('every key has a time to live', () => {
  test('none stays for ever', async () => {
    const url = redisUrl()
    const { store } = await openRedis({ url, sealer, clock: systemClock })
    const record = { model: 'DeviceCode', id: 'a', payload: {}, ttlSeconds: 60, uid: 'b', userCode: 'c' }
    await store.put(record)
    await store.consume(record.model, record.id)
    const session = { cookieId: 'f', uid: 'g', payload: { authorizations: { app: { sid: 'h' } } }, ttlSeconds: 60, removed: [] }
    await store.saveSession(session)
    await store.endSession('never saved')
    await store.dropSessionPointer('never saved')
    const raw = new Redis(url)
    const keys = await raw.keys('*')
    expect(keys.length).toBeGreaterThanOrEqual(7)
    for (const key of keys) expect(await raw.pttl(key)).toBeGreaterThan(0)
    raw.disconnect()
    await store.close()
  })
})

describe('URLs', () => {
  test('of a single Redis', () => {
    expect(parseRedisUrl('rediss://user:p%40ss@redis.example:6380/2')).toEqual({
      kind: 'single',
      hosts: [{ host: 'redis.example', port: 6380 }],
      tls: true,
      username: 'user',
      password: 'p@ss',
      database: 2,
    })
    expect(parseRedisUrl('redis://:secret@[::1]')).toMatchObject({
      hosts: [{ host: '::1', port: 6379 }],
      password: 'secret',
      database: 0,
    })
  })

  test('of Sentinels', () => {
    expect(parseRedisUrl('redis+sentinel://:x@a:1,b/main/3?sentinelPassword=y')).toEqual({
      kind: 'sentinel',
      hosts: [
        { host: 'a', port: 1 },
        { host: 'b', port: 26_379 },
      ],
      tls: false,
      password: 'x',
      master: 'main',
      database: 3,
      sentinelPassword: 'y',
    })
  })

  test('of a Cluster', () => {
    expect(parseRedisUrl('rediss+cluster://a,b:7000')).toEqual({
      kind: 'cluster',
      hosts: [
        { host: 'a', port: 6379 },
        { host: 'b', port: 7000 },
      ],
      tls: true,
      database: 0,
    })
  })

  test('of nothing that we know are refused without repeating them', () => {
    expect(() => parseRedisUrl('http://:secret@x')).toThrow(StorageUnavailable)
    expect(() => parseRedisUrl('http://:secret@x')).not.toThrow('secret')
  })
})
