// Webhooks by the admin API: made, changed, tried and deleted, their secrets replaced.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { AccessRule } from '../../config/roles.ts'
import type { Cursors } from '../http/cursors.ts'
import { MOST_WEBHOOKS, WebhookBeyondReading } from '../webhooks/webhook-rules.ts'
import type { Webhook, WebhookLook, Webhooks } from '../webhooks/webhooks.ts'
import { refusing } from './refusals.ts'
import { type ApiRoute, route } from './route.ts'
import { name, notFound, pageOf, paging, readPage, reason } from './shapes.ts'
import { deliveryRoutes, deliveryShape, showDelivery } from './webhook-deliveries.ts'
import { lookShape, showLook, shownSecret, showWebhook, webhookMembers, webhookShape } from './webhook-shapes.ts'

/** What the routes call. */
export interface WebhookRoutesDeps {
  readonly cursors: Cursors
  readonly webhooks: Webhooks
  /** @throws WebhookRefused */
  readonly checkUrl: (url: string) => void
}

const DAY_SECONDS = 86_400

const id = z.strictObject({ id: name })

/** Makes the routes. */
export function webhookRoutes(deps: WebhookRoutesDeps): ApiRoute[] {
  return [
    listRoute(deps),
    createRoute(deps),
    getRoute(deps),
    changeRoute(deps),
    deleteRoute(deps),
    secretRoute(deps),
    testRoute(deps),
    ...deliveryRoutes(deps),
  ]
}

function listRoute({ webhooks, cursors }: WebhookRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/webhooks',
    name: 'listWebhooks',
    tag: 'Webhooks',
    summary: 'List webhooks, by age',
    description: `There can be ${MOST_WEBHOOKS}.`,
    access: ACCESS.webhooks.read,
    query: z.strictObject(paging),
    outcomes: { 200: { description: 'A page.', schema: pageOf(webhookShape) } },
    async handle({ query: { limit, cursor }, caller }) {
      const body = await readPage<Webhook>({
        cursors,
        list: 'webhooks',
        limit,
        cursor,
        read: (most, after) =>
          webhooks.list({
            limit: most,
            ...(after === undefined ? {} : { after: { createdAt: new Date(Number(after[0])), id: String(after[1]) } }),
          }),
        placeOf: (one) => [one.createdAt.getTime(), one.id],
        show: (one) => showWebhook(one, caller),
      })
      return { body }
    },
  })
}

function getRoute({ webhooks }: WebhookRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/webhooks/:id',
    name: 'getWebhook',
    tag: 'Webhooks',
    summary: 'A webhook',
    access: ACCESS.webhooks.read,
    params: id,
    outcomes: { 200: { description: 'The webhook.', schema: lookShape, headers: ['ETag'] } },
    async handle({ params, caller }) {
      const webhook = await found(webhooks, params.id)
      return { body: showLook(webhook, caller), version: webhook.version }
    },
  })
}

function createRoute({ webhooks, checkUrl }: WebhookRoutesDeps): ApiRoute {
  const { url, events, description } = webhookMembers(checkUrl)
  return route({
    method: 'post',
    path: '/webhooks',
    name: 'createWebhook',
    tag: 'Webhooks',
    summary: 'Make a webhook',
    description: NEEDS_READING,
    access: ACCESS.webhooks.write,
    body: z.strictObject({ url, events, description: description.optional(), reason }),
    outcomes: {
      201: {
        description: 'The webhook.',
        schema: lookShape.extend({ secret: shownSecret }).meta({ id: 'NewWebhook' }),
        headers: ['ETag', 'Location'],
      },
    },
    async handle({ body: { reason: why, description: about, ...choice }, change, caller, insist }) {
      const webhook = { ...choice, ...(about === undefined ? {} : { description: about }) }
      const made = await refusing('webhook', () => withinReading(insist, () => webhooks.create(webhook, change(why))))
      const look = await found(webhooks, made.webhook.id)
      return {
        status: 201,
        body: { ...showLook(look, caller), secret: made.secret },
        version: look.version,
        headers: { Location: `/admin/api/v1/webhooks/${look.id}` },
      }
    },
  })
}

