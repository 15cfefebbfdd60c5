// What came last of what each webhook was told: by it one sees which of them answer.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import type { WebhookDeliveryState } from './deliveries.ts'

/** The latest delivery of a webhook of which something has come. */
export interface LastDelivery {
  /** `msg_…` */
  readonly id: string
  /** The event's name. */
  readonly event: string
  /** `retrying` and `failed`: the webhook does not take what it is told. */
  readonly state: Exclude<WebhookDeliveryState, 'waiting'>
  readonly at: Date
}

/** Of each webhook that was told something in the last week, by its id. */
export async function selectLastDeliveries(db: Database): Promise<ReadonlyMap<string, LastDelivery>> {
  // The latest of each state, and of those the latest: each is the first row of an index, however many wait before it.
  const rows = await db.$queryRaw<(LastDelivery & { readonly webhookId: string })[]>(Prisma.sql`
    SELECT w.id AS "webhookId", last.* FROM webhooks w CROSS JOIN LATERAL (
      SELECT d.id, d.event, d.state, coalesce(d.last_attempt_at, d.finished_at, d.created_at) AS at
      FROM unnest(ARRAY['delivered', 'retrying', 'failed']) AS one (state) CROSS JOIN LATERAL (
        SELECT * FROM webhook_deliveries of_state
        WHERE of_state.webhook_id = w.id AND of_state.state = one.state
        ORDER BY of_state.created_at DESC, of_state.id DESC LIMIT 1) d
      ORDER BY d.created_at DESC, d.id DESC LIMIT 1) last`)
  return new Map(rows.map(({ webhookId, ...last }) => [webhookId, last]))
}

/** A webhook that does not take what it is told. */
export interface FailingWebhook {
  readonly id: string
  readonly url: string
  /** Of the earliest event that it has not taken. */
  readonly since: Date
  /** It was told in vain for a day: what it missed is lost, unless somebody has it sent again. */
  readonly givenUp: boolean
}

/** Those that are enabled and have been told in vain for so long, or for a day and no other way since. */
export async function selectFailingWebhooks(db: Database, seconds: number): Promise<FailingWebhook[]> {
  const first = (state: string, order: 'ASC' | 'DESC') => Prisma.sql`(
    SELECT d.created_at FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = ${state}
    ORDER BY d.created_at ${Prisma.raw(order)}, d.id ${Prisma.raw(order)} LIMIT 1)`
  return db.$queryRaw(Prisma.sql`
    SELECT id, url, LEAST(CASE WHEN long THEN retrying END, CASE WHEN given_up THEN failed END) AS since, given_up AS "givenUp"
    FROM (
      SELECT *, COALESCE(retrying <= latchkey_now() - make_interval(secs => ${seconds}), false) AS long,
        failed IS NOT NULL AND failed > COALESCE(delivered, '-infinity') AS given_up
      FROM (
        SELECT w.id, w.url, ${first('retrying', 'ASC')} AS retrying, ${first('failed', 'DESC')} AS failed,
          ${first('delivered', 'DESC')} AS delivered
        FROM webhooks w WHERE w.enabled) told) standing
    WHERE long OR given_up ORDER BY since, id`)
}
