// Security events that are pushed to their receivers (RFC 8935): the outbox of streams, which triggers fill (migration 0013).
import { SHARED_SIGNALS_SCOPE } from '../../config/scopes.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { changeWithAudit } from '../audit/audit.ts'
import { type Post, wordsForStatus } from '../outbox/endpoint.ts'
import type { Claimed, Exchange, Outbox, OutboxTable } from '../outbox/outbox.ts'
import { claimDue, createNote, givingUp, selectWaiting } from '../outbox/outbox-store.ts'
import type { Database } from '../storage/postgres.ts'
import type { Sealer } from '../storage/sealing.ts'
import type { SecurityEvent, SignSecurityEvent } from './security-event-token.ts'
import { authorizationContext } from './streams.ts'

/** Where they are. */
const SIGNAL_OUTBOX: OutboxTable = { table: 'signals', endpoint: 'stream_id' }

/** A security event that this process may push now. */
export interface ClaimedSignal extends Claimed, Omit<SecurityEvent, 'clientId' | 'streamId'> {
  /** Null when the stream is gone. */
  readonly clientId: string | null
  /** Nobody can use the client for now. */
  /** Why its client is told nothing for now. */
  readonly stopped: string | null
  readonly endpointUrl: string | null
  readonly sealedAuthorization: Uint8Array | null
}

/** Makes it. */
export function createSignalOutbox({ db }: { readonly db: Database }): Outbox<ClaimedSignal> {
  return {
    claim: (free) => claimDue<ClaimedSignal>(db, SIGNAL_OUTBOX, free, MORE),
    waiting: (endpointIds) => selectWaiting(db, SIGNAL_OUTBOX, endpointIds),
    note: createNote(db, SIGNAL_OUTBOX),
    async giveUp(claimed, told) {
      const { id, attempts, endpointId, event, accountId, sessionId, clientId } = claimed
      const about = {
        name: 'signal.failed',
        actor: 'system',
        ...(accountId === null ? {} : { accountId }),
        ...(sessionId === null ? {} : { sessionId }),
        ...(clientId === null ? {} : { clientId }),
      } as const
      const detail = { stream: endpointId, signal: id, event, attempts }
      await changeWithAudit(db, givingUp(SIGNAL_OUTBOX, claimed, told), { ...about, reason: told.error, detail })
      return true
    },
  }
}

/** Makes the function that tells a receiver. */
export function createSignalCourier(deps: {
  readonly sealer: Sealer
  readonly sign: SignSecurityEvent
  readonly post: Post
}): (claimed: ClaimedSignal, signal: AbortSignal) => Promise<Exchange> {
  return async (claimed, signal) => {
    const { clientId, endpointUrl, endpointId, sealedAuthorization } = claimed
    if (clientId === null || endpointUrl === null)
      return { accepted: false, status: undefined, error: 'the stream is gone', final: true }
    // It may be reinstated, and has a right to what had happened before.
    if (claimed.stopped !== null) return { accepted: false, status: undefined, error: claimed.stopped }
    const made = await message({ ...claimed, clientId, streamId: endpointId }, sealedAuthorization).catch(() => undefined)
    if (made === undefined) return { accepted: false, status: undefined, error: 'it cannot be signed, or its header not opened' }
    const answer = await deps.post(endpointUrl, made, signal)
    if (answer.status === undefined) return { accepted: false, ...answer }
    const { status } = answer
    // §2.2 has 202; the others say the same. §2.4: 400 finds fault with the token, which is often a setting, and is tried again.
    if (status === 202 || status === 200 || status === 204) return { accepted: true, status }
    return { accepted: false, status, error: status === 400 ? 'it refuses the security event (400)' : wordsForStatus(status) }
  }

  async function message(event: SecurityEvent, sealed: Uint8Array | null) {
    const authorization =
      sealed === null ? undefined : deps.sealer.open(sealed, authorizationContext(event.streamId)).toString('utf8')
    const headers = { 'Content-Type': 'application/secevent+jwt', Accept: 'application/json' }
    return {
      body: await deps.sign(event),
      headers: authorization === undefined ? headers : { ...headers, Authorization: authorization },
    }
  }
}

const STREAM = Prisma.sql`FROM signal_streams s JOIN clients c ON c.id = s.client_id WHERE s.id = n.stream_id`

const MORE = Prisma.sql`
  n.event, n.account_id AS "accountId", n.session_id AS "sessionId", n.cause, n.initiator,
  FLOOR(EXTRACT(EPOCH FROM n.created_at))::float8 AS at, (SELECT s.client_id ${STREAM}) AS "clientId",
  (SELECT CASE WHEN c.status <> 'active' THEN 'its client is suspended'
     WHEN NOT ${SHARED_SIGNALS_SCOPE} = ANY (string_to_array(c.metadata->>'scope', ' '))
       THEN ${`its client no longer has the scope ${SHARED_SIGNALS_SCOPE}`} END ${STREAM}) AS stopped,
  (SELECT s.endpoint_url ${STREAM}) AS "endpointUrl", (SELECT s.sealed_authorization ${STREAM}) AS "sealedAuthorization"`
