// Webhooks as the operator handles them: made, changed, deleted, their secrets replaced, and what came of their deliveries.
import { isPlainText } from '../../config/plain-text.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { changeWithAudit } from '../audit/audit.ts'
import { type Change, recordChange } from '../audit/change.ts'
import type { AllowedAddresses } from '../outbox/allowed-addresses.ts'
import { countWaiting, tryingAgain } from '../outbox/outbox-store.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { randomBytes } from '../storage/random.ts'
import type { Sealer } from '../storage/sealing.ts'
import { stopDeliveries, WEBHOOK_OUTBOX } from './outbox.ts'
import { newWebhookSecret, type SealedSecret } from './secrets.ts'
import { checkDescription, checkEvents, checkUrl, isDeliveryId, isWebhookId, originOf, WebhookRefused } from './webhook-rules.ts'

/** A program that is told what happens. */
export interface Webhook {
  /** `wh_…` */
  readonly id: string
  readonly url: string
  /** For people; may be empty. */
  readonly description: string
  /** Names of audit events; `session.*` is all that begin so, `*` is all. */
  readonly events: readonly string[]
  /** False: it is told nothing, also not of what happens meanwhile. */
  readonly enabled: boolean
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** What can be chosen of a webhook. */
export interface WebhookChoice {
  readonly url: string
  readonly events: readonly string[]
  readonly description: string
  readonly enabled: boolean
}

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

/** The webhooks of one database. */
export interface Webhooks {
  /** By age. */
  list(): Promise<Webhook[]>
  find(id: string): Promise<Webhook | undefined>
  /** Makes one; its secret is shown here and never again. @throws WebhookRefused */
  create(
    webhook: Pick<WebhookChoice, 'url' | 'events'> & { readonly description?: string },
    change: Change,
  ): Promise<{ readonly webhook: Webhook; readonly secret: string }>
  /** Changes one; undefined when it is not there. One that is disabled is not told what still waits. @throws WebhookRefused */
  update(id: string, choice: Partial<WebhookChoice>, change: Change): Promise<Webhook | undefined>
  /** Deletes one with its deliveries; false when it is not there. */
  delete(id: string, change: Change): Promise<boolean>
  /**
   * Gives it a new secret, which is shown here and never again; undefined when it is not there. The one before stays good for the
   * overlap (by default a day), and any older one no longer: 0 seconds for a secret that somebody else may have.
   * @throws WebhookRefused when the overlap is longer than a week
   */
  rotateSecret(id: string, change: Change, overlapSeconds?: number): Promise<string | undefined>
  /** The newest first. */
  deliveries(filter?: WebhookDeliveryFilter): Promise<WebhookDelivery[]>
  /** Has one made again, at once and for another day, under the same id; false when it, or an enabled webhook for it, is not there. */
  resend(deliveryId: string, change: Change): Promise<boolean>
  /** How many deliveries have not been made or given up; large numbers are not counted to the end. */
  waiting(): Promise<number>
}

/** Each one wants something of every event, in its transaction. */
const MOST_WEBHOOKS = 50
const LISTED = 100
const MOST_LISTED = 1000
const OVERLAP_SECONDS = 86_400
const LONGEST_OVERLAP_SECONDS = 7 * 86_400

/** Makes them. `resent` is told when there is something new to deliver. */
export function createWebhooks(deps: {
  readonly db: Database
  readonly sealer: Sealer
  readonly addresses: AllowedAddresses
  readonly resent: () => void
}): Webhooks {
  const { db, sealer, addresses } = deps
  return {
    list: () => db.webhook.findMany({ orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] }),
    find: async (id) => (isWebhookId(id) ? ((await db.webhook.findUnique({ where: { id } })) ?? undefined) : undefined),

    async create({ url, events, description = '' }, change) {
      checkUrl(url, addresses)
      checkEvents(events)
      checkDescription(description)
      const id = `wh_${randomBytes(12).toString('base64url')}`
      const { stored, shown } = newWebhookSecret(sealer, id)
      const webhook = await db.$transaction(async (tx) => {
        // A bound for the careless; two at the same moment may pass it by one.
        if ((await tx.webhook.count()) >= MOST_WEBHOOKS) throw new WebhookRefused(`there are ${MOST_WEBHOOKS} webhooks already`)
        const made = await tx.webhook.create({ data: { id, url, events: [...events], description } })
        await insertSecret(tx, id, stored)
        await recordChange(tx, 'webhook.created', change, { detail: { webhook: id, origin: originOf(url), events: [...events] } })
        return made
      })
      return { webhook, secret: shown }
    },

    update: (id, choice, change) => updateWebhook(deps, id, choice, change),

    async delete(id, change) {
      if (!isWebhookId(id)) return false
      return db.$transaction(async (tx) => {
        const { count } = await tx.webhook.deleteMany({ where: { id } })
        if (count === 0) return false
        await tx.webhookDelivery.deleteMany({ where: { webhookId: id } })
        await recordChange(tx, 'webhook.deleted', change, { detail: { webhook: id } })
        return true
      })
    },

    async rotateSecret(id, change, overlapSeconds = OVERLAP_SECONDS) {
      if (!(overlapSeconds >= 0 && overlapSeconds <= LONGEST_OVERLAP_SECONDS))
        throw new WebhookRefused(`the old secret may stay good for ${LONGEST_OVERLAP_SECONDS} seconds at most`)
      const { stored, shown } = newWebhookSecret(sealer, id)
      return db.$transaction(async (tx) => {
        if (!(await lockWebhook(tx, id))) return undefined
        await tx.$executeRaw(Prisma.sql`
          DELETE FROM webhook_secrets WHERE webhook_id = ${id} AND expires_at IS NOT NULL`)
        await tx.$executeRaw(Prisma.sql`
          UPDATE webhook_secrets SET expires_at = latchkey_now() + make_interval(secs => ${overlapSeconds}) WHERE webhook_id = ${id}`)
        await insertSecret(tx, id, stored)
        await recordChange(tx, 'webhook_secret.rotated', change, { detail: { webhook: id, overlapSeconds } })
        return shown
      })
    },

    deliveries: (filter = {}) => selectDeliveries(db, filter),

    async resend(deliveryId, { actor, reason, origin }) {
      if (!isDeliveryId(deliveryId)) return false
      const listening = Prisma.sql`EXISTS (SELECT 1 FROM webhooks w WHERE w.id = webhook_id AND w.enabled)`
      const change = tryingAgain(WEBHOOK_OUTBOX, deliveryId, ['retrying', 'delivered', 'failed'], listening)
      const about = { name: 'webhook_delivery.resent', actor, ...origin, detail: { delivery: deliveryId } } as const
      const done = await changeWithAudit(db, change, { ...about, ...(reason === undefined ? {} : { reason }) })
      if (done) deps.resent()
      return done
    },

    waiting: () => countWaiting(db, WEBHOOK_OUTBOX),
  }
}

