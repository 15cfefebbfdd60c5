// Who is turned away for asking too often, for all processes together: one hash in Redis, or a map in the memory of the process. People
// look at it and lift what is there; who is turned away is decided where requests are counted.
import type { Clock } from '../../config/clock.ts'
import { StorageUnavailable } from './errors.ts'
import { digestOf, liveKey, liveKeys } from './keys.ts'
import { randomBytes } from './random.ts'
import type { RedisClient } from './redis-client.ts'
import type { Sealer } from './sealing.ts'

/** Somebody who is turned away by a limit. */
export interface ListedThrottle {
  readonly limit: string
  /** What the limit counts by. */
  readonly asker: string
  /** Where they ask from: an address, or an IPv6 network. */
  readonly place: string
  /** When one request more is let through, in milliseconds since the epoch. */
  readonly until: number
  /** How long the limit counts. */
  readonly windowSeconds: number
}

/** The list. Its methods throw StorageUnavailable. */
export interface ThrottleList {
  write(throttle: ListedThrottle): Promise<void>
  /** Those that are not over, by their ids. */
  read(): Promise<ReadonlyMap<string, ListedThrottle>>
  /**
   * Takes one from the list; what Redis has counted is forgotten, and a mark stays for what processes have counted by themselves.
   * False when it is not there.
   */
  lift(id: string): Promise<boolean>
  /** Takes one from the list, and nothing else. */
  forget(id: string): Promise<void>
  /** The mark of the last lift; undefined when there was none within a window. */
  markOf(id: string): Promise<string | undefined>
}

/** So many are listed; of more, those that wait longest. */
export const MOST_THROTTLES = 1000

/** No window is longer, so what was written before says nothing any more. */
const DAY_SECONDS = 86_400

/** What a throttle is called. */
export function throttleId(limit: string, asker: string): string {
  return digestOf('throttle', limit, asker)
}

/** In Redis. `client` puts its prefix before the keys. */
export function createRedisThrottleList(
  client: RedisClient,
  { sealer, clock }: { readonly sealer: Sealer; readonly clock: Clock },
): ThrottleList {
  const key = liveKeys.throttles

  async function readAll(): Promise<{ readonly live: [string, ListedThrottle][]; readonly over: string[] }> {
    const live: [string, ListedThrottle][] = []
    const over: string[] = []
    for (const [id, sealed] of Object.entries(await client.hgetallBuffer(key))) {
      const throttle = opened(sealer, sealed, id)
      if (throttle !== undefined && throttle.until > clock()) live.push([id, throttle])
      else over.push(id)
    }
    return { live: longestFirst(live), over }
  }

  return {
    write: (throttle) =>
      answered(async () => {
        const id = throttleId(throttle.limit, throttle.asker)
        await client.hset(key, id, sealer.seal(JSON.stringify(throttle), sealedAt(id)))
        await client.expire(key, DAY_SECONDS)
        if ((await client.hlen(key)) <= MOST_THROTTLES) return
        const { live, over } = await readAll()
        // A tenth at once, so that not each one that is written makes all of them be read.
        const gone = [...over, ...live.slice(0.9 * MOST_THROTTLES).map(([id]) => id)]
        if (gone.length > 0) await client.hdel(key, ...gone)
      }),

    read: () => answered(async () => new Map((await readAll()).live)),

    lift: (id) =>
      answered(async () => {
        const sealed = await client.hgetBuffer(key, id)
        const throttle = sealed === null ? undefined : opened(sealer, sealed, id)
        // The mark first: what stops in the middle can be lifted again.
        if (throttle === undefined) return false
        await client.set(liveKey(liveKeys.throttleLift, id), newMark(), 'EX', throttle.windowSeconds)
        await client.del(liveKey(liveKeys.limit, throttle.asker))
        return (await client.hdel(key, id)) > 0 && throttle.until > clock()
      }),

    forget: (id) => answered(async () => void (await client.hdel(key, id))),

    markOf: (id) => answered(async () => (await client.get(liveKey(liveKeys.throttleLift, id))) ?? undefined),
  }
}

/** In the memory of the process, which is the only one. */
export function createMemoryThrottleList({ clock }: { readonly clock: Clock }): ThrottleList {
  const listed = new Map<string, ListedThrottle>()
  const marks = new Map<string, { readonly mark: string; readonly until: number }>()

  function forgetOld(): void {
    const now = clock()
    for (const [id, { until }] of listed) if (until <= now) listed.delete(id)
    for (const [id, { until }] of marks) if (until <= now) marks.delete(id)
  }

  return {
    async write(throttle) {
      forgetOld()
      listed.set(throttleId(throttle.limit, throttle.asker), throttle)
      const [shortest] = longestFirst([...listed]).slice(MOST_THROTTLES)
      if (shortest !== undefined) listed.delete(shortest[0])
    },
    async read() {
      forgetOld()
      return new Map(longestFirst([...listed]))
    },
    async lift(id) {
      forgetOld()
      const throttle = listed.get(id)
      if (throttle === undefined) return false
      marks.set(id, { mark: newMark(), until: clock() + throttle.windowSeconds * 1000 })
      return listed.delete(id)
    },
    forget: async (id) => void listed.delete(id),
    async markOf(id) {
      forgetOld()
      return marks.get(id)?.mark
    },
  }
}

function longestFirst(throttles: [string, ListedThrottle][]): [string, ListedThrottle][] {
  return throttles.sort(([id, one], [otherId, other]) => other.until - one.until || (id < otherId ? -1 : 1))
}

function newMark(): string {
  return randomBytes(9).toString('base64url')
}

function sealedAt(id: string): string {
  return `${liveKeys.throttles}:${id}`
}

/** Undefined for what was sealed under a key that is gone, or not by us. */
function opened(sealer: Sealer, sealed: Uint8Array, id: string): ListedThrottle | undefined {
  try {
    return JSON.parse(sealer.open(sealed, sealedAt(id)).toString('utf8')) as ListedThrottle
  } catch {
    return undefined
  }
}

/** The error itself would carry the command along. */
async function answered<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work()
  } catch (error) {
    throw new StorageUnavailable('redis', Error.isError(error) ? error.message : String(error))
  }
}
