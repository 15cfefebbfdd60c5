// Sessions in the console: the list over the whole installation, one with all that hangs from it, and the page that says what will end.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { type HistoryView, historyCard } from './history.ts'
import {
  type Chip,
  carriedField,
  chips,
  facts,
  faultNotice,
  filterField,
  filterForm,
  noneLike,
  nothingHere,
  pager,
  type SavedView,
  savedViews,
  standing,
  table,
  YES_NO,
} from './lists.ts'
import { type Owner, ownerLink, ownerName, ownerText } from './owner.ts'
import {
  type FamilyView,
  familyNode,
  type GuardView,
  guardRow,
  type NotificationView,
  notificationRow,
  scopeList,
  words,
} from './tree.ts'

/** A session in the list. */
export interface SessionRow {
  readonly id: string
  readonly account: Owner
  readonly device: string
  readonly address?: string
  readonly methods: readonly string[]
  readonly clients: readonly { readonly clientId: string; readonly name: string }[]
  readonly startedAt: Date
  readonly lastUsedAt: Date
  readonly expiresAt: Date
  readonly state: 'live' | 'ended' | 'expired'
  readonly endedAt?: Date
  readonly endReason?: string
}

/** What the list shows. */
export interface SessionListView {
  readonly sessions: readonly SessionRow[]
  readonly views: readonly SavedView[]
  readonly chips: readonly Chip[]
  /** The filter's fields as they were filled in. */
  readonly asked: { readonly [field: string]: string }
  /** What is wrong with them. */
  readonly fault?: string
  readonly mayRevoke: boolean
  /** Whether apps are for them: to others their names are just names. */
  readonly mayOpenApps: boolean
  /** This page, where it is not the list as it is without a filter: those who end something come back to it. */
  readonly here?: string
  /** Ends all that the filter finds; undefined when the filter says nothing, or nothing was found. */
  readonly revokeAllHref?: string
  readonly firstHref?: string
  readonly nextHref?: string
}

/** Makes the list. */
export function sessionList(view: SessionListView): Html {
  return html`<h1>Sessions</h1>
${savedViews(view.views)}
${filters(view)}
${chips(view.chips, '/admin/sessions')}
${faultNotice(view.fault)}
${view.sessions.length === 0 ? nothingHere('No sessions', noneLike('Nobody is, or was, signed in that way.', view.asked), view.fault) : sessionRows(view)}`
}

function filters({ asked, fault }: SessionListView): Html {
  const value = (name: string) => asked[name] ?? ''
  return filterForm('/admin/sessions', fault !== undefined, [
    filterField({ name: 'account', label: 'Account', value: value('account'), hint: 'E-mail address or id' }),
    filterField({ name: 'client', label: 'App', value: value('client'), hint: 'Its client_id' }),
    filterField({ name: 'ip', label: 'Address', value: value('ip'), hint: 'Or a network: 192.0.2.0/24' }),
    filterField({ name: 'method', label: 'Signed in by', value: value('method'), hint: 'pwd, for a password' }),
    filterField({
      name: 'state',
      label: 'State',
      value: value('state'),
      choices: [
        ['', 'All'],
        ['live', 'Live'],
        ['ended', 'Ended'],
        ['expired', 'Expired'],
      ],
    }),
    filterField({ name: 'since', label: 'Started since', value: value('since'), hint: 'UTC: 2026-11-26 or 2026-11-26T09:30' }),
    filterField({ name: 'before', label: 'Started before', value: value('before') }),
    filterField({ name: 'idle', label: 'Not used for', value: value('idle'), hint: '30m, 8h or 7d' }),
    filterField({ name: 'more_than', label: 'More sessions than', value: value('more_than'), hint: 'Of one person: 5' }),
    filterField({ name: 'administrators', label: 'Of an administrator', value: value('administrators'), choices: YES_NO }),
    filterField({ name: 'new_device', label: 'On a new device', value: value('new_device'), choices: YES_NO }),
    // It has no field, and goes along: nobody is shown more than the filter of before found.
    carriedField('not_kept_in', value('not_kept_in')),
  ])
}

