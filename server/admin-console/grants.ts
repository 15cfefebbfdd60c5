// Grants in the console: the list over the whole installation, one with all that hangs from it, and their end.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { isStorable } from '../../config/plain-text.ts'
import { grantDetail, grantList } from '../../views/admin-console/grants.ts'
import { ownerText } from '../../views/admin-console/owner.ts'
import { grantRevocation } from '../../views/admin-console/revocation.ts'
import { count, toldText } from '../../views/admin-console/tree.ts'
import type { GrantDetail } from '../grants/grant-detail.ts'
import type { GrantFilter } from '../grants/grant-filter.ts'
import type { GrantPreview } from '../grants/grant-preview.ts'
import type { GrantPage, GrantPlace, GrantSearch } from '../grants/grant-search.ts'
import type { Cursors } from '../http/cursors.ts'
import { HttpProblem } from '../http/problems.ts'
import type { BulkEnds } from '../revocation-jobs/bulk-ends.ts'
import type { SessionSearch } from '../sessions/session-search.ts'
import type { Ended } from '../tokens/ending.ts'
import { bulkEndPages, endAllHref, mayEndAll } from './bulk-ends.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import type { History } from './history.ts'
import {
  type Asked,
  chipsOf,
  hereOf,
  listHref,
  momentOf,
  ROWS,
  readFields,
  secondsOf,
  timeFaultOf,
  type View,
  viewsOf,
} from './list-query.ts'
import type { Finder } from './search.ts'

/** What the pages call. */
export interface GrantPagesDeps {
  readonly cursors: Cursors
  readonly search: GrantSearch
  readonly detail: (grantId: string) => Promise<GrantDetail | undefined>
  readonly session: SessionSearch['find']
  readonly ends: BulkEnds<GrantFilter, GrantPreview>
  /** The id of the account that had something, by its id or e-mail address; an id is taken as it is. */
  readonly ownerIdOf: (name: string) => Promise<string | undefined>
  readonly history: History
}

const PATH = '/admin/grants'

const LABELS = {
  account: 'Account',
  client: 'App',
  session: 'Session',
  scope: 'Scope',
  resource: 'API',
  state: 'State',
  since: 'Given since',
  before: 'Given before',
  idle: 'Not refreshed for',
  not_kept_in: 'Not kept in the report',
}

/** Makes the pages. */
export function grantPages(deps: GrantPagesDeps): ConsoleRoute[] {
  return [
    { method: 'get', path: '/grants', access: ACCESS.grants.read, handle: (ctx, visit) => showList(deps, ctx, visit) },
    ...bulkEndPages<GrantFilter, GrantPreview>({
      noun: '/grants',
      title: 'End grants',
      access: ACCESS.grants.revoke,
      ends: deps.ends,
      fields: Object.keys(LABELS),
      filterOf: async (asked) => (await filterOf(asked, deps.ownerIdOf)).filter,
      view: grantRevocation,
      wordsOf,
    }),
    { method: 'get', path: '/grants/:id', access: ACCESS.grants.read, handle: (ctx, visit) => showOne(deps, ctx, visit) },
  ]
}

/** For the search box. */
export function createGrantFinder(find: GrantSearch['find']): Finder {
  return async (text, visit) => {
    if (!text.startsWith('gra_') || !isStorable(text) || !visit.may(ACCESS.grants.read)) return undefined
    return (await find(text)) === undefined ? undefined : `${PATH}/${encodeURIComponent(text)}`
  }
}

async function showList(deps: GrantPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { asked, twice } = readFields(ctx.query, Object.keys(LABELS))
  const { filter, fault } = twice ?? (await filterOf(asked, deps.ownerIdOf))
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const { grants, ...hrefs } = filter === undefined ? { grants: [] } : await readGrantRows(deps, asked, filter, cursor)
  const here = hereOf(PATH, asked, cursor)
  const body = grantList({
    grants,
    ...hrefs,
    views: viewsOf(PATH, asked, VIEWS),
    chips: chipsOf(PATH, asked, LABELS),
    asked,
    mayRevoke: visit.may(ACCESS.grants.revoke),
    ...(here === undefined ? {} : { here }),
    ...(fault === undefined ? {} : { fault }),
    ...(mayEndAll(asked, { rows: grants, ...hrefs })
      ? { revokeAllHref: endAllHref('/grants', listHref('', asked).slice(1)) }
      : {}),
  })
  visit.show({ title: 'Grants', section: PATH, body }, fault === undefined ? 200 : 400)
}

