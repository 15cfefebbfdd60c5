// Webhooks in the console: which programs are told what happens and whether they take it, what became of each delivery, and another try.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import {
  webhookDelivery as deliveryPage,
  type WebhookRow,
  webhookDetail,
  webhookList,
} from '../../views/admin-console/webhooks.ts'
import type { Cursors } from '../http/cursors.ts'
import { HttpProblem } from '../http/problems.ts'
import type { Webhook, WebhookDelivery, WebhookDeliveryState, WebhookLook, Webhooks } from '../webhooks/webhooks.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { readFields, readRows, type View, viewsOf } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'
import { refusing } from './refusals.ts'

/** What the pages call. */
export interface WebhookPagesDeps {
  readonly cursors: Cursors
  readonly webhooks: Webhooks
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

/** Where they are. */
export const WEBHOOKS_PATH = '/admin/webhooks'

/** A delivery that waits longer waits for more than its turn. */
const SOON_MS = 60_000

/** Makes the pages. */
export function webhookPages(deps: WebhookPagesDeps): ConsoleRoute[] {
  const { read, write } = ACCESS.webhooks
  return [
    { method: 'get', path: '/webhooks', access: read, handle: (_ctx, visit) => showList(deps, visit) },
    { method: 'get', path: '/webhooks/:id', access: read, handle: (ctx, visit) => showOne(deps, ctx, visit) },
    {
      method: 'post',
      path: '/webhooks/:id/test',
      access: write,
      back: (ctx) => webhookHref(String(ctx.params.id)),
      handle: (ctx, visit) => tell(deps, ctx, visit),
    },
    {
      method: 'get',
      path: '/webhooks/:id/deliveries/:delivery',
      access: read,
      handle: (ctx, visit) => showDelivery(deps, ctx, visit),
    },
    {
      method: 'post',
      path: '/webhooks/:id/deliveries/:delivery/attempts',
      access: write,
      back: (ctx) => deliveryHref(String(ctx.params.id), String(ctx.params.delivery)),
      handle: (ctx, visit) => tellAgain(deps, ctx, visit),
    },
  ]
}

/** The address of a webhook's page. */
export function webhookHref(id: string): string {
  return `${WEBHOOKS_PATH}/${encodeURIComponent(id)}`
}

/** The webhook of an id. @throws HttpProblem 404 */
export async function findWebhook(webhooks: Pick<Webhooks, 'look'>, id: string): Promise<WebhookLook> {
  const webhook = await webhooks.look(id)
  if (webhook === undefined) throw new HttpProblem(404, 'No such webhook', 'It may have been deleted.')
  return webhook
}

/** A webhook as the person may see it. */
export function shownTo<Some extends Webhook>(visit: ConsoleVisit, { url, ...webhook }: Some): Omit<Some, 'url'> & WebhookRow {
  return { ...webhook, origin: new URL(url).origin, ...(visit.may(ACCESS.webhooks.write) ? { url } : {}) }
}

function deliveryHref(webhookId: string, deliveryId: string): string {
  return `${webhookHref(webhookId)}/deliveries/${encodeURIComponent(deliveryId)}`
}

async function showList({ webhooks }: WebhookPagesDeps, visit: ConsoleVisit): Promise<void> {
  const [all, lasts] = await Promise.all([webhooks.list(), webhooks.lastDeliveries()])
  const rows = all.map((webhook) => ({ ...shownTo(visit, webhook), ...lastOf(lasts, webhook.id) }))
  const body = webhookList({ webhooks: rows, mayWrite: visit.may(ACCESS.webhooks.write) })
  visit.show({ title: 'Webhooks', section: WEBHOOKS_PATH, body })
}

function lastOf(lasts: Awaited<ReturnType<Webhooks['lastDeliveries']>>, id: string) {
  const last = lasts.get(id)
  return last === undefined ? {} : { last }
}

const STATES: readonly WebhookDeliveryState[] = ['waiting', 'retrying', 'delivered', 'failed']

/** What people often want to see of what a webhook was told. */
const VIEWS: readonly View[] = [
  ['All', {}],
  ['Failed', { state: 'failed' }],
  ['Trying again', { state: 'retrying' }],
  ['Waiting', { state: 'waiting' }],
  ['Delivered', { state: 'delivered' }],
]

async function showOne(deps: WebhookPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { webhooks, cursors, clock } = deps
  const webhook = await findWebhook(webhooks, String(ctx.params.id))
  const { asked, twice } = readFields(ctx.query, ['state'])
  if (twice !== undefined) throw new HttpProblem(400, 'Not what was expected', twice.fault)
  const state = STATES.find((one) => one === asked.state)
  if (asked.state !== undefined && state === undefined)
    throw new HttpProblem(400, 'No such state', `A delivery is ${STATES.slice(0, -1).join(', ')} or ${STATES.at(-1)}.`)
  const path = webhookHref(webhook.id)
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const { rows: deliveries, ...hrefs } = await readRows<WebhookDelivery>({
    ...{ cursors, path, asked, cursor },
    read: (limit, after) =>
      webhooks.page({
        webhookId: webhook.id,
        limit,
        ...(state === undefined ? {} : { state }),
        ...(after === undefined ? {} : { after: { createdAt: new Date(Number(after[0])), id: String(after[1]) } }),
      }),
    placeOf: ({ createdAt, id }) => [createdAt.getTime(), id],
  })
  const body = webhookDetail({
    webhook: shownTo(visit, webhook),
    ...lastOf(await webhooks.lastDeliveries(), webhook.id),
    deliveries: deliveries.map(rowOf),
    ...hrefs,
    views: viewsOf(path, asked, VIEWS),
    now: new Date(clock()),
    ...(visit.may(ACCESS.webhooks.write) ? { csrf: visit.csrf } : {}),
  })
  visit.show({ title: titleOf(webhook), section: WEBHOOKS_PATH, body })
}

function titleOf({ description, url }: Webhook): string {
  return description === '' ? new URL(url).origin : description
}

function rowOf({ eventId, ...delivery }: WebhookDelivery) {
  return { ...delivery, eventId: String(eventId) }
}

async function findDelivery(
  { webhooks }: WebhookPagesDeps,
  ctx: Context,
): Promise<{ readonly webhook: WebhookLook; readonly delivery: WebhookDelivery }> {
  const webhook = await findWebhook(webhooks, String(ctx.params.id))
  const delivery = await webhooks.delivery(String(ctx.params.delivery))
  if (delivery?.webhookId !== webhook.id)
    throw new HttpProblem(404, 'No such delivery', 'What became of a delivery is kept for a week.')
  return { webhook, delivery }
}

async function showDelivery(deps: WebhookPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { webhook, delivery } = await findDelivery(deps, ctx)
  const body = deliveryPage({
    webhook: shownTo(visit, webhook),
    delivery: rowOf(delivery),
    soon: delivery.state === 'waiting' && deps.clock() - delivery.createdAt.getTime() < SOON_MS,
    ...(visit.may(ACCESS.webhooks.write) ? { csrf: visit.csrf } : {}),
  })
  visit.show({ title: delivery.event, section: WEBHOOKS_PATH, body })
}

async function tell({ webhooks }: WebhookPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { id } = await findWebhook(webhooks, String(ctx.params.id))
  const delivery = await refusing(() => webhooks.test(id, visit.change()))
  const next = delivery === undefined ? webhookHref(id) : deliveryHref(id, delivery.id)
  redirectWithNotice(ctx, next, 'The webhook is told that it is tried. What comes of it stands here in a moment.')
}

async function tellAgain(deps: WebhookPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { webhook, delivery } = await findDelivery(deps, ctx)
  const again = await deps.webhooks.resend(delivery.id, visit.change())
  const notice = again
    ? 'It is sent again, for a day if need be.'
    : 'It was not sent again: it waits for its turn already, or the webhook is disabled.'
  redirectWithNotice(ctx, deliveryHref(webhook.id, delivery.id), notice)
}
