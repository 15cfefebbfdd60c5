// Sessions in the console: the list over the whole installation, one with all that hangs from it, and their end.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { isNetwork } from '../../config/network.ts'
import { isStorable } from '../../config/plain-text.ts'
import { ownerText } from '../../views/admin-console/owner.ts'
import { jobDetail, sessionRevocation } from '../../views/admin-console/revocation.ts'
import { sessionDetail, sessionList } from '../../views/admin-console/sessions.ts'
import { count, toldText } from '../../views/admin-console/tree.ts'
import type { Cursors } from '../http/cursors.ts'
import { HttpProblem } from '../http/problems.ts'
import type { BulkEnds } from '../revocation-jobs/bulk-ends.ts'
import type { RevocationJobs } from '../revocation-jobs/revocation-jobs.ts'
import type { SessionFilter } from '../sessions/session-filter.ts'
import type { SessionPreview } from '../sessions/session-preview.ts'
import type { SessionItem, SessionSearch } from '../sessions/session-search.ts'
import type { SessionTree } from '../sessions/session-tree.ts'
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
  readFields,
  readRows,
  SESSION_ROWS,
  secondsOf,
  timeFaultOf,
  type View,
  viewsOf,
} from './list-query.ts'

/** What the pages call. */
export interface SessionPagesDeps {
  readonly cursors: Cursors
  readonly search: SessionSearch
  readonly tree: (sessionId: string) => Promise<SessionTree>
  readonly ends: BulkEnds<SessionFilter, SessionPreview>
  readonly jobs: Pick<RevocationJobs, 'find'>
  /** The id of the account that had something, by its id or e-mail address; an id is taken as it is. */
  readonly ownerIdOf: (name: string) => Promise<string | undefined>
  readonly clock: () => number
  readonly history: History
}

const PATH = '/admin/sessions'

const LABELS = {
  account: 'Account',
  client: 'App',
  ip: 'Address',
  method: 'Signed in by',
  state: 'State',
  since: 'Started since',
  before: 'Started before',
  idle: 'Not used for',
  administrators: 'Administrators',
  more_than: 'More sessions than',
  new_device: 'New device',
  not_kept_in: 'Not kept in the report',
}

/** Makes the pages. */
export function sessionPages(deps: SessionPagesDeps): ConsoleRoute[] {
  return [
    { method: 'get', path: '/sessions', access: ACCESS.sessions.read, handle: (ctx, visit) => showList(deps, ctx, visit) },
    ...bulkEndPages<SessionFilter, SessionPreview>({
      noun: '/sessions',
      title: 'End sessions',
      access: ACCESS.sessions.revoke,
      ends: deps.ends,
      fields: Object.keys(LABELS),
      filterOf: async (asked) => (await filterOf(asked, deps.ownerIdOf)).filter,
      view: sessionRevocation,
      wordsOf,
    }),
    { method: 'get', path: '/sessions/:id', access: ACCESS.sessions.read, handle: (ctx, visit) => showOne(deps, ctx, visit) },
    { method: 'get', path: '/jobs/:id', access: ACCESS.revocationJobs.read, handle: (ctx, visit) => showJob(deps, ctx, visit) },
  ]
}

async function showList(deps: SessionPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { asked, twice } = readFields(ctx.query, Object.keys(LABELS))
  const { filter, fault } = twice ?? (await filterOf(asked, deps.ownerIdOf))
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const page =
    filter === undefined
      ? { rows: [] }
      : await readRows<SessionItem>({
          ...{ cursors: deps.cursors, path: PATH, asked, cursor, rows: SESSION_ROWS },
          read: (limit, after) =>
            deps.search.page({
              filter,
              limit,
              ...(after === undefined ? {} : { after: { startedAt: new Date(Number(after[0])), id: String(after[1]) } }),
            }),
          placeOf: ({ startedAt, id }) => [startedAt.getTime(), id],
        })
  const { rows: sessions, ...hrefs } = page
  const here = hereOf(PATH, asked, cursor)
  const body = sessionList({
    sessions,
    ...hrefs,
    views: viewsOf(PATH, asked, viewsAt(deps.clock)),
    chips: chipsOf(PATH, asked, LABELS),
    asked,
    mayRevoke: visit.may(ACCESS.sessions.revoke),
    mayOpenApps: visit.may(ACCESS.clients.read),
    ...(here === undefined ? {} : { here }),
    ...(fault === undefined ? {} : { fault }),
    ...(mayEndAll(asked, page) ? { revokeAllHref: endAllHref('/sessions', listHref('', asked).slice(1)) } : {}),
  })
  visit.show({ title: 'Sessions', section: PATH, body }, fault === undefined ? 200 : 400)
}

