// Before and while much ends: the page that says what will, and the one that says how far it is.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { facts, reasonField, standing } from './lists.ts'
import { count } from './tree.ts'
import { saidAloud, underWay } from './under-way.ts'

/** What would end. */
export interface SessionRevocationView {
  readonly preview: {
    readonly sessions: number
    readonly more: boolean
    readonly counted: number
    readonly accounts: number
    readonly grants: number
    readonly refreshFamilies: number
    readonly logoutNotifications: number
    readonly people: readonly { readonly id: string; readonly email: string; readonly sessions: number }[]
    readonly clients: readonly { readonly id: string; readonly name: string; readonly sessions: number }[]
  }
  /** What the form sends: ids, or the filter as the query of the list. */
  readonly ids?: readonly string[]
  readonly filter?: string
  readonly csrf: string
  readonly reason: string
  /** It was sent without one. */
  readonly reasonMissing?: boolean
  readonly backHref: string
  /** What stands there; left out: the list. */
  readonly backTo?: BackTo
  /** The page on which it was ticked, where that is not the list as it is without a filter: it goes along. */
  readonly back?: string
}

/** Where people come from who end something, and go back to. */
export type BackTo = 'list' | 'report' | 'account'

const BACK_TO: { readonly [page in BackTo]: string } = {
  list: 'Back to the list',
  report: 'Back to the report',
  account: 'Back to the account',
}

const CRUMBS: { readonly [page in Exclude<BackTo, 'list'>]: string } = { report: 'Session audit', account: 'Account' }

const NOT_COUNTED = 'It takes too long to count them.'

/** How many there are, and of how many the page tells. */
function found(many: number, { more, counted }: { readonly more: boolean; readonly counted: number }): string {
  const [all, some] = [many, counted].map((number) => number.toLocaleString('en-GB'))
  if (counted === many) return `${all}${more ? ' were counted; there may be more' : ''}`
  return `${all}${more ? ' and more' : ''}. What follows is of ${some} of them.`
}

/** Makes the page that asks before sessions end. */
export function sessionRevocation(view: SessionRevocationView): Html {
  const { preview, ids, filter, csrf, reason, reasonMissing, backHref, backTo = 'list', back } = view
  const { sessions, more, accounts, people, clients } = preview
  const others = accounts - people.length
  if (sessions === 0 && !more) return nothingToEnd('sessions', view)
  return html`<p class="crumbs"><a href="${backHref}">${backTo === 'list' ? 'Sessions' : CRUMBS[backTo]}</a></p>
<h1>${sessions === 0 ? 'End all sessions that match' : html`End ${count(sessions, 'session')}${more && ' and more'}`}</h1>
<section class="card" aria-labelledby="what">
<h2 id="what">What ends</h2>
${facts([
  ['Sessions', sessions === 0 ? NOT_COUNTED : found(sessions, preview)],
  [
    'People',
    html`${people.map((person, index) => html`${index > 0 && ', '}<a href="/admin/accounts/${person.id}"><bdi>${person.email}</bdi></a>${person.sessions > 1 && ` (${person.sessions})`}`)}${others > 0 && ` and ${others.toLocaleString('en-GB')} more`}`,
  ],
  [
    'Apps',
    clients.length === 0 ? 'none' : html`${clients.map(({ name }, index) => html`${index > 0 && ', '}<bdi>${name}</bdi>`)}`,
  ],
  ['Grants', preview.grants.toLocaleString('en-GB')],
  ['Refresh tokens', preview.refreshFamilies.toLocaleString('en-GB')],
  ['Notifications to apps', preview.logoutNotifications.toLocaleString('en-GB')],
])}
<p class="lead">Access tokens are refused by every API that listens within a second. This cannot be undone: people sign in again.</p>
<form method="post" action="/admin/sessions/revocation">
<input type="hidden" name="csrf" value="${csrf}">
${ids !== undefined && html`<input type="hidden" name="ids" value="${ids.join(' ')}">`}
${filter !== undefined && html`<input type="hidden" name="filter" value="${filter}">`}
${back !== undefined && html`<input type="hidden" name="back" value="${back}">`}
${reasonField(reason, reasonMissing)}
<p class="actions"><button class="button danger" type="submit">End ${sessions === 0 ? 'all that match' : html`${count(sessions, 'session')}${more && ' and more'}`}</button>
<a class="button" href="${backHref}">Keep them</a></p>
</form>
</section>`
}

/** What would end of grants. */
export interface GrantRevocationView
  extends Pick<SessionRevocationView, 'ids' | 'filter' | 'csrf' | 'reason' | 'reasonMissing' | 'backHref' | 'backTo' | 'back'> {
  readonly preview: {
    readonly grants: number
    readonly more: boolean
    readonly counted: number
    readonly accounts: number
    readonly refreshFamilies: number
    readonly logoutNotifications: number
    readonly people: readonly { readonly id: string; readonly email: string; readonly grants: number }[]
    readonly clients: readonly { readonly id: string; readonly name: string; readonly grants: number }[]
  }
}

