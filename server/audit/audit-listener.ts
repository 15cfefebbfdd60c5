// One that listens to the audit log: its place in it, how much it takes, and whether it still may.
import type { ServerResponse } from 'node:http'
import type { AuditEntry } from './audit-entry.ts'
import { auditJson } from './audit-export.ts'
import { type FedEntry, type FeedPlace, placeText } from './audit-feed.ts'
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

/** Read for a listener at a time; less is all that there is. */
export const EVENTS_AT_ONCE = 200

/** In looks: how often a listener hears that it is up to date, and is asked whether it still may listen. */
const HEARTBEAT_LOOKS = 5
/** For how many looks one may take nothing of what it is sent. */
const MOST_LOOKS_BLOCKED = 60
/** At which look after its end the connection is closed of a listener that has not taken all that it was still sent. */
const LOOKS_TO_LEAVE = 5

interface ListenerParts {
  readonly response: ServerResponse
  readonly listening: AuditListening
  /** Takes it out of those who listen. */
  readonly gone: () => void
  /** To be called when there is more that it takes. */
  readonly goOn: () => void
}

/** One that listens. */
export class AuditListener {
  readonly caller: string
  readonly #parts: ListenerParts
  #place: FeedPlace
  #ended = false
  #looks = 0
  /** There may be more behind its place. */
  #behind = false
  /** It has come to an event that cannot be shown. */
  #stuck = false
  /** Looks since it stopped taking what it is sent; undefined while it takes everything. */
  #blocked: number | undefined
  /** Looks since its end. */
  #leaving = 0

  constructor(parts: ListenerParts) {
    this.caller = parts.listening.caller
    this.#parts = parts
    this.#place = parts.listening.after
  }

  /** Behind the last event that it was told, or would have been if it were one of those that it asks for. */
  get place(): FeedPlace {
    return this.#place
  }

  /** Whether it can be told anything now. */
  get takes(): boolean {
    return !this.#ended && this.#blocked === undefined
  }

  begin(): void {
    this.#send(`retry: 1000\nid: ${placeText(this.#place)}\n\n`)
  }

  /** To be called at each look. */
  async look(): Promise<void> {
    this.#looks += 1
    // Also one that takes nothing: it keeps a place.
    if (this.#beats && !(await this.#mayGoOn())) return this.end()
    if (this.#blocked !== undefined) this.#wait()
  }

  /** To be called at each look, when it has been told what is new. */
  beat(): void {
    // Its place goes along, so that whoever comes again after a quiet hour begins where it was.
    if (this.#beats && !this.#stuck && this.takes) this.#send(`event: heartbeat\nid: ${placeText(this.#place)}\ndata: {}\n\n`)
  }

  /** Whoever takes nothing, and has not since before the last look, cannot be told: its connection would stay for ever. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#parts.gone()
    if (this.#blocked === undefined || this.#blocked === 0) this.#parts.response.end()
    else this.#parts.response.destroy()
  }

  /** To be called at each look after its end, as long as its connection is there. */
  hurry(): void {
    this.#leaving += 1
    if (this.#leaving >= LOOKS_TO_LEAVE) this.#parts.response.destroy()
  }

  /**
   * Tells it what comes after its place, as far as it takes it.
   * @param from the place after which this was read: it may have been told already meanwhile
   * @throws when an event cannot be shown; its place is before that one
   */
  tell(from: FeedPlace, some: readonly FedEntry[]): void {
    if (from !== this.#place) return
    this.#stuck = false
    for (const { entry, place } of some) {
      if (!this.takes) break
      const text = this.#textOf(entry, place)
      this.#place = place
      if (text !== undefined) this.#send(text)
    }
    this.#behind = some.length === EVENTS_AT_ONCE || this.#place !== (some.at(-1)?.place ?? from)
    if (this.#behind && this.takes) this.#parts.goOn()
  }

  #textOf(entry: AuditEntry, place: FeedPlace): string | undefined {
    try {
      if (!matches(this.#parts.listening.filter, entry)) return undefined
      return `id: ${placeText(place)}\ndata: ${JSON.stringify(auditJson(entry))}\n\n`
    } catch (error) {
      this.#stuck = true
      throw error
    }
  }

  get #beats(): boolean {
    return this.#looks % HEARTBEAT_LOOKS === 0
  }

  /** A store that is away for a moment sends nobody off. */
  async #mayGoOn(): Promise<boolean> {
    try {
      await this.#parts.listening.stillAllowed()
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
    const { response, goOn } = this.#parts
    if (this.#ended || response.write(text)) return
    this.#blocked = 0
    response.once('drain', () => {
      this.#blocked = undefined
      if (this.#behind && !this.#ended) goOn()
    })
  }
}
