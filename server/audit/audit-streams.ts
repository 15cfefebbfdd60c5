// Those who listen to the audit log at this process, as server-sent events. Each has a place in the log from which it goes on at its own
// pace: a slow one holds up nobody and costs no memory.
import type { ServerResponse } from 'node:http'
import { auditJson } from './audit-export.ts'
import { type AuditFeed, type FedEntry, type FeedPlace, placeText } from './audit-feed.ts'
import { type AuditFilter, matches } from './audit-filter.ts'

/** Somebody who listens. */
export interface AuditListening {
  /** Who, for the number that one may have. */
  readonly caller: string
  readonly filter: AuditFilter
  /** From where. */
  readonly after: FeedPlace
  /** @throws when the caller may not listen any more */
  readonly stillAllowed: () => Promise<void>
}

/** The listeners of one process. */
export interface AuditStreams {
  /** Whether there is room for another one of a caller's. */
  admits(caller: string): boolean
  open(response: ServerResponse, listening: AuditListening): void
  readonly count: number
  /** Tells everybody what is new, and closes the connections of those who were sent away and have not gone. To be called every LOOK_EVERY_SECONDS. */
  look(): Promise<void>
  close(): void
}

/** How often to look for what is new. */
export const LOOK_EVERY_SECONDS = 1

const MOST_LISTENERS = 100
const MOST_OF_ONE = 10
const EVENTS_AT_ONCE = 200
/** Whoever comes from far behind lets the others be told in between. */
const READS_AT_ONCE = 10

/** In looks: how often a listener hears that it is up to date, and is asked whether it still may listen. */
const HEARTBEAT_LOOKS = 5
/** For how many looks one may take nothing of what it is sent. */
const MOST_LOOKS_BLOCKED = 60
/** At which look after its end the connection is closed of a listener that has not taken all that it was still sent. */
const LOOKS_TO_LEAVE = 5

/** Makes them. */
export function createAuditStreams({ feed }: { readonly feed: Pick<AuditFeed, 'after'> }): AuditStreams {
  const listeners = new Set<Listener>()
  /** Who was sent away and has not gone yet. */
  const leaving = new Set<Listener>()
  let closed = false

  return {
    admits: (caller) =>
      !closed && listeners.size < MOST_LISTENERS && [...listeners].filter((one) => one.caller === caller).length < MOST_OF_ONE,

    open(response, listening) {
      // Who hung up while it was asked whether they may listen will not be told of by another 'close'.
      if (response.destroyed) return
      const listener = new Listener(response, listening, () => {
        listeners.delete(listener)
        leaving.add(listener)
      })
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
      // Most are at the same place, and are told the same.
      const reads = new Map<string, Promise<FedEntry[]>>()
      const read = (after: FeedPlace) => {
        const key = placeText(after)
        const reading = reads.get(key) ?? feed.after(after, EVENTS_AT_ONCE)
        reads.set(key, reading)
        return reading
      }
      for (const listener of [...listeners]) await listener.look(read)
    },

    close() {
      closed = true
      for (const listener of [...listeners]) listener.end()
    },
  }
}

/** One that listens. */
class Listener {
  readonly caller: string
  readonly #response: ServerResponse
  readonly #listening: AuditListening
  readonly #gone: () => void
  #place: FeedPlace
  #ended = false
  #looks = 0
  /** Looks since it stopped taking what it is sent; undefined while it takes everything. */
  #blocked: number | undefined
  /** Looks since its end. */
  #leaving = 0

  constructor(response: ServerResponse, listening: AuditListening, gone: () => void) {
    this.caller = listening.caller
    this.#response = response
    this.#listening = listening
    this.#gone = gone
    this.#place = listening.after
  }

  begin(): void {
    this.#send(`retry: 1000\nid: ${placeText(this.#place)}\n\n`)
  }

  async look(read: (after: FeedPlace) => Promise<FedEntry[]>): Promise<void> {
    this.#looks += 1
    const beat = this.#looks % HEARTBEAT_LOOKS === 0
    // Also one that takes nothing: it keeps a place.
    if (beat && !(await this.#mayGoOn())) return this.end()
    if (this.#blocked !== undefined) return this.#wait()
    await this.#tell(read)
    // Its place goes along, so that whoever comes again after a quiet hour begins where it was.
    if (beat) this.#send(`event: heartbeat\nid: ${placeText(this.#place)}\ndata: {}\n\n`)
  }

  /** Whoever takes nothing, and has not since before the last look, cannot be told: its connection would stay for ever. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#gone()
    if (this.#blocked === undefined || this.#blocked === 0) this.#response.end()
    else this.#response.destroy()
  }

  /** To be called at each look after its end, as long as its connection is there. */
  hurry(): void {
    this.#leaving += 1
    if (this.#leaving >= LOOKS_TO_LEAVE) this.#response.destroy()
  }

  async #tell(read: (after: FeedPlace) => Promise<FedEntry[]>): Promise<void> {
    for (let reads = 0; reads < READS_AT_ONCE; reads += 1) {
      const some = await read(this.#place)
      for (const { entry, place } of some) {
        if (this.#ended || this.#blocked !== undefined) return
        this.#place = place
        if (matches(this.#listening.filter, entry))
          this.#send(`id: ${placeText(place)}\ndata: ${JSON.stringify(auditJson(entry))}\n\n`)
      }
      if (some.length < EVENTS_AT_ONCE) return
    }
  }

  /** A store that is away for a moment sends nobody off. */
  async #mayGoOn(): Promise<boolean> {
    try {
      await this.#listening.stillAllowed()
      return true
    } catch (error) {
      return error instanceof Error && error.name === 'StorageUnavailable'
    }
  }

  #wait(): void {
    this.#blocked = (this.#blocked ?? 0) + 1
    if (this.#blocked > MOST_LOOKS_BLOCKED) this.end()
  }

  #send(text: string): void {
    if (this.#ended || this.#response.write(text)) return
    this.#blocked ??= 0
    this.#response.once('drain', () => {
      this.#blocked = undefined
    })
  }
}
