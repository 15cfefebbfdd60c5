// What the live store keeps of a record or a session: sealed, so that a dump tells nothing and no value works under another key.
import type { Clock } from '../../config/clock.ts'
import { digestOf, keyedDigestOf, liveKey, liveKeys } from './keys.ts'
import type { LiveRecord, Payload, SessionSave } from './live-store.ts'
import type { Sealer } from './sealing.ts'

/** A record as it is stored. */
export interface StoredRecord {
  readonly key: string
  readonly data: Buffer
  /** By the clock, in milliseconds. */
  readonly expiresAt: number
  readonly ttlMs: number
  /** Keys by which it is found too, each with the sealed key of the record. */
  readonly links: readonly { readonly key: string; readonly data: Buffer }[]
}

/** One client's part of a session. */
export interface StoredAuthorization {
  readonly client: string
  /** Names this authorization among others of the same client, earlier and later. */
  readonly tag: string
  readonly data: Buffer
}

/** A session as it is stored: what all clients share, and each client's part. */
export interface StoredSession {
  readonly key: string
  readonly cookieKey: string
  readonly pointer: Buffer
  readonly data: Buffer
  /** A digest of the account; empty while nobody is signed in. */
  readonly account: string
  /** Of two saves the one with the higher rank (the later sign-in) has the shared part. */
  readonly rank: number
  readonly expiresAt: number
  readonly ttlMs: number
  readonly authorizations: readonly StoredAuthorization[]
  readonly removed: readonly string[]
}

/** Translates between what callers have and what is stored. */
export interface LiveCodec {
  recordKey(model: string, id: string): string
  uidKey(model: string, uid: string): string
  /** One for each encryption key: the first is written, all are looked up. */
  userCodeKeys(model: string, userCode: string): string[]
  sealRecord(record: LiveRecord): StoredRecord
  /** Nothing when the data is not readable, not for this key, or its time is over. */
  openRecord(key: string, data: Buffer, id?: string): Payload | undefined
  openPointer(key: string, data: Buffer): string | undefined

  sessionKey(uid: string): string
  cookieKey(cookieId: string): string
  sealSession(save: SessionSave): StoredSession
  openSession(key: string, data: Buffer, parts: ReadonlyMap<string, Buffer>, cookieId?: string): Payload | undefined
}

/** @param clock decides when the time of something is over */
export function createLiveCodec({ sealer, clock }: { readonly sealer: Sealer; readonly clock: Clock }): LiveCodec {
  const envelopes = createEnvelopes(sealer, clock)
  return {
    ...recordCodec(envelopes, sealer.deriveAll('user codes')),
    ...sessionCodec(envelopes),
    openPointer(key, data) {
      const content = envelopes.openContent(key, data)
      return typeof content === 'string' ? content : undefined
    },
  }
}

/** What is sealed of a thing: its payload, what it is found by, and when its time is over. */
interface Envelope {
  readonly id: string
  readonly payload: Payload
  readonly expiresAt: number
}

/** Content that is sealed under its key. */
interface Envelopes {
  seal(key: string, content: Envelope | string | readonly unknown[]): Buffer
  /** Nothing when it was changed, moved, or sealed under a key that is gone: for whoever asks it is not there. */
  openContent(key: string, data: Buffer): unknown
  /** The payload, if its time is not over. */
  open(key: string, data: Buffer, id?: string): Payload | undefined
  /** Until when something is to be kept: for its time to live, and not beyond the library's own `exp`. */
  times(thing: { readonly payload: Payload; readonly ttlSeconds: number }): { readonly expiresAt: number; readonly ttlMs: number }
}

function createEnvelopes(sealer: Sealer, clock: Clock): Envelopes {
  const envelopes: Envelopes = {
    seal: (key, content) => sealer.seal(JSON.stringify(content), key),
    openContent(key, data) {
      try {
        return JSON.parse(sealer.open(data, key).toString('utf8'))
      } catch {
        return undefined
      }
    },
    open(key, data, id) {
      const content = envelopes.openContent(key, data)
      if (!isEnvelope(content) || content.expiresAt <= clock()) return undefined
      return { ...content.payload, jti: id ?? content.id }
    },
    times({ payload, ttlSeconds }) {
      const now = clock()
      const { exp } = payload
      const expiresAt = Math.min(now + ttlSeconds * 1000, typeof exp === 'number' ? exp * 1000 : Number.POSITIVE_INFINITY)
      return { expiresAt: Math.ceil(expiresAt), ttlMs: Math.ceil(expiresAt - now) }
    },
  }
  return envelopes
}