/** What people often want to see. */
function viewsAt(clock: () => number): readonly View[] {
  const today = new Date(clock()).toISOString().slice(0, 10)
  return [
    ['All', {}],
    ['Live', { state: 'live' }],
    ['Idle for more than 7 days', { state: 'live', idle: '7d' }],
    ['More than 5 per person', { state: 'live', more_than: '5' }],
    ['Administrators', { state: 'live', administrators: 'true' }],
    ['New device today', { state: 'live', new_device: 'true', since: today }],
  ]
}

/** The filter that was filled in; or what is wrong with it. Neither, when nobody has the e-mail address. */
async function filterOf(
  asked: Asked,
  ownerIdOf: SessionPagesDeps['ownerIdOf'],
): Promise<{ readonly filter?: SessionFilter; readonly fault?: string }> {
  const { account, client, ip, method, state, since, before, idle, more_than: moreThan } = asked
  const fault = faultOf(asked)
  if (fault !== undefined) return { fault }
  const accountId = account === undefined ? undefined : await ownerIdOf(account)
  if (account !== undefined && accountId === undefined) return {}
  const wanted = {
    accountId,
    clientId: client,
    address: ip,
    method,
    state,
    since: since === undefined ? undefined : momentOf(since),
    before: before === undefined ? undefined : momentOf(before),
    idleSeconds: idle === undefined ? undefined : secondsOf(idle),
    moreThan: moreThan === undefined ? undefined : Number(moreThan),
    administrators: asked.administrators === undefined ? undefined : asked.administrators === 'true',
    newDevice: asked.new_device === undefined ? undefined : asked.new_device === 'true',
    notKeptIn: asked.not_kept_in,
  }
  return { filter: Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)) }
}

function faultOf({ ip, state, since, before, idle, more_than: moreThan, ...rest }: Asked): string | undefined {
  if (Object.values(rest).some((text) => !isStorable(text) || text.length > 300))
    return 'A field holds what no such name can hold.'
  if (ip !== undefined && !isNetwork(ip)) return 'The address must be one such as 192.0.2.7, or a network such as 192.0.2.0/24.'
  if (state !== undefined && !['live', 'ended', 'expired'].includes(state)) return 'The state must be live, ended or expired.'
  if (moreThan !== undefined && !/^[1-9]\d{0,3}$/.test(moreThan)) return 'The number of sessions must be from 1 to 9999.'
  for (const [word, value] of [
    ['Administrators', rest.administrators],
    ['New device', rest.new_device],
  ] as const)
    if (value !== undefined && value !== 'true' && value !== 'false') return `${word} must be true or false.`
  return timeFaultOf({ moments: [since, before], length: idle })
}

async function showOne(deps: SessionPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const id = String(ctx.params.id)
  const session = isStorable(id) ? await deps.search.find(id) : undefined
  if (session === undefined)
    throw new HttpProblem(404, 'No such session', 'It may have been removed: sessions are kept for 30 days after they were over.')
  const tree = await deps.tree(id)
  const body = sessionDetail({
    ...{ session, notifications: tree.notifications, csrf: visit.csrf, mayRevoke: visit.may(ACCESS.sessions.revoke) },
    mayOpenApps: visit.may(ACCESS.clients.read),
    // Each part is for those who may open its own page.
    ...(visit.may(ACCESS.grants.read) ? { grants: tree.grants } : {}),
    ...(visit.may(ACCESS.tokens.read) ? { refusals: { revocations: tree.revocations, guards: tree.guards } } : {}),
    history: await deps.history(visit, 'session', session.id),
  })
  visit.show({ title: `Session of ${ownerText(session.account)}`, section: PATH, body })
}

function wordsOf({ sessions, grants, logout_notifications: told }: Ended): string {
  if (sessions === 0 && grants === 0) return 'Nothing was live any more.'
  if (sessions === 0) return `No session was live any more. Ended: ${count(grants, 'grant')} that hung from them.`
  return `Ended: ${count(sessions, 'session')} with ${count(grants, 'grant')}. ${toldText(told)}`
}

async function showJob(deps: SessionPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const id = String(ctx.params.id)
  const job = isStorable(id) ? await deps.jobs.find(id) : undefined
  if (job === undefined) throw new HttpProblem(404, 'No such job', 'Jobs are kept for 90 days after they are done.')
  visit.insist(ACCESS[job.noun].read)
  visit.show({
    title: `Ending ${job.noun}`,
    section: `/admin/${job.noun}`,
    body: jobDetail(job),
  })
}
