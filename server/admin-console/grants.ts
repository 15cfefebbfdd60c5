// Grants in the console: the list over the whole installation, one with all that hangs from it, and their end.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { isStorable } from '../../config/plain-text.ts'
import { grantDetail, grantList } from '../../views/admin-console/grants.ts'
import { grantRevocation } from '../../views/admin-console/revocation.ts'
import type { GrantDetail } from '../grants/grant-detail.ts'
import type { GrantFilter } from '../grants/grant-filter.ts'
import type { GrantPreview } from '../grants/grant-preview.ts'
import type { GrantPage, GrantPlace, GrantSearch } from '../grants/grant-search.ts'
import type { Cursors } from '../http/cursors.ts'
import { HttpProblem } from '../http/problems.ts'
import { type BulkEnds, MOST_ENDED_AT_ONCE, type Which } from '../revocation-jobs/bulk-ends.ts'
import type { SessionSearch } from '../sessions/session-search.ts'
import type { Ended } from '../tokens/ending.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { type Asked, chipsOf, listHref, momentOf, ROWS, readAsked, secondsOf } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'
import type { Finder } from './search.ts'

/** What the pages call. */
export interface GrantPagesDeps {
  readonly cursors: Cursors
  readonly search: GrantSearch
  readonly detail: (grantId: string) => Promise<GrantDetail | undefined>
  readonly session: SessionSearch['find']
  readonly ends: BulkEnds<GrantFilter, GrantPreview>
  /** The id of the account that an id or an e-mail address names. */
  readonly accountIdOf: (name: string) => Promise<string | undefined>
}

const PATH = '/admin/grants'
const REVOCATION_PATH = '/admin/grants/revocation'

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
}

/** Makes the pages. */
export function grantPages(deps: GrantPagesDeps): ConsoleRoute[] {
  return [
    { method: 'get', path: '/grants', access: ACCESS.grants.read, handle: (ctx, visit) => showList(deps, ctx, visit) },
    {
      method: 'get',
      path: '/grants/revocation',
      access: ACCESS.grants.revoke,
      fresh: true,
      handle: (ctx, visit) => askToEnd(deps, ctx, visit),
    },
    {
      method: 'post',
      path: '/grants/revocation',
      access: ACCESS.grants.revoke,
      fresh: true,
      back: (_ctx, form) => revocationHref(form.get('ids').split(' '), form.get('filter'), form.get('reason')),
      handle: (ctx, visit, form) =>
        end(deps, ctx, visit, { ids: form.get('ids'), filter: form.get('filter'), reason: form.get('reason') }),
    },
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
  const asked = readAsked(ctx.query, Object.keys(LABELS))
  const { filter, fault } = await filterOf(asked, deps.accountIdOf)
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const { grants, ...hrefs } = filter === undefined ? { grants: [] } : await readGrantRows(deps, asked, filter, cursor)
  const narrowed = Object.keys(asked).length > 0 && grants.some(({ state }) => state === 'live')
  const body = grantList({
    grants,
    ...hrefs,
    views: viewsOf(asked),
    chips: chipsOf(PATH, asked, LABELS),
    asked,
    mayRevoke: visit.may(ACCESS.grants.revoke),
    ...(fault === undefined ? {} : { fault }),
    ...(narrowed ? { revokeAllHref: listHref(REVOCATION_PATH, { filter: listHref('', asked).slice(1) }) } : {}),
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
function viewsOf(asked: Asked) {
  const views: readonly (readonly [label: string, fields: Asked])[] = [
    ['All', {}],
    ['Live', { state: 'live' }],
    ['Not refreshed for 30 days', { state: 'live', idle: '30d' }],
    ['Access without the person', { state: 'live', scope: 'offline_access' }],
    ['Ended', { state: 'ended' }],
  ]
  const now = listHref(PATH, Object.fromEntries(Object.entries(asked).toSorted()))
  return views.map(([label, fields]) => ({
    label,
    href: listHref(PATH, fields),
    current: listHref(PATH, Object.fromEntries(Object.entries(fields).toSorted())) === now,
  }))
}

/** The filter that was filled in; or what is wrong with it. Neither, when it asks for an account that is not there. */
async function filterOf(
  asked: Asked,
  accountIdOf: GrantPagesDeps['accountIdOf'],
): Promise<{ readonly filter?: GrantFilter; readonly fault?: string }> {
  const { account, client, session, scope, resource, state, since, before, idle } = asked
  const fault = faultOf(asked)
  if (fault !== undefined) return { fault }
  const accountId = account === undefined ? undefined : await accountIdOf(account)
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
  }
  return { filter: Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)) }
}

function faultOf({ state, since, before, idle, ...rest }: Asked): string | undefined {
  if (Object.values(rest).some((text) => !isStorable(text) || text.length > 300))
    return 'A field holds what no such name can hold.'
  if (state !== undefined && !['live', 'ended', 'expired'].includes(state)) return 'The state must be live, ended or expired.'
  for (const text of [since, before]) {
    if (text !== undefined && momentOf(text) === undefined)
      return 'A time must be written as 2026-11-26 or 2026-11-26T09:30, in UTC.'
  }
  if (idle !== undefined && secondsOf(idle) === undefined) return 'How long must be written as 30m, 8h or 7d.'
  return undefined
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
    mayTell: visit.may(ACCESS.sessions.revoke),
  })
  visit.show({ title: `${grant.client.name} for ${grant.account.email}`, section: PATH, body })
}

