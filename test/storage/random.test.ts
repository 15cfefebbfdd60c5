// Random bytes: as many as are asked for, none of them twice.
import { expect, test } from '@jest/globals'
import { randomBytes } from '../../server/storage/random.ts'

test('no bytes are given twice, also where one supply ends and the next begins', () => {
  const given = Array.from({ length: 5000 }, (_, index) => randomBytes(12 + (index % 21)))
  expect(given.every((bytes, index) => bytes.length === 12 + (index % 21))).toBe(true)
  expect(new Set(given.map((bytes) => bytes.toString('hex', 0, 12))).size).toBe(given.length)
  // All that was given stays as it was: none of it is room of the supply.
  const first = randomBytes(4096)
  const copy = Buffer.from(first)
  randomBytes(4096)
  expect(first.equals(copy)).toBe(true)
})

test('they are even: each bit is set half of the time', () => {
  const counts = new Array<number>(8).fill(0)
  for (const byte of randomBytes(4096)) for (let bit = 0; bit < 8; bit++) counts[bit] = (counts[bit] ?? 0) + ((byte >> bit) & 1)
  // Seven standard deviations (32 each) of 4096 throws.
  for (const count of counts) expect(Math.abs(count - 2048)).toBeLessThan(224)
})

test('more than a supply is refused, and nothing shorter given instead', () => {
  expect(() => randomBytes(4097)).toThrow(RangeError)
})
