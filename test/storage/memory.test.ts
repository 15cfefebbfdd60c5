// The live store in memory passes the contract, and forgets what is over.
import { expect, test } from '@jest/globals'
import { Secret } from '../../config/secrets.ts'
import { createExpiringMap } from '../../server/storage/expiring-map.ts'
import { openMemoryStore } from '../../server/storage/memory.ts'
import { createSealer } from '../../server/storage/sealing.ts'
import { describeLiveStore } from '../contract/live-store.ts'

describeLiveStore('memory', async (clock) => {
  const store = openMemoryStore({ sealer: createSealer([new Secret(Buffer.alloc(32, 1).toString('base64url'))]), clock })
  return { store, other: store }
})

test('what has expired does not pile up, however long nobody asks for it', () => {
  let now = 0
  const map = createExpiringMap<number>(() => now)
  for (let index = 0; index < 10_000; index++) {
    now += 1000
    map.set(`key ${index}`, index, now + 10_000)
  }
  expect(map.size()).toBeLessThan(100)
  expect(map.get('key 9999')).toBe(9999)
  expect(map.get('key 0')).toBeUndefined()
})