/** What a revocation is of: ids, or the query of a list. */
async function whichOf(deps: GrantPagesDeps, ids: readonly string[], query: string): Promise<Which<GrantFilter>> {
  const named = ids.filter((id) => id !== '' && isStorable(id)).slice(0, MOST_ENDED_AT_ONCE)
  if (named.length > 0) return { ids: named }
  const asked = readAsked(Object.fromEntries(new URLSearchParams(query)), Object.keys(LABELS))
  const { filter } = await filterOf(asked, deps.accountIdOf)
  // A filter that says nothing would be everybody.
  return filter === undefined || Object.keys(filter).length === 0 ? { ids: [] } : { filter }
}

function revocationHref(ids: readonly string[], filter: string, reason: string): string {
  const query = new URLSearchParams({ filter, reason })
  for (const id of ids) if (id !== '') query.append('id', id)
  return `${REVOCATION_PATH}?${query}`
}

async function askToEnd(deps: GrantPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const filter = typeof ctx.query.filter === 'string' ? ctx.query.filter : ''
  const which = await whichOf(deps, [ctx.query.id ?? []].flat(), filter)
  const body = grantRevocation({
    preview: await deps.ends.preview(which),
    ...('ids' in which ? { ids: which.ids } : { filter }),
    csrf: visit.csrf,
    reason: typeof ctx.query.reason === 'string' ? ctx.query.reason : '',
    backHref: filter === '' ? PATH : `${PATH}?${filter}`,
  })
  visit.show({ title: 'End grants', section: PATH, body })
}

async function end(
  deps: GrantPagesDeps,
  ctx: Context,
  visit: ConsoleVisit,
  asked: { readonly ids: string; readonly filter: string; readonly reason: string },
): Promise<void> {
  const ids = asked.ids.split(' ')
  if (asked.reason.trim() === '') return void ctx.redirect(revocationHref(ids, asked.filter, ''))
  const which = await whichOf(deps, ids, asked.filter)
  const done = await deps.ends.end(which, visit.change(asked.reason.trim()))
  if ('job' in done) {
    ctx.redirect(`/admin/jobs/${done.job.id}`)
    ctx.status = 303
    return
  }
  const [only, ...others] = 'ids' in which ? which.ids : []
  const next = only === undefined || others.length > 0 ? PATH : `${PATH}/${encodeURIComponent(only)}`
  redirectWithNotice(ctx, next, wordsOf(done.ended))
}

function wordsOf({ grants, refresh_families: families, logout_notifications: told }: Ended): string {
  if (grants === 0) return 'Nothing was live any more.'
  const counted = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`
  return `Ended: ${counted(grants, 'grant')} with ${counted(families, 'refresh token')}. ${counted(told, 'app')} will be told.`
}