/** The rows, to choose from for those who may end them. */
export function sessionRows(
  view: Pick<SessionListView, 'sessions' | 'mayRevoke' | 'mayOpenApps' | 'here' | 'revokeAllHref' | 'firstHref' | 'nextHref'>,
): Html {
  const { sessions, mayRevoke, mayOpenApps } = view
  const select = {
    label: 'Select',
    cell: ({ id, state, account, device }: SessionRow) =>
      state === 'live' &&
      html`<label class="select"><input type="checkbox" name="id" value="${id}"><span class="visually-hidden">${ownerText(account)}, ${device}</span></label>`,
  }
  const list = table<SessionRow>(
    'Sessions, the latest first',
    [...(mayRevoke ? [select] : []), ...columns(mayOpenApps)],
    sessions,
  )
  if (!mayRevoke) return html`${list}${pager(view)}`
  return html`<form method="get" action="/admin/sessions/revocation" class="selection" autocomplete="off">
${carriedField('back', view.here)}${list}
<p class="actions">
<button class="button danger small" type="submit">End selected…</button>
${view.revokeAllHref !== undefined && html`<a class="button small" href="${view.revokeAllHref}">End all of these…</a>`}
</p>
</form>
${pager(view)}`
}

const columns = (mayOpenApps: boolean) => [
  {
    label: 'Account',
    names: true,
    cell: ({ id, account, device }: SessionRow) =>
      html`<a href="/admin/sessions/${id}">${ownerName(account)}</a><br><span class="quiet"><bdi>${device}</bdi></span>`,
  },
  {
    label: 'From',
    cell: ({ address, methods }: SessionRow) => html`${address ?? 'unknown'}<br><span class="quiet">${methods.join(', ')}</span>`,
  },
  { label: 'Apps', cell: ({ id, clients }: SessionRow) => someApps(id, clients, mayOpenApps) },
  { label: 'Started', cell: ({ startedAt }: SessionRow) => moment(startedAt) },
  { label: 'Last active', cell: ({ lastUsedAt }: SessionRow) => moment(lastUsedAt) },
  {
    label: 'State',
    cell: ({ state, expiresAt, endedAt }: SessionRow) =>
      html`${standing(state)}<br><span class="quiet">${state === 'live' ? 'until ' : ''}${moment(endedAt ?? expiresAt)}</span>`,
  },
]

/** In the list. All of them, with all of their names, are on the page of the session. */
const MOST_APPS = 3
const MOST_OF_NAME = 40

function someApps(id: string, clients: SessionRow['clients'], mayOpenApps: boolean): Html | string {
  const shown = clients
    .slice(0, MOST_APPS)
    .map(({ name, ...client }) => ({ ...client, name: name.length > MOST_OF_NAME ? `${name.slice(0, MOST_OF_NAME)}…` : name }))
  const more = clients.length - shown.length
  return html`${appNames(shown, mayOpenApps)}${more > 0 && html` <a href="/admin/sessions/${id}">and ${more} more</a>`}`
}

function appNames(clients: SessionRow['clients'], mayOpenApps: boolean): Html | string {
  if (clients.length === 0) return 'none'
  const named = ({ clientId, name }: SessionRow['clients'][number]) =>
    mayOpenApps ? html`<a href="/admin/clients/${clientId}"><bdi>${name}</bdi></a>` : html`<bdi>${name}</bdi>`
  return html`${clients.map((client, index) => html`${index > 0 && ', '}${named(client)}`)}`
}

/** A grant with what hangs from it. */
export interface GrantView {
  readonly id: string
  readonly client: { readonly id: string; readonly name: string }
  readonly scopes: readonly string[]
  readonly resources: { readonly [identifier: string]: readonly string[] }
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly live: boolean
  readonly endedAt?: Date
  readonly endReason?: string
  readonly families: readonly FamilyView[]
  readonly accessTokensUntil: Date
}

/** What one session shows. */
export interface SessionView {
  readonly session: SessionRow & { readonly userAgent?: string }
  /** Undefined for those who may not see grants. */
  readonly grants?: readonly GrantView[]
  readonly notifications: readonly NotificationView[]
  /** Which APIs refuse its tokens; undefined for those who may not see tokens. */
  readonly refusals?: {
    readonly revocations: readonly {
      readonly sequence: number
      readonly kind: string
      readonly value: string
      readonly until: Date
      readonly createdAt: Date
    }[]
    readonly guards: readonly GuardView[]
  }
  readonly csrf: string
  readonly mayRevoke: boolean
  readonly mayOpenApps: boolean
  readonly history?: HistoryView | undefined
}

