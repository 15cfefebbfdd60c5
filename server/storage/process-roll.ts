// Which processes serve one database, as they say themselves every few seconds. It is shown to people and nothing is decided by it; so it
// is in Redis, by whose clock it is told who was heard lately. Without Redis there is one process only.
import { liveKey, liveKeys } from './keys.ts'
import type { RedisClient } from './redis-client.ts'

/** What a process says of itself. */
export interface ProcessSaid {
  /** Of this process and no other, also when the machine gives its number again. */
  readonly id: string
  readonly host: string
  readonly pid: number
  /** Of Latchkey. */
  readonly version: string
  /** Milliseconds since the epoch, by the process's own clock. */
  readonly startedAt: number
  /** The number of the last revocation that it knows. */
  readonly sequence: number
}

/** A process as it was last heard. */
export interface ProcessHeard extends ProcessSaid {
  readonly heardSecondsAgo: number
}

/** The processes. Its methods throw what Redis has to say when it does not answer. */
export interface ProcessRoll {
  say(said: ProcessSaid): Promise<void>
  /** Those that were heard in the last half a minute. */
  list(): Promise<ProcessHeard[]>
  /** The process ends. */
  leave(id: string): Promise<void>
}

/** One that was not heard for so long is gone. */
const GONE_SECONDS = 30

/** Makes it. `lineage` names the database. */
export function createProcessRoll(client: RedisClient, lineage: string): ProcessRoll {
  const key = liveKey(liveKeys.processes, lineage)

  async function list(): Promise<ProcessHeard[]> {
    const [fields, now] = await Promise.all([client.hgetall(key), redisSeconds(client)])
    return Object.values(fields).flatMap((text) => {
      const heard = heardIn(text, now)
      return heard === undefined ? [] : [heard]
    })
  }

  return {
    list,
    async say(said) {
      const at = await redisSeconds(client)
      await client.hset(key, said.id, JSON.stringify({ ...said, at }))
      // When all are gone, so is the list.
      await client.expire(key, 2 * GONE_SECONDS)
      const here = (await list()).map(({ id }) => id)
      const gone = (await client.hkeys(key)).filter((id) => !here.includes(id))
      if (gone.length > 0) await client.hdel(key, ...gone)
    },
    leave: async (id) => void (await client.hdel(key, id)),
  }
}

/** Undefined for one that is gone, and for what is none. */
function heardIn(text: string, now: number): ProcessHeard | undefined {
  try {
    const { at, ...said } = JSON.parse(text) as ProcessSaid & { readonly at: number }
    const heardSecondsAgo = Math.max(0, now - at)
    return heardSecondsAgo <= GONE_SECONDS ? { ...said, heardSecondsAgo } : undefined
  } catch {
    return undefined
  }
}

async function redisSeconds(client: RedisClient): Promise<number> {
  const [seconds] = await client.time()
  return Number(seconds)
}
