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

/** Starts them. `keptIn`: the folder in which what is in PostgreSQL stays for the next run. */
export async function startStores(keptIn?: string): Promise<OwnStores> {
  await using cleanup = new AsyncDisposableStack()
  const postgres = await startPrivatePostgres(DURABLE, keptIn)
  cleanup.defer(() => postgres.stop())
  const redis = await startPrivateRedis(JOURNAL)
  cleanup.defer(() => redis.stop())
  const started = cleanup.move()
  let given = 0
  return {
    pids: [postgres.pid, redis.pid],
    async newAddresses({ name, copyOf } = {}) {
      given += 1
      const database = name ?? `bench_${given}`
      // In a folder that is kept there may be one of an earlier run.
      await run(postgres.url, `DROP DATABASE IF EXISTS ${database}`)
      await run(
        postgres.url,
        `CREATE DATABASE ${database}${copyOf === undefined ? '' : ` TEMPLATE ${copyOf}${await copying(postgres.url)}`}`,
      )
      // The first connection to a copy waits for the disk, and longer than a server does.
      if (copyOf !== undefined) await run(urlOfDatabase(postgres.url, database), 'SELECT count(*) FROM accounts')
      return { databaseUrl: urlOfDatabase(postgres.url, database), redisUrl: `${redis.url}/${given}` }
    },
    stop: () => started.disposeAsync(),
  }
}

/** Files as they are, where PostgreSQL can: through its journal many gigabytes take minutes. */
async function copying(url: string): Promise<string> {
  const [row] = await run(url, "SELECT current_setting('server_version_num')::int >= 150000 AS can")
  return row?.can === true ? ' STRATEGY file_copy' : ''
}