/** Makes the page of one session. */
export function sessionDetail(view: SessionView): Html {
  const { session, grants, mayRevoke, mayOpenApps } = view
  return html`<p class="crumbs"><a href="/admin/sessions">Sessions</a></p>
<h1>${ownerName(session.account)}, <bdi>${session.device}</bdi></h1>
<section class="card" aria-labelledby="about">
<h2 id="about">Session</h2>
${aboutSession(session, mayOpenApps)}
${mayRevoke && session.state === 'live' && html`<p class="actions"><a class="button danger" href="/admin/sessions/revocation?id=${session.id}">End this session…</a></p>`}
</section>
${grants !== undefined && tree(grants)}
${proof(view)}
${historyCard(view.history)}`
}

function aboutSession(session: SessionView['session'], mayOpenApps: boolean): Html {
  return facts([
    [
      'State',
      html`${standing(session.state)}${session.endReason !== undefined && html` <span class="quiet">${words(session.endReason)}</span>`}`,
    ],
    ['Account', ownerLink(session.account)],
    ['Address', session.address ?? 'unknown'],
    ['Signed in by', session.methods.join(', ')],
    ['Apps', appNames(session.clients, mayOpenApps)],
    ['Started', moment(session.startedAt)],
    ['Last active', moment(session.lastUsedAt)],
    session.endedAt === undefined ? ['Expires', moment(session.expiresAt)] : ['Ended', moment(session.endedAt)],
    ['Browser', html`<bdi class="quiet">${session.userAgent ?? 'It did not say.'}</bdi>`],
    ['Id', html`<code>${session.id}</code>`],
  ])
}

function tree(grants: readonly GrantView[]): Html {
  return html`<section class="card" aria-labelledby="grants">
<header><h2 id="grants">What was given in it</h2>
<p class="lead">Each grant lets one app do something. Its refresh tokens hang from it, and from them its access tokens.</p></header>
${grants.length === 0 ? html`<p class="quiet">No app was given anything.</p>` : html`<ul class="tree">\n${grants.map(grantNode)}</ul>`}
</section>`
}

function grantNode(grant: GrantView): Html {
  return html`<li>
<p><strong><a href="/admin/grants/${grant.id}"><bdi>${grant.client.name}</bdi></a></strong> ${standing(grant.live ? 'live' : 'ended')}
${grant.endReason !== undefined && html`<span class="quiet">${words(grant.endReason)}</span>`}</p>
<p class="quiet">Given ${moment(grant.createdAt)} · ${scopeList(grant.scopes, grant.resources)}</p>
<ul>
${grant.families.map(familyNode)}<li><p>Access tokens: ${grant.live ? 'the youngest expires' : 'if nobody had been told, the last would have expired'} by ${moment(grant.accessTokensUntil)}</p></li>
</ul>
</li>
`
}

/** Who has been told, and who refuses its tokens by now. */
function proof({ notifications, refusals, csrf, mayRevoke, session }: SessionView): Html {
  return html`<section class="card" aria-labelledby="proof">
<header><h2 id="proof">Proof that it ended</h2></header>
<h3>Apps that are told</h3>
${notifications.length === 0 ? html`<p class="quiet">${session.state === 'live' ? 'Apps are told when the session ends.' : 'No app of this session has said where to tell it.'}</p>` : html`<ul class="rows">\n${notifications.map((one) => notificationRow(one, `/admin/sessions/${session.id}`, mayRevoke ? csrf : undefined))}</ul>`}
${refusals !== undefined && refusing(refusals)}
</section>`
}

function refusing({ revocations, guards }: NonNullable<SessionView['refusals']>): Html {
  return html`<h3>APIs that refuse its tokens</h3>
${revocations.length === 0 ? html`<p class="quiet">Nothing of it was revoked, or all its tokens have expired since.</p>` : html`<p class="quiet">Revocation ${revocations[0]?.sequence}, remembered until ${moment(revocations[0]?.until ?? new Date(0))}.</p>`}
${revocations.length > 0 && guards.length === 0 && html`<p class="quiet">No guard has said how far it has come.</p>`}
${guards.length > 0 && html`<ul class="rows">\n${guards.map(guardRow)}</ul>`}`
}
