// Builds the part of the admin API that is about what is registered (clients and resource servers), about signing keys, and about webhooks.
import type { Config } from '../../config/config.ts'
import { OPENID_SCOPES } from '../../config/scopes.ts'
import { clientRoutes } from '../admin-api/clients.ts'
import { keyRoutes } from '../admin-api/keys.ts'
import { resourceServerRoutes } from '../admin-api/resource-servers.ts'
import type { ApiRoute } from '../admin-api/route.ts'
import { webhookRoutes } from '../admin-api/webhooks.ts'
import { type ClientAdministration, createClientAdministration } from '../clients/client-administration.ts'
import { type ClientHoldings, countHoldings } from '../clients/client-holdings.ts'
import { type ClientLifetimes, lifetimesOf } from '../clients/client-lifetimes.ts'
import type { ClientMetadata } from '../clients/client-metadata-members.ts'
import { type ClientSearch, createClientSearch } from '../clients/client-search.ts'
import { createRedirectUriTest, type RedirectUriRule, type RedirectUriTest } from '../clients/redirect-uri-test.ts'
import type { Cursors } from '../http/cursors.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { ownResourceServers } from '../provider/own-resources.ts'
import {
  createResourceServerAdministration,
  type ResourceServerAdministration,
} from '../resource-servers/resource-server-administration.ts'
import { createResourceServerSearch, type ResourceServerSearch } from '../resource-servers/resource-server-search.ts'
import type { ResourceServer } from '../resource-servers/resource-servers.ts'
import type { Nouns } from './nouns.ts'
import type { OpenStores } from './stores.ts'
import type { WebhookParts } from './webhooks.ts'

/** What administrators use of it; the console stands on the same parts. */
export interface RegistrationParts {
  readonly clientSearch: ClientSearch
  readonly clientAdministration: ClientAdministration
  clientHoldings(clientId: string): Promise<ClientHoldings>
  clientLifetimes(metadata: ClientMetadata): Promise<ClientLifetimes>
  readonly testRedirectUri: RedirectUriTest
  /** All that are registered. */
  resourceServers(): Promise<readonly ResourceServer[]>
  readonly resourceServerSearch: ResourceServerSearch
  readonly resourceServerAdministration: ResourceServerAdministration
}

/** Builds it. */
export function createRegistrationParts(deps: {
  readonly config: Config
  readonly stores: Pick<OpenStores, 'db'>
  readonly nouns: Nouns
  readonly redirectUriRule: RedirectUriRule
}): RegistrationParts {
  const { config, nouns } = deps
  const { db } = deps.stores
  const { clients, resourceServers } = nouns.events.registered
  const openid = Object.keys(OPENID_SCOPES)
  const resourceServerSearch = createResourceServerSearch({ db })
  return {
    clientSearch: createClientSearch({ db }),
    clientAdministration: createClientAdministration({ clients, endings: nouns.endings }),
    clientHoldings: (clientId) => countHoldings(db, clientId),
    async clientLifetimes(metadata) {
      const own = ownResourceServers(config.issuer).map((api) => ({ ...api, own: true as const }))
      const apis = [...own, ...(await resourceServers.list())]
      return lifetimesOf(metadata, { lifetimes: config.lifetimes, apis, openid })
    },
    testRedirectUri: createRedirectUriTest(deps.redirectUriRule),
    resourceServers: () => resourceServers.list(),
    resourceServerSearch,
    resourceServerAdministration: createResourceServerAdministration({
      resourceServers,
      search: resourceServerSearch,
      endings: nouns.endings,
    }),
  }
}

/** Its routes. */
export function registrationRoutes(
  parts: RegistrationParts,
  {
    config,
    nouns,
    cursors,
    keys,
    webhooks,
  }: {
    readonly config: Config
    readonly nouns: Nouns
    readonly cursors: Cursors
    readonly keys: KeyRing
    readonly webhooks: WebhookParts
  },
): ApiRoute[] {
  return [
    ...clientRoutes({
      cursors,
      search: parts.clientSearch,
      administration: parts.clientAdministration,
      events: nouns.events.clients,
      holdings: parts.clientHoldings,
      lifetimes: parts.clientLifetimes,
      testRedirectUri: parts.testRedirectUri,
      certificates: config.clientCertificates,
    }),
    ...resourceServerRoutes({
      cursors,
      issuer: config.issuer,
      accessTokenTtl: config.lifetimes.accessToken,
      search: parts.resourceServerSearch,
      administration: parts.resourceServerAdministration,
    }),
    ...webhookRoutes({ cursors, ...webhooks }),
    ...keyRoutes({ cursors, turns: keys.turns, compromise: keys.compromise }),
  ]
}
