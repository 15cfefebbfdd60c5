// What lately happened to one thing, on its page: its end of the audit log.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'

/** What lately happened. */
export interface HistoryView {
  /** The latest first. */
  readonly events: readonly HistoryRow[]
  /** All of it. */
  readonly allHref: string
}

/** An event. */
export interface HistoryRow {
  readonly id: string
  readonly at: Date
  readonly name: string
  /** An e-mail address, a client_id, or `system`. */
  readonly actor?: string
  readonly reason?: string
}

/** Shows it; nothing for those who may not look into the audit log. */
export function historyCard(history: HistoryView | undefined): Html | false {
  if (history === undefined) return false
  const { events, allHref } = history
  return html`<section class="card" aria-labelledby="history">
<header><h2 id="history">What happened</h2></header>
${
  events.length === 0
    ? html`<p class="quiet">Nothing that the audit log still knows of.</p>`
    : html`<ol class="events">
${events.map(eventLine)}</ol>
<p><a href="${allHref}">All of it in the audit log</a></p>`
}
</section>`
}

function eventLine({ id, at, name, actor, reason }: HistoryRow): Html {
  return html`<li>${moment(at)} <a href="/admin/audit/${id}"><code>${name}</code></a>${actor !== undefined && html` by <bdi>${actor}</bdi>`}${reason !== undefined && html` <span class="quiet"><bdi>${reason}</bdi></span>`}</li>
`
}
