// Builds the console: its pages, over the same functions as the admin API's routes.
import type { Middleware } from 'koa'
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import { createPersonFinder } from '../admin-console/accounts.ts'
import { createClientFinder, createClientNameFinder } from '../admin-console/clients.ts'
import { type ConsoleDoor, type ConsoleRoute, createConsole } from '../admin-console/console.ts'
import { createGrantFinder, grantPages } from '../admin-console/grants.ts'
import type { History } from '../admin-console/history.ts'
import { keyPages } from '../admin-console/keys.ts'
import { logoutNotificationPages } from '../admin-console/logout-notifications.ts'
import { overviewPages } from '../admin-console/overview.ts'
import { createRefusedRequestFinder, refusedRequestPages } from '../admin-console/refused-requests.ts'
import { resourceServerChangePages } from '../admin-console/resource-server-changes.ts'
import { resourceServerScopePages } from '../admin-console/resource-server-scopes.ts'
import {
  createResourceServerFinder,
  createResourceServerNameFinder,
  resourceServerPages,
} from '../admin-console/resource-servers.ts'
import { type Finder, searchPages } from '../admin-console/search.ts'
import { secretPages } from '../admin-console/secrets.ts'
import { sessionPages } from '../admin-console/sessions.ts'
import { settingPages } from '../admin-console/settings.ts'
import { systemPages } from '../admin-console/system.ts'
import { showIfToken, tokenPages } from '../admin-console/tokens.ts'
import { webhookChangePages } from '../admin-console/webhook-changes.ts'
import { webhookPages } from '../admin-console/webhooks.ts'
import type { Csrf } from '../http/csrf.ts'
import { createKeptForms } from '../http/kept-forms.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { AuditAdministration } from './administration-audit.ts'
import { type AdministrationBasis, accountIdOf, ownerIdOf } from './administration-basis.ts'
import { accountConsolePages } from './console-accounts.ts'
import { clientConsolePages } from './console-clients.ts'
import type { LogoutParts } from './logout.ts'
import type { Nouns } from './nouns.ts'
import type { ProtocolParts } from './protocol.ts'
import type { RevocationParts } from './revocations.ts'
import type { OpenStores } from './stores.ts'
import type { SystemParts } from './system.ts'
import type { WebhookParts } from './webhooks.ts'

/** What the console is built of. */
export interface ConsoleDeps {
  readonly config: Config
  readonly clock: Clock
  readonly stores: OpenStores
  readonly nouns: Nouns
  readonly logout: LogoutParts
  readonly revocations: RevocationParts
  readonly keys: KeyRing
  readonly webhooks: WebhookParts
  readonly system: SystemParts
  readonly administration: AdministrationBasis
  readonly auditLog: AuditAdministration
  readonly sessionReviewPages: readonly ConsoleRoute[]
}

/** Builds its pages. */
export function consoleRoutes(deps: ConsoleDeps): readonly ConsoleRoute[] {
  const { clock, nouns, keys, administration, auditLog } = deps
  const { webhooks } = deps.webhooks
  const { cursors, jobs } = administration
  const emailOf = async (id: string) => (id.startsWith('acc_') ? (await nouns.accounts.findById(id))?.email : undefined)
  const history = auditLog.history({ emailOf })
  return [
    ...overviewPages(administration),
    ...searchPages({
      finders: findersOf({ nouns, administration }),
      showIfToken: (visit, text) => showIfToken(administration.grants, visit, text),
    }),
    ...sessionPages({
      cursors,
      jobs,
      clock,
      search: administration.sessionSearch,
      tree: administration.sessionTree,
      ends: administration.sessionEnds,
      ownerIdOf: ownerIdOf(nouns),
      history,
    }),
    ...accountConsolePages(administration, { ...deps, history }),
    ...grantConsole({ ...deps, history }),
    ...clientConsolePages(deps, history),
    ...deps.sessionReviewPages,
    ...auditLog.pages({ accountIdOf: accountIdOf(nouns), emailOf }),
    ...resourceServerConsole(deps),
    ...webhookChangePages({ webhooks }),
    ...webhookPages({ cursors, clock, webhooks }),
    ...refusedRequestPages(administration),
    ...keyPages({ cursors, clock, turns: keys.turns, compromise: keys.compromise }),
    ...secretPages({ cursors, clock, secretsByAge: administration.secretsByAge }),
    ...settingPages(deps.config),
    ...systemPages({ report: deps.system.report, jobs }),
  ]
}

function resourceServerConsole({ config, administration }: ConsoleDeps): ConsoleRoute[] {
  const { resourceServerSearch: search, resourceServerAdministration } = administration.registrations
  const changes = {
    issuer: config.issuer,
    accessTokenTtl: config.lifetimes.accessToken,
    search,
    administration: resourceServerAdministration,
  }
  return [
    ...resourceServerChangePages(changes),
    ...resourceServerScopePages(changes),
    ...resourceServerPages({ cursors: administration.cursors, search }),
  ]
}

function grantConsole({
  nouns,
  logout,
  revocations,
  administration,
  history,
}: ConsoleDeps & { readonly history: History }): ConsoleRoute[] {
  const { cursors, grants, sessionSearch } = administration
  const { events } = nouns
  const findOwner = ownerIdOf(nouns)
  return [
    ...grantPages({ ...grants, cursors, session: sessionSearch.find, ownerIdOf: findOwner, history }),
    ...tokenPages({ ...grants, cursors, revokeByName: events.revokeByName, listeners: revocations.acknowledgements.page }),
    ...logoutNotificationPages({ cursors, ...logout.notifications, ownerIdOf: findOwner }),
  ]
}

/** What the search box knows, in the order in which it is asked. */
function findersOf({ nouns, administration }: Pick<ConsoleDeps, 'nouns' | 'administration'>): readonly Finder[] {
  return [
    async (text) => ((await administration.sessionSearch.find(text)) === undefined ? undefined : `/admin/sessions/${text}`),
    async (text) => {
      const id = await accountIdOf(nouns)(text)
      return id === undefined ? undefined : `/admin/accounts/${encodeURIComponent(id)}`
    },
    createGrantFinder(administration.grants.search.find),
    createClientFinder(administration.registrations.clientSearch.find),
    createResourceServerFinder(administration.registrations.resourceServerSearch.find),
    createRefusedRequestFinder(administration.refusedRequests),
    createPersonFinder(administration.accountSearch),
    createClientNameFinder(administration.registrations.clientSearch),
    createResourceServerNameFinder(administration.registrations.resourceServerSearch),
  ]
}

/** Puts them behind the door. */
export function createConsolePages(
  routes: readonly ConsoleRoute[],
  deps: {
    readonly clock: Clock
    readonly csrf: Csrf
    readonly stores: Pick<OpenStores, 'live'>
    readonly nouns: Nouns
    readonly protocol: ProtocolParts
    readonly administration: AdministrationBasis & { readonly refusedVisit: ConsoleDoor['refused'] }
  },
): Middleware {
  const { clock, csrf, nouns, protocol, administration } = deps
  return createConsole(routes, {
    clock,
    csrf,
    keptForms: createKeptForms({ live: deps.stores.live, csrf }),
    currentSession: protocol.currentSession,
    findAccount: nouns.accounts.findById,
    signInUrl: protocol.accountSignIn.signInUrl,
    limit: administration.limit,
    refused: administration.refusedVisit,
  })
}
