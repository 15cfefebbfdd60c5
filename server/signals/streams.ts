// Streams of security events (OpenID Shared Signals Framework 1.0 §8.1): a client has one, and chooses how it hears.
import { Prisma } from '../../prisma/client/client.ts'
import { recordAudit } from '../audit/audit.ts'
import type { AllowedAddresses } from '../outbox/allowed-addresses.ts'
import type { Database } from '../storage/postgres.ts'
import { randomBytes } from '../storage/random.ts'
import type { Sealer } from '../storage/sealing.ts'
import { checkUrl, originOf } from '../webhooks/webhook-rules.ts'
import { eventUri, SIGNAL_EVENTS, type SignalEvent, VERIFICATION } from './security-event-token.ts'

/** RFC 8935. */
export const PUSH = 'urn:ietf:rfc:8935'
/** RFC 8936. */
export const POLL = 'urn:ietf:rfc:8936'

/** A stream cannot be made as asked; the message says why. */
export class SignalStreamRefused extends Error {
  override readonly name = 'SignalStreamRefused'
}

/** A client's stream. */
export interface SignalStream {
  /** `str_…` */
  readonly id: string
  readonly clientId: string
  /** Where security events are pushed to; null: the client fetches them. */
  readonly endpointUrl: string | null
  /** URIs. */
  readonly eventsRequested: readonly string[]
  /** Those of them that there are. */
  readonly events: readonly SignalEvent[]
  readonly description: string
}

/** What a client chooses. */
export interface SignalStreamRequest {
  readonly clientId: string
  /** Undefined: it fetches. */
  readonly push: { readonly endpointUrl: string; readonly authorization: string | undefined } | undefined
  /** URIs; those that there are not are left out. */
  readonly eventsRequested: readonly string[]
  readonly description: string
}

/** What is not of this shape is no stream; PostgreSQL would refuse some of it. */
const STREAM_ID = /^str_[\w-]{1,100}$/

/** How often a client may ask for a verification event. */
export const VERIFICATION_SECONDS = 30

/** The streams of one database. */
export interface SignalStreams {
  find(clientId: string): Promise<SignalStream | undefined>
  /** Undefined when the client has one already. @throws SignalStreamRefused, WebhookRefused for an address */
  create(request: SignalStreamRequest): Promise<SignalStream | undefined>
  /** Sends a verification event with a word of the client's; false when the last one was asked for a moment ago. */
  verify(stream: SignalStream, word: string): Promise<boolean>
  /** With what waits in it; false when the client has no such stream. */
  delete(clientId: string, id: string): Promise<boolean>
}

/** Makes them. `addresses` judges where may be pushed to. */
export function createSignalStreams(deps: {
  readonly db: Database
  readonly sealer: Sealer
  readonly addresses: AllowedAddresses
}): SignalStreams {
  const { db, sealer } = deps
  return {
    async find(clientId) {
      const row = await db.signalStream.findUnique({ where: { clientId } })
      return row === null ? undefined : { ...row, events: row.events as SignalEvent[] }
    },

    async create({ clientId, push, eventsRequested, description }) {
      if (push !== undefined) checkUrl(push.endpointUrl, deps.addresses)
      if (push?.authorization !== undefined && !/^[\x21-\x7E][\x20-\x7E]{0,1999}$/.test(push.authorization))
        throw new SignalStreamRefused(
          'authorization_header must be the value of a header: printable ASCII, 2000 characters at most',
        )
      const events = SIGNAL_EVENTS.filter((event) => eventsRequested.includes(eventUri(event)))
      if (events.length === 0)
        throw new SignalStreamRefused(`events_requested must have one of ${SIGNAL_EVENTS.map(eventUri).join(', ')}`)
      const id = `str_${randomBytes(12).toString('base64url')}`
      const endpointUrl = push?.endpointUrl ?? null
      const sealed = push?.authorization === undefined ? null : sealer.seal(push.authorization, authorizationContext(id))
      const made = await db.$transaction(async (tx) => {
        const inserted = await tx.$executeRaw(Prisma.sql`
          INSERT INTO signal_streams (id, client_id, method, endpoint_url, sealed_authorization, events_requested, events, description)
          SELECT ${id}, c.id, ${push === undefined ? 'poll' : 'push'}, ${endpointUrl}::text, ${sealed}::bytea,
            ${[...eventsRequested]}::text[], ${events}::text[], ${description}
          FROM clients c WHERE c.id = ${clientId} AND c.status = 'active' ON CONFLICT (client_id) DO NOTHING`)
        if (inserted === 0) return false
        const detail = { stream: id, events, ...(endpointUrl === null ? {} : { endpointOrigin: originOf(endpointUrl) }) }
        await recordAudit(tx, { name: 'signal_stream.created', actor: clientId, clientId, detail })
        return true
      })
      return made ? { id, clientId, endpointUrl, eventsRequested, events, description } : undefined
    },

    async verify({ id, endpointUrl }, word) {
      const due = endpointUrl === null ? Prisma.sql`NULL` : Prisma.sql`latchkey_now()`
      const asked = await db.$executeRaw(Prisma.sql`
        INSERT INTO signals (id, stream_id, event, cause, next_attempt_at, give_up_at, expires_at)
        SELECT ${`set_${randomBytes(16).toString('hex')}`}, ${id}, ${VERIFICATION}, ${word}, ${due}::timestamptz,
          latchkey_now() + interval '1 day', latchkey_now() + interval '8 days'
        WHERE NOT EXISTS (SELECT 1 FROM signals WHERE stream_id = ${id} AND event = ${VERIFICATION}
          AND created_at > latchkey_now() - make_interval(secs => ${VERIFICATION_SECONDS}))`)
      return asked > 0
    },

    async delete(clientId, id) {
      if (!STREAM_ID.test(id)) return false
      return db.$transaction(async (tx) => {
        const { count } = await tx.signalStream.deleteMany({ where: { id, clientId } })
        if (count === 0) return false
        await tx.signal.deleteMany({ where: { streamId: id } })
        await recordAudit(tx, { name: 'signal_stream.deleted', actor: clientId, clientId, detail: { stream: id } })
        return true
      })
    },
  }
}

/** Where the sealed header of a stream stands. */
export function authorizationContext(streamId: string): string {
  return `signal_streams:${streamId}:authorization`
}
