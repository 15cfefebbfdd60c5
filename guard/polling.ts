// Plain questions to the feed, for when the source leaves a doubt about how fresh the knowledge is: because nothing comes through
// it, or because what comes is older than it should be.
import { type GuardClock, type Moment, millisecondsSince, moment } from './clock.ts'
import type { Faults } from './faults.ts'
import { type Feed, type FeedPage, SequenceGone } from './feed.ts'
import type { Knowledge } from './knowledge.ts'
import type { Snapshots } from './snapshots.ts'
import type { Source } from './stream-source.ts'
import { backOffMs } from './timers.ts'

/** What is asked, and when. */
export interface PollingParts {
  readonly feed: Feed | undefined
  readonly source: Source
  readonly sourceName: 'stream' | 'redis'
  readonly knowledge: Knowledge
  readonly snapshots: Snapshots
  readonly faults: Faults
  readonly maxStalenessMs: number
  readonly clock: GuardClock
  /** Lets the source begin again from what is known now. */
  readonly beginAgain: () => void
  /** Lets the source be tried at once, if it waits after failures. */
  readonly tryNow: () => void
}

/** How old knowledge may get before it is asked for, as a share of what is allowed, and at most. Heartbeats keep it below eleven seconds. */
const WITH_SOURCE = { share: 3 / 4, atMostMs: 11_500 }
const WITHOUT_SOURCE = { share: 1 / 3, atMostMs: 5000 }

/** Returns what looks whether to ask; called a few times a second. */
export function createPolling(parts: PollingParts): () => void {
  const { feed, source, knowledge, snapshots, faults, clock } = parts
  let tried: Moment | undefined
  let failures = 0
  let busy = false
  /** Whether the server was not heard of since it was there last. */
  let missed = false

  function isDue(): boolean {
    const { share, atMostMs } = source.live ? WITH_SOURCE : WITHOUT_SOURCE
    const fresh = knowledge.staleForMs() < Math.min(parts.maxStalenessMs * share, atMostMs)
    // A stream takes its snapshots itself, before it begins. Redis does not wait for one.
    const nothingToAsk = parts.sourceName === 'stream' ? fresh || knowledge.sequence === undefined : fresh && !snapshots.wanted
    return !nothingToAsk && (failures === 0 || tried === undefined || millisecondsSince(clock, tried) > backOffMs(failures))
  }

  async function ask(from: Feed): Promise<void> {
    const after = knowledge.sequence
    try {
      if (after === undefined || snapshots.wanted) await snapshots.take()
      else take(await from.read(after), after)
      failures = 0
      faults.clear()
      foundAgain()
    } catch (error) {
      failures += 1
      missed = true
      faults.note(error)
      if (error instanceof SequenceGone) startOver()
    }
  }

  function take(page: FeedPage, after: number): void {
    for (const entry of page.entries) knowledge.add(entry)
    if (page.sequence < after) startOver()
    else knowledge.confirm(page.sequence, page.asked)
  }

  /** The source has waited longer after each failure; now somebody is there. Once only, for a source that fails by itself. */
  function foundAgain(): void {
    if (missed && !source.live) parts.tryNow()
    missed = false
  }

  /** The server counts from less than what is known here. */
  function startOver(): void {
    snapshots.want()
    parts.beginAgain()
  }

  return () => {
    if (source.live) missed = true
    if (feed === undefined || busy || !isDue()) return
    busy = true
    tried = moment(clock)
    void ask(feed).finally(() => {
      busy = false
    })
  }
}
