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

/** The least of so many is how long the store takes; the rest is what else goes on in this process. */
const TIMES = 3

/** Asks PostgreSQL. @throws StorageUnavailable */
export async function probePostgres(db: Database): Promise<PostgresProbe> {
  const asked = () =>
    db.$queryRaw<{ version: string; now: Date }[]>(
      Prisma.sql`SELECT current_setting('server_version') AS version, latchkey_now() AS now`,
    )
  const { answer, milliseconds } = await timed(asked)
  const [row] = answer
  return { version: row?.version ?? '', now: row?.now ?? new Date(0), milliseconds }
}

/** Asks Redis. Throws what it has to say when it does not answer. */
export async function probeRedis(client: RedisClient): Promise<RedisProbe> {
  const { milliseconds } = await timed(() => client.ping())
  const info = await client.info()
  const said = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  return {
    version: said('redis_version'),
    mode: said('redis_mode'),
    memoryPolicy: said('maxmemory_policy'),
    milliseconds,
  }
}

/** The last answer, and how long the quickest took. */
async function timed<Answer>(ask: () => Promise<Answer>): Promise<{ readonly answer: Answer; readonly milliseconds: number }> {
  const once = async () => {
    const began = performance.now()
    const answer = await ask()
    return { answer, milliseconds: performance.now() - began }
  }
  let last = await once()
  for (let time = 1; time < TIMES; time += 1) {
    const { milliseconds } = last
    last = await once()
    last = { ...last, milliseconds: Math.min(last.milliseconds, milliseconds) }
  }
  return last
}
