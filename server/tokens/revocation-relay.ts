// Keeps the copy of the revocation list in Redis complete: what this process learns is added there, and a copy that was lost is
// written again from what it knows. Every process does so; the copy takes each entry once.
import { MOST_COPIED_AT_ONCE, type RevocationCopy } from '../storage/revocation-copy.ts'
import type { RevocationFollower } from './revocation-follower.ts'

/** Keeps the copy. */
export interface RevocationRelay {
  /**
   * Brings the copy up to date, and looks after the keys of some of the entries.
   * @throws what Redis has to say when it does not answer
   */
  run(): Promise<void>
  close(): void
}

/** Keys that are looked after in one run, so that each has its turn and Redis hardly notices. */
const KEYS_AT_ONCE = 200

/** Rounds in which a copy may turn out to have been lost again. */
const MOST_ROUNDS = 1000

/** Makes it, and has it woken by what the follower learns and by what other processes add. */
export function createRevocationRelay(deps: {
  readonly follower: RevocationFollower
  readonly copy: RevocationCopy
  readonly lineage: string
}): RevocationRelay {
  const { follower, copy, lineage } = deps
  const { log } = follower
  /** Up to here the copy was complete when it was last looked at. */
  let copied = 0
  /** The entry whose key was looked after last. */
  let kept = 0
  let mustClear = false
  let last: Promise<void> = Promise.resolve()

  async function bringUpToDate(): Promise<void> {
    if (mustClear) {
      await copy.clear()
      mustClear = false
      copied = 0
    }
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      // Also when there is nothing new: the copy says whether it still has what it had.
      const from = Math.min(copied, log.lastEntry)
      const entries = log.after(from, MOST_COPIED_AT_ONCE)
      const oldest = log.after(0, 1)[0]?.sequence ?? 0
      const missing = await copy.add({ lineage, from, entries, oldest, now: follower.databaseNow() })
      if (missing !== undefined) copied = missing
      else if (entries.length > 0) copied = entries.at(-1)?.sequence ?? copied
      else return
    }
  }

  /** The stream says by itself whether it is whole; of a key that was evicted nothing does. */
  async function keepKeys(): Promise<void> {
    const entries = log.after(kept, KEYS_AT_ONCE)
    kept = entries.length < KEYS_AT_ONCE ? 0 : (entries.at(-1)?.sequence ?? 0)
    await copy.keep(entries, follower.databaseNow())
  }

  const inTurn = (work: () => Promise<void>) => {
    const turn = last.then(work)
    last = turn.catch(() => undefined)
    return turn
  }
  let waits = false
  const unsubscribe = follower.subscribe(({ what }) => {
    // Numbers will be given again, and the stream takes each once.
    if (what === 'put_back') mustClear = true
    // One that waits its turn does all that has come until then; where Redis hangs there would be more and more of them.
    if (waits) return
    waits = true
    // A Redis that is away is brought up to date when it is back, by the next look.
    inTurn(() => {
      waits = false
      return bringUpToDate()
    }).catch(() => undefined)
  })
  const subscription = copy.subscribe(follower.wake)
  return {
    run: () => inTurn(() => bringUpToDate().then(keepKeys)),
    close() {
      unsubscribe()
      subscription.close()
    },
  }
}
