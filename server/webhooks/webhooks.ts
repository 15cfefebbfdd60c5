// Webhooks as the operator handles them: made, changed, deleted, their secrets replaced, and what came of their deliveries.
import { Prisma } from '../../prisma/client/client.ts'
import { changeWithAudit } from '../audit/audit.ts'
import { type Change, eventOf, recordChange } from '../audit/change.ts'
import type { AllowedAddresses } from '../outbox/allowed-addresses.ts'
import { countWaiting, tryingAgain } from '../outbox/outbox-store.ts'
import type { Database } from '../storage/postgres.ts'
import { randomBytes } from '../storage/random.ts'
import type { Sealer } from '../storage/sealing.ts'
import {
  findDelivery,
  pageOfDeliveries,
  selectDeliveries,
  type WebhookDelivery,
  type WebhookDeliveryFilter,
} from './deliveries.ts'
import { type LastDelivery, selectLastDeliveries } from './last-deliveries.ts'
import { WEBHOOK_OUTBOX } from './outbox.ts'
import { newWebhookSecret } from './secrets.ts'
import {
  type ChangedWebhook,
  changeWebhook,
  insertSecret,
  rotateWebhookSecret,
  selectSecrets,
  versionOfWebhook,
  type Webhook,
  type WebhookChoice,
  type WebhookSecretItem,
} from './webhook-changes.ts'
import {
  checkDescription,
  checkEvents,
  checkMayRead,
  checkUrl,
  isDeliveryId,
  isWebhookId,
  MOST_WEBHOOKS,
  originOf,
  WebhookRefused,
} from './webhook-rules.ts'
import { testWebhook } from './webhook-test.ts'

export type { WebhookDelivery, WebhookDeliveryFilter, WebhookDeliveryState } from './deliveries.ts'
export type { LastDelivery } from './last-deliveries.ts'
export type { Webhook, WebhookChoice } from './webhook-changes.ts'

/** The webhooks of one database. */
export interface Webhooks {
  /** By age: all of them, or so many that come after one. */
  list(page?: { readonly limit: number; readonly after?: Pick<Webhook, 'createdAt' | 'id'> }): Promise<Webhook[]>
  /** What came last of what each was told, by the webhook's id. */
  lastDeliveries(): Promise<ReadonlyMap<string, LastDelivery>>
  find(id: string): Promise<Webhook | undefined>
  /** One with its secrets, but for what they are, and the version of all that can be changed. */
  look(id: string): Promise<WebhookLook | undefined>
  /**
   * Makes one; its secret is shown here and never again.
   * @param webhook.id made up beforehand (`newWebhookId`), so that what is asked for twice is made once; left out: a new one
   * @throws WebhookRefused also when there is one of that id @throws WebhookBeyondReading when the actor may not read the audit log
   */
  create(
    webhook: Pick<WebhookChoice, 'url' | 'events'> & { readonly id?: string; readonly description?: string },
    change: Change,
  ): Promise<{ readonly webhook: Webhook; readonly secret: string }>
  /**
   * Changes one; undefined when it is not there. One that is disabled is not told what still waits, and one that is moved to another
   * origin gets a new secret. @throws WebhookRefused @throws ChangedMeanwhile when it is no longer the version that was seen
   */
  update(id: string, choice: Partial<WebhookChoice>, change: Change, seen?: string): Promise<ChangedWebhook | undefined>
  /** Deletes one with its deliveries; false when it is not there. */
  delete(id: string, change: Change): Promise<boolean>
  /**
   * Gives it a new secret, which is shown here and never again; undefined when it is not there. The one before stays good for the
   * overlap (by default a day), and any older one no longer: 0 seconds for a secret that somebody else may have.
   * @throws WebhookRefused when the overlap is longer than a week
   * @throws ChangedMeanwhile when it is no longer the version that was seen: a second secret would end the first
   */
  rotateSecret(id: string, change: Change, overlapSeconds?: number, seen?: string): Promise<string | undefined>
  /** The newest first. */
  deliveries(filter?: WebhookDeliveryFilter): Promise<WebhookDelivery[]>
  /** Of one webhook, a page at a time. */
  page(query: Parameters<typeof pageOfDeliveries>[1]): Promise<WebhookDelivery[]>
  delivery(id: string): Promise<WebhookDelivery | undefined>
  /**
   * Has one told that it was tried, whatever it asks for; undefined when it is not there. @throws WebhookRefused when it is disabled
   */
  test(id: string, change: Change): Promise<WebhookDelivery | undefined>
  /** Has one made again, at once and for another day, under the same id; false when it, or an enabled webhook for it, is not there. */
  resend(deliveryId: string, change: Change): Promise<boolean>
  /** How many deliveries have not been made or given up; large numbers are not counted to the end. */
  waiting(): Promise<number>
}

