// The chain of the audit log: what a seal says of the events under it and of the seal before, so that no event can be changed, taken
// out, put in or moved without a trace. The digests can be computed by anybody; the keyed one on top says that the server made them.
import { createHmac, createSecretKey, hash, timingSafeEqual } from 'node:crypto'
import { Prisma } from '../../prisma/client/client.ts'

/** Which seal was the last, as it is written down outside of the database. */
export interface AuditHead {
  readonly number: bigint
  readonly digest: Uint8Array
}

/** What a seal is made over. */
export interface SealContent {
  readonly number: bigint
  /** Milliseconds since the epoch. */
  readonly sealedAt: bigint
  /** The digest of the seal before. */
  readonly previous: Uint8Array
  readonly eventIds: readonly bigint[]
  /** 32 bytes of each event, in the order of `eventIds`. */
  readonly eventDigests: readonly Uint8Array[]
}

/** Makes seals, and tells those that a server with this ENCRYPTION_KEY has made. */
export interface AuditKeys {
  mac(seal: Omit<SealContent, 'previous' | 'eventIds' | 'eventDigests'> & { readonly digest: Uint8Array }): Buffer
  made(
    seal: Omit<SealContent, 'previous' | 'eventIds' | 'eventDigests'> & { readonly digest: Uint8Array; readonly mac: Uint8Array },
  ): boolean
  /** What an event says of itself that tells of events which were kept long enough and are gone: that the server wrote it. */
  removalProof(removal: AuditRemoval): string
  wroteRemoval(removal: AuditRemoval, proof: string): boolean
}

/** What such an event is about: the last of the seals whose events are gone, and how long they were kept, in seconds. */
export interface AuditRemoval extends AuditHead {
  readonly keptSeconds: number
}

/** What comes before the first seal. */
export const NOTHING_BEFORE: Uint8Array = new Uint8Array(32)

/** Bytes of an event's digest that stand in its seal by themselves. */
export const MARK_BYTES = 8

/** An event of `audit_events e` as one text, the same wherever and whenever it is read. */
export const EVENT_TEXT = Prisma.sql`jsonb_build_array(e.id, (EXTRACT(EPOCH FROM e.at) * 1000)::bigint, e.name, e.actor, e.account_id,
  e.client_id, e.session_id, e.grant_id, e.address, e.user_agent, e.request_id, e.reason, e.detail)::text`

/** The digest of an event, of its text. */
export function eventDigest(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

/** The digest of a seal. */
export function sealDigest({ number, sealedAt, previous, eventIds, eventDigests }: SealContent): Buffer {
  const head = JSON.stringify(['latchkey audit seal 1', String(number), String(sealedAt), hex(previous), eventIds.map(String)])
  return hash('sha256', Buffer.concat([Buffer.from(head), ...eventDigests]), 'buffer')
}

/** What of the events' digests stands in their seal. */
export function marksOf(eventDigests: readonly Uint8Array[]): Buffer {
  return Buffer.concat(eventDigests.map((digest) => digest.subarray(0, MARK_BYTES)))
}

/** @param keys of the server, for this purpose alone: the first makes seals, all tell them */
export function createAuditKeys(keys: readonly Uint8Array[]): AuditKeys {
  const macs = keys.map((key) => {
    const object = createSecretKey(key)
    return (words: readonly string[]) => createHmac('sha256', object).update(JSON.stringify(words)).digest()
  })
  const [first] = macs
  if (first === undefined) throw new Error('The audit log needs a key.')
  const made = (words: readonly string[], mac: Uint8Array) =>
    mac.length === 32 && macs.some((macOf) => timingSafeEqual(macOf(words), mac))
  return {
    mac: (seal) => first(wordsOfSeal(seal)),
    made: ({ mac, ...seal }) => made(wordsOfSeal(seal), mac),
    removalProof: (removal) => first(wordsOfRemoval(removal)).toString('hex'),
    wroteRemoval: (removal, proof) => made(wordsOfRemoval(removal), Buffer.from(proof, 'hex')),
  }
}

function wordsOfSeal({ number, sealedAt, digest }: Parameters<AuditKeys['mac']>[0]): string[] {
  return [String(number), String(sealedAt), hex(digest)]
}

function wordsOfRemoval({ number, digest, keptSeconds }: AuditRemoval): string[] {
  return ['removed', String(number), hex(digest), String(keptSeconds)]
}

/** A head as text: its number and its digest, `1042-9f2c…`. */
export function headText({ number, digest }: AuditHead): string {
  return `${number}-${hex(digest)}`
}

/** Reads a head; undefined when it is none. */
export function readHead(text: string): AuditHead | undefined {
  const [, number, digest] = /^(\d{1,18})-([0-9a-f]{64})$/i.exec(text.trim()) ?? []
  if (number === undefined || digest === undefined) return undefined
  return { number: BigInt(number), digest: Buffer.from(digest, 'hex') }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
