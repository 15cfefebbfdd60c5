// Batches that go on beside each other.

/** So many at a time: the disk looks for several pages at once, and enough connections are left for everybody else. */
const LANES = 2

/** Goes on in each lane until there is nothing more; when one fails the others finish what they have in hand. */
export async function inLanes(batch: () => Promise<boolean>, signal: AbortSignal | undefined): Promise<void> {
  let failed = false
  const lane = async () => {
    try {
      while (!failed && signal?.aborted !== true && (await batch()));
    } catch (error) {
      failed = true
      throw error
    }
  }
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane))
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason
}
