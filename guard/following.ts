// Keeping the knowledge of revocations up to date: the snapshot first, then whatever brings news at once, over and over again.
import { type GuardClock, millisecondsSince, moment } from './clock.ts'
import type { GuardError } from './errors.ts'
import { createFaults } from './faults.ts'
import { type Feed, SequenceGone } from './feed.ts'
import type { Knowledge } from './knowledge.ts'
import type { GuardLog } from './log.ts'
import { createPolling } from './polling.ts'
import { createSnapshots, type Snapshots } from './snapshots.ts'
import type { Source } from './stream-source.ts'
import { backOffMs, createPause, unreferenced } from './timers.ts'
import { type WorkSignal, workSignal } from './work-signal.ts'

/** How revocations arrive. */
export type FollowingBy = 'stream' | 'redis' | 'polling' | 'nothing'

/** The follower. */
export interface Following {
  /** Begins. Settled when the first attempt has come to an end, good or bad. */
  start(): Promise<void>
  readonly by: FollowingBy
  /** Why the last attempt failed, the one at Redis where that is followed; undefined once one has succeeded. */
  readonly fault: GuardError | undefined
  close(): Promise<void>
}

/** What is followed, and with what. */
export interface FollowingParts {
  /** Undefined when there is no client to ask with. */
  readonly feed: Feed | undefined
  readonly source: Source
  readonly sourceName: 'stream' | 'redis'
  readonly knowledge: Knowledge
  readonly maxStalenessMs: number
  readonly clock: GuardClock
  readonly log: GuardLog
  readonly closed: AbortSignal
  /** Called a few times a second. */
  readonly onTick: () => void
}

const TICK_MS = 250

export function createFollowing(parts: FollowingParts): Following {
  const { feed, source, sourceName, knowledge, log, closed, maxStalenessMs } = parts
  const snapshots = createSnapshots(feed, knowledge, log)
  const faults = createFaults(log, closed)
  // While the feed stands in for Redis all is well there, and Redis has to be seen to all the same.
  const sourceFaults = sourceName === 'redis' ? createFaults(log, closed) : faults
  const connections = createConnections(parts, snapshots, (error) => sourceFaults.note(error))
  const { beginAgain, tryNow } = connections
  const poll = createPolling({ ...parts, snapshots, faults, beginAgain, tryNow })
  let timer: ReturnType<typeof setInterval> | undefined
  let running = Promise.resolve()

  function tick(): void {
    parts.onTick()
    if (source.live) {
      sourceFaults.clear()
      faults.clear()
    }
    poll()
  }

  async function firstNews(): Promise<void> {
    const pause = createPause()
    while (!source.live && sourceFaults.present === undefined && !closed.aborted) await pause.wait(10)
  }

  return {
    async start() {
      await snapshots.take().catch(faults.note)
      if (closed.aborted) return
      running = connections.run()
      timer = unreferenced(setInterval(tick, TICK_MS))
      // Redis is the snapshot, where there is no other.
      if (feed === undefined) await firstNews()
    },
    get by() {
      if (closed.aborted) return 'nothing'
      if (source.live) return sourceName
      return feed !== undefined && knowledge.staleForMs() <= maxStalenessMs ? 'polling' : 'nothing'
    },
    get fault() {
      return faults.present ?? sourceFaults.present
    },
    async close() {
      clearInterval(timer)
      await running
    },
  }
}

/** A stream out of which nothing comes is tried again after so long; meanwhile the feed is asked. */
const SILENT_STREAM_MS = 60_000
/** A connection that lasted so long was no failure. */
const STEADY_MS = 5000

/** One connection of the source after the other. */
function createConnections(parts: FollowingParts, snapshots: Snapshots, note: (error: unknown) => void) {
  const { source, sourceName, clock, log, closed } = parts
  const pause = createPause()
  let connection: WorkSignal | undefined
  /** How many connections in a row came to nothing; none while one is silent. */
  let failures = 0
  closed.addEventListener('abort', () => pause.cut())

  async function takeSnapshot(): Promise<void> {
    if (!snapshots.wanted) return
    if (sourceName === 'stream') await snapshots.take()
    // Redis has all by itself, unless it was emptied; then it is not believed before the snapshot is there.
    else await snapshots.take().catch(note)
  }

  /** From the snapshot it needs to its end. Returns how long to wait before the next; undefined after a failure. */
  async function follow(): Promise<number | undefined> {
    const began = moment(clock)
    const work = workSignal(closed)
    connection = work
    try {
      await takeSnapshot()
      const ending = await source.follow(work.signal)
      if (ending === 'stale') snapshots.want()
      if (ending === 'silent') {
        log({ level: 'warn', message: SILENT })
        return SILENT_STREAM_MS
      }
    } catch (error) {
      if (error instanceof SequenceGone) snapshots.want()
      // Broken off from here, in order to begin again, or because it is over.
      if (work.signal.aborted) return 0
      note(error)
    } finally {
      work.leave()
    }
    return millisecondsSince(clock, began) > STEADY_MS ? backOffMs(0) : undefined
  }

  return {
    async run(): Promise<void> {
      while (!closed.aborted) {
        const waitMs = await follow()
        if (closed.aborted) return
        failures = waitMs === undefined ? failures + 1 : 0
        await pause.wait(waitMs ?? backOffMs(failures - 1))
        // Those that lost the same server do not all come back in the same moment.
        if (waitMs === undefined && failures === 0) await pause.wait(backOffMs(0))
      }
    },
    tryNow() {
      if (failures === 0) return
      failures = 0
      pause.cut()
    },
    beginAgain() {
      connection?.abort()
      pause.cut()
    },
  }
}

const SILENT = [
  'the stream of revocations is open, but nothing comes out of it: the feed is asked every few seconds instead.',
  'Switch off buffering of /revocations in the proxy before the server.',
].join(' ')
