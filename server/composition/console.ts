// Builds the console: its pages, over the same functions as the admin API's routes.
import type { Middleware } from 'koa'
import { ACCESS } from '../../config/access.ts'
import type { Clock } from '../../config/clock.ts'
import { clientPages, createClientFinder } from '../admin-console/clients.ts'
import { type ConsoleRoute, createConsole } from '../admin-console/console.ts'
import { createGrantFinder, grantPages } from '../admin-console/grants.ts'
import { keyPages } from '../admin-console/keys.ts'
import { logoutNotificationPages } from '../admin-console/logout-notifications.ts'
import { createRefusedRequestFinder, refusedRequestPages } from '../admin-console/refused-requests.ts'
import { type Finder, searchPages } from '../admin-console/search.ts'
import { sessionPages } from '../admin-console/sessions.ts'
import { showIfToken, tokenPages } from '../admin-console/tokens.ts'
import type { Csrf } from '../http/csrf.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { type AdministrationBasis, accountIdOf } from './administration-basis.ts'
import { accountConsolePages } from './console-accounts.ts'
import type { LogoutParts } from './logout.ts'
import type { Nouns } from './nouns.ts'
import type { ProtocolParts } from './protocol.ts'
import type { RevocationParts } from './revocations.ts'
import type { OpenStores } from './stores.ts'

/** What the console is built of. */
export interface ConsoleDeps {
  readonly clock: Clock
  readonly stores: OpenStores
  readonly nouns: Nouns
  readonly logout: LogoutParts
  readonly revocations: RevocationParts
  readonly keys: KeyRing
  readonly administration: AdministrationBasis
}

/** Builds its pages. */
export function consoleRoutes(deps: ConsoleDeps): readonly ConsoleRoute[] {
  const { clock, nouns, keys, administration } = deps
  const { cursors, jobs, grants, registrations } = administration
  return [
    { method: 'get', path: '/', access: ACCESS.sessions.read, handle: async (ctx) => void ctx.redirect('/admin/sessions') },
    ...searchPages({
      finders: findersOf({ nouns, administration }),
      showIfToken: (visit, text) => showIfToken(grants, visit, text),
    }),
    ...sessionPages({
      cursors,
      jobs,
      clock,
      search: administration.sessionSearch,
      tree: administration.sessionTree,
      ends: administration.sessionEnds,
      accountIdOf: accountIdOf(nouns),
    }),
    ...accountConsolePages(administration, deps),
    ...grantConsole(deps),
    ...clientPages({
      cursors,
      search: registrations.clientSearch,
      holdings: registrations.clientHoldings,
      lifetimes: registrations.clientLifetimes,
      events: nouns.events.clients,
    }),
    ...refusedRequestPages(administration),
    ...keyPages({ cursors, clock, turns: keys.turns, compromise: keys.compromise }),
  ]
}

function grantConsole({ nouns, logout, revocations, administration }: ConsoleDeps): ConsoleRoute[] {
  const { cursors, grants, sessionSearch } = administration
  const { events } = nouns
  const findId = accountIdOf(nouns)
  return [
    ...grantPages({ ...grants, cursors, session: sessionSearch.find, accountIdOf: findId }),
    ...tokenPages({ ...grants, cursors, revokeByName: events.revokeByName, listeners: revocations.acknowledgements.page }),
    ...logoutNotificationPages({ cursors, ...logout.notifications, accountIdOf: findId }),
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
    createRefusedRequestFinder(administration.refusedRequests),
  ]
}

/** Puts them behind the door. */
export function createConsolePages(
  routes: readonly ConsoleRoute[],
  deps: {
    readonly clock: Clock
    readonly csrf: Csrf
    readonly nouns: Nouns
    readonly protocol: ProtocolParts
    readonly administration: AdministrationBasis
  },
): Middleware {
  const { clock, csrf, nouns, protocol, administration } = deps
  return createConsole(routes, {
    clock,
    csrf,
    currentSession: protocol.currentSession,
    findAccount: nouns.accounts.findById,
    signInUrl: protocol.accountSignIn.signInUrl,
    limit: administration.limit,
  })
}
