// Listening to the stream of the feed, and judging by its heartbeats as of when everything is known.
import { type GuardClock, type Moment, millisecondsSince, moment } from './clock.ts'
import { FeedUnavailable, GuardError } from './errors.ts'
import type { Feed } from './feed.ts'
import type { Knowledge } from './knowledge.ts'
import { readEntry, readJson, readSequence } from './revocation-entry.ts'
import { readEvents } from './server-sent-events.ts'
import { unreferenced } from './timers.ts'
import { workSignal } from './work-signal.ts'

/** Where revocations come from while they happen. */
export interface Source {
  /**
   * Follows until that ends, and says how.
   * @throws GuardError when it cannot be followed
   */
  follow(signal: AbortSignal): Promise<Ending>
  /** Whether it is being followed and has shown that it is up to date. */
  readonly live: boolean
}

/** `ended`: begin again; `stale`: take the snapshot again; `silent`: it was there, and not one byte came out of it. */
export type Ending = 'ended' | 'stale' | 'silent'

const HEARTBEAT_MS = 5000
/** Two heartbeats and a bit. */
const SILENCE_MS = 12_000
/** How old what a heartbeat says may be, at the worst, before a new connection is better. */
const LATE_MS = 6000

/** What the stream is followed with. */
export interface StreamParts {
  readonly feed: Feed
  readonly knowledge: Knowledge
  readonly clock: GuardClock
}

export function createStreamSource({ feed, knowledge, clock }: StreamParts): Source {
  let live = false
  return {
    get live() {
      return live
    },
    async follow(signal) {
      const connection = workSignal(signal)
      let heard = moment(clock)
      let silent = true
      let gaveUp = false
      const watch = setInterval(() => {
        if (millisecondsSince(clock, heard) <= SILENCE_MS) return
        gaveUp = true
        connection.abort()
      }, 250)
      unreferenced(watch)
      try {
        const after = knowledge.sequence ?? 0
        const stream = await feed.listen(after, connection.signal)
        heard = moment(clock)
        const onBytes = () => {
          heard = moment(clock)
          silent = false
        }
        const listener = createListener(knowledge, clock, { after, asked: stream.asked })
        for await (const event of readEvents(stream.body, onBytes)) {
          const ending = listener.take(event)
          live = listener.beats > 0
          if (ending !== undefined) return ending
        }
        return 'ended'
      } catch (error) {
        if (gaveUp && !signal.aborted) return silent ? 'silent' : 'ended'
        throw asFault(error)
      } finally {
        live = false
        clearInterval(watch)
        connection.abort()
      }
    },
  }
}

/** Takes the events of one connection, in their order. */
function createListener(knowledge: Knowledge, clock: GuardClock, from: { readonly after: number; readonly asked: Moment }) {
  let last = from.after
  let beats = 0
  return {
    get beats() {
      return beats
    },
    take({ type, data }: { readonly type: string; readonly data: string }): Ending | undefined {
      if (type === 'reset') return 'stale'
      if (type === 'message') {
        const entry = readEntry(readJson(data))
        knowledge.add(entry)
        if (entry.sequence <= last) return 'stale'
        last = entry.sequence
      }
      if (type !== 'heartbeat') return undefined
      const sequence = readSequence(readJson(data))
      if (sequence < last) return 'stale'
      last = sequence
      // The network may keep a heartbeat for long, so its arrival says nothing. But none is sent before the request, and from the
      // second on there are five seconds between them: so much later than the request they were sent at least.
      const sent = earlier(moment(clock), later(from.asked, Math.max(0, beats - 1) * HEARTBEAT_MS))
      beats += 1
      knowledge.confirm(sequence, sent)
      return millisecondsSince(clock, sent) > LATE_MS ? 'ended' : undefined
    },
  }
}

function later({ now, elapsed }: Moment, milliseconds: number): Moment {
  return { now: now + milliseconds, elapsed: elapsed + milliseconds }
}

function earlier(one: Moment, other: Moment): Moment {
  return { now: Math.min(one.now, other.now), elapsed: Math.min(one.elapsed, other.elapsed) }
}

function asFault(error: unknown): GuardError {
  if (error instanceof GuardError) return error
  const { message } = Object(error) as { message?: unknown }
  return new FeedUnavailable(`The stream of revocations broke off (${String(message)})`, {
    fix: 'The guard connects again; if it lasts, see the log of the authorization server.',
    cause: error,
  })
}
