// Builds what tells the developers of apps why a request was refused.
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import { addressKey } from '../http/client-address.ts'
import type { Log } from '../http/log.ts'
import { ownResourceServers } from '../provider/own-resources.ts'
import { createLookUp } from '../refused-requests/look-up.ts'
import { createRefusedRequests, REFUSED_REQUESTS_KEPT, type RefusedRequests } from '../refused-requests/refused-requests.ts'
import type { GrantParts } from './administration-grants.ts'
import type { RegistrationParts } from './administration-registrations.ts'
import type { Nouns } from './nouns.ts'
import type { OpenStores } from './stores.ts'

/** Builds it. */
export function createRefusedRequestParts(deps: {
  readonly config: Pick<Config, 'issuer'>
  readonly clock: Clock
  readonly log: Log
  readonly stores: Pick<OpenStores, 'recentLog'>
  readonly nouns: Pick<Nouns, 'events'>
  readonly grants: Pick<GrantParts, 'inspections'>
  readonly registrations: Pick<RegistrationParts, 'clientSearch' | 'testRedirectUri'>
}): RefusedRequests {
  const { clock, log } = deps
  const { issuer } = deps.config
  const { clients, resourceServers } = deps.nouns.events.registered
  return createRefusedRequests({
    clock,
    log,
    placeOf: addressKey,
    recent: deps.stores.recentLog({ key: 'refused-requests', ...REFUSED_REQUESTS_KEPT }),
    lookUp: createLookUp({
      issuer,
      testRedirectUri: deps.registrations.testRedirectUri,
      clients,
      clientSearch: deps.registrations.clientSearch,
      inspect: deps.grants.inspections.token,
      apis: async () => [...ownResourceServers(issuer), ...(await resourceServers.list())],
    }),
  })
}
