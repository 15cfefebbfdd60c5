// What webhooks are to be told: the outbox that a trigger fills from the audit log (migration 0013), and how one delivery is made and
// brought (Standard Webhooks).
import { Prisma } from '../../prisma/client/client.ts'
import { changeWithAudit, recordAudit } from '../audit/audit.ts'
import { type Post, wordsForStatus } from '../outbox/endpoint.ts'
import type { Claimed, Exchange, Outbox, OutboxTable } from '../outbox/outbox.ts'
import { claimDue, createNote, givingUp, selectWaiting } from '../outbox/outbox-store.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import type { Sealer } from '../storage/sealing.ts'
import { openWebhookSecret, signaturesOf } from './secrets.ts'

/** Where deliveries are. */
export const WEBHOOK_OUTBOX: OutboxTable = { table: 'webhook_deliveries', endpoint: 'webhook_id' }

/** A delivery that this process may make now. */
export interface ClaimedDelivery extends Claimed {
  /** The event's name. */
  readonly event: string
  /** Where the webhook listens now; null when it is disabled, or gone. */
  readonly url: string | null
  /** PostgreSQL's time of the claim, in seconds since the epoch. */
  readonly now: number
  /** The event, as the audit log has it; null when it is no longer there. */
  readonly recorded: RecordedEvent | null
  /** The secrets that are good now, the current one first. */
  readonly secrets: readonly { readonly id: string; readonly sealed: string }[] | null
}

/** A row of the audit log. */
interface RecordedEvent {
  readonly name: string
  readonly at: string
  readonly [column: string]: unknown
}

/** Of HTTP (RFC 9110 §15.5.11); Standard Webhooks has it for an endpoint that wants no more. */
const GONE = 410

/** Makes it. */
export function createWebhookOutbox({ db }: { readonly db: Database }): Outbox<ClaimedDelivery> {
  const note = createNote(db, WEBHOOK_OUTBOX)
  return {
    claim: (free) => claimDue<ClaimedDelivery>(db, WEBHOOK_OUTBOX, free, MORE),
    waiting: (endpointIds) => selectWaiting(db, WEBHOOK_OUTBOX, endpointIds),
    note,
    async giveUp(claimed, told) {
      if (told.status === GONE) {
        if (await disableGone(db, claimed)) return true
        await note({ claimed, state: 'retrying', waitSeconds: 0, ...told })
        return false
      }
      const detail = { webhook: claimed.endpointId, delivery: claimed.id, event: claimed.event, attempts: claimed.attempts }
      const about = { name: 'webhook_delivery.failed', actor: 'system', reason: told.error, detail } as const
      await changeWithAudit(db, givingUp(WEBHOOK_OUTBOX, claimed, told), about)
      return true
    },
  }
}

/** Makes the function that tells a webhook. */
export function createWebhookCourier(deps: {
  readonly sealer: Sealer
  readonly post: Post
}): (claimed: ClaimedDelivery, signal: AbortSignal) => Promise<Exchange> {
  return async (claimed, signal) => {
    const { id, url, recorded, now } = claimed
    if (url === null) return unsent('the webhook is disabled or deleted', true)
    if (recorded === null) return unsent('the event is no longer in the audit log', true)
    const secrets = openAll(deps.sealer, claimed)
    // Never unsigned; a key that was taken away may come back.
    if (secrets.length === 0)
      return unsent('its secret cannot be opened: ENCRYPTION_KEY lacks the key it was sealed under', false)
    const body = bodyOf(recorded)
    const headers = {
      'Content-Type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(now),
      'webhook-signature': signaturesOf(secrets, { id, timestamp: now, body }),
    }
    const answer = await deps.post(url, { body, headers }, signal)
    if (answer.status === undefined) return { accepted: false, ...answer }
    const { status } = answer
    if (status >= 200 && status < 300) return { accepted: true, status }
    return { accepted: false, status, error: wordsForStatus(status), ...(status === GONE ? { final: true } : {}) }
  }
}

/** What a webhook that is disabled was still to be told, it is not told. @returns how much that was */
export function stopDeliveries(tx: Transaction, webhookId: string, error: string): Promise<number> {
  return tx.$executeRaw(Prisma.sql`
    UPDATE webhook_deliveries SET state = 'failed', next_attempt_at = NULL, finished_at = latchkey_now(), last_error = ${error}
    WHERE webhook_id = ${webhookId} AND next_attempt_at IS NOT NULL`)
}

/**
 * The webhook wants to hear no more. It may meanwhile have been moved elsewhere, and then this was not about it.
 * @returns whether it was disabled
 */
async function disableGone(db: Database, claimed: ClaimedDelivery): Promise<boolean> {
  const { endpointId, url } = claimed
  const error = wordsForStatus(GONE)
  return db.$transaction(async (tx) => {
    const disabled = await tx.$executeRaw(Prisma.sql`
      UPDATE webhooks SET enabled = false, updated_at = latchkey_now() WHERE id = ${endpointId} AND url = ${url} AND enabled`)
    if (disabled === 0) return false
    await tx.$executeRaw(givingUp(WEBHOOK_OUTBOX, claimed, { status: GONE, error }))
    const stopped = await stopDeliveries(tx, endpointId, `the webhook is disabled: ${error}`)
    const detail = { webhook: endpointId, deliveries: stopped }
    await recordAudit(tx, { name: 'webhook.disabled', actor: 'system', reason: error, detail })
    return true
  })
}

function openAll(sealer: Sealer, { endpointId, secrets }: ClaimedDelivery): Buffer[] {
  return (secrets ?? []).flatMap(({ id, sealed }) => {
    try {
      return [openWebhookSecret(sealer, endpointId, { id, sealed: Buffer.from(sealed, 'base64') })]
    } catch {
      return []
    }
  })
}

/** `{type, timestamp, data}`; what the event does not have is left out. */
function bodyOf({ name, at, ...columns }: RecordedEvent): string {
  const data = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== null))
  return JSON.stringify({ type: name, timestamp: new Date(at).toISOString(), data })
}

function unsent(error: string, final: boolean): Exchange {
  return { accepted: false, status: undefined, error, ...(final ? { final } : {}) }
}

const MORE = Prisma.sql`
  n.event, FLOOR(EXTRACT(EPOCH FROM latchkey_now()))::float8 AS now,
  (SELECT w.url FROM webhooks w WHERE w.id = n.webhook_id AND w.enabled) AS url,
  (SELECT to_jsonb(a) || jsonb_build_object('id', a.id::text) FROM audit_events a WHERE a.id = n.event_id) AS recorded,
  (SELECT jsonb_agg(jsonb_build_object('id', s.id, 'sealed', encode(s.sealed, 'base64')) ORDER BY s.expires_at DESC NULLS FIRST)
    FROM webhook_secrets s WHERE s.webhook_id = n.webhook_id AND (s.expires_at IS NULL OR s.expires_at > latchkey_now())) AS secrets`