/** The search itself says where a page has ended, since one of idle grants may be short. */
async function readGrantRows(
  { cursors, search }: GrantPagesDeps,
  asked: Asked,
  filter: GrantFilter,
  cursor: string | undefined,
): Promise<Pick<GrantPage, 'grants'> & { readonly firstHref?: string; readonly nextHref?: string }> {
  const list = `console ${listHref(PATH, asked)}`
  const after = cursor === undefined ? undefined : placeOf(cursors.read(list, cursor))
  const { grants, next } = await search.page({ filter, limit: ROWS, ...(after === undefined ? {} : { after }) })
  const nextCursor = next === undefined ? undefined : cursors.write(list, [next.createdAt.getTime(), next.id])
  return {
    grants,
    ...(cursor === undefined ? {} : { firstHref: listHref(PATH, asked) }),
    ...(nextCursor === undefined ? {} : { nextHref: listHref(PATH, asked, { cursor: nextCursor }) }),
  }
}

function placeOf([at, last]: readonly (string | number)[]): GrantPlace {
  return { createdAt: new Date(Number(at)), id: String(last) }
}

/** What people often want to see. */
const VIEWS: readonly View[] = [
  ['All', {}],
  ['Live', { state: 'live' }],
  ['Not refreshed for 30 days', { state: 'live', idle: '30d' }],
  ['Access without the person', { state: 'live', scope: 'offline_access' }],
  ['Ended', { state: 'ended' }],
]

/** The filter that was filled in; or what is wrong with it. Neither, when nobody has the e-mail address. */
async function filterOf(
  asked: Asked,
  ownerIdOf: GrantPagesDeps['ownerIdOf'],
): Promise<{ readonly filter?: GrantFilter; readonly fault?: string }> {
  const { account, client, session, scope, resource, state, since, before, idle } = asked
  const fault = faultOf(asked)
  if (fault !== undefined) return { fault }
  const accountId = account === undefined ? undefined : await ownerIdOf(account)
  if (account !== undefined && accountId === undefined) return {}
  const wanted = {
    accountId,
    clientId: client,
    sessionId: session,
    scope,
    resource,
    state,
    since: since === undefined ? undefined : momentOf(since),
    before: before === undefined ? undefined : momentOf(before),
    idleSeconds: idle === undefined ? undefined : secondsOf(idle),
    notKeptIn: asked.not_kept_in,
  }
  return { filter: Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)) }
}

function faultOf({ state, since, before, idle, ...rest }: Asked): string | undefined {
  if (Object.values(rest).some((text) => !isStorable(text) || text.length > 300))
    return 'A field holds what no such name can hold.'
  if (state !== undefined && !['live', 'ended', 'expired'].includes(state)) return 'The state must be live, ended or expired.'
  return timeFaultOf({ moments: [since, before], length: idle })
}

async function showOne(deps: GrantPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const id = String(ctx.params.id)
  const found = isStorable(id) ? await deps.detail(id) : undefined
  if (found === undefined)
    throw new HttpProblem(
      404,
      'No such grant',
      'It may have been removed: grants are kept for a day after they would have expired.',
    )
  const { grant } = found
  const session = grant.sessionId === undefined ? undefined : await deps.session(grant.sessionId)
  const body = grantDetail({
    ...found,
    ...(session === undefined ? {} : { session }),
    csrf: visit.csrf,
    mayRevoke: visit.may(ACCESS.grants.revoke),
    mayOpenApp: grant.client.isListed && visit.may(ACCESS.clients.read),
    mayTell: visit.may(ACCESS.sessions.revoke),
    history: await deps.history(visit, 'grant', grant.id),
  })
  visit.show({ title: `${grant.client.name} for ${ownerText(grant.account)}`, section: PATH, body })
}

function wordsOf({ grants, refresh_families: families, logout_notifications: told }: Ended): string {
  if (grants === 0 && families === 0) return 'Nothing was live any more.'
  return `Ended: ${count(grants, 'grant')} with ${count(families, 'refresh token')}. ${toldText(told)}`
}
