// Webhooks, as the admin API takes and shows them.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import { checkDescription, checkEvents, WebhookRefused } from '../webhooks/webhook-rules.ts'
import type { Webhook, WebhookLook } from '../webhooks/webhooks.ts'
import type { Caller } from './caller.ts'
import { moment } from './shapes.ts'

export const webhookShape = z
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

export const lookShape = webhookShape
  .extend({
    secrets: z
      .array(z.object({ id: z.string(), created_at: moment, expires_at: moment.nullable() }))
      .meta({ description: 'That there are secrets; the one without an end is the current one.' }),
  })
  .meta({ id: 'WebhookDetail' })

/** A secret in clear. */
export const shownSecret = z.string().meta({ description: '`whsec_…`, shown here and never again.' })

/** What the members may be is the noun's to say. */
export function webhookMembers(checkUrl: (url: string) => void) {
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

/** Shows one. */
export function showWebhook(
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

/** Shows one with its secrets, but for what they are. */
export function showLook(webhook: WebhookLook, caller: Caller): z.input<typeof lookShape> {
  return {
    ...showWebhook(webhook, caller),
    secrets: webhook.secrets.map((one) => ({
      id: one.id,
      created_at: one.createdAt.toISOString(),
      expires_at: one.expiresAt?.toISOString() ?? null,
    })),
  }
}
