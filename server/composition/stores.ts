// Opens the stores: PostgreSQL (or the embedded one), migrated, and Redis (or memory).
import type { Cluster, Redis } from 'ioredis'
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import type { Secrets } from '../../config/secrets.ts'
import type { Log } from '../http/log.ts'
import { restrictRole, roleOf } from '../storage/app-role.ts'
import { openEmbeddedPostgres } from '../storage/embedded-postgres.ts'
import type { LiveStore } from '../storage/live-store.ts'
import { openMemoryStore } from '../storage/memory.ts'
import { postgresMigrationTarget } from '../storage/migration-target.ts'
import { migrate } from '../storage/migrations.ts'
import {
  type Connections,
  type Database,
  type OpenDatabase,
  openPostgres,
  POOL_WAIT_MS,
  STATEMENT_TIMEOUT_MS,
} from '../storage/postgres.ts'
import { listenToPostgres, type Notifications } from '../storage/postgres-notifications.ts'
import { createMemoryRecentLog, type RecentLog, type RecentLogSize } from '../storage/recent-log.ts'
import { type OpenRedis, openRedis } from '../storage/redis.ts'
import { COMMAND_TIMEOUT_MS } from '../storage/redis-client.ts'
import type { RevocationCopy } from '../storage/revocation-copy.ts'
import { createSealer, type Sealer } from '../storage/sealing.ts'
import { createMemoryThrottleList, type ThrottleList } from '../storage/throttle-list.ts'

/** The stores, open. */
export interface OpenStores {
  readonly db: Database
  readonly live: LiveStore
  /** For the rate limiter; undefined when sessions are in memory. */
  readonly redis: Redis | Cluster | undefined
  /** For neighbours that read revocations there; undefined when there is no Redis. */
  readonly revocationCopy: RevocationCopy | undefined
  /** The last so many things of one sort. */
  recentLog(size: RecentLogSize): RecentLog
  /** Who is turned away for asking too often. */
  readonly throttleList: ThrottleList
  readonly sealer: Sealer
  /** Has someone told of what other processes tell through PostgreSQL. The embedded one has no others. */
  listen(channel: string, notified: () => void): Notifications
  /** Runs what takes longer than a request may, beside all requests. */
  patiently<Result>(work: (db: Database) => Promise<Result>): Promise<Result>
  /** Which stores answer. */
  answering(): Promise<{ readonly postgres: boolean; readonly redis: boolean }>
  /** Which stores do not answer, in words. */
  missing(): Promise<string[]>
  /** The connections to PostgreSQL; the embedded one has none. */
  connections(): Connections | undefined
  close(): Promise<void>
}

const NOTHING_TO_HEAR: Notifications = { close: async () => undefined }

/** The longest that one statement may take when nobody waits for it. */
const PATIENCE_MS = 120_000

/** Opens them. @throws StorageUnavailable, DataDirectoryBusy, MigrationRefused: each message is one line that names the fix */
export async function openStores(
  config: Config,
  secrets: Secrets,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<OpenStores> {
  const sealer = createSealer(secrets.encryptionKeys)
  const database = await openDatabase(config, secrets, log)
  try {
    const { store, client, revocationCopy, recentLog, throttleList } = await openLiveStore(config, secrets, sealer, clock)
    async function answering() {
      const [postgres, redis] = await Promise.allSettled([database.ping(), store.ping()])
      return { postgres: postgres.status === 'fulfilled', redis: redis.status === 'fulfilled' }
    }
    return {
      db: database.db,
      live: store,
      redis: client,
      revocationCopy,
      recentLog,
      throttleList,
      sealer,
      listen: (channel, notified) =>
        config.database === 'embedded' ? NOTHING_TO_HEAR : listenToPostgres({ url: databaseUrlOf(secrets), channel, notified }),
      answering,
      async patiently(work) {
        if (config.database === 'embedded') return work(database.db)
        const own = await openPostgres({ url: databaseUrlOf(secrets), poolSize: 1, statementTimeoutMs: PATIENCE_MS })
        try {
          return await work(own.db)
        } finally {
          await own.close()
        }
      },
      async missing() {
        const { postgres, redis } = await answering()
        return [...(postgres ? [] : ['PostgreSQL does not answer']), ...(redis ? [] : ['Redis does not answer'])]
      },
      connections: () => database.connections?.(),
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
  const url = databaseUrlOf(secrets)
  const owner = secrets.migrationDatabaseUrl?.reveal()
  const target = postgresMigrationTarget(owner ?? url)
  report(await migrate(target), log)
  if (owner !== undefined && (await restrictRole(target, await roleOf(url))) === 'owner') {
    log.warn('the role of DATABASE_URL acts for the owner of the tables: the database cannot keep it from changing the audit log')
  }
  // Where requests may take longer, so may what they wait for.
  return openPostgres({
    url,
    poolSize: config.databasePoolSize,
    poolWaitMs: Math.max(POOL_WAIT_MS, config.answerWithinMs * 0.4),
    statementTimeoutMs: Math.max(STATEMENT_TIMEOUT_MS, Math.floor(config.answerWithinMs * 0.55)),
  })
}

function databaseUrlOf({ databaseUrl }: Secrets): string {
  return databaseUrl?.reveal() ?? ''
}

function report(applied: readonly string[], log: Log): void {
  if (applied.length > 0) log.info({ migrations: applied }, 'the database was migrated')
}

async function openLiveStore(
  config: Config,
  secrets: Secrets,
  sealer: Sealer,
  clock: Clock,
): Promise<
  Pick<OpenRedis, 'store' | 'recentLog' | 'throttleList'> & {
    client: Redis | Cluster | undefined
    revocationCopy: RevocationCopy | undefined
  }
> {
  if (config.redis === 'memory') {
    return {
      store: openMemoryStore({ sealer, clock }),
      client: undefined,
      revocationCopy: undefined,
      recentLog: (size) => createMemoryRecentLog({ sealer, clock, size }),
      throttleList: createMemoryThrottleList({ clock }),
    }
  }
  const commandTimeoutMs = Math.max(COMMAND_TIMEOUT_MS, config.answerWithinMs * 0.25)
  return openRedis({ url: secrets.redisUrl?.reveal() ?? '', sealer, clock, commandTimeoutMs })
}