/** Makes the page that asks before grants end. */
export function grantRevocation(view: GrantRevocationView): Html {
  const { preview, ids, filter, csrf, reason, reasonMissing, backHref, backTo = 'list', back } = view
  const { grants, more, accounts, people, clients } = preview
  const others = accounts - people.length
  if (grants === 0 && !more) return nothingToEnd('grants', view)
  return html`<p class="crumbs"><a href="${backHref}">${backTo === 'list' ? 'Grants' : CRUMBS[backTo]}</a></p>
<h1>End ${count(grants, 'grant')}${more && ' and more'}</h1>
<section class="card" aria-labelledby="what">
<h2 id="what">What ends</h2>
${facts([
  ['Grants', found(grants, preview)],
  [
    'Apps',
    html`${clients.map((app, index) => html`${index > 0 && ', '}<bdi>${app.name}</bdi>${app.grants > 1 && ` (${app.grants})`}`)}`,
  ],
  [
    'People',
    html`${people.map((person, index) => html`${index > 0 && ', '}<a href="/admin/accounts/${person.id}"><bdi>${person.email}</bdi></a>${person.grants > 1 && ` (${person.grants})`}`)}${others > 0 && ` and ${others.toLocaleString('en-GB')} more`}`,
  ],
  ['Refresh tokens', preview.refreshFamilies.toLocaleString('en-GB')],
  ['Notifications to apps', preview.logoutNotifications.toLocaleString('en-GB')],
])}
<p class="lead">Access tokens are refused by every API that listens within a second. Sessions go on, and an app that a person agreed to can
get a new grant in them.</p>
<form method="post" action="/admin/grants/revocation">
<input type="hidden" name="csrf" value="${csrf}">
${ids !== undefined && html`<input type="hidden" name="ids" value="${ids.join(' ')}">`}
${filter !== undefined && html`<input type="hidden" name="filter" value="${filter}">`}
${back !== undefined && html`<input type="hidden" name="back" value="${back}">`}
${reasonField(reason, reasonMissing)}
<p class="actions"><button class="button danger" type="submit">End ${count(grants, 'grant')}${more && ' and more'}</button>
<a class="button" href="${backHref}">Keep them</a></p>
</form>
</section>`
}

/** Where nothing was named, nothing can be said of how it stands. */
function nothingToEnd(
  noun: 'sessions' | 'grants',
  { ids, backHref, backTo = 'list' }: Pick<SessionRevocationView, 'ids' | 'backHref' | 'backTo'>,
): Html {
  const why =
    ids?.length === 0 ? 'Nothing is selected. Go back and tick what is to end.' : `None of these ${noun} is live any more.`
  return html`<h1>Nothing to end</h1>
<div class="empty"><p>${why}</p><p><a class="button" href="${backHref}">${BACK_TO[backTo]}</a></p></div>`
}

/** How far an end of many things has come. */
export interface JobView {
  readonly id: string
  /** What ends. */
  readonly noun: 'sessions' | 'grants'
  readonly state: string
  readonly total?: number
  readonly left: number
  readonly ended: {
    readonly sessions: number
    readonly grants: number
    readonly refresh_families: number
    readonly logout_notifications: number
  }
  readonly reason?: string
  readonly createdAt: Date
  readonly finishedAt?: Date
  /** Since when nothing was heard of the process that works at it. */
  readonly silentSince?: Date
}

/** Makes the page of a job. */
export function jobDetail(job: JobView): Html {
  const { noun } = job
  return html`<p class="crumbs"><a href="/admin/${noun}">${noun === 'grants' ? 'Grants' : 'Sessions'}</a></p>
${underWay(job.state === 'done' ? undefined : `/admin/jobs/${job.id}`, howFar(job))}`
}

function howFar(job: JobView): Html {
  const { total, left, ended, noun } = job
  return html`<h1>${job.state === 'done' ? 'Ended' : 'Ending'} ${total === undefined ? noun : count(total, noun.slice(0, -1))}</h1>
<section class="card" aria-labelledby="job">
<h2 id="job">How far it is</h2>
${total !== undefined && total > 0 && html`<progress max="${total}" value="${total - left}" aria-label="Ended">${total - left} of ${total}</progress>`}
${facts([
  ['State', saidAloud(standing(job.state))],
  ['Left', total === undefined ? 'They are being looked for.' : String(left)],
  [
    'Ended',
    `${count(ended.sessions, 'session')}, ${count(ended.grants, 'grant')}, ${count(ended.refresh_families, 'refresh token')}`,
  ],
  ['Notifications to apps', String(ended.logout_notifications)],
  job.reason === undefined ? undefined : ['Why', html`<bdi>${job.reason}</bdi>`],
  ['Begun', moment(job.createdAt)],
  job.silentSince === undefined
    ? undefined
    : [
        'Last heard of',
        html`${moment(job.silentSince)}. The process that works at it may be gone; another one goes on within half a minute.`,
      ],
  job.finishedAt === undefined ? undefined : ['Done', moment(job.finishedAt)],
])}
</section>`
}
