// What a fault run writes down: every request with its answer, and everything that was broken meanwhile. The checker knows
// nothing else. Times are milliseconds since the run began, by a clock that only goes forward.
import { createWriteStream, readFileSync } from 'node:fs'

/** What was asked of a server; an API asks its guard to `verify`. */
export type Operation = 'page' | 'redeem' | 'refresh' | 'revoke' | 'sign-out' | 'introspect' | 'userinfo' | 'knock' | 'verify'

/** A request, with what the one who sent it knew. */
export interface Call {
  readonly kind: 'call'
  readonly who: string
  /** The number of the server process that it was sent to; 0 when it was none. */
  readonly at: number
  readonly operation: Operation
  readonly start: number
  readonly end: number
  readonly sent: Sent
  /** Null when the connection broke: whether the server did it is not known. */
  readonly answer: Answer | null
}

export interface Sent {
  readonly token?: string
  readonly code?: string
  readonly app?: string
  readonly account?: string
  /** One sign-in in one browser. */
  readonly session?: string
  /** A sign-out of all of the account's sessions. */
  readonly everywhere?: boolean
  readonly path?: string
}

export interface Answer {
  readonly status: number
  /** Of a page its heading. */
  readonly error?: string
  /** Of an answer that says to come again. */
  readonly retryAfter?: string
  readonly active?: boolean
  readonly refresh?: string
  readonly access?: string
  /** The `grant_id` of the access token, where it is a JWT. */
  readonly grant?: string
}

/** Something was broken for a while. */
export interface Fault {
  readonly kind: 'fault'
  readonly name: string
  /** The server processes that were affected. */
  readonly at: readonly number[]
  readonly start: number
  readonly end: number
  /** Redis could not be reached in all that time. */
  readonly withoutRedis?: boolean
  /** Redis lost what it had, or some of it. */
  readonly redisEmptied?: boolean
  /** To them everything seemed later, or earlier, than it was. */
  readonly wrongClock?: boolean
}

/** A server process could not do anything: it was stopped or dead. */
export interface Absence {
  readonly kind: 'absent'
  readonly at: number
  readonly start: number
  readonly end: number
}

/** A process wanted a processor and did not get one for so long; `at` 0 is the run itself. */
export interface Starvation {
  readonly kind: 'starved'
  readonly at: number
  readonly start: number
  readonly end: number
  readonly milliseconds: number
}

/** The rules that the servers were started with. */
export interface Rules {
  readonly kind: 'rules'
  readonly seed: number
  /** For each app, in milliseconds. */
  readonly replayWindows: { readonly [app: string]: number }
  readonly answerWithin: number
  /** How often one address may knock, at each process while it cannot ask Redis. */
  readonly knocks: number
  /** How long guards may go on letting in what was ended, in milliseconds. */
  readonly guardsKnowWithin: number
}

export type Entry = Call | Fault | Absence | Starvation | Rules

/** Where entries go. */
export interface Ledger {
  now(): number
  write(entry: Entry): void
  readonly entries: readonly Entry[]
  close(): Promise<void>
}

/** Opens a ledger that is also written to a file, an entry a line. */
export function openLedger(file: string): Ledger {
  const begun = performance.now()
  const entries: Entry[] = []
  const stream = createWriteStream(file)
  return {
    now: () => Math.round((performance.now() - begun) * 10) / 10,
    write(entry) {
      entries.push(entry)
      stream.write(`${JSON.stringify(entry)}\n`)
    },
    entries,
    close: () => new Promise((resolve) => stream.end(resolve)),
  }
}

/** Reads the file of a ledger. */
export function readLedger(file: string): Entry[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line): Entry => JSON.parse(line))
}
