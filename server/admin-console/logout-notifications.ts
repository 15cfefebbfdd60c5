// Logout notifications in the console: which apps were told of which ends, and which were not; and another try for those, from here, from
// the page of a session or from that of a grant.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { isStorable } from '../../config/plain-text.ts'
import { notificationList } from '../../views/admin-console/logout-notifications.ts'
import type { Cursors } from '../http/cursors.ts'
import type { Form } from '../http/form.ts'
import { safeReturnPath } from '../http/return-path.ts'
import {
  LOGOUT_NOTIFICATION_STATES,
  type LogoutNotification,
  type LogoutNotificationFilter,
  type LogoutNotifications,
} from '../logout-notifications/logout-notifications.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { type Asked, chipsOf, listHref, readFields, readRows, type View, viewsOf } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'

/** What the page calls. */
export interface LogoutNotificationPagesDeps {
  readonly cursors: Cursors
  readonly list: LogoutNotifications['list']
  readonly find: LogoutNotifications['find']
  readonly retry: LogoutNotifications['retry']
  /** The id of the account that had something, by its id or e-mail address; an id is taken as it is. */
  readonly ownerIdOf: (name: string) => Promise<string | undefined>
}

const PATH = '/admin/logout-notifications'
const LABELS = { client: 'App', account: 'Account', session: 'Session', state: 'State' }

/** Makes the page. */
export function logoutNotificationPages(deps: LogoutNotificationPagesDeps): ConsoleRoute[] {
  return [
    {
      method: 'get',
      path: '/logout-notifications',
      access: ACCESS.sessions.read,
      handle: (ctx, visit) => showList(deps, ctx, visit),
    },
    {
      method: 'post',
      path: '/logout-notifications/:id/attempts',
      access: ACCESS.sessions.revoke,
      back: (_ctx, form) => pageOf(form),
      async handle(ctx, visit, form) {
        const id = String(ctx.params.id)
        redirectWithNotice(ctx, pageOf(form), isStorable(id) ? await tellAgain(deps, id, visit) : NOTHING_TO_TELL)
      },
    },
  ]
}

const NOTHING_TO_TELL = 'There was nothing to tell it again.'

async function tellAgain(deps: LogoutNotificationPagesDeps, id: string, visit: ConsoleVisit): Promise<string> {
  if (await deps.retry(id, visit.change())) return 'The app is told again, for a day if need be.'
  const state = (await deps.find(id))?.state
  return state === 'waiting' || state === 'retrying' ? 'The app is being told at this moment.' : NOTHING_TO_TELL
}

/** The page on which the form stands: that of a session or a grant, or the list of all that apps are told, as it was narrowed. */
function pageOf(form: Form): string {
  const back = safeReturnPath(form.get('back')) ?? PATH
  return back.startsWith('/admin/sessions/') || back.startsWith('/admin/grants/') || back.startsWith(`${PATH}?`) ? back : PATH
}

async function showList(deps: LogoutNotificationPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { asked, twice } = readFields(ctx.query, Object.keys(LABELS))
  const { filter, fault } = twice ?? (await filterOf(asked, deps.ownerIdOf))
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const { rows: notifications, ...hrefs } =
    filter === undefined
      ? { rows: [] }
      : await readRows<LogoutNotification>({
          ...{ cursors: deps.cursors, path: PATH, asked, cursor },
          read: (limit, after) =>
            deps.list({
              ...filter,
              limit,
              ...(after === undefined ? {} : { after: { createdAt: new Date(Number(after[0])), id: String(after[1]) } }),
            }),
          placeOf: ({ createdAt, id }) => [createdAt.getTime(), id],
        })
  const body = notificationList({
    notifications,
    ...hrefs,
    views: viewsOf(PATH, asked, VIEWS),
    chips: chipsOf(PATH, asked, LABELS),
    asked,
    here: listHref(PATH, asked, { cursor }),
    mayOpen: { apps: visit.may(ACCESS.clients.read), grants: visit.may(ACCESS.grants.read) },
    ...(visit.may(ACCESS.sessions.revoke) ? { csrf: visit.csrf } : {}),
    ...(fault === undefined ? {} : { fault }),
  })
  visit.show({ title: 'Apps that are told', section: PATH, body }, fault === undefined ? 200 : 400)
}

/** What people often want to see. */
const VIEWS: readonly View[] = [
  ['All', {}],
  ['Failed', { state: 'failed' }],
  ['Trying again', { state: 'retrying' }],
  ['Delivered', { state: 'delivered' }],
]

/** The filter that was filled in; or what is wrong with it. Neither, when nobody has the e-mail address. */
async function filterOf(
  { client, account, session, state }: Asked,
  ownerIdOf: LogoutNotificationPagesDeps['ownerIdOf'],
): Promise<{ readonly filter?: LogoutNotificationFilter; readonly fault?: string }> {
  const known = LOGOUT_NOTIFICATION_STATES.find((one) => one === state)
  if (state !== undefined && known === undefined) return { fault: 'The state must be waiting, retrying, delivered or failed.' }
  if ([client, account, session].some((text) => text !== undefined && (!isStorable(text) || text.length > 300)))
    return { fault: 'A field holds what no such name can hold.' }
  const accountId = account === undefined ? undefined : await ownerIdOf(account)
  if (account !== undefined && accountId === undefined) return {}
  return {
    filter: {
      ...(client === undefined ? {} : { clientId: client }),
      ...(session === undefined ? {} : { sessionId: session }),
      ...(accountId === undefined ? {} : { accountId }),
      ...(known === undefined ? {} : { state: known }),
    },
  }
}
