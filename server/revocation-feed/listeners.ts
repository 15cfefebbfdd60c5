// Those who listen to the revocation list at this process. Each has a place in the list from which it goes on at its own pace: a
// slow one holds up nobody and costs no memory, and one that falls too far behind is told to begin again.
import type { ServerResponse } from 'node:http'
import { LONGEST_WAIT_SECONDS } from '../tokens/minting.ts'
import type { RevocationFollower, RevocationNews } from '../tokens/revocation-follower.ts'
import type { RevocationKind, WrittenRevocation } from '../tokens/revocations.ts'
import { entryFrames, heartbeatFrame, RESET_FRAME, RETRY_FRAME } from './event-stream.ts'

/** Who listens: what its access token says. */
export interface FeedCaller {
  readonly clientId: string
  readonly jti: string
  readonly kid: string | undefined
  /** Of a token that is a person's. */
  readonly accountId?: string | undefined
  readonly sessionId?: string | undefined
  readonly grantId?: string | undefined
  /** Seconds since the epoch. */
  readonly issuedAt: number
  readonly expiresAt: number
}

/** The listeners of one process. */
export interface FeedListeners {
  /**
   * To be called when the list has just been brought up to date.
   * @param place from where the caller goes on, and how far the list had come before it was asked whether the caller may listen
   */
  open(response: ServerResponse, caller: FeedCaller, place: { readonly after: number; readonly admittedAt: number }): void
  /** Whether there is room for another one: not when there are too many, nor when the server ends. */
  readonly admit: boolean
  readonly count: number
  /**
   * Looks whose time is over, and tells the others that they are up to date, if that is so; and closes the connections of those who
   * were sent away and have not gone. To be called every HEARTBEAT_SECONDS.
   */
  beat(upToDate: boolean): void
  /** Ends all of them; they come again, to another process. */
  close(): void
}

/** How often a listener hears that it is up to date. */
export const HEARTBEAT_SECONDS = 5

const MOST_LISTENERS = 10_000
const ENTRIES_AT_ONCE = 200
const LISTENERS_AT_ONCE = 100

/** Entries that a listener may be behind while it does not take what it is sent, and for how many beats it may take nothing. */
const MOST_BEHIND = 20_000
const MOST_BEATS_BLOCKED = 6

/** At which beat after its end the connection is closed of a listener that has not taken all that it was still sent. */
const BEATS_TO_LEAVE = 2

/** Makes them. */
export function createFeedListeners(deps: {
  readonly follower: RevocationFollower
  /** Told when a listener is sent away because it was too slow. */
  readonly fellBehind?: () => void
}): FeedListeners {
  const { follower, fellBehind = () => undefined } = deps
  const listeners = new Set<Listener>()
  /** Who was sent away and has not gone yet. */
  const leaving = new Set<Listener>()
  let closed = false
  const parts = { follower, fellBehind, framesOf: rememberLast(entryFrames) }

  const unsubscribe = follower.subscribe((news: RevocationNews) => {
    if (news.what === 'put_back') return someAtATime(listeners, (listener) => listener.reset())
    // Who may no longer listen is told first, of this and nothing more: the tokens that he checks have ended as well, and he would
    // hear of it only when he has come again.
    const endOf = endsBy(news.entries)
    for (const listener of [...listeners]) {
      const entry = endOf(listener.caller)
      if (entry === undefined) continue
      listener.pump()
      endOfListening(listener, entry)
    }
    someAtATime(listeners, (listener) => listener.pump())
  })

  /**
   * A token that could take the place of this one would be dead as well until the moment that the entry names is over, and whoever
   * asked for one would be kept waiting without hearing anything. Whose client is out altogether is not waited for.
   */
  function endOfListening(listener: Listener, { before }: WrittenRevocation): void {
    const seconds = before === undefined ? 0 : before + 1 - follower.databaseNow()
    if (seconds <= 0 || seconds > LONGEST_WAIT_SECONDS) listener.end()
    else setTimeout(() => listener.end(), Math.ceil(seconds * 1000)).unref()
  }

  return {
    open(response, caller, { after, admittedAt }) {
      // Who hung up while it was asked whether they may listen will not be told of by another 'close'.
      if (response.destroyed) return
      const gone = () => {
        listeners.delete(listener)
        leaving.add(listener)
      }
      const listener = new Listener({ ...parts, response, caller, after, gone })
      listeners.add(listener)
      response.once('close', () => {
        listener.end()
        leaving.delete(listener)
      })
      listener.begin()
      // Where the caller was out by the time that it is among those who are told.
      const entry = endsBy(follower.log.after(admittedAt, follower.log.size))(caller)
      if (entry !== undefined) endOfListening(listener, entry)
    },
    get admit() {
      return !closed && listeners.size < MOST_LISTENERS
    },
    get count() {
      return listeners.size
    },
    beat(upToDate) {
      for (const listener of [...leaving]) listener.hurry()
      someAtATime(listeners, (listener) => listener.beat(upToDate))
    },
    close() {
      closed = true
      unsubscribe()
      for (const listener of [...listeners]) listener.end()
    },
  }
}

