// The connections to PostgreSQL. Whoever needs one waits only so long; a connection that is being made then goes on, and serves whoever
// comes next. Were it given up with the one who waited for it, it would be begun anew each time: after an outage, on a machine that
// makes fewer of them than are asked for, none would ever be done. And only a few are made at a time: a large pool that has lost all of
// its connections at once would keep a server from making any that is coming back.
import pg from 'pg'

/** How long a connection may take to be made: half of the time in which a server is to be well again. */
const MADE_WITHIN_MS = 2500

/** As many connections are being made at a time. */
const MOST_MADE_AT_ONCE = 5

/** Settings of the pool. */
export interface ConnectionPoolOptions extends Omit<pg.PoolConfig, 'connectionTimeoutMillis'> {
  /** How long somebody waits for a connection. */
  readonly waitMs: number
}

type Callback = (error: Error | undefined, client: pg.PoolClient | undefined, done: (release?: unknown) => void) => void

/** A pool of connections. */
export class ConnectionPool extends pg.Pool {
  readonly #waitMs: number
  #waiting = 0
  /** Who waits for their turn to ask, in the order in which they came. What they call asks. */
  readonly #queue = new Set<() => void>()
  /** Who has asked and has no answer yet. */
  #asking = 0
  #looking = false

  constructor({ waitMs, ...options }: ConnectionPoolOptions) {
    super({ ...options, connectionTimeoutMillis: Math.max(waitMs, MADE_WITHIN_MS) })
    this.#waitMs = waitMs
    for (const event of ['release', 'remove'] as const) this.on(event, () => this.#lookSoon())
  }

  /** How many wait for a connection. In the queue of the pool are also those who wait no more. */
  get waiting(): number {
    return this.#waiting
  }

  override connect(): Promise<pg.PoolClient>
  override connect(callback: Callback): void
  override connect(callback?: Callback): Promise<pg.PoolClient> | undefined {
    if (callback !== undefined) {
      this.#connect(callback)
      return undefined
    }
    return new Promise((resolve, reject) => {
      this.#connect((error, client) => (client === undefined ? reject(error) : resolve(client)))
    })
  }

  #connect(callback: Callback): void {
    let waits = true
    const stopWaiting = () => {
      clearTimeout(timer)
      waits = false
      this.#waiting -= 1
    }
    const ask = () => {
      this.#asking += 1
      super.connect((error, client, done) => {
        this.#asking -= 1
        this.#lookSoon()
        if (waits) {
          stopWaiting()
          callback(error, client, done)
        } else if (client !== undefined) {
          // To the next one, and not at once: a long queue would be gone through by one call inside the other.
          queueMicrotask(done)
        }
      })
    }
    this.#waiting += 1
    const timer = setTimeout(() => {
      this.#queue.delete(ask)
      stopWaiting()
      callback(new Error('timeout exceeded when trying to connect'), undefined, () => undefined)
    }, this.#waitMs).unref()
    this.#queue.add(ask)
    this.#look()
  }

  /** Lets those ask who need not wait any more. */
  #look(): void {
    for (const ask of this.#queue) {
      if (!this.#mayAsk()) return
      this.#queue.delete(ask)
      ask()
    }
  }

  /** The pool tells of a change before it has made it. */
  #lookSoon(): void {
    if (this.#looking || this.#queue.size === 0) return
    this.#looking = true
    process.nextTick(() => {
      this.#looking = false
      this.#look()
    })
  }

  /** Whoever asks gets a connection that is there, or one is made. None waits in the queue of the pool, which makes as many as it may. */
  #mayAsk(): boolean {
    if (this.ending) return true
    const isThere = this.idleCount > this.waitingCount
    return isThere || (this.#asking < this.idleCount + MOST_MADE_AT_ONCE && this.totalCount < this.options.max)
  }
}
