// Clients in the console: the list, one with what is registered of it and how long what it gets really lives, and its end.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { isStorable } from '../../config/plain-text.ts'
import { CLIENT_OUT_OF_REACH, clientDetail } from '../../views/admin-console/client.ts'
import {
  type ClientEndView,
  clientCompromise,
  clientReinstatement,
  clientSuspension,
} from '../../views/admin-console/client-ends.ts'
import type { TriedView } from '../../views/admin-console/client-redirects.ts'
import { clientList } from '../../views/admin-console/clients.ts'
import { count } from '../../views/admin-console/tree.ts'
import type { Html } from '../../views/html.ts'
import type { ClientEvents } from '../clients/client-events.ts'
import type { ClientHoldings } from '../clients/client-holdings.ts'
import { CLIENT_KINDS, usesSecret } from '../clients/client-kinds.ts'
import type { ClientLifetimes } from '../clients/client-lifetimes.ts'
import type { ClientMetadata } from '../clients/client-metadata-members.ts'
import type { ClientDetail, ClientFilter, ClientItem, ClientSearch } from '../clients/client-search.ts'
import { isClientInReach } from '../clients/client-standing.ts'
import { type RedirectUriTest, readPastedUri } from '../clients/redirect-uri-test.ts'
import { SECRET_DUE_SECONDS } from '../clients/secret-ages.ts'
import type { Cursors } from '../http/cursors.ts'
import { HttpProblem } from '../http/problems.ts'
import type { Ended } from '../tokens/ending.ts'
import { asking, type Deed } from './asking.ts'
import { appKindOfClient } from './client-entry.ts'
import { snippetFactsOf } from './client-snippets.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import type { History } from './history.ts'
import { type Asked, chipsOf, listHref, readFields, readRows, type View, viewsOf } from './list-query.ts'
import { outOfReach, refusalOf } from './refusals.ts'
import { createNameFinder, type Finder } from './search.ts'