async function updateWebhook(
  { db, addresses }: { readonly db: Database; readonly addresses: AllowedAddresses },
  id: string,
  { url, events, description, enabled }: Partial<WebhookChoice>,
  change: Change,
): Promise<Webhook | undefined> {
  if (url !== undefined) checkUrl(url, addresses)
  if (events !== undefined) checkEvents(events)
  if (description !== undefined) checkDescription(description)
  return db.$transaction(async (tx) => {
    if (!(await lockWebhook(tx, id))) return undefined
    const before = await tx.webhook.findUniqueOrThrow({ where: { id } })
    const after = {
      url: url ?? before.url,
      events: [...(events ?? before.events)],
      description: description ?? before.description,
      enabled: enabled ?? before.enabled,
    }
    const members = (['url', 'events', 'description', 'enabled'] as const).filter(
      (member) => JSON.stringify(before[member]) !== JSON.stringify(after[member]),
    )
    if (members.length === 0) return before
    await tx.$executeRaw(Prisma.sql`
      UPDATE webhooks SET url = ${after.url}, events = ${after.events}::text[], description = ${after.description},
        enabled = ${after.enabled}, updated_at = latchkey_now() WHERE id = ${id}`)
    const stopped = before.enabled && !after.enabled ? await stopDeliveries(tx, id, 'the webhook is disabled') : 0
    const name = before.enabled && !after.enabled ? 'webhook.disabled' : 'webhook.updated'
    const detail = { webhook: id, members, origin: originOf(after.url), events: after.events, deliveries: stopped }
    await recordChange(tx, name, change, { detail })
    return tx.webhook.findUniqueOrThrow({ where: { id } })
  })
}

/** One change of a webhook at a time. */
async function lockWebhook(tx: Transaction, id: string): Promise<boolean> {
  if (!isWebhookId(id)) return false
  const rows = await tx.$queryRaw<unknown[]>(Prisma.sql`SELECT 1 FROM webhooks WHERE id = ${id} FOR NO KEY UPDATE`)
  return rows.length > 0
}

async function insertSecret(tx: Transaction, webhookId: string, { id, sealed }: SealedSecret): Promise<void> {
  await tx.webhookSecret.create({ data: { id, webhookId, sealed: Buffer.from(sealed) }, select: { id: true } })
}

async function selectDeliveries(
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
  return rows.map(({ giveUpAt: _giveUpAt, ...row }) => ({
    ...row,
    state: row.state as WebhookDeliveryState,
    lastAttemptAt: row.lastAttemptAt ?? undefined,
    lastStatus: row.lastStatus ?? undefined,
    lastError: row.lastError ?? undefined,
    nextAttemptAt: row.nextAttemptAt ?? undefined,
    finishedAt: row.finishedAt ?? undefined,
  }))
}
