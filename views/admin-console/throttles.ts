// Who is turned away for asking too often, in the console.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { nothingHere, pager, table } from './lists.ts'

/** Somebody who is turned away. */
export interface ThrottleRow {
  readonly id: string
  /** Which limit turns them away, in words. */
  readonly limit: string
  /** An address, or an IPv6 network. */
  readonly place: string
  readonly until: Date
}

/** What the list shows. */
export interface ThrottleListView {
  readonly throttles: readonly ThrottleRow[]
  /** Undefined for those who may not lift any. */
  readonly csrf?: string
  readonly firstHref?: string
  readonly nextHref?: string
}

export const THROTTLES_PATH = '/admin/throttles'

const LEAD = html`Whoever asks too often from one address is let through again as time passes. Behind a proxy, <code>TRUST_PROXY</code> must name it, or all who come through it are one address.`

/** Makes the list. */
export function throttleList(view: ThrottleListView): Html {
  const { throttles } = view
  return html`<h1>Throttled addresses</h1>
<p class="lead">${LEAD}</p>
${
  throttles.length === 0
    ? nothingHere('No throttled addresses', 'Nobody is turned away.')
    : html`${throttleTable(view)}${pager(view)}`
}`
}

/** Makes the part of the page of blocks. */
export function throttlePart(view: Pick<ThrottleListView, 'throttles' | 'csrf'> & { readonly more: boolean }): Html {
  return html`<h2>Throttled addresses</h2>
<p class="lead">${LEAD}</p>
${view.throttles.length === 0 ? nothingHere('No throttled addresses', 'Nobody is turned away.') : throttleTable(view)}
${view.more && html`<p class="pager"><a class="button small" href="${THROTTLES_PATH}">All throttled addresses</a></p>`}`
}

function throttleTable({ throttles, csrf }: ThrottleListView): Html {
  return table<ThrottleRow>(
    'Who is turned away, the longest first',
    [
      { label: 'From', names: true, cell: ({ place }) => html`<code>${place}</code>` },
      { label: 'For too many', cell: ({ limit }) => limit },
      { label: 'Has to wait until', cell: ({ until }) => moment(until) },
      ...(csrf === undefined ? [] : [{ label: 'Lift', cell: (row: ThrottleRow) => liftForm(row, csrf) }]),
    ],
    throttles,
  )
}

function liftForm({ id, place }: ThrottleRow, csrf: string): Html {
  return html`<form method="post" action="${THROTTLES_PATH}/${id}/lifting"><input type="hidden" name="csrf" value="${csrf}"><button class="button small" type="submit">Lift<span class="visually-hidden"> ${place}</span></button></form>`
}
