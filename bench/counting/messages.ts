// What goes over the wires to PostgreSQL and Redis, as far as it must be understood to be counted.

/** What was counted so far. */
export interface Counts {
  /** How often an answer of PostgreSQL was waited for. */
  readonly postgresTrips: number
  /** Transactions that wrote something: each waits for the disk. */
  readonly commits: number
  /** How often an answer of Redis was waited for; commands that go together count once. */
  readonly redisTrips: number
}

/** Watches one connection. */
export interface Watcher {
  fromClient(bytes: Buffer): void
  fromServer(bytes: Buffer): void
}

/** Where watchers put what they see. */
export type Counter = { -readonly [count in keyof Counts]: number }

const WRITES = /\bINSERT\s+INTO\b|\bDELETE\s+FROM\b|(?<!\b(?:FOR|KEY)\s+)\bUPDATE\s+[\w"]/i
const READY = 'Z'
const IDLE = 'I'

/** PostgreSQL's protocol, version 3: a letter, a length, and what belongs to the letter. */
export function watchPostgres(counter: Counter): Watcher {
  const statements = new Map<string, string>()
  let writing = false
  const saw = (sql: string) => {
    if (/^\s*ROLLBACK/i.test(sql)) writing = false
    else if (WRITES.test(sql)) writing = true
  }
  const client = createFramer(true, (letter, body) => {
    if (letter === 'Q' || letter === 'S') counter.postgresTrips += 1
    if (letter === 'Q') saw(textAt(body, 0))
    if (letter === 'P') statements.set(textAt(body, 0), textAt(body, textAt(body, 0).length + 1))
    if (letter === 'B') saw(statements.get(textAt(body, textAt(body, 0).length + 1)) ?? '')
  })
  const server = createFramer(false, (letter, body) => {
    if (letter === 'E') writing = false
    if (letter !== READY || String.fromCharCode(body[0] ?? 0) !== IDLE) return
    if (writing) counter.commits += 1
    writing = false
  })
  return { fromClient: client, fromServer: server }
}

/** Redis: what is sent before the answer comes goes together. */
export function watchRedis(counter: Counter): Watcher {
  let waiting = false
  return {
    fromClient() {
      if (!waiting) counter.redisTrips += 1
      waiting = true
    },
    fromServer() {
      waiting = false
    },
  }
}

/** Cuts a stream into messages. A client's first one has no letter. */
function createFramer(startsWithoutLetter: boolean, tell: (letter: string, body: Buffer) => void): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0)
  let letterBytes = startsWithoutLetter ? 0 : 1
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    while (rest.length >= letterBytes + 4) {
      const end = letterBytes + rest.readInt32BE(letterBytes)
      if (rest.length < end) return
      if (letterBytes === 1) tell(String.fromCharCode(rest[0] ?? 0), rest.subarray(5, end))
      letterBytes = 1
      rest = rest.subarray(end)
    }
  }
}

function textAt(body: Buffer, start: number): string {
  return body.toString('latin1', start, body.indexOf(0, start))
}
