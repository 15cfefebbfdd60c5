// Builds what tells clients of security events, where that is on: their streams, what pushes to them, and where they fetch.
import type { Middleware } from 'koa'
import type { Config } from '../../config/config.ts'
import { SHARED_SIGNALS_SCOPE } from '../../config/scopes.ts'
import type { Log } from '../http/log.ts'
import type { Metrics } from '../http/metrics.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import type { Task } from '../maintenance/schedule.ts'
import { createAllowedAddresses } from '../outbox/allowed-addresses.ts'
import { createDelivery, type Delivery, type DeliveryOutcome } from '../outbox/delivery.ts'
import { createPost } from '../outbox/endpoint.ts'
import { type OwnAccess, sharedSignalsResource } from '../provider/own-resources.ts'
import { createSharedSignals } from '../shared-signals/routes.ts'
import { createPolling } from '../signals/poll.ts'
import { createSignalCourier, createSignalOutbox } from '../signals/push.ts'
import { createSecurityEventTokens } from '../signals/security-event-token.ts'
import { createSignalStreams } from '../signals/streams.ts'
import { createUnfetched, UNFETCHED_EVERY_SECONDS } from '../signals/unfetched.ts'
import type { OpenStores } from './stores.ts'

/** What tells them. */
export interface SignalParts {
  readonly delivery: Delivery
  readonly tasks: readonly Task[]
  pages(ownAccess: OwnAccess): readonly Middleware[]
}

/** Builds it; undefined where it is off. */
export function createSignalParts(deps: {
  readonly config: Config
  readonly log: Log
  readonly stores: OpenStores
  readonly metrics: Metrics
  /** The keys as they are now. */
  readonly keys: () => SigningKeys
}): SignalParts | undefined {
  const { config, log, metrics, keys } = deps
  if (!config.sharedSignals) return undefined
  const { db, sealer } = deps.stores
  const { issuer } = config
  const addresses = createAllowedAddresses({
    ranges: config.webhookPrivateAddresses,
    setting: 'LATCHKEY_WEBHOOK_PRIVATE_ADDRESSES',
  })
  const sign = createSecurityEventTokens({ issuer, keys })
  const tried = (outcome: DeliveryOutcome, about: object) => {
    metrics.count('signals', { outcome })
    if (outcome === 'given_up') log.error(about, 'a security event was not taken, and will not be told again')
    else if (outcome === 'postponed') log.warn(about, 'a security event was not taken, and will be tried again')
  }
  const delivery = createDelivery({
    outbox: createSignalOutbox({ db }),
    bring: createSignalCourier({ sealer, sign, post: createPost({ addresses }) }),
    tried: (outcome, { id, endpointId, event, attempts }, error) =>
      tried(outcome, { signal: id, stream: endpointId, event, attempts, error }),
  })
  const poll = createPolling({
    db,
    sign,
    tried: (stream, { id, event, error }) =>
      tried(error === null ? 'delivered' : 'given_up', { signal: id, stream: stream.id, event, error }),
  })
  const closeUnfetched = createUnfetched({
    db,
    givenUp({ streamId, clientId, count }) {
      metrics.count('signals', { outcome: 'given_up' }, count)
      log.error({ stream: streamId, client: clientId, signals: count }, 'security events were not fetched in time')
    },
  })
  const access = { resource: sharedSignalsResource(issuer), scope: SHARED_SIGNALS_SCOPE }
  return {
    delivery,
    tasks: [
      { name: 'security events', everySeconds: 2, run: delivery.look },
      { name: 'security events nobody fetched', everySeconds: UNFETCHED_EVERY_SECONDS, run: closeUnfetched },
    ],
    pages: (ownAccess) =>
      createSharedSignals({
        issuer,
        streams: createSignalStreams({ db, sealer, addresses }),
        poll,
        authorize: async (ctx) => (await ownAccess.require(ctx, access)).clientId,
      }),
  }
}
