// Webhooks by the admin API: made, changed, tried and deleted, their secrets replaced.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { Cursors } from '../http/cursors.ts'
import { checkDescription, checkEvents, WebhookRefused } from '../webhooks/webhook-rules.ts'
import type { Webhook, WebhookLook, Webhooks } from '../webhooks/webhooks.ts'
import type { Caller } from './caller.ts'
import { refusing } from './refusals.ts'
import { type ApiRoute, route } from './route.ts'
import { moment, name, notFound, reason } from './shapes.ts'
import { deliveryRoutes, deliveryShape, showDelivery } from './webhook-deliveries.ts'

/** What the routes call. */
export interface WebhookRoutesDeps {
  readonly cursors: Cursors
  readonly webhooks: Webhooks
  /** @throws WebhookRefused */
  readonly checkUrl: (url: string) => void
}

const DAY_SECONDS = 86_400

const id = z.strictObject({ id: name })

const webhookShape = z
  .object({
    id: z.string(),
    url: z.string().nullable().meta({
      description: 'Null for those who may only read: its path and query may hold a secret.',
    }),
    origin: z.string(),
    description: z.string(),
    events: z.array(z.string()),
    enabled: z.boolean(),
    created_at: moment,
    updated_at: moment,
  })
  .meta({ id: 'Webhook' })

const lookShape = webhookShape
  .extend({
    secrets: z
      .array(z.object({ id: z.string(), created_at: moment, expires_at: moment.nullable() }))
      .meta({ description: 'That there are secrets; the one without an end is the current one.' }),
  })
  .meta({ id: 'WebhookDetail' })

const secret = z.string().meta({ description: '`whsec_…`, shown here and never again.' })

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

function listRoute({ webhooks }: WebhookRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/webhooks',
    name: 'listWebhooks',
    tag: 'Webhooks',
    summary: 'List webhooks, by age',
    access: ACCESS.webhooks.read,
    outcomes: {
      200: {
        description: 'All of them: there can be 50.',
        schema: z.object({ items: z.array(webhookShape), next_cursor: z.null() }),
      },
    },
    handle: async ({ caller }) => ({
      body: { items: (await webhooks.list()).map((one) => show(one, caller)), next_cursor: null },
    }),
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
    outcomes: { 200: { description: 'The webhook.', schema: lookShape } },
    async handle({ params, caller }) {
      const webhook = await found(webhooks, params.id)
      return { body: showLook(webhook, caller), version: webhook.version }
    },
  })
}

function createRoute({ webhooks, checkUrl }: WebhookRoutesDeps): ApiRoute {
  const { url, events, description } = members(checkUrl)
  return route({
    method: 'post',
    path: '/webhooks',
    name: 'createWebhook',
    tag: 'Webhooks',
    summary: 'Make a webhook',
    access: ACCESS.webhooks.write,
    body: z.strictObject({ url, events, description: description.optional(), reason }),
    outcomes: { 201: { description: 'The webhook.', schema: lookShape.extend({ secret }).meta({ id: 'NewWebhook' }) } },
    async handle({ body: { reason: why, description: about, ...choice }, change, caller }) {
      const webhook = { ...choice, ...(about === undefined ? {} : { description: about }) }
      const made = await refusing('webhook', () => webhooks.create(webhook, change(why)))
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
  const { url, events, description } = members(checkUrl)
  return route({
    method: 'patch',
    path: '/webhooks/:id',
    name: 'changeWebhook',
    tag: 'Webhooks',
    summary: 'Change a webhook',
    description:
      'One that is disabled is told nothing, and what waits for it is given up. One whose `url` is at another origin than before gets a new secret, which is shown here, and the ones before are good no longer: nobody has deliveries to a place of their choice signed by a secret that they were never shown.',
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
    outcomes: { 200: { description: 'The webhook.', schema: lookShape.extend({ secret: secret.nullable() }) } },
    async handle({ params, body: { reason: why, ...asked }, change, caller, ifVersion }) {
      const choice = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined))
      const changed = await refusing('webhook', () => webhooks.update(params.id, choice, change(why), ifVersion))
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
    outcomes: { 201: { description: 'The secret.', schema: z.object({ secret }) } },
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
    outcomes: { 202: { description: 'The delivery. What comes of it, it says a moment later.', schema: deliveryShape } },
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

/** What the members may be is the noun's to say. */
function members(checkUrl: (url: string) => void) {
  return {
    url: z.string('it must be text').superRefine(by(checkUrl)).meta({ description: 'https, or http on this machine.' }),
    events: z
      .array(z.string('it must be text'), 'it must be a list')
      .superRefine(by(checkEvents))
      .meta({ description: 'Names of audit events; `session.*` is all that begin so, `*` is all.' }),
    description: z.string('it must be text').superRefine(by(checkDescription)).meta({ description: 'For people.' }),
  }
}

function by<Value>(check: (value: Value) => void) {
  return (value: Value, context: { addIssue(issue: { code: 'custom'; message: string }): void }) => {
    try {
      check(value)
    } catch (error) {
      if (!(error instanceof WebhookRefused)) throw error
      context.addIssue({ code: 'custom', message: error.message })
    }
  }
}

async function found(webhooks: Webhooks, which: string): Promise<WebhookLook> {
  const webhook = await webhooks.look(which)
  if (webhook === undefined) throw notFound('webhook')
  return webhook
}

function show(
  { id: which, url, description, events, enabled, createdAt, updatedAt }: Webhook,
  { scopes }: Caller,
): z.input<typeof webhookShape> {
  return {
    id: which,
    url: scopes.has(ACCESS.webhooks.write.scope) ? url : null,
    origin: new URL(url).origin,
    description,
    events: [...events],
    enabled,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  }
}

function showLook(webhook: WebhookLook, caller: Caller): z.input<typeof lookShape> {
  return {
    ...show(webhook, caller),
    secrets: webhook.secrets.map((one) => ({
      id: one.id,
      created_at: one.createdAt.toISOString(),
      expires_at: one.expiresAt?.toISOString() ?? null,
    })),
  }
}
