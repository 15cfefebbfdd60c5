// The audit log in the console: what happened, by whom, on whom and from where; each value leads to the events that have it too.
import { type Html, type HtmlValue, html } from '../html.ts'
import { moment } from '../moment.ts'
import {
  type Chip,
  chips,
  facts,
  faultNotice,
  filterField,
  filterForm,
  nothingHere,
  pager,
  type SavedView,
  savedViews,
  table,
} from './lists.ts'

/** An event. What it does not have is not there. */
export interface AuditEventRow {
  readonly id: string
  readonly at: Date
  readonly name: string
  readonly outcome: 'succeeded' | 'failed'
  /** Who did it: an account's id, a client's id, or `system`. */
  readonly actor?: string
  readonly accountId?: string
  readonly clientId?: string
  readonly sessionId?: string
  readonly grantId?: string
  readonly address?: string
  readonly userAgent?: string
  readonly requestId?: string
  readonly reason?: string
  readonly detail: { readonly [name: string]: unknown }
  /** The e-mail addresses of the accounts it names, by their ids; of those that are still there. */
  readonly emails: { readonly [id: string]: string }
}

/** A field of the filter that a value can be put into. */
export type AuditField =
  | 'name'
  | 'outcome'
  | 'actor'
  | 'account'
  | 'client'
  | 'session'
  | 'grant'
  | 'ip'
  | 'request_id'
  | 'reason'

/** What the list shows. */
export interface AuditListView {
  readonly events: readonly AuditEventRow[]
  readonly views: readonly SavedView[]
  readonly chips: readonly Chip[]
  /** The filter's fields as they were filled in. */
  readonly asked: { readonly [field: string]: string }
  readonly fault?: string
  /** The same list, of those that have a value too. */
  readonly narrowed: (field: AuditField, value: string) => string
  /** What the events have in common; undefined until somebody asks. */
  readonly facets?: AuditFacetsView
  /** The page that asks; undefined when there is nothing to count. */
  readonly facetsHref?: string
  /** Where a browser listens for what happens from now on; undefined for a list that ends in the past. */
  readonly followHref?: string
  /** Undefined for those who may take nothing home, and when nothing was found. */
  readonly exporting?: { readonly csrf: string; readonly format: string }
  readonly firstHref?: string
  readonly nextHref?: string
}

/** Values that many have, by the field that looks for them. */
export interface AuditFacetsView {
  readonly counted: number
  readonly more: boolean
  readonly facets: readonly {
    readonly field: AuditField
    readonly values: readonly { readonly value: string; readonly count: number; readonly label?: string }[]
  }[]
}

const PATH = '/admin/audit'

const LABELS: { readonly [field in AuditField]: string } = {
  name: 'What',
  outcome: 'How it went',
  actor: 'Who',
  account: 'On whom',
  client: 'App',
  session: 'Session',
  grant: 'Grant',
  ip: 'From',
  request_id: 'Request',
  reason: 'Why',
}

/** What each field is called. */
export const AUDIT_LABELS: { readonly [field: string]: string } = { ...LABELS, since: 'Since', before: 'Before' }

/** Makes the list. */
export function auditList(view: AuditListView): Html {
  const { events, fault, nextHref, facets } = view
  return html`<h1>Audit log</h1>
${savedViews(view.views)}
${filters(view)}
${chips(view.chips, PATH)}
${faultNotice(fault)}
${view.followHref !== undefined && followBox(view.followHref)}
${facets !== undefined && facetsOf(facets, view)}
${
  events.length === 0
    ? nothingHere(
        'No events',
        nextHref === undefined
          ? 'Nothing like that is in the audit log. Take a filter off to see more.'
          : 'None in this stretch.',
        fault,
      )
    : html`<ol class="events">
${events.map((event) => html`<li>${eventItem(event, view.narrowed)}</li>\n`)}</ol>`
}
${pager(view)}
${(view.facetsHref !== undefined || view.exporting !== undefined) && takeAway(view)}`
}

function filters({ asked, fault }: AuditListView): Html {
  const value = (name: string) => asked[name] ?? ''
  const text = (name: AuditField, hint?: string) =>
    filterField({ name, label: LABELS[name], value: value(name), ...(hint === undefined ? {} : { hint }) })
  return filterForm(PATH, fault !== undefined, [
    text('name', 'session.revoked, or session.* for all of sessions'),
    filterField({
      name: 'outcome',
      label: LABELS.outcome,
      value: value('outcome'),
      choices: [
        ['', 'All'],
        ['succeeded', 'Succeeded'],
        ['failed', 'Failed or refused'],
      ],
    }),
    text('actor', 'E-mail address, id, client_id, or system'),
    text('account', 'E-mail address or id'),
    text('client', 'Its client_id'),
    text('ip', '192.0.2.7 or 192.0.2.0/24'),
    text('reason', 'What it begins with'),
    text('request_id', 'As error pages show it'),
    text('session'),
    text('grant'),
    filterField({ name: 'since', label: 'Since', value: value('since'), hint: 'UTC: 2026-11-26 or 2026-11-26T09:30' }),
    filterField({ name: 'before', label: 'Before', value: value('before') }),
  ])
}

/** Only a script can listen, so it is the script that puts what one follows with there. */
function followBox(href: string): Html {
  return html`<div class="follow" data-follow="${href}" hidden></div>`
}

function facetsOf({ counted, more, facets }: AuditFacetsView, { narrowed }: AuditListView): Html {
  const of = counted.toLocaleString('en-GB')
  return html`<section class="facets" aria-labelledby="facets"><h2 id="facets">${more ? `Of the latest ${of}` : `Of all ${of}`}</h2>
${facets
  .filter(({ values }) => values.length > 0)
  .map(
    ({ field, values }) => html`<div><h3>${LABELS[field]}</h3><ul>
${values.map(
  ({ value, count, label }) =>
    html`<li><a href="${narrowed(field, value)}"><bdi>${label ?? value}</bdi></a> <span class="quiet">${count.toLocaleString('en-GB')}</span></li>\n`,
)}</ul></div>\n`,
  )}</section>`
}

