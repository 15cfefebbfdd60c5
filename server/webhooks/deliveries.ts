// Deliveries of webhooks: what each is to be told, or was told, of which event, and what came of it.
import { isPlainText } from '../../config/plain-text.ts'
import type { Database } from '../storage/postgres.ts'
import { isDeliveryId, isWebhookId } from './webhook-rules.ts'

/** That a webhook is to be told, or was told, of an event. */
export interface WebhookDelivery {
  /** `msg_…`, the `webhook-id` of every attempt. */
  readonly id: string
  readonly webhookId: string
  /** In the audit log. */
  readonly eventId: bigint
  /** The event's name. */
  readonly event: string
  readonly state: WebhookDeliveryState
  readonly attempts: number
  readonly createdAt: Date
  readonly lastAttemptAt: Date | undefined
  /** Of HTTP; undefined when there was no answer, or no attempt yet. */
  readonly lastStatus: number | undefined
  /** In words; nothing of what was answered. */
  readonly lastError: string | undefined
  /** Undefined when there will be no further attempt. While one is under way, the time when it counts as lost. */
  readonly nextAttemptAt: Date | undefined
  readonly finishedAt: Date | undefined
}

/** How far a delivery has come. */
export type WebhookDeliveryState = 'waiting' | 'retrying' | 'delivered' | 'failed'

/** Which deliveries are wanted. */
export interface WebhookDeliveryFilter {
  readonly webhookId?: string
  readonly state?: WebhookDeliveryState
  readonly event?: string
  /** 100 when left out or no number of rows, and at most 1000. */
  readonly limit?: number
}

const LISTED = 100
const MOST_LISTED = 1000

/** The newest first. */
export async function selectDeliveries(
  db: Database,
  { webhookId, state, event, limit = LISTED }: WebhookDeliveryFilter,
): Promise<WebhookDelivery[]> {
  if ((webhookId !== undefined && !isWebhookId(webhookId)) || (event !== undefined && !isPlainText(event))) return []
  const rows = await db.webhookDelivery.findMany({
    where: {
      ...(webhookId === undefined ? {} : { webhookId }),
      ...(state === undefined ? {} : { state }),
      ...(event === undefined ? {} : { event }),
    },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: Number.isInteger(limit) && limit >= 0 ? Math.min(limit, MOST_LISTED) : LISTED,
  })
  return rows.map(deliveryOf)
}

/** A page of a webhook's, the newest first. `after` is the last one of the page before. */
export async function pageOfDeliveries(
  db: Database,
  query: {
    readonly webhookId: string
    readonly state?: WebhookDeliveryState
    readonly limit: number
    readonly after?: Pick<WebhookDelivery, 'id' | 'createdAt'>
  },
): Promise<WebhookDelivery[]> {
  const { webhookId, state, limit, after } = query
  if (!isWebhookId(webhookId)) return []
  const rows = await db.webhookDelivery.findMany({
    where: {
      webhookId,
      ...(state === undefined ? {} : { state }),
      ...(after === undefined
        ? {}
        : {
            createdAt: { lte: after.createdAt },
            OR: [{ createdAt: { lt: after.createdAt } }, { createdAt: after.createdAt, id: { lt: after.id } }],
          }),
    },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: limit,
  })
  return rows.map(deliveryOf)
}

export async function findDelivery(db: Database, id: string): Promise<WebhookDelivery | undefined> {
  const row = isDeliveryId(id) ? await db.webhookDelivery.findUnique({ where: { id } }) : null
  return row === null ? undefined : deliveryOf(row)
}

function deliveryOf({
  giveUpAt: _giveUpAt,
  ...row
}: Awaited<ReturnType<Database['webhookDelivery']['findFirstOrThrow']>>): WebhookDelivery {
  return {
    ...row,
    state: row.state as WebhookDeliveryState,
    lastAttemptAt: row.lastAttemptAt ?? undefined,
    lastStatus: row.lastStatus ?? undefined,
    lastError: row.lastError ?? undefined,
    nextAttemptAt: row.nextAttemptAt ?? undefined,
    finishedAt: row.finishedAt ?? undefined,
  }
}
