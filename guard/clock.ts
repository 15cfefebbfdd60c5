// Time as the guard sees it. Two clocks, since neither is to be trusted alone: the clock on the wall can be set, and the one that
// only runs forward stands still while a machine sleeps. And the server's time, by which tokens are judged.

/** Where time comes from. */
export interface GuardClock {
  /** The time of day: milliseconds since 1970. */
  now(): number
  /** Milliseconds since some moment, never set back. */
  elapsed(): number
}

/** The clocks of this machine, or another one on the wall. */
export function createClock(now: () => number = () => Date.now()): GuardClock {
  return { now, elapsed: () => performance.now() }
}

/** A moment on both clocks. */
export interface Moment {
  readonly now: number
  readonly elapsed: number
}

/** This moment. */
export function moment(clock: GuardClock): Moment {
  return { now: clock.now(), elapsed: clock.elapsed() }
}

/** Milliseconds since a moment by whichever clock says more: a clock that was set back makes nothing look fresh. */
export function millisecondsSince(clock: GuardClock, then: Moment): number {
  return Math.max(clock.elapsed() - then.elapsed, clock.now() - then.now)
}

/** The time of the authorization server, as far as it is known here. */
export interface ServerTime {
  /** Seconds since 1970. */
  seconds(): number
  /** The same with fractions, which are worth as much as this machine's clock agrees. */
  exactSeconds(): number
  /**
   * What the server's time is at least: as it was last told, and what has passed since by the clock that only runs forward. A clock on
   * the wall that jumps ahead has nothing forgotten. Before it was told: infinitely long ago.
   */
  leastSeconds(): number
  /** How far this machine's clock is ahead of the server's, in seconds; negative when it is behind. */
  offsetSeconds(): number
  /** Takes note of the time, in seconds since 1970, that PostgreSQL had at `asked` or later. */
  learn(seconds: number, asked: Moment): void
}

/** Differences up to here are left alone: answers take their time. */
const NOT_WORTH_CORRECTING_MS = 3000

/**
 * Keeps the server's time, which is that of its PostgreSQL: this machine's clock at first, then as is told with the revocations when it
 * is off by more than a few seconds, and from there on as time passes by whichever clock says more. What is compared with it (`exp`,
 * `nbf`, `until`) was written by the same clock, so neither a wrong clock here, nor one that is set back, nor that of a host of the
 * server lets anything in.
 */
export function createServerTime(clock: GuardClock, onCorrection: (aheadSeconds: number) => void): ServerTime {
  let known = { ms: clock.now(), at: moment(clock) }
  let least: { readonly ms: number; readonly elapsed: number } | undefined
  const nowMs = () => known.ms + millisecondsSince(clock, known.at)
  const aheadMs = () => clock.now() - nowMs()
  return {
    seconds: () => Math.floor(nowMs() / 1000),
    exactSeconds: () => nowMs() / 1000,
    leastSeconds: () => (least === undefined ? Number.NEGATIVE_INFINITY : (least.ms + clock.elapsed() - least.elapsed) / 1000),
    offsetSeconds: () => (Math.abs(aheadMs()) < NOT_WORTH_CORRECTING_MS ? 0 : Math.round(aheadMs() / 1000)),
    learn(seconds, asked) {
      // What took long says little about when it was said.
      if (millisecondsSince(clock, asked) > NOT_WORTH_CORRECTING_MS) return
      const told = seconds * 1000
      least = { ms: told, elapsed: clock.elapsed() }
      if (Math.abs(told - nowMs()) < NOT_WORTH_CORRECTING_MS) return
      known = { ms: told, at: moment(clock) }
      onCorrection(Math.round(aheadMs() / 1000))
    },
  }
}
