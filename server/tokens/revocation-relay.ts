// Keeps the copy of the revocation list in Redis complete: what this process learns is added there, and a copy that was lost is
// written again from what it knows. Every process does so; the copy takes each entry once. And it gives the sign of life by which
// neighbours know that somebody still writes there.
import { MOST_COPIED_AT_ONCE, type RevocationCopy, type SignOfLife } from '../storage/revocation-copy.ts'
import type { RevocationFollower } from './revocation-follower.ts'

/** Keeps the copy. */
export interface RevocationRelay {
  /**
   * Looks at PostgreSQL, brings the copy up to date, and looks after the keys of some of the entries. Without PostgreSQL what is
   * known is copied all the same, and no sign of life is given.
   * @throws what Redis has to say when it does not answer
   */
  run(): Promise<void>
  close(): void
}

/** Keys that are looked after in one run, so that each has its turn and Redis hardly notices. */
const KEYS_AT_ONCE = 200

/** The clocks of two PostgreSQL servers, of which one takes over from the other, differ by less: that is waited for. */
const SET_BACK_SECONDS = 5

/** Rounds in which a copy may turn out to have been lost again. */
const MOST_ROUNDS = 1000

/** Makes it, and has it woken by what the follower learns and by what other processes add. */
export function createRevocationRelay(deps: {
  readonly follower: RevocationFollower
  readonly copy: RevocationCopy
  readonly lineage: string
  readonly issuer: string
}): RevocationRelay {
  const { follower, copy, lineage, issuer } = deps
  const { log } = follower
  /** Up to here the copy was complete when it was last looked at. */
  let copied = 0
  /** The entry whose key was looked after last. */
  let kept = 0
  let mustClear = false
  /** PostgreSQL's time as of the last sign of life. */
  let signed = 0
  let last: Promise<void> = Promise.resolve()

  async function bringUpToDate(): Promise<void> {
    // PostgreSQL's clock was set back, and signs of life never go back while the stream is there.
    if ((follower.lookedAt() ?? signed) < signed - SET_BACK_SECONDS) mustClear = true
    if (mustClear) {
      await copy.clear()
      mustClear = false
      copied = 0
      signed = 0
    }
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      // Also when there is nothing new: the copy says whether it still has what it had.
      const from = Math.min(copied, log.lastEntry)
      const entries = log.after(from, MOST_COPIED_AT_ONCE)
      const oldest = log.after(0, 1)[0]?.sequence ?? 0
      const sign = entries.length < MOST_COPIED_AT_ONCE ? signOfLife(follower, issuer) : undefined
      const missing = await copy.add({ lineage, from, entries, oldest, now: follower.databaseNow(), sign })
      copied = missing ?? entries.at(-1)?.sequence ?? copied
      if (missing !== undefined || entries.length === MOST_COPIED_AT_ONCE) continue
      signed = sign?.looked ?? signed
      return
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
    async run() {
      await follower.catchUp().catch(() => undefined)
      await inTurn(() => bringUpToDate().then(keepKeys))
    },
    close() {
      unsubscribe()
      subscription.close()
    },
  }
}

/** Taken together with the entries: it says nothing of those that come later. */
function signOfLife(follower: RevocationFollower, issuer: string): SignOfLife | undefined {
  const looked = follower.lookedAt()
  return looked === undefined ? undefined : { looked, sequence: follower.log.sequence, issuer }
}
