// An answer is kept for some seconds, and a failure is not.
import { expect, test } from '@jest/globals'
import { lately } from '../../server/overview/lately.ts'

test('whoever asks again soon gets what was found, and later it is asked anew', async () => {
  let now = 0
  let asked = 0
  const ask = lately(async () => ++asked, { seconds: 10, clock: () => now })
  expect(await Promise.all(Array.from({ length: 50 }, ask))).toEqual(Array.from({ length: 50 }, () => 1))
  now = 9999
  expect(await ask()).toBe(1)
  now = 10_000
  expect(await ask()).toBe(2)
  // A clock that was put back keeps nothing for ever.
  now = 5000
  expect(await ask()).toBe(3)
})

test('with no seconds only those who ask at once share an answer', async () => {
  let asked = 0
  const ask = lately(async () => ++asked, { seconds: 0, clock: () => 0 })
  expect(await Promise.all([ask(), ask()])).toEqual([1, 1])
  expect(await ask()).toBe(2)
})

test('a failure is told to all who wait for it, and to nobody after them', async () => {
  let asked = 0
  const ask = lately(
    async () => {
      asked += 1
      if (asked === 1) throw new Error('away')
      return asked
    },
    { seconds: 10, clock: () => 0 },
  )
  expect((await Promise.allSettled([ask(), ask()])).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await ask()).toBe(2)
})
