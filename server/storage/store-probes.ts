// What the stores say of themselves, and how long they take to say it: for people who look after them.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from './postgres.ts'
import type { RedisClient } from './redis-client.ts'

/** A store that has answered. */
export interface StoreProbe {
  readonly version: string
  /** How long the answer took. */
  readonly milliseconds: number
}

/** PostgreSQL. */
export interface PostgresProbe extends StoreProbe {
  /** Its time. */
  readonly now: Date
}

/** Redis. */
export interface RedisProbe extends StoreProbe {
  /** `standalone`, `sentinel` or `cluster`. */
  readonly mode: string
  /** What it does when it is full: `noeviction` is right (docs/storage.md). */
  readonly memoryPolicy: string
}

/** Asks PostgreSQL. @throws StorageUnavailable */
export async function probePostgres(db: Database): Promise<PostgresProbe> {
  // The first statement may have to wait for a connection to be made.
  await db.$queryRaw(Prisma.sql`SELECT 1`)
  const began = performance.now()
  const [row] = await db.$queryRaw<{ version: string; now: Date }[]>(
    Prisma.sql`SELECT current_setting('server_version') AS version, latchkey_now() AS now`,
  )
  return { version: row?.version ?? '', now: row?.now ?? new Date(0), milliseconds: performance.now() - began }
}

/** Asks Redis. Throws what it has to say when it does not answer. */
export async function probeRedis(client: RedisClient): Promise<RedisProbe> {
  const began = performance.now()
  await client.ping()
  const milliseconds = performance.now() - began
  const info = await client.info()
  const said = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  return {
    version: said('redis_version'),
    mode: said('redis_mode'),
    memoryPolicy: said('maxmemory_policy'),
    milliseconds,
  }
}
