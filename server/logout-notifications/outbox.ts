// Notifications that wait to be delivered: the outbox of logout tokens, which are made when they are sent.
import { Prisma } from '../../prisma/client/client.ts'
import { changeWithAudit } from '../audit/audit.ts'
import type { Claimed, Exchange, Outbox, OutboxTable } from '../outbox/outbox.ts'
import { claimDue, createNote, givingUp, selectWaiting } from '../outbox/outbox-store.ts'
import type { Database } from '../storage/postgres.ts'
import type { PostLogoutToken } from './client-endpoint.ts'
import type { SignLogoutToken } from './logout-token.ts'

/** Where they are. */
export const LOGOUT_OUTBOX: OutboxTable = { table: 'logout_notifications', endpoint: 'client_id' }

/** A notification that this process may deliver now. */
export interface ClaimedNotification extends Claimed {
  readonly sessionId: string
  readonly clientId: string
  readonly accountId: string
  readonly sid: string
  /** Where the client listens now; null when it no longer does. */
  readonly uri: string | null
  /** The algorithm that the client has its ID tokens signed with. */
  readonly algorithm: string
  /** PostgreSQL's time of the claim, in seconds since the epoch. */
  readonly now: number
}

/** Makes it. */
export function createLogoutOutbox({ db }: { readonly db: Database }): Outbox<ClaimedNotification> {
  return {
    claim: (free) => claimDue<ClaimedNotification>(db, LOGOUT_OUTBOX, free, MORE),
    waiting: (endpointIds) => selectWaiting(db, LOGOUT_OUTBOX, endpointIds),
    note: createNote(db, LOGOUT_OUTBOX),
    async giveUp(claimed, told) {
      const { id, attempts, clientId, accountId, sessionId } = claimed
      const detail = { notification: id, attempts }
      const about = { name: 'logout_notification.failed' as const, actor: 'system', accountId, clientId, sessionId }
      await changeWithAudit(db, givingUp(LOGOUT_OUTBOX, claimed, told), { ...about, reason: told.error, detail })
      return true
    },
  }
}

/** Makes the function that tells a client. */
export function createLogoutCourier(deps: {
  readonly sign: SignLogoutToken
  readonly post: PostLogoutToken
}): (claimed: ClaimedNotification, signal: AbortSignal) => Promise<Exchange> {
  return async (claimed, signal) => {
    if (claimed.uri === null) return unsent('the client no longer has a backchannel_logout_uri', true)
    // Each token has an identifier of its own (RFC 7519 §4.1.7): a client that refuses one that it has seen must not refuse the
    // next attempt, of which nobody knows whether it is the first to arrive.
    const jti = `${claimed.id}.${claimed.attempts}`
    const token = await deps.sign({ ...claimed, jti, issuedAt: claimed.now }).catch(() => undefined)
    if (token === undefined) return unsent(`there is no key that signs with ${claimed.algorithm}`, false)
    return deps.post(claimed.uri, token, signal)
  }
}

function unsent(error: string, final: boolean): Exchange {
  return { accepted: false, status: undefined, error, ...(final ? { final } : {}) }
}

const MORE = Prisma.sql`
  n.session_id AS "sessionId", n.client_id AS "clientId", n.account_id AS "accountId", n.sid,
  FLOOR(EXTRACT(EPOCH FROM latchkey_now()))::float8 AS now,
  (SELECT c.metadata->>'backchannel_logout_uri' FROM clients c WHERE c.id = n.client_id) AS uri,
  COALESCE((SELECT c.metadata->>'id_token_signed_response_alg' FROM clients c WHERE c.id = n.client_id), 'RS256') AS algorithm`
