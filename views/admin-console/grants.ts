// Grants in the console: the list over the whole installation, and one with all that hangs from it.
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
} from './lists.ts'
import { type Owner, ownerLink, ownerName, ownerText } from './owner.ts'
import type { GrantView, SessionView } from './sessions.ts'
import { familyNode, type GuardView, guardRow, type NotificationView, notificationRow, scopeList, words } from './tree.ts'

/** A grant in the list. */
export interface GrantRow extends GrantView {
  readonly account: Owner
  readonly sessionId?: string
  readonly state: 'live' | 'ended' | 'expired'
}

/** What the list shows. */
export interface GrantListView {
  readonly grants: readonly GrantRow[]
  readonly views: readonly SavedView[]
  readonly chips: readonly Chip[]
  /** The filter's fields as they were filled in. */
  readonly asked: { readonly [field: string]: string }
  /** What is wrong with them. */
  readonly fault?: string
  readonly mayRevoke: boolean
  /** This page, where it is not the list as it is without a filter: those who end something come back to it. */
  readonly here?: string
  /** Ends all that the filter finds; undefined when the filter says nothing, or nothing was found. */
  readonly revokeAllHref?: string
  readonly firstHref?: string
  readonly nextHref?: string
}

/** Makes the list. */
export function grantList(view: GrantListView): Html {
  const { grants, nextHref } = view
  return html`<h1>Grants</h1>
${savedViews(view.views)}
${filters(view)}
${chips(view.chips, '/admin/grants')}
${faultNotice(view.fault)}
${grants.length > 0 ? rows(view) : html`${nothingHere('No grants', nextHref === undefined ? noneLike('Nobody lets an app do that.', view.asked) : 'There is none in this stretch. The next page looks further.', view.fault)}${pager(view)}`}`
}

function filters({ asked, fault }: GrantListView): Html {
  const value = (name: string) => asked[name] ?? ''
  return filterForm('/admin/grants', fault !== undefined, [
    filterField({ name: 'account', label: 'Account', value: value('account'), hint: 'E-mail address or id' }),
    filterField({ name: 'client', label: 'App', value: value('client'), hint: 'Its client_id' }),
    filterField({ name: 'scope', label: 'Scope', value: value('scope'), hint: 'notes:read' }),
    filterField({ name: 'resource', label: 'API', value: value('resource'), hint: 'Its identifier' }),
    filterField({ name: 'session', label: 'Session', value: value('session'), hint: 'Its id: ses_…' }),
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
    filterField({ name: 'since', label: 'Given since', value: value('since'), hint: 'UTC: 2026-11-26 or 2026-11-26T09:30' }),
    filterField({ name: 'before', label: 'Given before', value: value('before') }),
    filterField({ name: 'idle', label: 'Not refreshed for', value: value('idle'), hint: '30m, 8h or 7d' }),
    // It has no field, and goes along: nobody is shown more than the filter of before found.
    carriedField('not_kept_in', value('not_kept_in')),
  ])
}

function rows(view: GrantListView): Html {
  const { grants, mayRevoke } = view
  const select = {
    label: 'Select',
    cell: ({ id, state, account, client }: GrantRow) =>
      state === 'live' &&
      html`<label class="select"><input type="checkbox" name="id" value="${id}"><span class="visually-hidden">${ownerText(account)}, ${client.name}</span></label>`,
  }
  const list = table<GrantRow>('Grants, the latest first', [...(mayRevoke ? [select] : []), ...COLUMNS], grants)
  if (!mayRevoke) return html`${list}${pager(view)}`
  return html`<form method="get" action="/admin/grants/revocation" class="selection" autocomplete="off">
${carriedField('back', view.here)}${list}
<p class="actions">
<button class="button danger small" type="submit">End selected…</button>
${view.revokeAllHref !== undefined && html`<a class="button small" href="${view.revokeAllHref}">End all of these…</a>`}
</p>
</form>
${pager(view)}`
}

const COLUMNS = [
  {
    label: 'App',
    names: true,
    cell: ({ id, account, client }: GrantRow) =>
      html`<a href="/admin/grants/${id}"><bdi>${client.name}</bdi></a><br><span class="quiet">${ownerName(account)}</span>`,
  },
  { label: 'May', cell: ({ scopes, resources }: GrantRow) => scopeList(scopes, resources) },
  { label: 'Given', cell: ({ createdAt }: GrantRow) => moment(createdAt) },
  { label: 'Refreshed', cell: (grant: GrantRow) => lastRefresh(grant) },
  {
    label: 'State',
    cell: ({ state, expiresAt, endedAt }: GrantRow) =>
      html`${standing(state)}<br><span class="quiet">${state === 'live' ? 'until ' : ''}${moment(endedAt ?? expiresAt)}</span>`,
  },
]

function lastRefresh({ families }: GrantRow): Html | string {
  if (families.length === 0) return 'no refresh token'
  const times = families.flatMap(({ rotatedAt }) => (rotatedAt === undefined ? [] : [rotatedAt.getTime()]))
  return times.length === 0 ? 'never' : moment(new Date(Math.max(...times)))
}

