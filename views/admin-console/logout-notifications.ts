// Logout notifications in the console: which apps were told of which ends, and which were not.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import {
  type Chip,
  chips,
  faultNotice,
  filterField,
  filterForm,
  nothingHere,
  pager,
  type SavedView,
  savedViews,
  standing,
  table,
} from './lists.ts'
import { ownerName } from './owner.ts'
import { type NotificationView, outcome, words } from './tree.ts'

/** A notification in the list. */
export interface NotificationRow extends NotificationView {
  readonly sessionId: string
  readonly accountId: string
  readonly accountEndedAt: Date | undefined
  readonly grantId: string | undefined
  readonly cause: string
  readonly createdAt: Date
}

/** What the list shows. */
export interface NotificationListView {
  readonly notifications: readonly NotificationRow[]
  readonly views: readonly SavedView[]
  readonly chips: readonly Chip[]
  readonly asked: { readonly [field: string]: string }
  readonly fault?: string
  /** Which pages of what it names are for them: to others it is just named. */
  readonly mayOpen: { readonly apps: boolean; readonly grants: boolean }
  /** Of the forms by which apps are told again; undefined for those who only look. */
  readonly csrf?: string
  /** This page, with what narrows it. */
  readonly here: string
  readonly firstHref?: string
  readonly nextHref?: string
}

const PATH = '/admin/logout-notifications'

/** Makes the list. */
export function notificationList(view: NotificationListView): Html {
  return html`<h1>Apps that are told</h1>
<p class="lead">An app that has said where hears that a session, or its grant in it, is over. It is tried for a day.</p>
${savedViews(view.views)}
${filters(view)}
${chips(view.chips, PATH)}
${faultNotice(view.fault)}
${view.notifications.length === 0 ? nothingHere('No notifications', 'No app was told of such an end in the last 7 days.', view.fault) : table<NotificationRow>('Apps that are told, the latest first', columns(view), view.notifications)}
${pager(view)}`
}

function filters({ asked, fault }: NotificationListView): Html {
  const value = (name: string) => asked[name] ?? ''
  return filterForm(PATH, fault !== undefined, [
    filterField({ name: 'client', label: 'App', value: value('client'), hint: 'Its client_id' }),
    filterField({ name: 'account', label: 'Account', value: value('account'), hint: 'E-mail address or id' }),
    filterField({ name: 'session', label: 'Session', value: value('session'), hint: 'Its id: ses_…' }),
    filterField({
      name: 'state',
      label: 'State',
      value: value('state'),
      choices: [
        ['', 'All'],
        ['failed', 'Failed'],
        ['retrying', 'Trying again'],
        ['waiting', 'Waiting'],
        ['delivered', 'Delivered'],
      ],
    }),
  ])
}

function columns({ csrf, here, mayOpen }: NotificationListView) {
  return [
    {
      label: 'App',
      names: true,
      cell: ({ clientId, cause }: NotificationRow) =>
        html`${mayOpen.apps ? html`<a href="/admin/clients/${clientId}"><bdi>${clientId}</bdi></a>` : html`<bdi>${clientId}</bdi>`}<br><span class="quiet">${words(cause)}</span>`,
    },
    {
      label: 'Of',
      cell: (told: NotificationRow) => whatEnded(told, mayOpen.grants),
    },
    { label: 'Ended', cell: ({ createdAt }: NotificationRow) => moment(createdAt) },
    {
      label: 'State',
      cell: (told: NotificationRow) => html`${standing(told.state)}<br><span class="quiet">${outcome(told)}</span>`,
    },
    ...(csrf === undefined ? [] : [{ label: 'Again', cell: (told: NotificationRow) => againForm(told, here, csrf) }]),
  ]
}

function whatEnded({ sessionId, accountId, accountEndedAt, grantId, cause }: NotificationRow, mayOpenGrants: boolean): Html {
  if (accountEndedAt !== undefined && cause === 'account_deleted') return html`all of a ${ownerName({ id: accountId })}`
  if (accountEndedAt !== undefined) return html`<a href="/admin/accounts/${accountId}">all of an account</a>`
  if (grantId === undefined) return html`<a href="/admin/sessions/${sessionId}">a session</a>`
  // Its session is for all who see the list.
  if (!mayOpenGrants) return html`a grant of <a href="/admin/sessions/${sessionId}">a session</a>`
  return html`<a href="/admin/grants/${grantId}">a grant</a>`
}

function againForm({ id, clientId, state }: NotificationRow, here: string, csrf: string): Html | undefined {
  if (state !== 'failed' && state !== 'retrying') return undefined
  return html`<form method="post" action="${PATH}/${id}/attempts"><input type="hidden" name="csrf" value="${csrf}"><input type="hidden" name="back" value="${here}"><button class="button small" type="submit">Tell it again<span class="visually-hidden"> (${clientId})</span></button></form>`
}
