// Calls that come together are answered by one piece of work, each with its own answer; and none waits for ever.

import { describe, expect, test } from '@jest/globals'
import { StorageUnavailable } from '../../server/storage/errors.ts'
import { gather } from '../../server/storage/gathering.ts'

/** Work whose runs the test ends one by one, and a note of what each was asked. */
function heldWork() {
  const runs: { readonly asked: readonly number[]; finish(): void; fail(error: Error): void }[] = []
  const work = (asked: readonly number[]) =>
    new Promise<readonly string[]>((resolve, reject) => {
      runs.push({ asked, finish: () => resolve(asked.map((number) => `answer ${number}`)), fail: reject })
    })
  return { runs, work }
}

/** Until everything that was due has been done. */
const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

describe('gathered calls', () => {
  test('a call alone is done at once', async () => {
    const { runs, work } = heldWork()
    const ask = gather(work)
    const answer = ask(1)
    await settled()
    expect(runs.map(({ asked }) => asked)).toEqual([[1]])
    runs[0]?.finish()
    expect(await answer).toBe('answer 1')
  })

  test('calls of the same moment are done together, and each gets its own answer', async () => {
    const { runs, work } = heldWork()
    const ask = gather(work)
    const answers = [1, 2, 3].map((number) => ask(number))
    await settled()
    expect(runs.map(({ asked }) => asked)).toEqual([[1, 2, 3]])
    runs[0]?.finish()
    expect(await Promise.all(answers)).toEqual(['answer 1', 'answer 2', 'answer 3'])
  })

  test('what comes while as many runs as may be are under way waits, and is then done together', async () => {
    const { runs, work } = heldWork()
    const ask = gather(work, { statements: 2 })
    const early = [ask(1)]
    await settled()
    early.push(ask(2))
    await settled()
    const late = [ask(3), ask(4), ask(5)]
    await settled()
    expect(runs.map(({ asked }) => asked)).toEqual([[1], [2]])
    runs[1]?.finish()
    await settled()
    expect(runs.map(({ asked }) => asked)).toEqual([[1], [2], [3, 4, 5]])
    runs[0]?.finish()
    runs[2]?.finish()
    expect(await Promise.all([...early, ...late])).toEqual([1, 2, 3, 4, 5].map((number) => `answer ${number}`))
  })

  test('no run is asked for more than it may be', async () => {
    const { runs, work } = heldWork()
    const ask = gather(work, { statements: 3, most: 2 })
    const answers = [1, 2, 3, 4, 5].map((number) => ask(number))
    await settled()
    await settled()
    expect(runs.map(({ asked }) => asked)).toEqual([[1, 2], [3, 4], [5]])
    for (const { finish } of runs) finish()
    expect(await Promise.all(answers)).toHaveLength(5)
  })

  test('a run that fails fails for all that it was asked for, and for nobody else', async () => {
    const { runs, work } = heldWork()
    const ask = gather(work, { statements: 1 })
    const unlucky = Promise.allSettled([ask(1), ask(2)])
    await settled()
    const lucky = ask(3)
    runs[0]?.fail(new Error('broken'))
    expect((await unlucky).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await settled()
    runs[1]?.finish()
    expect(await lucky).toBe('answer 3')
  })

  test('whoever waits too long for a run to be free is told that the store is not available', async () => {
    const { runs, work } = heldWork()
    const ask = gather(work, { statements: 1 })
    const hanging = ask(1)
    await settled()
    const started = performance.now()
    await expect(ask(2)).rejects.toThrow(StorageUnavailable)
    const waited = performance.now() - started
    expect(waited).toBeGreaterThan(1000)
    expect(waited).toBeLessThan(2500)
    runs[0]?.finish()
    expect(await hanging).toBe('answer 1')
    expect(runs).toHaveLength(1)
  })

  test('work that leaves an answer out is a fault of the program, not an answer', async () => {
    const ask = gather(async () => [])
    await expect(ask(1)).rejects.toThrow('did not answer each')
  })
})
