// A token that names a key which is not known: it may be the newest key of the server, or somebody's invention. Only a look at the server
// tells, and a stranger must not be able to have us look at will. So it is looked rarely; a token that comes shortly before the next look
// waits for it, and one that comes earlier is told when to come again. Nothing is remembered of any of them.
import { errors } from 'jose'
import { KeyNotKnownYet, type KeysUnavailable } from './errors.ts'
import type { GuardLog } from './log.ts'
import { createPause } from './timers.ts'

/** What is known of the keys, and how they are fetched. */
export interface KeyFetching {
  has(kid: string): boolean
  /** Whether the key was known, and was published no more when they were fetched last. */
  wasWithdrawn(kid: string): boolean
  /** How many fetches have begun. */
  readonly begun: number
  /** The one that is under way. */
  readonly underWay: Promise<void> | undefined
  /** Why the last one failed; undefined when it did not. */
  readonly failure: KeysUnavailable | undefined
  /** How long no other may begin. */
  pauseMs(): number
  /** Fetches, or joins the one that is under way. Within the pause it does neither. @throws KeysUnavailable, also of the last time */
  load(): Promise<void>
}

/** How long a token waits for the next look to be allowed. */
const SOON_MS = 1500
/** How many wait at a time: each holds its request open, and its token. */
const MOST_WAITING = 256

/** Makes what returns when the key is known. @throws JWKSNoMatchingKey when there is none @throws KeysUnavailable when nobody can say */
export function createLookUp(fetching: KeyFetching, log: GuardLog): (kid: string) => Promise<void> {
  let waiting = 0

  async function lookUp(kid: string): Promise<void> {
    const { begun } = fetching
    // It began before the token came, and may have been answered before the key was there: what it lacks may be good all the same.
    await fetching.underWay
    if (fetching.has(kid)) return
    const pauseMs = fetching.pauseMs()
    // Of that one the last look has told.
    if (pauseMs > 0 && fetching.wasWithdrawn(kid)) throw new errors.JWKSNoMatchingKey()
    // Where the last look failed, `load` says so: nobody waits for a server that does not answer.
    if (fetching.failure === undefined && pauseMs <= SOON_MS) await pass(pauseMs)
    await fetching.load()
    if (fetching.has(kid)) return
    if (fetching.begun === begun) throw notNow(fetching.pauseMs())
    throw new errors.JWKSNoMatchingKey()
  }

  /** Timers may end a little early. */
  async function pass(pauseMs: number): Promise<void> {
    for (let leftMs = pauseMs; leftMs > 0; leftMs = fetching.pauseMs()) {
      // Somebody else's look was begun meanwhile, and serves as well.
      if (leftMs > pauseMs) return
      await createPause().wait(Math.ceil(leftMs))
    }
  }

  function notNow(pauseMs: number): KeyNotKnownYet {
    const error = new KeyNotKnownYet(pauseMs)
    log({ level: 'warn', message: `${error.message}. It is answered 503. ${error.fix}` })
    return error
  }

  return async (kid) => {
    if (waiting >= MOST_WAITING) throw notNow(fetching.underWay === undefined ? fetching.pauseMs() : 0)
    waiting += 1
    try {
      await lookUp(kid)
    } finally {
      waiting -= 1
    }
  }
}
