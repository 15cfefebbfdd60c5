// A relay that stands between a server and a store and looks at what goes by. It costs time of its own, so nothing is timed
// while it stands there.

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { StoreAddresses } from '../targets/target.ts'
import { type Counter, type Counts, type Watcher, watchPostgres, watchRedis } from './messages.ts'

/** The stores, by way of a relay for each. */
export interface CountedStores {
  readonly addresses: StoreAddresses
  /** What was counted since the start. */
  counts(): Counts
  stop(): Promise<void>
}

/** Puts relays in front of PostgreSQL and Redis. */
export async function countStores({ databaseUrl, redisUrl }: StoreAddresses): Promise<CountedStores> {
  const counter: Counter = { postgresTrips: 0, commits: 0, redisTrips: 0 }
  const postgres = await startRelay(databaseUrl, () => watchPostgres(counter))
  const redis = await startRelay(redisUrl, () => watchRedis(counter))
  return {
    addresses: { databaseUrl: postgres.url, redisUrl: redis.url },
    counts: () => ({ ...counter }),
    async stop() {
      await Promise.all([postgres.stop(), redis.stop()])
    },
  }
}

async function startRelay(target: string, watch: () => Watcher): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (client) => {
    const store = connect({ host: hostname, port: Number(port), noDelay: true })
    const watcher = watch()
    const ends = [
      [client, store, (bytes: Buffer) => watcher.fromClient(bytes)],
      [store, client, (bytes: Buffer) => watcher.fromServer(bytes)],
    ] as const
    for (const [from, to, see] of ends) {
      sockets.add(from)
      from.on('data', (bytes: Buffer) => {
        see(bytes)
        to.write(bytes)
      })
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('There is no port.')
  const url = new URL(target)
  url.port = String(address.port)
  return {
    url: url.href,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
