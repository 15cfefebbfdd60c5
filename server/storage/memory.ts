// The live store in the memory of the process, for development: the same port, the same rules, gone with the process.
import type { Clock } from '../../config/clock.ts'
import { createExpiringMap, type ExpiringMap } from './expiring-map.ts'
import { TOMBSTONE_SECONDS } from './keys.ts'
import { createLiveCodec, type LiveCodec, type StoredSession } from './live-codec.ts'
import type { LiveStore, Payload, SessionSaved } from './live-store.ts'
import type { Sealer } from './sealing.ts'

/** What is kept is sealed here too: so that both stores keep the same, and nobody holds on to an object that he put in. */
export function openMemoryStore({ sealer, clock }: { readonly sealer: Sealer; readonly clock: Clock }): LiveStore {
  const codec = createLiveCodec({ sealer, clock })
  return {
    ...recordStore(codec, clock),
    ...sessionStore(codec, clock),
    ping: async () => undefined,
    close: async () => undefined,
  }
}

interface MemoryRecord {
  readonly data: Buffer
  /** Seconds since the epoch. */
  consumed: number | undefined
}

type Records = Pick<LiveStore, 'put' | 'find' | 'findByUid' | 'findByUserCode' | 'consume' | 'destroy'>

function recordStore(codec: LiveCodec, clock: Clock): Records {
  const records: ExpiringMap<MemoryRecord> = createExpiringMap(clock)
  const links: ExpiringMap<Buffer> = createExpiringMap(clock)

  function read(key: string, id?: string): Payload | undefined {
    const record = records.get(key)
    const payload = record && codec.openRecord(key, record.data, id)
    if (payload === undefined || record?.consumed === undefined) return payload
    return { ...payload, consumed: record.consumed }
  }

  function follow(keys: readonly string[]): Payload | undefined {
    for (const key of keys) {
      const data = links.get(key)
      const recordKey = data && codec.openPointer(key, data)
      if (recordKey !== undefined) return read(recordKey)
    }
    return undefined
  }

  return {
    async put(record) {
      const { key, data, expiresAt, ttlMs, links: linkList } = codec.sealRecord(record)
      if (!(ttlMs > 0)) return records.delete(key)
      records.set(key, { data, consumed: records.get(key)?.consumed }, expiresAt)
      for (const link of linkList) links.set(link.key, link.data, expiresAt)
    },
    find: async (model, id) => read(codec.recordKey(model, id), id),
    findByUid: async (model, uid) => follow([codec.uidKey(model, uid)]),
    findByUserCode: async (model, userCode) => follow(codec.userCodeKeys(model, userCode)),
    async consume(model, id) {
      const record = records.get(codec.recordKey(model, id))
      if (record === undefined || record.consumed !== undefined) return false
      record.consumed = Math.floor(clock() / 1000)
      return true
    },
    destroy: async (model, id) => records.delete(codec.recordKey(model, id)),
  }
}

interface MemorySession {
  readonly state: 'live'
  data: Buffer
  account: string
  rank: number
  readonly parts: Map<string, { readonly tag: string; readonly data: Buffer }>
  /** Clients and tags of authorizations that were removed. */
  readonly removed: Set<string>
}

type Sessions = Pick<LiveStore, 'saveSession' | 'findSession' | 'findSessionByUid' | 'dropSessionPointer' | 'endSession'>

const DROPPED = 'dropped'
const ENDED = { state: 'ended' } as const

function sessionStore(codec: LiveCodec, clock: Clock): Sessions {
  const sessions: ExpiringMap<MemorySession | typeof ENDED> = createExpiringMap(clock)
  const pointers: ExpiringMap<Buffer | typeof DROPPED> = createExpiringMap(clock)

  function read(key: string, cookieId?: string): Payload | undefined {
    const session = sessions.get(key)
    if (session === undefined || session.state === 'ended') return undefined
    return codec.openSession(key, session.data, new Map([...session.parts].map(([client, { data }]) => [client, data])), cookieId)
  }

  function save(stored: StoredSession): SessionSaved {
    const session = sessions.get(stored.key) ?? emptySession()
    if (session.state === 'ended') return 'ended'
    if (session.account !== '' && session.account !== stored.account) return 'other-account'
    if (stored.rank >= session.rank) {
      Object.assign(session, { data: stored.data, account: stored.account, rank: stored.rank })
      sessions.set(stored.key, session, stored.expiresAt)
    }
    mergeParts(session, stored)
    return 'saved'
  }

  return {
    async saveSession(request) {
      const stored = codec.sealSession(request)
      if (!(stored.ttlMs > 0)) return 'ended'
      const saved = save(stored)
      if (saved === 'saved' && request.pointed !== true && pointers.get(stored.cookieKey) !== DROPPED)
        pointers.set(stored.cookieKey, stored.pointer, stored.expiresAt)
      return saved
    },
    async findSession(cookieId) {
      const cookieKey = codec.cookieKey(cookieId)
      const pointer = pointers.get(cookieKey)
      const key = pointer === undefined || pointer === DROPPED ? undefined : codec.openPointer(cookieKey, pointer)
      return key === undefined ? undefined : read(key, cookieId)
    },
    findSessionByUid: async (uid) => read(codec.sessionKey(uid)),
    dropSessionPointer: async (cookieId) => pointers.set(codec.cookieKey(cookieId), DROPPED, clock() + TOMBSTONE_SECONDS * 1000),
    async endSession(uid) {
      const key = codec.sessionKey(uid)
      sessions.set(key, ENDED, Math.max(sessions.expiryOf(key) ?? 0, clock() + TOMBSTONE_SECONDS * 1000))
    },
  }
}

function emptySession(): MemorySession {
  return { state: 'live', data: Buffer.alloc(0), account: '', rank: -1, parts: new Map(), removed: new Set() }
}

function mergeParts(session: MemorySession, { authorizations, removed }: StoredSession): void {
  for (const client of removed) {
    const part = session.parts.get(client)
    if (part === undefined) continue
    session.removed.add(`${client}:${part.tag}`)
    session.parts.delete(client)
  }
  for (const { client, tag, data } of authorizations) {
    if (!session.removed.has(`${client}:${tag}`)) session.parts.set(client, { tag, data })
  }
}
