// The live store in Redis. A flushed or lost Redis ends what is in flight (people sign in again), and never revives anything.
import type { Clock } from '../../config/clock.ts'
import { StorageUnavailable } from './errors.ts'
import { TOMBSTONE_SECONDS } from './keys.ts'
import { createLiveCodec, type LiveCodec } from './live-codec.ts'
import type { LiveStore, Payload, SessionSaved } from './live-store.ts'
import { createRedisRecentLog, type RecentLog, type RecentLogSize } from './recent-log.ts'
import { connectRedis, type RedisClient, type ScriptedClient } from './redis-client.ts'
import { createRevocationCopy, type RevocationCopy } from './revocation-copy.ts'
import type { Sealer } from './sealing.ts'
import { createRedisThrottleList, type ThrottleList } from './throttle-list.ts'

/** A Redis that is ready for use. */
export interface OpenRedis {
  readonly store: LiveStore
  /** For counters of requests, which need no store of ours. The store closes it. */
  readonly client: RedisClient
  readonly revocationCopy: RevocationCopy
  recentLog(size: RecentLogSize): RecentLog
  readonly throttleList: ThrottleList
}

/** What stands in the place of a pointer that was dropped; no sealed value is that short. */
const DROPPED = '-'
const CLOSE_WAIT_MS = 1000

/** @throws StorageUnavailable */
export async function openRedis({
  url,
  keyPrefix = 'latchkey:',
  sealer,
  clock,
  commandTimeoutMs,
}: {
  readonly url: string
  readonly keyPrefix?: string
  readonly sealer: Sealer
  readonly clock: Clock
  /** How long an answer is waited for. */
  readonly commandTimeoutMs?: number
}): Promise<OpenRedis> {
  const client = await connectRedis({ url, keyPrefix, ...(commandTimeoutMs === undefined ? {} : { commandTimeoutMs }) })
  const codec = createLiveCodec({ sealer, clock })
  const store: LiveStore = {
    ...recordStore(client, codec, clock),
    ...sessionStore(client, codec, clock),
    ping: async () => void (await answered(client.ping())),
    async close() {
      const patience = setTimeout(() => client.disconnect(), CLOSE_WAIT_MS)
      await client.quit().catch(() => client.disconnect())
      clearTimeout(patience)
    },
  }
  return {
    store,
    client,
    revocationCopy: createRevocationCopy(client),
    recentLog: (size) => createRedisRecentLog(client, { sealer, clock, size }),
    throttleList: createRedisThrottleList(client, { sealer, clock }),
  }
}

type Records = Pick<LiveStore, 'put' | 'find' | 'findByUid' | 'findByUserCode' | 'consume' | 'destroy'>

function recordStore(client: ScriptedClient, codec: LiveCodec, clock: Clock): Records {
  async function read(key: string, id?: string): Promise<Payload | undefined> {
    const [data, consumed] = (await readable(client.hmgetBuffer(key, 'd', 'c'))) ?? []
    const payload = data ? codec.openRecord(key, data, id) : undefined
    return payload !== undefined && consumed ? { ...payload, consumed: Number(consumed) } : payload
  }

  async function follow(keys: readonly string[]): Promise<Payload | undefined> {
    for (const key of keys) {
      const data = await readable(client.getBuffer(key))
      const recordKey = data ? codec.openPointer(key, data) : undefined
      if (recordKey !== undefined) return read(recordKey)
    }
    return undefined
  }

  return {
    async put(record) {
      const { key, data, expiresAt, ttlMs, links } = codec.sealRecord(record)
      if (!(ttlMs > 0)) return void (await answered(client.del(key)))
      await answered(client.latchkeyPut(key, clock(), data, expiresAt, ttlMs))
      await Promise.all(links.map((link) => answered(client.set(link.key, link.data, 'PX', ttlMs))))
    },
    find: (model, id) => read(codec.recordKey(model, id), id),
    findByUid: (model, uid) => follow([codec.uidKey(model, uid)]),
    findByUserCode: (model, userCode) => follow(codec.userCodeKeys(model, userCode)),
    consume: async (model, id) => (await answered(client.latchkeyTake(codec.recordKey(model, id), clock()))) === 1,
    destroy: async (model, id) => void (await answered(client.del(codec.recordKey(model, id)))),
  }
}

type SessionsInRedis = Pick<LiveStore, 'saveSession' | 'findSession' | 'findSessionByUid' | 'dropSessionPointer' | 'endSession'>

const PART = 'p:'
const SAVED: ReadonlySet<unknown> = new Set<SessionSaved>(['saved', 'ended', 'other-account'])

function sessionStore(client: ScriptedClient, codec: LiveCodec, clock: Clock): SessionsInRedis {
  async function read(key: string, cookieId?: string): Promise<Payload | undefined> {
    const fields = await readable(client.hgetallBuffer(key))
    const data = fields?.d
    if (fields === undefined || data === undefined) return undefined
    const parts = Object.entries(fields).filter(([name]) => name.startsWith(PART))
    return codec.openSession(key, data, new Map(parts.map(([name, part]) => [name.slice(PART.length), part])), cookieId)
  }

  return {
    async saveSession(save) {
      const { key, cookieKey, pointer, data, account, rank, expiresAt, ttlMs, authorizations, removed } = codec.sealSession(save)
      if (!(ttlMs > 0)) return 'ended'
      const parts = authorizations.flatMap(({ client, tag, data: part }) => [client, tag, part])
      const saved = await answered(
        client.latchkeySaveSession(key, clock(), data, expiresAt, ttlMs, account, rank, removed.length, ...removed, ...parts),
      )
      if (!isSaved(saved)) throw new StorageUnavailable('redis', 'a script gave an unknown answer')
      // The pointer has a key, and in a Cluster perhaps a server, of its own. Without it the session is found by uid alone.
      if (saved === 'saved' && save.pointed !== true) await answered(client.latchkeyPoint(cookieKey, pointer, ttlMs, DROPPED))
      return saved
    },
    async findSession(cookieId) {
      const cookieKey = codec.cookieKey(cookieId)
      const pointer = await readable(client.getBuffer(cookieKey))
      const key = pointer ? codec.openPointer(cookieKey, pointer) : undefined
      return key === undefined ? undefined : read(key, cookieId)
    },
    findSessionByUid: (uid) => read(codec.sessionKey(uid)),
    dropSessionPointer: async (cookieId) =>
      void (await answered(client.set(codec.cookieKey(cookieId), DROPPED, 'EX', TOMBSTONE_SECONDS))),
    endSession: async (uid) => void (await answered(client.latchkeyEndSession(codec.sessionKey(uid), TOMBSTONE_SECONDS * 1000))),
  }
}

function isSaved(answer: unknown): answer is SessionSaved {
  return SAVED.has(answer)
}

/** Whatever keeps Redis from answering, the caller learns one thing. The error itself would carry the command along. */
async function answered<T>(command: Promise<T>): Promise<T> {
  try {
    return await command
  } catch (error) {
    throw new StorageUnavailable('redis', Error.isError(error) ? error.message : String(error))
  }
}

/** Something of another kind under our key is not ours: it counts as absent. */
async function readable<T>(command: Promise<T>): Promise<T | undefined> {
  return answered(
    command.catch((error: Error) => {
      if (error.message.startsWith('WRONGTYPE')) return undefined
      throw error
    }),
  )
}
