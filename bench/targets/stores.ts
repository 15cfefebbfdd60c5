// The PostgreSQL and the Redis of a run: the same for every server, set up to lose nothing, as in production.

import { run, startPrivatePostgres, urlOfDatabase } from '../../test/support/postgres.ts'
import { startPrivateRedis } from '../../test/support/redis.ts'
import type { Stores } from './target.ts'

const DURABLE = ['fsync=on', 'synchronous_commit=on', 'full_page_writes=on', 'shared_buffers=512MB', 'max_wal_size=4GB']
const JOURNAL = ['--appendonly', 'yes', '--appendfsync', 'everysec']

/** Stores that run. */
export interface OwnStores extends Stores {
  stop(): Promise<void>
}

/** Starts them. */
export async function startStores(): Promise<OwnStores> {
  await using cleanup = new AsyncDisposableStack()
  const postgres = await startPrivatePostgres(DURABLE)
  cleanup.defer(() => postgres.stop())
  const redis = await startPrivateRedis(JOURNAL)
  cleanup.defer(() => redis.stop())
  const started = cleanup.move()
  let given = 0
  return {
    pids: [postgres.pid, redis.pid],
    async newAddresses() {
      given += 1
      const name = `bench_${given}`
      await run(postgres.url, `CREATE DATABASE ${name}`)
      return { databaseUrl: urlOfDatabase(postgres.url, name), redisUrl: `${redis.url}/${given}` }
    },
    stop: () => started.disposeAsync(),
  }
}
