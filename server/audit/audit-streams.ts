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
  /** Tells everybody what is new. To be called every LOOK_EVERY_SECONDS. */
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

/** Makes them. */
export function createAuditStreams({ feed }: { readonly feed: Pick<AuditFeed, 'after'> }): AuditStreams {
  const listeners = new Set<Listener>()
  let closed = false

  return {
    admits: (caller) =>
      !closed && listeners.size < MOST_LISTENERS && [...listeners].filter((one) => one.caller === caller).length < MOST_OF_ONE,

    open(response, listening) {
      // Who hung up while it was asked whether they may listen will not be told of by another 'close'.
      if (response.destroyed) return
      const listener = new Listener(response, listening, () => void listeners.delete(listener))
      listeners.add(listener)
      response.once('close', () => listener.end())
      listener.begin()
    },

    get count() {
      return listeners.size
    },

    async look() {
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
    if (this.#blocked !== undefined) return this.#wait()
    this.#looks += 1
    const beat = this.#looks % HEARTBEAT_LOOKS === 0
    if (beat && !(await this.#mayGoOn())) return this.end()
    await this.#tell(read)
    // Its place goes along, so that whoever comes again after a quiet hour begins where it was.
    if (beat) this.#send(`event: heartbeat\nid: ${placeText(this.#place)}\ndata: {}\n\n`)
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#gone()
    this.#response.end()
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
    if (this.#blocked <= MOST_LOOKS_BLOCKED) return
    this.end()
    this.#response.destroy()
  }

  #send(text: string): void {
    if (this.#ended || this.#response.write(text)) return
    this.#blocked ??= 0
    this.#response.once('drain', () => {
      this.#blocked = undefined
    })
  }
}
