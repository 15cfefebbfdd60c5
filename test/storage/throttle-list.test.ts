// The list of those who are turned away, in Redis and in the memory of the process: both do the same.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Secret } from '../../config/secrets.ts'
import { connectRedis } from '../../server/storage/redis-client.ts'
import { createSealer } from '../../server/storage/sealing.ts'
import {
  createMemoryThrottleList,
  createRedisThrottleList,
  MOST_THROTTLES,
  type ThrottleList,
  throttleId,
} from '../../server/storage/throttle-list.ts'
import { redisUrl } from '../support/redis.ts'

const NOW = 1_800_000_000_000
const sealer = createSealer([new Secret(Buffer.alloc(32, 7).toString('base64url'))])

let client: Awaited<ReturnType<typeof connectRedis>>
let now: number

beforeAll(async () => {
  client = await connectRedis({ url: redisUrl(), keyPrefix: 'latchkey:', commandTimeoutMs: 10_000 })
})

beforeEach(async () => {
  now = NOW
  await client.flushdb()
})

afterAll(() => client?.disconnect())

const throttle = (asker: string, seconds: number) => ({
  ...{ limit: 'people', asker, place: `the place of ${asker}`, windowSeconds: 900 },
  until: NOW + seconds * 1000,
})
const askersOf = async (list: ThrottleList) => [...(await list.read()).values()].map(({ asker }) => asker)

describe.each([
  ['in Redis', () => createRedisThrottleList(client, { sealer, clock: () => now })],
  ['in memory', () => createMemoryThrottleList({ clock: () => now })],
])('%s', (_where, open) => {
  test('those who wait longest come first, and are gone when they need not wait', async () => {
    const list = open()
    for (const [asker, seconds] of [
      ['b', 20],
      ['c', 30],
      ['a', 10],
      ['b', 25],
    ] as const)
      await list.write(throttle(asker, seconds))
    expect(await askersOf(list)).toEqual(['c', 'b', 'a'])
    expect((await list.read()).get(throttleId('people', 'b'))).toEqual(throttle('b', 25))
    now += 25_000
    expect(await askersOf(list)).toEqual(['c'])
  })

  test('one is lifted once, and leaves a mark that is another each time', async () => {
    const list = open()
    const id = throttleId('people', 'a')
    expect(await list.markOf(id)).toBeUndefined()
    const marks: unknown[] = []
    for (const round of [1, 2]) {
      await list.write(throttle('a', 10 * round))
      const lifted = await Promise.all(Array.from({ length: 50 }, () => list.lift(id)))
      expect(lifted.filter(Boolean)).toHaveLength(1)
      expect(await askersOf(list)).toEqual([])
      marks.push(await list.markOf(id))
    }
    expect(marks).toEqual([expect.any(String), expect.any(String)])
    expect(marks[0]).not.toBe(marks[1])
    expect(await list.lift('nobody')).toBe(false)
  })

  test('one is forgotten without a mark', async () => {
    const list = open()
    await list.write(throttle('a', 10))
    await list.forget(throttleId('people', 'a'))
    expect([await askersOf(list), await list.markOf(throttleId('people', 'a'))]).toEqual([[], undefined])
  })

  test('what is over is not lifted', async () => {
    const list = open()
    await list.write(throttle('a', 10))
    now += 10_000
    expect(await list.lift(throttleId('people', 'a'))).toBe(false)
  })

  test('of more than it holds, those who wait longest are kept', async () => {
    const list = open()
    for (let seconds = 1; seconds <= MOST_THROTTLES + 1; seconds += 1) await list.write(throttle(`asker ${seconds}`, seconds))
    const askers = await askersOf(list)
    expect(askers.length).toBeLessThanOrEqual(MOST_THROTTLES)
    expect(askers.length).toBeGreaterThanOrEqual(0.9 * MOST_THROTTLES)
    expect(askers[0]).toBe(`asker ${MOST_THROTTLES + 1}`)
    expect(askers).not.toContain('asker 1')
  })
})

describe('in Redis', () => {
  test('the count is forgotten when somebody is lifted, and nothing stands there in clear', async () => {
    const list = createRedisThrottleList(client, { sealer, clock: () => now })
    await client.set('limit:203.0.113.9', '1')
    await list.write(throttle('203.0.113.9', 10))
    expect(JSON.stringify(await client.hgetall('throttles'))).not.toContain('203.0.113.9')
    expect(await client.ttl('throttles')).toBeGreaterThan(0)
    await list.lift(throttleId('people', '203.0.113.9'))
    expect(await client.exists('limit:203.0.113.9')).toBe(0)
  })

  test('what somebody else has put there is not listed, and not lifted', async () => {
    const list = createRedisThrottleList(client, { sealer, clock: () => now })
    await client.hset('throttles', throttleId('people', 'a'), JSON.stringify(throttle('a', 10)))
    await list.write(throttle('b', 10))
    expect(await askersOf(list)).toEqual(['b'])
    expect(await list.lift(throttleId('people', 'a'))).toBe(false)
  })
})
