// Bounds of time on a machine that others use too.

const TRIES = 3

/**
 * Does something that is to take less than so many milliseconds, up to three times: what is held up is so every time, and a machine
 * that is busy for a moment is not.
 * @returns how long the quickest took
 */
export async function quickest(underMs: number, work: () => Promise<void>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < TRIES && least >= underMs; tries += 1) {
    const began = performance.now()
    await work()
    least = Math.min(least, performance.now() - began)
  }
  return least
}
