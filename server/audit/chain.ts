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
    return ({ number, sealedAt, digest }: Parameters<AuditKeys['mac']>[0]) =>
      createHmac('sha256', object)
        .update(JSON.stringify([String(number), String(sealedAt), hex(digest)]))
        .digest()
  })
  const [first] = macs
  if (first === undefined) throw new Error('The audit log needs a key.')
  return {
    mac: first,
    made: ({ mac, ...seal }) => mac.length === 32 && macs.some((macOf) => timingSafeEqual(macOf(seal), mac)),
  }
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
