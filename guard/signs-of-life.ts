// What the signs of life are worth that the server writes into its Redis: as of when they say that everything is known. Redis answers
// also when nobody can write there any more, so that an answer alone says nothing.
import { type GuardClock, type Moment, millisecondsSince, moment } from './clock.ts'
import { FeedUnavailable } from './errors.ts'

/** A sign of life. */
export interface SignOfLife {
  /** The entry of the stream that it is. */
  readonly id: string
  /** Up to which number the stream was whole, … */
  readonly sequence: number
  /** … when PostgreSQL was last looked at: its time, in seconds since 1970. */
  readonly now: number
  /** Whose revocations these are. */
  readonly issuer: string
}

/** Those of one stream, over all connections. */
export interface SignsOfLife {
  /** One that was there before anybody looked: it may be of any age. @throws FeedUnavailable when it is of another server */
  found(sign: SignOfLife): void
  /**
   * One that was not there at `missing` yet. Returns as of when it says that everything is known; undefined when it says nothing.
   * @throws FeedUnavailable when it is of another server
   */
  saw(sign: SignOfLife, missing: Moment): Moment | undefined
  /** @throws FeedUnavailable when there has been none for too long since `from` */
  expectOne(from: Moment): void
}

/** The server gives one each second. */
const SILENCE_MS = 5000

/** By how much the clock of PostgreSQL may be the slower one: what else is missing of it was spent on the way. */
const DRIFT = 1.001

/** The two clocks of this machine differ by less while none of them is set. */
const SET_MS = 1000

export function createSignsOfLife(issuer: string, clock: GuardClock): SignsOfLife {
  let last: SignOfLife | undefined
  /** Of the signs so far, the one that came fastest. */
  let fastest: { readonly now: number; readonly asOf: Moment } | undefined
  let heard: Moment | undefined

  /** Whether it says something new. One that is older than the one before begins anew: Redis was put back, or PostgreSQL's clock was. */
  function note(sign: SignOfLife): boolean {
    if (sign.issuer !== issuer) throw ofAnother(sign.issuer)
    const before = last?.now ?? Number.NEGATIVE_INFINITY
    last = sign
    if (sign.now < before) fastest = undefined
    return sign.now > before
  }

  return {
    found: (sign) => void note(sign),
    saw(sign, missing) {
      if (!note(sign)) return undefined
      heard = moment(clock)
      // A clock here that was set, or stood still, has made what was measured by it worthless.
      if (fastest === undefined || apartMs(fastest.asOf, heard) > SET_MS) fastest = { now: sign.now, asOf: missing }
      // It was written later than it was missing here; but a Redis that stands still, or a replica, hands on late what it was told.
      const asOf = later(fastest.asOf, (sign.now - fastest.now) * 1000 * DRIFT)
      if (millisecondsSince(clock, asOf) > millisecondsSince(clock, missing)) return asOf
      fastest = { now: sign.now, asOf: missing }
      return missing
    },
    expectOne(from) {
      const since = heard !== undefined && millisecondsSince(clock, heard) < millisecondsSince(clock, from) ? heard : from
      if (millisecondsSince(clock, since) <= SILENCE_MS) return
      throw new FeedUnavailable(last === undefined ? NOTHING : STILL, { fix: FIX })
    },
  }
}

/** By how much the two clocks of this machine differ about the time between. */
function apartMs(one: Moment, other: Moment): number {
  return Math.abs(other.now - one.now - (other.elapsed - one.elapsed))
}

function later({ now, elapsed }: Moment, milliseconds: number): Moment {
  return { now: now + milliseconds, elapsed: elapsed + milliseconds }
}

const NOTHING = 'Redis answers, but the authorization server does not write into it'
const STILL = 'Redis answers, but the authorization server writes no longer into it'

const FIX = [
  'See that `redis` is the Redis of the authorization server, with the same database number (REDIS_URL there), that the server runs and is',
  'of the version of @latchkey/guard, and that it can write there: memory that is full (maxmemory with noeviction), or a replica, takes',
  'nothing.',
].join(' ')

function ofAnother(issuer: string): FeedUnavailable {
  return new FeedUnavailable(`The Redis of \`redis\` has the revocations of another authorization server, ${issuer}`, {
    fix: 'Give the Redis of the one at `issuer`, and its database number (REDIS_URL there).',
  })
}
