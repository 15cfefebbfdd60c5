// What one process remembers of status lists: those that somebody asks for.
import { expect, test } from '@jest/globals'
import { exportJWK, generateKeyPair } from 'jose'
import { createStatusListTokens } from '../../server/status-lists/status-list-tokens.ts'

test('a list that nobody has asked for lately is forgotten', async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(privateKey)), alg: 'ES256', kid: 'one', use: 'sig' }
  let reads = 0
  let elapsed = 0
  const tokens = createStatusListTokens({
    issuer: 'https://id.example',
    statusLists: {
      place: async () => ({ listId: '', index: 0 }),
      list: async () => [],
      async read() {
        reads += 1
        return { invalid: [reads], sequence: 1, now: 1_795_000_000 }
      },
    },
    follower: { log: { sequence: 1 } },
    keys: () => ({ privateJwks: { keys: [jwk] }, publicJwks: { keys: [] } }),
    ttlSeconds: 30,
    elapsed: () => elapsed,
  })
  const id = (number: number) => `stl_${String(number).padStart(16, '0')}`
  for (let number = 0; number < 20; number += 1) await tokens.find(id(number))
  expect(tokens.size()).toBe(20)
  const [one, again] = [await tokens.find(id(1)), await tokens.find(id(1))]
  expect(again).toBe(one)
  expect(reads).toBe(20)
  elapsed = 29_999
  expect(await tokens.find(id(1))).toBe(one)
  elapsed = 30_000
  expect(await tokens.find(id(1))).not.toBe(one)
  expect(tokens.size()).toBe(1)
})
