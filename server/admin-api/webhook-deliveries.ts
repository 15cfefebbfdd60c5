// What webhooks were told, by the admin API: what came of it, and having it told again.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { Cursors } from '../http/cursors.ts'
import type { WebhookDelivery, Webhooks } from '../webhooks/webhooks.ts'
import { type ApiRoute, route } from './route.ts'
import { moment, name, notFound, pageOf, paging, readPage, reason, refused } from './shapes.ts'

const STATES = ['waiting', 'retrying', 'delivered', 'failed'] as const

const id = z.strictObject({ id: name })

export const deliveryShape = z
  .object({
    id: z.string().meta({ description: 'The `webhook-id` of every attempt.' }),
    webhook_id: z.string(),
    event_id: z.string().meta({ description: 'In the audit log.' }),
    event: z.string(),
    state: z.enum(STATES),
    attempts: z.int(),
    created_at: moment,
    last_attempt_at: moment.nullable(),
    last_status: z.int().nullable().meta({ description: 'Of HTTP; null: there was no answer, or no attempt yet.' }),
    last_error: z.string().nullable().meta({ description: 'In words; nothing of what was answered.' }),
    next_attempt_at: moment.nullable(),
    finished_at: moment.nullable(),
  })
  .meta({ id: 'WebhookDelivery' })

/** Makes the routes. */
export function deliveryRoutes(deps: { readonly cursors: Cursors; readonly webhooks: Webhooks }): ApiRoute[] {
  return [listRoute(deps), getRoute(deps), resendRoute(deps)]
}

function listRoute({ webhooks, cursors }: { readonly cursors: Cursors; readonly webhooks: Webhooks }): ApiRoute {
  return route({
    method: 'get',
    path: '/webhooks/:id/deliveries',
    name: 'listWebhookDeliveries',
    tag: 'Webhooks',
    summary: 'The deliveries of a webhook, the latest first',
    access: ACCESS.webhooks.read,
    params: id,
    query: z.strictObject({ state: z.enum(STATES, `it must be one of ${STATES.join(', ')}`).optional(), ...paging }),
    outcomes: { 200: { description: 'A page.', schema: pageOf(deliveryShape) } },
    async handle({ params, query: { limit, cursor, state } }) {
      if ((await webhooks.find(params.id)) === undefined) throw notFound('webhook')
      const which = { webhookId: params.id, ...(state === undefined ? {} : { state }) }
      const body = await readPage<WebhookDelivery>({
        cursors,
        list: `webhook-deliveries ${JSON.stringify(which)}`,
        limit,
        cursor,
        read: (most, after) =>
          webhooks.page({
            ...which,
            limit: most,
            ...(after === undefined ? {} : { after: { createdAt: new Date(Number(after[0])), id: String(after[1]) } }),
          }),
        placeOf: (delivery) => [delivery.createdAt.getTime(), delivery.id],
        show: showDelivery,
      })
      return { body }
    },
  })
}

function getRoute({ webhooks }: { readonly webhooks: Webhooks }): ApiRoute {
  return route({
    method: 'get',
    path: '/webhook-deliveries/:id',
    name: 'getWebhookDelivery',
    tag: 'Webhooks',
    summary: 'A delivery',
    access: ACCESS.webhooks.read,
    params: id,
    outcomes: { 200: { description: 'The delivery.', schema: deliveryShape } },
    handle: async ({ params }) => ({ body: showDelivery(await found(webhooks, params.id)) }),
  })
}

function resendRoute({ webhooks }: { readonly webhooks: Webhooks }): ApiRoute {
  return route({
    method: 'post',
    path: '/webhook-deliveries/:id/attempts',
    name: 'resendWebhookDelivery',
    tag: 'Webhooks',
    summary: 'Have a delivery made again, at once and for another day',
    access: ACCESS.webhooks.write,
    params: id,
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: { 202: { description: 'The delivery.', schema: deliveryShape } },
    async handle({ params, body, change }) {
      await found(webhooks, params.id)
      if (!(await webhooks.resend(params.id, change(body.reason))))
        throw refused('the delivery waits for its turn already, or its webhook is disabled')
      return { status: 202, body: showDelivery(await found(webhooks, params.id)) }
    },
  })
}

async function found(webhooks: Webhooks, which: string): Promise<WebhookDelivery> {
  const delivery = await webhooks.delivery(which)
  if (delivery === undefined) throw notFound('delivery')
  return delivery
}

export function showDelivery(delivery: WebhookDelivery): z.input<typeof deliveryShape> {
  return {
    id: delivery.id,
    webhook_id: delivery.webhookId,
    event_id: String(delivery.eventId),
    event: delivery.event,
    state: delivery.state,
    attempts: delivery.attempts,
    created_at: delivery.createdAt.toISOString(),
    last_attempt_at: delivery.lastAttemptAt?.toISOString() ?? null,
    last_status: delivery.lastStatus ?? null,
    last_error: delivery.lastError ?? null,
    next_attempt_at: delivery.nextAttemptAt?.toISOString() ?? null,
    finished_at: delivery.finishedAt?.toISOString() ?? null,
  }
}