type RecordCodec = Pick<LiveCodec, 'recordKey' | 'uidKey' | 'userCodeKeys' | 'sealRecord' | 'openRecord'>

function recordCodec(envelopes: Envelopes, userCodeSecrets: readonly Buffer[]): RecordCodec {
  const recordKey = (model: string, id: string) => liveKey(liveKeys.record, digestOf(model, id))
  const uidKey = (model: string, uid: string) => liveKey(liveKeys.uid, digestOf(model, uid))
  const userCodeKeys = (model: string, userCode: string) =>
    userCodeSecrets.map((secret) => liveKey(liveKeys.userCode, keyedDigestOf(secret, model, userCode)))
  return {
    recordKey,
    uidKey,
    userCodeKeys,
    openRecord: envelopes.open,
    sealRecord(record) {
      const { model, id, payload, uid, userCode } = record
      const key = recordKey(model, id)
      const times = envelopes.times(record)
      const linkKeys = [
        ...(uid === undefined ? [] : [uidKey(model, uid)]),
        ...(userCode === undefined ? [] : userCodeKeys(model, userCode).slice(0, 1)),
      ]
      return {
        key,
        ...times,
        data: envelopes.seal(key, { id, payload: without(payload, 'jti'), expiresAt: times.expiresAt }),
        links: linkKeys.map((linkKey) => ({ key: linkKey, data: envelopes.seal(linkKey, key) })),
      }
    },
  }
}

type SessionCodec = Pick<LiveCodec, 'sessionKey' | 'cookieKey' | 'sealSession' | 'openSession'>

function sessionCodec(envelopes: Envelopes): SessionCodec {
  const sessionKey = (uid: string) => liveKey(liveKeys.session, digestOf(uid))
  const cookieKey = (cookieId: string) => liveKey(liveKeys.cookie, digestOf(cookieId))
  return {
    sessionKey,
    cookieKey,
    sealSession(save) {
      const { cookieId, uid, payload } = save
      const key = sessionKey(uid)
      const pointerKey = cookieKey(cookieId)
      const times = envelopes.times(save)
      const shared = without(without(payload, 'jti'), 'authorizations')
      return {
        key,
        cookieKey: pointerKey,
        ...times,
        pointer: envelopes.seal(pointerKey, key),
        data: envelopes.seal(key, { id: cookieId, payload: shared, expiresAt: times.expiresAt }),
        account: typeof payload.accountId === 'string' ? digestOf(payload.accountId) : '',
        rank: rankOf(payload),
        authorizations: Object.entries(asObject(payload.authorizations) ?? {}).map(([clientId, authorization]) => {
          const client = digestOf(clientId)
          return { client, tag: tagOf(authorization), data: envelopes.seal(partKey(key, client), [clientId, authorization]) }
        }),
        removed: save.removed.map((clientId) => digestOf(clientId)),
      }
    },
    openSession(key, data, parts, cookieId) {
      const shared = envelopes.open(key, data, cookieId)
      if (shared === undefined) return undefined
      const authorizations: [string, unknown][] = []
      for (const [client, part] of parts) {
        const content = envelopes.openContent(partKey(key, client), part)
        // A session of which a part cannot be read is not one that could be signed out of: it is gone as a whole.
        if (!Array.isArray(content) || typeof content[0] !== 'string') return undefined
        authorizations.push([content[0], content[1]])
      }
      return parts.size === 0 ? shared : { ...shared, authorizations: Object.fromEntries(authorizations) }
    },
  }
}

function partKey(sessionKey: string, client: string): string {
  return `${sessionKey}/${client}`
}

/** Signed in later ranks higher; not signed in ranks lowest. */
function rankOf({ accountId, loginTs }: Payload): number {
  if (accountId === undefined) return 0
  return typeof loginTs === 'number' ? Math.max(1, loginTs) : 1
}

/** The library gives each authorization its `sid`, and its grant before that. */
function tagOf(authorization: unknown): string {
  const { sid, grantId } = asObject(authorization) ?? {}
  return digestOf(typeof sid === 'string' ? sid : typeof grantId === 'string' ? grantId : '')
}

function without(payload: Payload, name: string): Payload {
  const { [name]: _, ...rest } = payload
  return rest
}

function asObject(value: unknown): Payload | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
}

function isEnvelope(content: unknown): content is Envelope {
  const { id, payload, expiresAt } = asObject(content) ?? {}
  return typeof id === 'string' && typeof expiresAt === 'number' && asObject(payload) !== undefined
}
