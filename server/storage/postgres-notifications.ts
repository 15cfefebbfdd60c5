// Listens for PostgreSQL's notifications on a connection of its own, which is sought again for ever. A notification is a hint that
// it is worth looking: whoever relies on one alone misses what was sent while the connection was gone, or behind a pooler that
// does not pass them on.
import pg from 'pg'

/** Listens until it is closed. */
export interface Notifications {
  close(): Promise<void>
}

const FIRST_RETRY_MS = 100
const SLOWEST_RETRY_MS = 5000
const CONNECT_TIMEOUT_MS = 2000

/** Asked so often, a connection that leads nowhere is noticed. */
const PROBE_EVERY_MS = 10_000

/**
 * Begins to listen; it does not wait for the connection.
 * @param notified called at each notification, and whenever the connection is there again, since some may have been missed
 */
export function listenToPostgres({
  url,
  channel,
  notified,
}: {
  readonly url: string
  readonly channel: string
  readonly notified: () => void
}): Notifications {
  let closed = false
  let retryMs = FIRST_RETRY_MS
  let client: pg.Client | undefined
  let timer: NodeJS.Timeout | undefined

  async function connect(): Promise<void> {
    const connection = new pg.Client({
      connectionString: url,
      application_name: 'latchkey notifications',
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: CONNECT_TIMEOUT_MS,
    })
    client = connection
    // Without a listener an error of the connection would end the process.
    connection.on('error', () => undefined)
    connection.once('end', () => reconnect(connection))
    connection.on('notification', () => notified())
    try {
      await connection.connect()
      await connection.query(`LISTEN ${pg.escapeIdentifier(channel)}`)
      retryMs = FIRST_RETRY_MS
      notified()
      probe(connection)
    } catch {
      await give(connection)
    }
  }

  function probe(connection: pg.Client): void {
    timer = setTimeout(() => {
      connection.query('SELECT 1').then(
        () => probe(connection),
        () => give(connection),
      )
    }, PROBE_EVERY_MS).unref()
  }

  async function give(connection: pg.Client): Promise<void> {
    await connection.end().catch(() => undefined)
    reconnect(connection)
  }

  function reconnect(gone: pg.Client): void {
    if (closed || client !== gone) return
    client = undefined
    clearTimeout(timer)
    timer = setTimeout(() => void connect(), retryMs).unref()
    retryMs = Math.min(retryMs * 2, SLOWEST_RETRY_MS)
  }

  void connect()
  return {
    async close() {
      closed = true
      clearTimeout(timer)
      await client?.end().catch(() => undefined)
    },
  }
}
