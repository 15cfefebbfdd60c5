// Those who listen to the audit log at this process, as server-sent events. Each has a place in the log from which it goes on at its own
// pace: a slow one holds up nobody and costs no memory. Whoever is behind is told some at a time, as fast as it takes them, and the others
// are told in between.
import type { ServerResponse } from 'node:http'
import { setImmediate as othersFirst } from 'node:timers/promises'
import { type AuditFeed, type FedEntry, placeText } from './audit-feed.ts'
import { AuditListener, type AuditListening, EVENTS_AT_ONCE } from './audit-listener.ts'

/** The listeners of one process. */
export interface AuditStreams {
  /** Whether there is room for another one of a caller's. */
  admits(caller: string): boolean
  open(response: ServerResponse, listening: AuditListening): void
  readonly count: number
  /**
   * Tells everybody what is new, and closes the connections of those who were sent away and have not gone. To be called every
   * LOOK_EVERY_SECONDS; who is further behind is told on by itself.
   * @throws when the log could not be read, or when there is an event that cannot be shown: who has come to it stays where it is
   */
  look(): Promise<void>
  close(): void
}

/** How often to look for what is new. */
export const LOOK_EVERY_SECONDS = 1

const MOST_LISTENERS = 100
const MOST_OF_ONE = 10

/** Makes them. */
export function createAuditStreams({ feed }: { readonly feed: Pick<AuditFeed, 'after'> }): AuditStreams {
  const listeners = new Set<AuditListener>()
  /** Who was sent away and has not gone yet. */
  const leaving = new Set<AuditListener>()
  let closed = false
  const catchingUp = createCatchingUp(feed)

  return {
    admits: (caller) =>
      !closed && listeners.size < MOST_LISTENERS && [...listeners].filter((one) => one.caller === caller).length < MOST_OF_ONE,

    open(response, listening) {
      // Who hung up while it was asked whether they may listen will not be told of by another 'close'.
      if (response.destroyed) return
      const gone = () => {
        listeners.delete(listener)
        catchingUp.leaveOut(listener)
        leaving.add(listener)
      }
      const listener = new AuditListener({ response, listening, gone, goOn: () => catchingUp.goOn(listener) })
      listeners.add(listener)
      response.once('close', () => {
        listener.end()
        leaving.delete(listener)
      })
      listener.begin()
    },

    get count() {
      return listeners.size
    },

    async look() {
      for (const listener of [...leaving]) listener.hurry()
      const all = [...listeners]
      for (const listener of all) await listener.look()
      const failure = await tell(feed, all)
      for (const listener of all) listener.beat()
      if (failure !== undefined) throw failure.error
    },

    close() {
      closed = true
      for (const listener of [...listeners]) listener.end()
    },
  }
}

/** Tells those who are behind and take what they are sent, in turns, until nobody is. */
function createCatchingUp(feed: Pick<AuditFeed, 'after'>) {
  const behind = new Set<AuditListener>()
  let busy = false

  async function catchUp(): Promise<void> {
    busy = true
    try {
      while (behind.size > 0) {
        const some = [...behind]
        behind.clear()
        await tell(feed, some)
      }
    } finally {
      behind.clear()
      busy = false
    }
  }

  return {
    goOn(listener: AuditListener): void {
      behind.add(listener)
      // When the store is away, the next look says so, and goes on from where they are.
      if (!busy) catchUp().catch(() => undefined)
    },
    leaveOut: (listener: AuditListener) => behind.delete(listener),
  }
}

/** Tells some listeners the next events, each from its own place on. @returns why an event could not be shown, where one could not */
async function tell(
  feed: Pick<AuditFeed, 'after'>,
  some: readonly AuditListener[],
): Promise<{ readonly error: unknown } | undefined> {
  let failure: { readonly error: unknown } | undefined
  // Most are at the same place, and are told the same.
  const reads = new Map<string, Promise<FedEntry[]>>()
  for (const listener of some) {
    if (!listener.takes) continue
    const { place } = listener
    const reading = reads.get(placeText(place)) ?? feed.after(place, EVENTS_AT_ONCE)
    reads.set(placeText(place), reading)
    const next = await reading
    try {
      listener.tell(place, next)
    } catch (error) {
      failure ??= { error }
    }
    if (next.length > 0) await othersFirst()
  }
  return failure
}
