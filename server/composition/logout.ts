// Builds the way in which apps hear that a session is over: the outbox, what signs and what sends, and the delivery in between.
import type { Config } from '../../config/config.ts'
import type { Log } from '../http/log.ts'
import type { Metrics } from '../http/metrics.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import { createClientEndpoint } from '../logout-notifications/client-endpoint.ts'
import { createLogoutNotifications, type LogoutNotifications } from '../logout-notifications/logout-notifications.ts'
import { createLogoutTokens } from '../logout-notifications/logout-token.ts'
import { createLogoutCourier, createLogoutOutbox } from '../logout-notifications/outbox.ts'
import { createAllowedAddresses } from '../outbox/allowed-addresses.ts'
import { createDelivery, type Delivery } from '../outbox/delivery.ts'
import { createPost } from '../outbox/endpoint.ts'
import type { OpenStores } from './stores.ts'

/** The way in which apps hear of it. */
export interface LogoutParts {
  readonly notifications: LogoutNotifications
  readonly delivery: Delivery
  /** Apps are to hear of an end that is committed, or will soon be. */
  appsWait(commit: 'done' | 'soon'): void
}

/** By then whoever says "soon" has committed, as a rule; if not, the look of every other second finds it. */
const SOON_MS = 50

/** Builds it. */
export function createLogout(deps: {
  readonly config: Config
  readonly log: Log
  readonly stores: OpenStores
  readonly metrics: Metrics
  /** The keys as they are now. */
  readonly keys: () => SigningKeys
}): LogoutParts {
  const { config, log, metrics, keys } = deps
  const { db } = deps.stores
  const addresses = createAllowedAddresses({
    ranges: config.logoutPrivateAddresses,
    setting: 'LATCHKEY_LOGOUT_PRIVATE_ADDRESSES',
  })
  const delivery = createDelivery({
    outbox: createLogoutOutbox({ db }),
    bring: createLogoutCourier({
      sign: createLogoutTokens({ issuer: config.issuer, keys }),
      post: createClientEndpoint({ post: createPost({ addresses }) }),
    }),
    tried(outcome, { id, clientId, sessionId, attempts }, error) {
      metrics.count('logoutNotifications', { outcome })
      const about = { notification: id, client: clientId, session: sessionId, attempts, error }
      if (outcome === 'given_up') log.error(about, 'an app was not told that a session is over, and will not be')
      else if (outcome === 'postponed') log.warn(about, 'an app was not told that a session is over, and will be tried again')
    },
  })
  // Whoever ends something does not wait; when it cannot be looked now, the look of every other second says so.
  const look = () => void delivery.look().catch(() => undefined)
  const notifications = createLogoutNotifications({ db, retried: look })
  metrics.whenAsked(async () => metrics.set('logoutNotificationsWaiting', {}, await notifications.waiting()))
  return {
    notifications,
    delivery,
    appsWait(commit) {
      if (commit === 'done') look()
      else setTimeout(look, SOON_MS).unref()
    },
  }
}