/** What the pages call. */
export interface ClientPagesDeps {
  readonly issuer: string
  readonly cursors: Cursors
  readonly search: ClientSearch
  readonly holdings: (clientId: string) => Promise<ClientHoldings>
  readonly lifetimes: (metadata: ClientMetadata) => Promise<ClientLifetimes>
  readonly testRedirectUri: RedirectUriTest
  readonly events: Pick<ClientEvents, 'suspend' | 'reinstate' | 'compromiseSecrets'>
  readonly history: History
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

/** Where they are. */
export const CLIENTS_PATH = '/admin/clients'

const LABELS = { q: 'Begins with', kind: 'Kind', status: 'State', secrets: 'Secret' }

/** Makes the pages. */
export function clientPages(deps: ClientPagesDeps): ConsoleRoute[] {
  const { events } = deps
  const stop = {
    ...{ section: '/clients', access: ACCESS.clients.stop, find: (id: string) => findClient(deps.search, id), refusalOf },
    insist(visit: ConsoleVisit, client: ClientDetail) {
      if (!isInReach(visit, client)) throw outOfReach(CLIENT_OUT_OF_REACH)
    },
  }
  return [
    { method: 'get', path: '/clients', access: ACCESS.clients.read, handle: (ctx, visit) => showList(deps, ctx, visit) },
    { method: 'get', path: '/clients/:id', access: ACCESS.clients.read, handle: (ctx, visit) => showOne(deps, ctx, visit) },
    ...asking({
      ...stop,
      what: 'suspension',
      title: 'Suspend an app',
      view: withHoldings(deps, clientSuspension),
      act: async ({ id }, change) => endedWords('The app is suspended.', await events.suspend(id, change)),
    }),
    ...asking({
      ...stop,
      what: 'compromise',
      title: 'A secret that somebody else has',
      view: withHoldings(deps, clientCompromise),
      act: async ({ id }, change) => endedWords('Its secrets are never good again.', await events.compromiseSecrets(id, change)),
    }),
    ...asking({
      ...stop,
      what: 'reinstatement',
      title: 'Let an app in again',
      view: ({ thing, ...form }) => clientReinstatement({ client: thing, ...form }),
      async act({ id }, change) {
        await events.reinstate(id, change)
        const { tokensFrom } = await findClient(deps.search, id)
        return tokensFrom === undefined
          ? 'People can sign in to it again.'
          : `People can sign in to it again in ${count(tokensFrom.inSeconds, 'second')}: until then it gets no tokens.`
      },
    }),
  ]
}

/** The address of the page of one. */
export function clientHref(id: string): string {
  return `${CLIENTS_PATH}/${encodeURIComponent(id)}`
}

/** For the search box. */
export function createClientFinder(find: ClientSearch['find']): Finder {
  return async (text, visit) => {
    if (!isStorable(text) || !visit.may(ACCESS.clients.read)) return undefined
    return (await find(text)) === undefined ? undefined : clientHref(text)
  }
}

/** For the search box: by what the name begins with. */
export function createClientNameFinder({ page }: Pick<ClientSearch, 'page'>): Finder {
  return createNameFinder({
    access: ACCESS.clients.read,
    find: (text) => page({ filter: { beginning: text }, limit: 2 }),
    hrefOf: ({ id }) => clientHref(id),
    listOf: (text) => listHref(CLIENTS_PATH, { q: text }),
  })
}

async function showList({ search, cursors }: ClientPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { asked, twice } = readFields(ctx.query, Object.keys(LABELS))
  const filter = twice === undefined ? filterOf(asked) : undefined
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const { rows: clients, ...hrefs } =
    filter === undefined
      ? { rows: [] }
      : await readRows<ClientItem>({
          ...{ cursors, path: CLIENTS_PATH, asked, cursor },
          read: (limit, after) => search.page({ filter, limit, ...(after === undefined ? {} : { after: String(after[0]) }) }),
          placeOf: ({ id }) => [id],
        })
  const fault =
    filter === undefined ? { fault: twice?.fault ?? 'There is no such kind, state or secret, or no name can hold that.' } : {}
  const body = clientList({
    clients,
    ...hrefs,
    ...fault,
    views: viewsOf(CLIENTS_PATH, asked, VIEWS),
    chips: chipsOf(CLIENTS_PATH, asked, LABELS),
    asked,
    mayWrite: visit.may(ACCESS.clients.write),
  })
  visit.show({ title: 'Apps', section: CLIENTS_PATH, body }, filter === undefined ? 400 : 200)
}

/** What people often want to see. */
const VIEWS: readonly View[] = [
  ['All', {}],
  ['Programs without people', { kind: 'machine' }],
  ['Suspended', { status: 'suspended' }],
  ['Secret is due', { secrets: 'due' }],
]

/** Undefined for one that cannot be. */
function filterOf({ q, kind, status, secrets }: Asked): ClientFilter | undefined {
  const known = CLIENT_KINDS.find((one) => one === kind)
  if (kind !== undefined && known === undefined) return undefined
  if (status !== undefined && status !== 'active' && status !== 'suspended') return undefined
  if (secrets !== undefined && secrets !== 'due') return undefined
  if (q !== undefined && (!isStorable(q) || q.length > 300)) return undefined
  return {
    ...(q === undefined ? {} : { beginning: q }),
    ...(known === undefined ? {} : { kind: known }),
    ...(status === undefined ? {} : { status }),
    ...(secrets === undefined ? {} : { secretDue: true as const }),
  }
}

async function showOne(deps: ClientPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const client = await findClient(deps.search, String(ctx.params.id))
  const [holds, lives, history] = await Promise.all([
    deps.holdings(client.id),
    deps.lifetimes(client.metadata),
    deps.history(visit, 'client', client.id),
  ])
  const inReach = isInReach(visit, client)
  const body = clientDetail({
    ...{ client, holds, lives, history, ...triedIn(deps, ctx, client), usesSecret: usesSecret(client.metadata) },
    snippets: { kind: appKindOfClient(client), facts: snippetFactsOf(client, lives, deps.issuer) },
    mayStop: visit.may(ACCESS.clients.stop) && inReach,
    mayWrite: visit.may(ACCESS.clients.write) && inReach,
    outOfReach: visit.may(ACCESS.clients.stop) && !inReach,
    now: new Date(deps.clock()),
    secretDueDays: SECRET_DUE_SECONDS / 86_400,
  })
  visit.show({ title: client.name ?? client.id, section: CLIENTS_PATH, body })
}

function isInReach(visit: ConsoleVisit, { metadata }: ClientDetail): boolean {
  return isClientInReach(metadata, visit.change())
}

/** A redirect URI that is tried stands in the address, so that it can be sent to whoever builds the app. */
function triedIn({ testRedirectUri }: ClientPagesDeps, { query }: Context, { metadata }: ClientDetail): { tried?: TriedView } {
  const text = typeof query.redirect_uri === 'string' ? query.redirect_uri.slice(0, LONGEST_TRIED) : ''
  if (text.trim() === '') return {}
  const pasted = readPastedUri(text)
  return { tried: { text, ...pasted, ...testRedirectUri(pasted.uri, metadata) } }
}

const LONGEST_TRIED = 8000

/** The one of an id. @throws HttpProblem 404 */
export async function findClient(search: Pick<ClientSearch, 'find'>, id: string): Promise<ClientDetail> {
  const client = isStorable(id) ? await search.find(id) : undefined
  if (client === undefined) throw new HttpProblem(404, 'No such app', 'None is registered by that client_id.')
  return client
}

function withHoldings({ holdings }: ClientPagesDeps, view: (view: ClientEndView) => Html): Deed<ClientDetail>['view'] {
  return async ({ thing, ...form }) => view({ client: thing, holds: await holdings(thing.id), ...form })
}

/** What was done, and what ended by it. */
export function endedWords(done: string, { grants, refresh_families: families }: Ended): string {
  return `${done} Ended: ${count(grants, 'grant')} with ${count(families, 'refresh token')}.`
}
