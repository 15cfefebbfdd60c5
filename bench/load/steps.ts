// What callers do, one step after the other.

import { setTimeout as wait } from 'node:timers/promises'
import type { Connection } from './connection.ts'

/** One step of a caller: it throws when the answer is not what it has to be, and says `false` when there is nothing left to do. */
export type Step = (connection: Connection) => Promise<unknown>

/** The steps of the callers, one for each. */
export interface Work {
  readonly steps: readonly Step[]
  /** Gets what the steps of a round will use up, before the round and not counted in it. */
  stock?(howMany: number): Promise<void>
}

/** Thrown by a step when the server said that it is too busy (503): nothing was done, and nothing is wrong. */
export class TurnedAway extends Error {
  override readonly name = 'TurnedAway'
}

const MOST_TRIES = 10
const RETRY_AFTER_MS = 500

/** Tries again what was turned away, where it is not timed. */
export async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof TurnedAway) || tries === MOST_TRIES) throw error
      await wait(RETRY_AFTER_MS)
    }
  }
}
