// Telling the server what this guard has applied, so that whoever revokes can see that it has arrived. Whether that succeeds is
// of no weight for verification.
import { type GuardClock, type Moment, millisecondsSince, moment } from './clock.ts'
import type { Feed } from './feed.ts'
import { unreferenced } from './timers.ts'

/** The teller. */
export interface Acknowledgements {
  /** The guard has applied everything up to a sequence. */
  applied(sequence: number): void
  /** Called now and then: says it again when nothing was said for long. */
  tick(): void
  /** Says no more, but that this guard has ended. */
  close(): Promise<void>
}

const COALESCE_MS = 100
const IDLE_MS = 30_000

/**
 * How long to wait with the next one, `sinceMs` after the last. A revocation comes to all guards of a server at once, so those of
 * one that has many spread what they say over the time that the server asked for.
 */
export function acknowledgementDelayMs(sinceMs: number, pauseMs: number, random: () => number = Math.random): number {
  if (sinceMs < pauseMs) return pauseMs - sinceMs
  return pauseMs > COALESCE_MS ? random() * pauseMs : 0
}

/** At most one is on its way. */
export function createAcknowledgements(feed: Pick<Feed, 'acknowledge' | 'leave'>, clock: GuardClock): Acknowledgements {
  let pending: number | undefined
  let latest: number | undefined
  let sent: Moment | undefined
  let pauseMs = COALESCE_MS
  let busy = false
  let closed = false
  let timer: ReturnType<typeof setTimeout> | undefined

  function schedule(): void {
    if (busy || closed || pending === undefined || timer !== undefined) return
    const since = sent === undefined ? Number.POSITIVE_INFINITY : millisecondsSince(clock, sent)
    timer = unreferenced(setTimeout(run, acknowledgementDelayMs(since, pauseMs)))
  }

  function run(): void {
    timer = undefined
    const sequence = pending
    if (closed || sequence === undefined) return
    pending = undefined
    busy = true
    sent = moment(clock)
    feed
      .acknowledge(sequence)
      .then((againAfterSeconds) => {
        // Beyond that the server would take the guard for one that is gone.
        pauseMs = Math.min(IDLE_MS, Math.max(COALESCE_MS, againAfterSeconds * 1000 || 0))
      })
      // The next one says as much.
      .catch(() => undefined)
      .finally(() => {
        busy = false
        schedule()
      })
  }

  return {
    applied(sequence) {
      latest = sequence
      pending = sequence
      schedule()
    },
    tick() {
      if (latest === undefined || sent === undefined || millisecondsSince(clock, sent) < IDLE_MS) return
      pending = latest
      schedule()
    },
    close() {
      closed = true
      clearTimeout(timer)
      return feed.leave()
    },
  }
}
