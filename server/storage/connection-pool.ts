// The connections to PostgreSQL. Whoever needs one waits only so long; a connection that is being made then goes on, and serves whoever
// comes next. Were it given up with the one who waited for it, it would be begun anew each time: after an outage, on a machine that
// makes fewer of them than are asked for, none would ever be done.
import pg from 'pg'

/** How long a connection may take to be made: half of the time in which a server is to be well again. */
const MADE_WITHIN_MS = 2500

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

  constructor({ waitMs, ...options }: ConnectionPoolOptions) {
    super({ ...options, connectionTimeoutMillis: Math.max(waitMs, MADE_WITHIN_MS) })
    this.#waitMs = waitMs
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
    this.#waiting += 1
    const timer = setTimeout(() => {
      stopWaiting()
      callback(new Error('timeout exceeded when trying to connect'), undefined, () => undefined)
    }, this.#waitMs).unref()
    super.connect((error, client, done) => {
      if (waits) {
        stopWaiting()
        callback(error, client, done)
      } else if (client !== undefined) {
        // To the next one, and not at once: a long queue would be gone through by one call inside the other.
        queueMicrotask(done)
      }
    })
  }
}