/** What one grant shows. */
export interface GrantDetailView {
  readonly grant: GrantRow
  readonly session?: { readonly id: string; readonly device: string; readonly state: string }
  readonly revocations: NonNullable<SessionView['refusals']>['revocations']
  readonly notifications: readonly NotificationView[]
  readonly guards: readonly GuardView[]
  readonly csrf: string
  readonly mayRevoke: boolean
  /** The app has a page, and the person may see it. */
  readonly mayOpenApp: boolean
  /** The person may have apps told again. */
  readonly mayTell: boolean
  readonly history?: HistoryView | undefined
}

/** Makes the page of one grant. */
export function grantDetail(view: GrantDetailView): Html {
  const { grant, mayRevoke } = view
  return html`<p class="crumbs"><a href="/admin/grants">Grants</a></p>
<h1><bdi>${grant.client.name}</bdi> for ${ownerName(grant.account)}</h1>
<section class="card" aria-labelledby="about">
<h2 id="about">Grant</h2>
${aboutGrant(view)}
${mayRevoke && grant.state === 'live' && html`<p class="actions"><a class="button danger" href="/admin/grants/revocation?id=${grant.id}">End this grant…</a></p>`}
</section>
<section class="card" aria-labelledby="tokens">
<header><h2 id="tokens">Its tokens</h2></header>
<ul class="tree">
${grant.families.map(familyNode)}<li><p>Access tokens: ${grant.live ? 'the youngest expires' : 'if nobody had been told, the last would have expired'} by ${moment(grant.accessTokensUntil)}</p></li>
</ul>
</section>
${proof(view)}
${historyCard(view.history)}`
}

function aboutGrant({ grant, session, mayOpenApp }: GrantDetailView): Html {
  // Those of APIs stand with their APIs.
  const ofApis = Object.values(grant.resources).flat()
  const scopes = grant.scopes.filter((scope) => !ofApis.includes(scope))
  return facts([
    [
      'State',
      html`${standing(grant.state)}${grant.endReason !== undefined && html` <span class="quiet">${words(grant.endReason)}</span>`}`,
    ],
    ['Account', ownerLink(grant.account)],
    [
      'App',
      mayOpenApp
        ? html`<a href="/admin/clients/${grant.client.id}"><bdi>${grant.client.name}</bdi></a>`
        : html`<bdi>${grant.client.name}</bdi>`,
    ],
    ['About the person', scopes.length === 0 ? 'nothing' : html`${scopes.map((scope) => html`<code>${scope}</code> `)}`],
    ...Object.entries(grant.resources).map(
      ([api, given]) => [api, html`${given.map((scope) => html`<code>${scope}</code> `)}`] as const,
    ),
    [
      'Session',
      session === undefined
        ? 'it is not known any more'
        : html`<a href="/admin/sessions/${session.id}"><bdi>${session.device}</bdi></a> ${standing(session.state)}`,
    ],
    ['Given', moment(grant.createdAt)],
    grant.endedAt === undefined ? ['Expires', moment(grant.expiresAt)] : ['Ended', moment(grant.endedAt)],
    ['Id', html`<code>${grant.id}</code>`],
  ])
}

/** Who has been told, and who refuses its tokens by now. */
function proof({ grant, notifications, guards, revocations, csrf, mayTell }: GrantDetailView): Html {
  const [newest] = revocations
  return html`<section class="card" aria-labelledby="proof">
<header><h2 id="proof">Proof that it ended</h2></header>
<h3>The app</h3>
${notifications.length === 0 ? html`<p class="quiet">${whyUntold(grant)}</p>` : html`<ul class="rows">\n${notifications.map((one) => notificationRow(one, `/admin/grants/${grant.id}`, mayTell ? csrf : undefined))}</ul>`}
<h3>APIs that refuse its tokens</h3>
${newest === undefined ? html`<p class="quiet">Nothing of it was revoked, or all its tokens have expired since.</p>` : html`<p class="quiet">Revocation ${newest.sequence}, remembered until ${moment(newest.until)}.</p>`}
${revocations.length > 0 && guards.length === 0 && html`<p class="quiet">No guard has said how far it has come.</p>`}
${guards.length > 0 && html`<ul class="rows">\n${guards.map(guardRow)}</ul>`}
</section>`
}

/** Not every end is one that apps are told of (docs/revocation.md). */
function whyUntold({ state, endReason }: GrantRow): string {
  if (state === 'live') return 'The app is told when the grant is revoked or its session ends, if it has said where to tell it.'
  if (state === 'expired') return 'Nobody ended it: its time was over, and an app is not told of that.'
  return UNTOLD[endReason ?? ''] ?? 'The app has not said where to tell it, or its session was over before.'
}

const UNTOLD: { readonly [cause: string]: string } = {
  client_ended: 'It ended with its app: an app is not told that it was suspended or deleted, or that its secret was compromised.',
  refresh_token_reused: 'A refresh token was used twice. The app is not told of that: its next refresh is refused.',
  code_replayed: 'A code was used twice. The app is not told of that: its tokens are refused.',
  token_revoked: 'The app gave its refresh token back. It is not told of what it did itself.',
}
