// Waiting until a token that is made would live.
import { describe, expect, test } from '@jest/globals'
import { StorageUnavailable } from '../../server/storage/errors.ts'
import { readToMint } from '../../server/tokens/minting.ts'

describe('reading to make a token', () => {
  const readings = (...seconds: readonly number[]) => {
    const left = [...seconds]
    const waits: number[] = []
    const read = async () => ({ bornDeadForSeconds: left.shift() ?? 0 })
    return { read, waits, wait: async (waited: number) => void waits.push(waited) }
  }

  test('does not wait when a token would live', async () => {
    const { read, waits, wait } = readings(0)
    await readToMint(read, wait)
    expect(waits).toEqual([])
  })

  test('waits as long as it would be dead, and reads again', async () => {
    const { read, waits, wait } = readings(1.4, 0)
    expect(await readToMint(read, wait)).toEqual({ bornDeadForSeconds: 0 })
    expect(waits).toEqual([1.4])
  })

  test.each([[[1, 1, 1, 1]], [[9]]])('does not wait for ever: %j', async (seconds) => {
    const { read, waits, wait } = readings(...seconds)
    await expect(readToMint(read, wait)).rejects.toThrow(StorageUnavailable)
    expect(waits.length).toBeLessThan(3)
  })

  test('what is not there is not waited for', async () => {
    expect(
      await readToMint(
        async () => undefined,
        async () => {},
      ),
    ).toBeUndefined()
  })
})
