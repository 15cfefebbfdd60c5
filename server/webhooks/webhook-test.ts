// Trying a webhook: it is told that it was tried, by the way on which it is told of everything else.
import { Prisma } from '../../prisma/client/client.ts'
import { type Change, recordChange } from '../audit/change.ts'
import type { Database } from '../storage/postgres.ts'
import { lockWebhook } from './webhook-changes.ts'
import { WebhookRefused } from './webhook-rules.ts'

/** Puts in a delivery; its id, undefined when there is no such webhook. @throws WebhookRefused when it is disabled */
export function testWebhook(db: Database, id: string, change: Change): Promise<string | undefined> {
  return db.$transaction(async (tx) => {
    if (!(await lockWebhook(tx, id))) return undefined
    const { enabled } = await tx.webhook.findUniqueOrThrow({ where: { id } })
    if (!enabled) throw new WebhookRefused('the webhook is disabled, and is told nothing')
    await recordChange(tx, 'webhook.tested', change, { detail: { webhook: id } })
    // The trigger has put it in for webhooks that ask for such events; this one is told in any case.
    await tx.$executeRaw(Prisma.sql`
      INSERT INTO webhook_deliveries (id, webhook_id, event_id, event, give_up_at)
      SELECT 'msg_' || replace(gen_random_uuid()::text, '-', ''), ${id}, ${WRITTEN}, 'webhook.tested', latchkey_now() + interval '1 day'
      WHERE NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE ${OF_THE_TEST(id)})`)
    const [row] = await tx.$queryRaw<{ id: string }[]>(Prisma.sql`SELECT id FROM webhook_deliveries WHERE ${OF_THE_TEST(id)}`)
    return row?.id
  })
}

/** The event that this transaction has just written. */
const WRITTEN = Prisma.sql`currval(pg_get_serial_sequence('audit_events', 'id'))`

/** Those of this moment are looked through, and not a million of last week. */
const OF_THE_TEST = (id: string) =>
  Prisma.sql`webhook_id = ${id} AND event_id = ${WRITTEN} AND created_at >= latchkey_now() - interval '1 minute'`
