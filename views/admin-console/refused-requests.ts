// Requests that were refused, in the console: which, and of each what was expected beside what was received, and what to change.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { type Chip, chips, facts, faultNotice, filterField, filterForm, nothingHere, pager, table } from './lists.ts'
import { words } from './tree.ts'

/** A request that was refused, or several that were alike. */
export interface RefusedRequestRow {
  readonly requestIds: readonly string[]
  readonly times: number
  readonly at: Date
  readonly endpoint: string
  readonly clientId?: string
  readonly known: boolean
  /** It is the client that this server's own pages are, which has no page. */
  readonly isOwn: boolean
  readonly address: string
  readonly userAgent?: string
  readonly error: string
  readonly description?: string
  readonly cause: string
  readonly summary: string
  readonly change: string
  readonly expected?: string
  readonly received?: string
  readonly reasons: readonly string[]
}

/** What the list shows. */
export interface RefusedRequestListView {
  readonly requests: readonly RefusedRequestRow[]
  readonly chips: readonly Chip[]
  readonly asked: { readonly [field: string]: string }
  readonly causes: readonly string[]
  readonly fault?: string
  readonly firstHref?: string
  readonly nextHref?: string
}

const PATH = '/admin/refused-requests'

/** Makes the list. */
export function refusedRequestList(view: RefusedRequestListView): Html {
  const { requests, fault } = view
  return html`<h1>Refused requests</h1>
<p class="lead">Why apps were refused, for those who build them. Each request has an id, which error pages show and every answer carries in its header <code>X-Request-Id</code>: it finds the request here, for a week.</p>
${finder(view.asked.id ?? '')}
${filters(view)}
${chips(view.chips, PATH)}
${faultNotice(fault)}
${
  requests.length === 0
    ? nothingHere(
        'No refused requests',
        Object.keys(view.asked).length > 0
          ? 'None like that, among the last 1,000 of a week.'
          : 'No app was refused anything in the last week. When one is, it takes a second to be here.',
        fault,
      )
    : html`${table<RefusedRequestRow>('Refused requests, the latest first', COLUMNS, requests)}${pager(view)}`
}`
}

function finder(value: string): Html {
  return html`<form method="get" action="${PATH}" class="finder">
<div class="field">
<label for="id">Request id</label>
<input id="id" name="id" type="text" value="${value}" maxlength="100" autocomplete="off" spellcheck="false">
</div>
<p class="actions"><button class="button small" type="submit">Find it</button></p>
</form>`
}

function filters({ asked, fault, causes }: RefusedRequestListView): Html {
  return filterForm(PATH, fault !== undefined, [
    filterField({ name: 'client', label: 'App', value: asked.client ?? '', hint: 'Its client_id' }),
    filterField({
      name: 'cause',
      label: 'Cause',
      value: asked.cause ?? '',
      choices: [['', 'All'], ...causes.map((cause) => [cause, words(cause)] as const)],
    }),
  ])
}

const COLUMNS = [
  { label: 'When', cell: ({ at, times }: RefusedRequestRow) => html`${moment(at)}${timesOf(times)}` },
  {
    label: 'Why',
    names: true,
    cell: ({ requestIds: [id = ''], summary }: RefusedRequestRow) =>
      html`<a href="${PATH}/${encodeURIComponent(id)}">${summary}</a>`,
  },
  { label: 'App', cell: (row: RefusedRequestRow) => appOf(row) },
  { label: 'Asked for', cell: ({ endpoint }: RefusedRequestRow) => words(endpoint) },
  { label: 'From', cell: ({ address }: RefusedRequestRow) => address },
]

function timesOf(times: number): Html | undefined {
  return times === 1 ? undefined : html`<br><span class="quiet">${times} times in a second</span>`
}

function appOf({ clientId, known, isOwn }: RefusedRequestRow): Html {
  if (clientId === undefined) return html`<span class="quiet">not named</span>`
  if (!known) return html`<bdi>${clientId}</bdi><br><span class="quiet">not registered</span>`
  if (isOwn) return html`<bdi>${clientId}</bdi><br><span class="quiet">pages of this server</span>`
  return html`<a href="/admin/clients/${encodeURIComponent(clientId)}"><bdi>${clientId}</bdi></a>`
}

/** Makes the page of one. */
export function refusedRequestDetail(request: RefusedRequestRow): Html {
  const { expected, received, reasons, requestIds, times } = request
  return html`<p class="crumbs"><a href="${PATH}">Refused requests</a></p>
<h1>${request.summary}</h1>
<section class="card" aria-labelledby="change">
<h2 id="change">What to change</h2>
<p>${request.change}</p>
</section>
<section class="card" aria-labelledby="difference">
<h2 id="difference">Expected and received</h2>
${
  expected === undefined && received === undefined
    ? html`<p class="quiet">There is nothing to compare.</p>`
    : html`<dl class="compared">
<div><dt>Expected</dt><dd><code>${expected ?? 'nothing in particular'}</code></dd></div>
<div><dt>Received</dt><dd><code>${received ?? 'something else'}</code></dd></div>
</dl>`
}
${reasons.length > 0 && html`<ul class="reasons">\n${reasons.map((reason) => html`<li>${reason}</li>\n`)}</ul>`}
<p class="quiet">What may be a secret is not kept, nor shown: in its place stands <code>[hidden]</code>.</p>
</section>
<section class="card" aria-labelledby="request">
<h2 id="request">Request</h2>
${facts([
  ['App', appOf(request)],
  ['Asked for', words(request.endpoint)],
  ['When', html`${moment(request.at)}${timesOf(times)}`],
  ['From', request.address],
  request.userAgent === undefined ? undefined : ['By', html`<bdi>${request.userAgent}</bdi>`],
  ['The app was told', toldOf(request)],
  [
    requestIds.length === 1 ? 'Request id' : 'Request ids',
    requestIds.map((id, index) => html`${index > 0 && html`<br>`}<code>${id}</code>`),
  ],
])}
<p class="actions"><a class="button small" href="${PATH}?cause=${encodeURIComponent(request.cause)}">Others for this cause</a>
${request.known && request.clientId !== undefined && html`<a class="button small" href="${PATH}?client=${encodeURIComponent(request.clientId)}">Others of this app</a>`}</p>
</section>`
}

function toldOf({ error, description }: RefusedRequestRow): Html {
  return html`<code>${error}</code>${description !== undefined && html`<br><bdi>${description}</bdi>`}`
}