function changeRoute({ webhooks, checkUrl }: WebhookRoutesDeps): ApiRoute {
  const { url, events, description } = webhookMembers(checkUrl)
  return route({
    method: 'patch',
    path: '/webhooks/:id',
    name: 'changeWebhook',
    tag: 'Webhooks',
    summary: 'Change a webhook',
    description: [
      NEEDS_READING,
      'So does a change by which it is told more than before, or elsewhere, or again.',
      'One that is disabled is told nothing, and what waits for it is given up. One whose `url` is at another origin than before gets a new secret, which is shown here, and the ones before are good no longer: nobody has deliveries to a place of their choice signed by a secret that they were never shown.',
    ].join(' '),
    access: ACCESS.webhooks.write,
    params: id,
    body: z.strictObject({
      url: url.optional(),
      events: events.optional(),
      description: description.optional(),
      enabled: z.boolean('it must be true or false').optional(),
      reason,
    }),
    versioned: true,
    outcomes: {
      200: { description: 'The webhook.', schema: lookShape.extend({ secret: shownSecret.nullable() }), headers: ['ETag'] },
    },
    async handle({ params, body: { reason: why, ...asked }, change, caller, insist, ifVersion }) {
      const choice = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined))
      const changed = await refusing('webhook', () =>
        withinReading(insist, () => webhooks.update(params.id, choice, change(why), ifVersion)),
      )
      if (changed === undefined) throw notFound('webhook')
      const look = await found(webhooks, params.id)
      return { body: { ...showLook(look, caller), secret: changed.secret ?? null }, version: look.version }
    },
  })
}

function deleteRoute({ webhooks }: WebhookRoutesDeps): ApiRoute {
  return route({
    method: 'delete',
    path: '/webhooks/:id',
    name: 'deleteWebhook',
    tag: 'Webhooks',
    summary: 'Delete a webhook with its deliveries',
    access: ACCESS.webhooks.write,
    params: id,
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: { 200: { description: 'It is gone.', schema: z.object({ deleted: z.literal(true) }) } },
    async handle({ params, body, change }) {
      if (!(await webhooks.delete(params.id, change(body.reason)))) throw notFound('webhook')
      return { body: { deleted: true } }
    },
  })
}

function secretRoute({ webhooks }: WebhookRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/webhooks/:id/secrets',
    name: 'createWebhookSecret',
    tag: 'Webhooks',
    summary: 'Give a webhook a new secret',
    description: 'The one before stays good for `overlap_seconds`: 0 when somebody else may have it.',
    access: ACCESS.webhooks.write,
    params: id,
    body: z.strictObject({
      overlap_seconds: z
        .int('it must be a whole number')
        .min(0, 'it must not be negative')
        .max(7 * DAY_SECONDS, `it must be ${7 * DAY_SECONDS} at most`)
        .default(DAY_SECONDS),
      reason,
    }),
    bodyOptional: true,
    outcomes: { 201: { description: 'The secret.', schema: z.object({ secret: shownSecret }) } },
    async handle({ params, body, change }) {
      const shown = await refusing('webhook', () => webhooks.rotateSecret(params.id, change(body.reason), body.overlap_seconds))
      if (shown === undefined) throw notFound('webhook')
      return { status: 201, body: { secret: shown } }
    },
  })
}

function testRoute({ webhooks }: WebhookRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/webhooks/:id/test',
    name: 'testWebhook',
    tag: 'Webhooks',
    summary: 'Tell a webhook that it is tried (`webhook.tested`), whatever it asks for',
    access: ACCESS.webhooks.write,
    params: id,
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: {
      202: {
        description: 'The delivery. What comes of it, it says a moment later.',
        schema: deliveryShape,
        headers: ['Location'],
      },
    },
    async handle({ params, body, change }) {
      const delivery = await refusing('webhook', () => webhooks.test(params.id, change(body.reason)))
      if (delivery === undefined) throw notFound('webhook')
      return {
        status: 202,
        body: showDelivery(delivery),
        headers: { Location: `/admin/api/v1/webhook-deliveries/${delivery.id}` },
      }
    },
  })
}

const NEEDS_READING = `It takes the scope ${ACCESS.auditEvents.read.scope} too: what a webhook is told stands in the audit log.`

/** Does what may take more than the route itself asks for, and says which scope is missing. @throws HttpProblem 403 */
async function withinReading<Result>(insist: (rule: AccessRule) => void, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof WebhookBeyondReading) insist(ACCESS.auditEvents.read)
    throw error
  }
}

async function found(webhooks: Webhooks, which: string): Promise<WebhookLook> {
  const webhook = await webhooks.look(which)
  if (webhook === undefined) throw notFound('webhook')
  return webhook
}
