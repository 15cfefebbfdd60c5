// Webhooks in the console: which programs are told what happens, whether they take it, and what became of each delivery.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { codes } from './client-parts.ts'
import { facts, nothingHere, pager, type SavedView, savedViews, standing, table } from './lists.ts'
import { outcome } from './tree.ts'
import { saidAloud, underWay } from './under-way.ts'

/** A webhook. */
export interface WebhookRow {
  readonly id: string
  /** For those who may change it: path and query may hold a secret. */
  readonly url?: string
  readonly origin: string
  readonly description: string
  readonly events: readonly string[]
  readonly enabled: boolean
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** What came last of what it was told. */
export interface LastDeliveryView {
  readonly event: string
  readonly state: string
  readonly at: Date
}

/** What the list shows. */
export interface WebhookListView {
  readonly webhooks: readonly (WebhookRow & { readonly last?: LastDeliveryView })[]
  readonly mayWrite: boolean
}

const PATH = '/admin/webhooks'

/** So many events are named in the list. */
const MOST_NAMED = 4

/** Makes the list. */
export function webhookList({ webhooks, mayWrite }: WebhookListView): Html {
  return html`<h1>Webhooks</h1>
<p class="lead">Programs that are told what happens here. What is told is signed, and for a day tried again when it is not taken.</p>
${mayWrite && html`<p class="actions"><a class="button primary" href="${PATH}/new">New webhook…</a></p>`}
${
  webhooks.length === 0
    ? nothingHere(
        'No webhooks',
        mayWrite
          ? 'A program of yours can be told when somebody signs in, when a session ends, when a refresh token was stolen: make one for it.'
          : 'No program is told what happens. An owner can make a webhook.',
      )
    : table<(typeof webhooks)[number]>('Webhooks, the oldest first', COLUMNS, webhooks)
}`
}

const COLUMNS = [
  {
    label: 'Webhook',
    names: true,
    cell: (webhook: WebhookRow) =>
      html`<a href="${PATH}/${webhook.id}"><bdi>${nameOf(webhook)}</bdi></a><br><span class="quiet"><bdi>${webhook.origin}</bdi></span>`,
  },
  { label: 'State', cell: ({ enabled, last }: WebhookRow & { readonly last?: LastDeliveryView }) => stateOf(enabled, last) },
  {
    label: 'Told of',
    cell: ({ events }: WebhookRow) =>
      html`${codes(events.slice(0, MOST_NAMED))}${events.length > MOST_NAMED && html` <span class="quiet">and ${events.length - MOST_NAMED} more</span>`}`,
  },
  {
    label: 'Last delivery',
    cell: ({ last }: { readonly last?: LastDeliveryView }) =>
      last === undefined
        ? html`<span class="quiet">none in the last week</span>`
        : html`${standing(last.state)} <span class="quiet"><bdi>${last.event}</bdi>, ${moment(last.at)}</span>`,
  },
]

/** What people call it; without a description it is where it listens. */
export function nameOf({ description, origin }: Pick<WebhookRow, 'description' | 'origin'>): string {
  return description === '' ? origin : description
}

function stateOf(enabled: boolean, last: LastDeliveryView | undefined): Html {
  if (!enabled) return standing('disabled')
  return standing(last === undefined || last.state === 'delivered' ? 'active' : 'failing')
}

/** A delivery. */
export interface DeliveryView {
  readonly id: string
  readonly event: string
  readonly eventId: string
  readonly state: string
  readonly attempts: number
  readonly createdAt: Date
  readonly lastAttemptAt: Date | undefined
  readonly lastStatus: number | undefined
  readonly lastError: string | undefined
  readonly nextAttemptAt: Date | undefined
  readonly finishedAt: Date | undefined
}

/** What the page of one webhook shows. */
export interface WebhookView {
  readonly webhook: WebhookRow & {
    readonly secrets: readonly { readonly id: string; readonly createdAt: Date; readonly expiresAt: Date | null }[]
  }
  readonly last?: LastDeliveryView
  readonly deliveries: readonly DeliveryView[]
  /** Of the deliveries. */
  readonly views: readonly SavedView[]
  /** Of the forms; undefined for those who only look. */
  readonly csrf?: string
  readonly now: Date
  readonly firstHref?: string
  readonly nextHref?: string
}

/** Makes it. */
export function webhookDetail(view: WebhookView): Html {
  const { webhook, last, csrf } = view
  return html`<p class="crumbs"><a href="${PATH}">Webhooks</a></p>
<h1><bdi>${nameOf(webhook)}</bdi></h1>
<section class="card" aria-labelledby="webhook">
<h2 id="webhook">Webhook</h2>
${facts([
  ['State', stateOf(webhook.enabled, last)],
  webhook.url === undefined
    ? ['Listens at', html`<bdi>${webhook.origin}</bdi> <span class="quiet">the rest of the address is for owners</span>`]
    : ['Listens at', html`<code>${webhook.url}</code>`],
  ['Told of', codes(webhook.events)],
  ['Made', moment(webhook.createdAt)],
  ['Changed', moment(webhook.updatedAt)],
  ['Id', html`<code>${webhook.id}</code>`],
])}
${csrf !== undefined && deeds(webhook, csrf)}
</section>
${secretsOf(view)}
${deliveriesOf(view)}`
}

function deeds({ id, enabled }: WebhookRow, csrf: string): Html {
  return html`<form method="post" action="${PATH}/${id}/test">
<input type="hidden" name="csrf" value="${csrf}">
<p class="actions">${enabled && html`<button class="button primary" type="submit">Send a test</button>`}
<a class="button" href="${PATH}/${id}/change">Change…</a>
<a class="button" href="${PATH}/${id}/secrets">New secret…</a>
${enabled ? html`<a class="button" href="${PATH}/${id}/disablement">Disable…</a>` : html`<a class="button primary" href="${PATH}/${id}/enablement">Enable…</a>`}
<a class="button danger" href="${PATH}/${id}/deletion">Delete…</a></p>
</form>`
}

function secretsOf({ webhook, now }: WebhookView): Html {
  // The current one first.
  const rows = webhook.secrets.toReversed().map(({ id, createdAt, expiresAt }) => {
    const over = expiresAt !== null && expiresAt <= now
    const use = expiresAt === null ? 'Current' : over ? 'Over' : 'Good as well'
    return html`<li><div class="row-main"><p><code>${id}</code> <span class="badge${expiresAt === null && ' good'}">${use}</span></p>
<p class="quiet">made ${moment(createdAt)}${expiresAt !== null && html` · ${over ? 'was good until' : 'until'} ${moment(expiresAt)}`}</p></div></li>
`
  })
  return html`<section class="card" aria-labelledby="secrets">
<h2 id="secrets">Secrets</h2>
<p class="lead">What they are is shown once, when they are made. While two are good, each delivery is signed with both.</p>
<ul class="rows">
${rows}</ul>
</section>`
}

function deliveriesOf(view: WebhookView): Html {
  const { webhook, deliveries, csrf } = view
  return html`<section class="console-part" aria-labelledby="deliveries">
<h2 id="deliveries">Deliveries of the last week</h2>
${savedViews(view.views)}
${
  deliveries.length === 0
    ? nothingHere(
        'No deliveries',
        csrf !== undefined && webhook.enabled
          ? 'None is in this state. A test shows whether the program takes what it is told.'
          : 'None is in this state.',
      )
    : table<DeliveryView>('Deliveries, the latest first', deliveryColumns(webhook, csrf), deliveries)
}
${pager(view)}
</section>`
}

function deliveryColumns({ id: webhookId, enabled }: WebhookRow, csrf: string | undefined) {
  return [
    {
      label: 'Event',
      names: true,
      cell: ({ id, event }: DeliveryView) =>
        html`<a href="${deliveryHref(webhookId, id)}"><bdi>${event}</bdi></a><br><span class="quiet"><bdi>${id}</bdi></span>`,
    },
    { label: 'Happened', cell: ({ createdAt }: DeliveryView) => moment(createdAt) },
    {
      label: 'Result',
      cell: (delivery: DeliveryView) =>
        html`${standing(delivery.state)}<br><span class="quiet">${delivery.attempts === 0 && delivery.finishedAt === undefined ? 'its turn comes' : outcome(delivery)}</span>`,
    },
    ...(csrf === undefined || !enabled
      ? []
      : [{ label: 'Again', cell: (delivery: DeliveryView) => againForm(webhookId, delivery, csrf) }]),
  ]
}

function deliveryHref(webhookId: string, id: string): string {
  return `${PATH}/${webhookId}/deliveries/${id}`
}

function againForm(webhookId: string, { id, event, state }: DeliveryView, csrf: string): Html | undefined {
  if (state === 'waiting') return undefined
  return html`<form method="post" action="${deliveryHref(webhookId, id)}/attempts"><input type="hidden" name="csrf" value="${csrf}"><button class="button small" type="submit">Send again<span class="visually-hidden"> (${event})</span></button></form>`
}

/** What the page of one delivery shows. */
export interface WebhookDeliveryView {
  readonly webhook: Pick<WebhookRow, 'id' | 'origin' | 'description' | 'enabled'>
  readonly delivery: DeliveryView
  /** What comes of it is known in a moment. */
  readonly soon: boolean
  readonly csrf?: string
}

/** Makes it. */
export function webhookDelivery(view: WebhookDeliveryView): Html {
  const { webhook, delivery, soon } = view
  return html`<p class="crumbs"><a href="${PATH}">Webhooks</a> · <a href="${PATH}/${webhook.id}"><bdi>${nameOf(webhook)}</bdi></a></p>
<h1><bdi>${delivery.event}</bdi></h1>
${underWay(soon ? deliveryHref(webhook.id, delivery.id) : undefined, fateOf(view))}`
}

function fateOf({ webhook, delivery, csrf }: WebhookDeliveryView): Html {
  const { lastAttemptAt, lastStatus, lastError, nextAttemptAt, finishedAt } = delivery
  const again = csrf !== undefined && webhook.enabled && delivery.state !== 'waiting'
  return html`<section class="card" aria-labelledby="delivery">
<h2 id="delivery">Delivery</h2>
${facts([
  ['State', saidAloud(standing(delivery.state))],
  ['Happened', moment(delivery.createdAt)],
  ['Attempts', String(delivery.attempts)],
  lastAttemptAt && ['Last attempt', moment(lastAttemptAt)],
  lastStatus === undefined ? undefined : ['Answered', html`<code>${lastStatus}</code>`],
  lastError === undefined ? undefined : ['What was wrong', lastError],
  nextAttemptAt && ['Next attempt', moment(nextAttemptAt)],
  finishedAt && ['Over since', moment(finishedAt)],
  ['webhook-id', html`<code>${delivery.id}</code>`],
  ['Event in the audit log', html`<code>${delivery.eventId}</code>`],
])}
${again && html`<form method="post" action="${deliveryHref(webhook.id, delivery.id)}/attempts"><input type="hidden" name="csrf" value="${csrf}"><p class="actions"><button class="button" type="submit">Send it again</button></p></form>`}
</section>`
}
