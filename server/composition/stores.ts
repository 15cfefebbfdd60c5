// Opens the stores: PostgreSQL (or the embedded one), migrated, and Redis (or memory).
import type { Cluster, Redis } from 'ioredis'
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import type { Secrets } from '../../config/secrets.ts'
import type { Log } from '../http/log.ts'
import { openEmbeddedPostgres } from '../storage/embedded-postgres.ts'
import type { LiveStore } from '../storage/live-store.ts'
import { openMemoryStore } from '../storage/memory.ts'
import { postgresMigrationTarget } from '../storage/migration-target.ts'
import { migrate } from '../storage/migrations.ts'
import { type Database, type OpenDatabase, openPostgres } from '../storage/postgres.ts'
import { openRedis } from '../storage/redis.ts'
import { createSealer, type Sealer } from '../storage/sealing.ts'

/** The stores, open. */
export interface OpenStores {
  readonly db: Database
  readonly live: LiveStore
  /** For the rate limiter; undefined when sessions are in memory. */
  readonly redis: Redis | Cluster | undefined
  readonly sealer: Sealer
  /** Which stores do not answer. */
  missing(): Promise<string[]>
  close(): Promise<void>
}

/** Opens them. @throws StorageUnavailable, DataDirectoryBusy, MigrationRefused: each message is one line that names the fix */
export async function openStores(
  config: Config,
  secrets: Secrets,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<OpenStores> {
  const sealer = createSealer(secrets.encryptionKeys)
  const database = await openDatabase(config, secrets, log)
  try {
    const { store, client } = await openLiveStore(config, secrets, sealer, clock)
    return {
      db: database.db,
      live: store,
      redis: client,
      sealer,
      async missing() {
        const [postgres, redis] = await Promise.allSettled([database.ping(), store.ping()])
        return [
          ...(postgres.status === 'rejected' ? ['PostgreSQL does not answer'] : []),
          ...(redis.status === 'rejected' ? ['Redis does not answer'] : []),
        ]
      },
      async close() {
        await store.close()
        await database.close()
      },
    }
  } catch (error) {
    await database.close()
    throw error
  }
}

async function openDatabase(config: Config, secrets: Secrets, log: Log): Promise<OpenDatabase> {
  if (config.database === 'embedded') {
    const embedded = await openEmbeddedPostgres({ dataDir: config.dataDir })
    try {
      report(await migrate(embedded.migrationTarget), log)
    } catch (error) {
      await embedded.close()
      throw error
    }
    return embedded
  }
  const url = secrets.databaseUrl?.reveal() ?? ''
  report(await migrate(postgresMigrationTarget(secrets.migrationDatabaseUrl?.reveal() ?? url)), log)
  return openPostgres({ url, poolSize: config.databasePoolSize })
}

function report(applied: readonly string[], log: Log): void {
  if (applied.length > 0) log.info({ migrations: applied }, 'the database was migrated')
}

async function openLiveStore(
  config: Config,
  secrets: Secrets,
  sealer: Sealer,
  clock: Clock,
): Promise<{ store: LiveStore; client: Redis | Cluster | undefined }> {
  if (config.redis === 'memory') return { store: openMemoryStore({ sealer, clock }), client: undefined }
  return openRedis({ url: secrets.redisUrl?.reveal() ?? '', sealer, clock })
}