function eventItem(event: AuditEventRow, narrowed: AuditListView['narrowed']): Html {
  const { name, at, reason, actor, emails } = event
  return html`<details><summary><span>${moment(at)}</span><span><code>${name}</code>${failed(event)}</span><span><bdi>${actor === undefined ? '–' : (emails[actor] ?? actor)}</bdi></span><span class="quiet"><bdi>${reason !== undefined && cut(reason, SHORT_REASON)}</bdi></span></summary>
${facts(factsOf(event, narrowed))}${short(event.detail)}
<p><a href="${PATH}/${event.id}">Event ${event.id}</a></p></details>`
}

function failed({ outcome, name }: AuditEventRow): Html | false {
  return outcome === 'failed' && html` <span class="badge bad">${name.endsWith('.failed') ? 'Failed' : 'Refused'}</span>`
}

type Fact = readonly [label: string, value: HtmlValue]

function factsOf(event: AuditEventRow, narrowed: AuditListView['narrowed']): (Fact | undefined)[] {
  const fact = (field: AuditField, value: string | undefined): Fact | undefined =>
    value === undefined
      ? undefined
      : [LABELS[field], html`<a href="${narrowed(field, value)}"><bdi>${event.emails[value] ?? value}</bdi></a>`]
  return [
    fact('name', event.name),
    fact('actor', event.actor),
    fact('account', event.accountId),
    fact('client', event.clientId),
    fact('session', event.sessionId),
    fact('grant', event.grantId),
    fact('ip', event.address),
    fact('request_id', event.requestId),
  ]
}

/** In the list: all of it is on the page of the event. */
const SHORT_REASON = 100
const SHORT_DETAIL = 300

function short(detail: AuditEventRow['detail']): Html | false {
  const text = JSON.stringify(detail)
  return text !== '{}' && html`<pre class="json"><code>${cut(text, SHORT_DETAIL)}</code></pre>`
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text
}

function takeAway({ facetsHref, exporting, asked }: AuditListView): Html {
  return html`<div class="take-away">
${facetsHref !== undefined && html`<a class="button small" href="${facetsHref}">Count what they have in common</a>`}
${
  exporting !== undefined &&
  html`<form method="post" action="${PATH}/export">
<input type="hidden" name="csrf" value="${exporting.csrf}">
${Object.entries(asked).map(([field, value]) => html`<input type="hidden" name="${field}" value="${value}">\n`)}<label for="format">All of them as</label>
<select id="format" name="format">${EXPORTS.map(([format, label]) => html`<option value="${format}"${format === exporting.format && html` selected`}>${label}</option>`)}</select>
<button class="button small" type="submit">Export</button>
</form>`
}
</div>`
}

const EXPORTS = [
  ['csv', 'CSV, for spreadsheets'],
  ['ndjson', 'JSON, one to a line'],
  ['ecs', 'Elastic Common Schema'],
] as const

/** What the page of one event shows. */
export interface AuditEventView {
  readonly event: AuditEventRow
  /** The number of its seal in the chain; undefined while it has none. */
  readonly seal: string | undefined
  readonly narrowed: AuditListView['narrowed']
}

/** Makes it. */
export function auditDetail({ event, seal, narrowed }: AuditEventView): Html {
  const { changes, ...others } = event.detail
  const changed = isRecord(changes) ? Object.entries(changes) : []
  const rest = changed.length > 0 ? others : event.detail
  return html`<p class="crumbs"><a href="${PATH}">Audit log</a></p>
<h1><code>${event.name}</code>${failed(event)}</h1>
${facts([
  ['When', moment(event.at)],
  ...factsOf(event, narrowed),
  event.reason === undefined ? undefined : ['Why', html`<bdi>${event.reason}</bdi>`],
  event.userAgent === undefined ? undefined : ['Browser or program', html`<bdi>${event.userAgent}</bdi>`],
  ['Seal', seal ?? 'Not yet: it gets one within seconds.'],
])}
${pages(event)}
${
  changed.length > 0 &&
  html`<h2>What was changed</h2>
${table(
  'What was changed',
  [
    { label: 'What', names: true, cell: ([member]) => html`<code>${member}</code>` },
    { label: 'From', cell: ([, change]) => sideOf(change, 'from') },
    { label: 'To', cell: ([, change]) => sideOf(change, 'to') },
  ],
  changed,
)}`
}
${Object.keys(rest).length > 0 && html`<h2>What else is known</h2><pre class="json"><code>${JSON.stringify(rest, null, 2)}</code></pre>`}`
}

/** Where what it names is shown, if it is still there. */
function pages({ accountId, clientId, sessionId, grantId }: AuditEventRow): Html {
  const link = (path: string, label: string, id: string | undefined) =>
    id !== undefined && html`<a class="button small" href="/admin/${path}/${encodeURIComponent(id)}">${label}</a>\n`
  return html`<p class="actions">${link('accounts', 'The account', accountId)}${link('sessions', 'The session', sessionId)}${link('grants', 'The grant', grantId)}${link('clients', 'The app', clientId)}</p>`
}

function sideOf(change: unknown, side: 'from' | 'to'): Html {
  const value = isRecord(change) ? change[side] : undefined
  if (value === undefined || value === null) return html`<span class="quiet">nothing</span>`
  return html`<bdi>${typeof value === 'string' ? value : JSON.stringify(value)}</bdi>`
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