/** Sign-ins come in between. */
function someAtATime(listeners: ReadonlySet<Listener>, work: (listener: Listener) => void, all = [...listeners]): void {
  for (const listener of all.slice(0, LISTENERS_AT_ONCE)) if (listeners.has(listener)) work(listener)
  if (all.length > LISTENERS_AT_ONCE) setImmediate(() => someAtATime(listeners, work, all.slice(LISTENERS_AT_ONCE)))
}

interface ListenerParts {
  readonly follower: RevocationFollower
  readonly response: ServerResponse
  readonly caller: FeedCaller
  readonly after: number
  readonly framesOf: (entries: readonly WrittenRevocation[]) => string
  readonly fellBehind: () => void
  /** Takes it out of those who listen. */
  readonly gone: () => void
}

/** One that listens, and its place in the list. */
class Listener {
  readonly caller: FeedCaller
  readonly #parts: ListenerParts
  #position: number
  #ended = false
  /** Beats since it stopped taking what it is sent; undefined while it takes everything. */
  #blocked: number | undefined
  /** Beats since its end. */
  #leaving = 0

  constructor(parts: ListenerParts) {
    this.caller = parts.caller
    this.#parts = parts
    this.#position = parts.after
  }

  begin(): void {
    this.#send(RETRY_FRAME)
    this.pump()
    this.#heartbeat()
  }

  /** Sends what it does not have yet, as far as it takes it. */
  pump(): void {
    const { follower, framesOf } = this.#parts
    while (this.#blocked === undefined && !this.#ended) {
      const entries = follower.log.after(this.#position, ENTRIES_AT_ONCE)
      const last = entries.at(-1)
      if (last === undefined) {
        this.#position = Math.max(this.#position, follower.log.sequence)
        return
      }
      this.#position = last.sequence
      this.#send(framesOf(entries))
    }
  }

  beat(upToDate: boolean): void {
    if (this.caller.expiresAt <= this.#parts.follower.databaseNow()) {
      this.end()
    } else if (this.#blocked === undefined) {
      this.pump()
      if (upToDate) this.#heartbeat()
    } else if (this.#blocked < MOST_BEATS_BLOCKED) {
      this.#blocked += 1
    } else {
      this.#parts.fellBehind()
      this.end()
    }
  }

  /** Tells it to take the whole list again. */
  reset(): void {
    this.end(RESET_FRAME)
  }

  /** Whoever takes nothing, and has not since before the last beat, cannot be told: its connection would stay for ever. */
  end(text = ''): void {
    if (this.#ended) return
    this.#ended = true
    this.#parts.gone()
    if (this.#blocked === undefined || this.#blocked === 0) this.#parts.response.end(text)
    else this.#parts.response.destroy()
  }

  /** To be called at each beat after its end, as long as its connection is there. */
  hurry(): void {
    this.#leaving += 1
    if (this.#leaving >= BEATS_TO_LEAVE) this.#parts.response.destroy()
  }

  #heartbeat(): void {
    if (this.#blocked === undefined) this.#send(heartbeatFrame(this.#position))
  }

  #send(text: string): void {
    const { follower, response, fellBehind } = this.#parts
    if (this.#ended || response.write(text)) return
    this.#blocked = 0
    response.once('drain', () => {
      this.#blocked = undefined
      if (follower.log.countAfter(this.#position) <= MOST_BEHIND) return this.pump()
      fellBehind()
      this.reset()
    })
  }
}

/** Which of some entries ends the token by which someone listens: there may be thousands of both. */
function endsBy(entries: readonly WrittenRevocation[]): (caller: FeedCaller) => WrittenRevocation | undefined {
  const widest = new Map<string, WrittenRevocation>()
  for (const entry of entries) {
    const name = `${entry.kind} ${entry.value}`
    const known = widest.get(name)
    if (known === undefined || reach(entry) > reach(known)) widest.set(name, entry)
  }
  return (caller) =>
    NAMES.map(([kind, of]) => widest.get(`${kind} ${of(caller) ?? ''}`)).find(
      (entry) => entry !== undefined && caller.issuedAt <= reach(entry),
    )
}

/** Tokens issued until then are dead. */
function reach({ before }: WrittenRevocation): number {
  return before ?? Number.POSITIVE_INFINITY
}

const NAMES: readonly (readonly [RevocationKind, (caller: FeedCaller) => string | undefined])[] = [
  ['client_id', ({ clientId }) => clientId],
  ['jti', ({ jti }) => jti],
  ['kid', ({ kid }) => kid],
  ['sub', ({ accountId }) => accountId],
  ['sid', ({ sessionId }) => sessionId],
  ['grant_id', ({ grantId }) => grantId],
]

/** The same entries go to everybody, so their text is made once. Numbers are no names: a database that was put back gives them again. */
function rememberLast(make: (entries: readonly WrittenRevocation[]) => string) {
  let known: readonly WrittenRevocation[] = []
  let text = ''
  return (entries: readonly WrittenRevocation[]): string => {
    if (entries.length !== known.length || entries[0] !== known[0] || entries.at(-1) !== known.at(-1)) {
      text = make(entries)
      known = entries
    }
    return text
  }
}