/** A webhook, looked at closely. */
export interface WebhookLook extends Webhook {
  readonly secrets: readonly WebhookSecretItem[]
  readonly version: string
}

/** A new id of a webhook, never given twice. */
export function newWebhookId(): string {
  return `wh_${randomBytes(12).toString('base64url')}`
}

/** Makes them. `resent` is told when there is something new to deliver. */
export function createWebhooks(deps: {
  readonly db: Database
  readonly sealer: Sealer
  readonly addresses: AllowedAddresses
  readonly resent: () => void
}): Webhooks {
  const { db } = deps
  return {
    list: (page) =>
      db.webhook.findMany({
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        ...(page === undefined ? {} : { take: page.limit }),
        ...(page?.after === undefined ? {} : { where: comesAfter(page.after) }),
      }),
    lastDeliveries: () => selectLastDeliveries(db),
    find: async (id) => (isWebhookId(id) ? ((await db.webhook.findUnique({ where: { id } })) ?? undefined) : undefined),

    async look(id) {
      const webhook = isWebhookId(id) ? await db.webhook.findUnique({ where: { id } }) : null
      if (webhook === null) return undefined
      const secrets = await selectSecrets(db, id)
      return { ...webhook, secrets, version: versionOfWebhook(webhook, secrets) }
    },

    create: (webhook, change) => createWebhook(deps, webhook, change),

    update: (id, choice, change, seen) => changeWebhook(deps, { id, choice, seen }, change),

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

    rotateSecret: (id, change, overlapSeconds, seen) => rotateWebhookSecret(deps, { id, overlapSeconds, seen }, change),

    deliveries: (filter = {}) => selectDeliveries(db, filter),
    page: (query) => pageOfDeliveries(db, query),
    delivery: (id) => findDelivery(db, id),

    async test(id, change) {
      const deliveryId = await testWebhook(db, id, change)
      if (deliveryId === undefined) return undefined
      deps.resent()
      return findDelivery(db, deliveryId)
    },

    async resend(deliveryId, by) {
      if (!isDeliveryId(deliveryId)) return false
      const listening = Prisma.sql`EXISTS (SELECT 1 FROM webhooks w WHERE w.id = webhook_id AND w.enabled)`
      const change = tryingAgain(WEBHOOK_OUTBOX, deliveryId, ['retrying', 'delivered', 'failed'], listening)
      const event = eventOf('webhook_delivery.resent', by, { detail: { delivery: deliveryId } })
      const done = await changeWithAudit(db, change, event)
      if (done) deps.resent()
      return done
    },

    waiting: () => countWaiting(db, WEBHOOK_OUTBOX),
  }
}

function comesAfter({ createdAt, id }: Pick<Webhook, 'createdAt' | 'id'>): Prisma.WebhookWhereInput {
  return { OR: [{ createdAt: { gt: createdAt } }, { createdAt, id: { gt: id } }] }
}

async function createWebhook(
  { db, sealer, addresses }: { readonly db: Database; readonly sealer: Sealer; readonly addresses: AllowedAddresses },
  { id = newWebhookId(), url, events, description = '' }: Parameters<Webhooks['create']>[0],
  change: Change,
): ReturnType<Webhooks['create']> {
  if (!isWebhookId(id)) throw new WebhookRefused('the id is none of a webhook')
  checkMayRead(change)
  checkUrl(url, addresses)
  checkEvents(events)
  checkDescription(description)
  const { stored, shown } = newWebhookSecret(sealer, id)
  const webhook = await db.$transaction(async (tx) => {
    // One is made at a time: of those that are made at once each would count those of before.
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('latchkey webhooks', 0))`
    if ((await tx.webhook.count()) >= MOST_WEBHOOKS) throw new WebhookRefused(`there are ${MOST_WEBHOOKS} webhooks already`)
    // Of two at the same moment the later one waits here for the first.
    const data = { id, url, events: [...events], description }
    const [made] = await tx.webhook.createManyAndReturn({ data, skipDuplicates: true })
    if (made === undefined) throw new WebhookRefused('there is this webhook already')
    await insertSecret(tx, id, stored)
    await recordChange(tx, 'webhook.created', change, { detail: { webhook: id, origin: originOf(url), events: [...events] } })
    return made
  })
  return { webhook, secret: shown }
}
