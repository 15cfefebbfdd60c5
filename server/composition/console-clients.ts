// Builds the console's pages about clients, over the same functions as the admin API's routes.
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import { clientChangePages } from '../admin-console/client-changes.ts'
import { clientSecretPages } from '../admin-console/client-secrets.ts'
import { clientPages } from '../admin-console/clients.ts'
import type { ConsoleRoute } from '../admin-console/console.ts'
import type { History } from '../admin-console/history.ts'
import { newClientPages } from '../admin-console/new-clients.ts'
import type { AdministrationBasis } from './administration-basis.ts'
import type { Nouns } from './nouns.ts'

/** The pages of the console. Those with a name of their own come before those of a client. */
export function clientConsolePages(
  deps: {
    readonly config: Pick<Config, 'issuer' | 'clientCertificates'>
    readonly clock: Clock
    readonly nouns: Pick<Nouns, 'events'>
    readonly administration: AdministrationBasis
  },
  history: History,
): ConsoleRoute[] {
  const { config, clock, nouns, administration } = deps
  const { clientSearch: search, clientAdministration, clientHoldings: holdings, ...registrations } = administration.registrations
  const { resourceServers, testRedirectUri } = registrations
  const certificates = config.clientCertificates
  return [
    ...newClientPages({ administration: clientAdministration, resourceServers, certificates }),
    ...clientChangePages({ search, administration: clientAdministration, holdings, resourceServers, certificates }),
    ...clientSecretPages({ search, administration: clientAdministration }),
    ...clientPages({
      ...{ issuer: config.issuer, cursors: administration.cursors, clock, search, holdings, history, testRedirectUri },
      lifetimes: registrations.clientLifetimes,
      events: nouns.events.clients,
    }),
  ]
}
