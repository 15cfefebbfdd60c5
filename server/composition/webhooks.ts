// Builds the way in which programs are told what happens: the webhooks, and what delivers to them.
import type { Config } from '../../config/config.ts'
import type { Log } from '../http/log.ts'
import type { Metrics } from '../http/metrics.ts'
import { createAllowedAddresses } from '../outbox/allowed-addresses.ts'
import { createDelivery, type Delivery } from '../outbox/delivery.ts'
import { createPost } from '../outbox/endpoint.ts'
import { createWebhookCourier, createWebhookOutbox } from '../webhooks/outbox.ts'
import { checkUrl } from '../webhooks/webhook-rules.ts'
import { createWebhooks, type Webhooks } from '../webhooks/webhooks.ts'
import type { OpenStores } from './stores.ts'

/** The way in which programs are told. */
export interface WebhookParts {
  readonly webhooks: Webhooks
  readonly delivery: Delivery
  /** @throws WebhookRefused when a webhook may not listen there */
  checkUrl(url: string): void
}

/** Builds it. */
export function createWebhookParts(deps: {
  readonly config: Config
  readonly log: Log
  readonly stores: OpenStores
  readonly metrics: Metrics
}): WebhookParts {
  const { config, log, metrics } = deps
  const { db, sealer } = deps.stores
  const addresses = createAllowedAddresses({
    ranges: config.webhookPrivateAddresses,
    setting: 'LATCHKEY_WEBHOOK_PRIVATE_ADDRESSES',
  })
  const delivery = createDelivery({
    outbox: createWebhookOutbox({ db }),
    bring: createWebhookCourier({ sealer, post: createPost({ addresses }) }),
    tried(outcome, { id, endpointId, event, attempts }, error) {
      metrics.count('webhookDeliveries', { outcome })
      const about = { delivery: id, webhook: endpointId, event, attempts, error }
      if (outcome === 'given_up') log.error(about, 'a webhook was not told, and will not be')
      else if (outcome === 'postponed') log.warn(about, 'a webhook was not told, and will be tried again')
    },
  })
  // Whoever asks does not wait; when it cannot be looked now, the look of every other second says so.
  const resent = () => void delivery.look().catch(() => undefined)
  const webhooks = createWebhooks({ db, sealer, addresses, resent })
  metrics.whenAsked(async () => metrics.set('webhookDeliveriesWaiting', {}, await webhooks.waiting()))
  return { webhooks, delivery, checkUrl: (url) => checkUrl(url, addresses) }
}
