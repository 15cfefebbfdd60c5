// What owners do with webhooks in the console: one is made, changed, disabled, enabled and deleted, and gets another secret.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import {
  newWebhook,
  newWebhookSecret,
  OVERLAPS,
  webhookChange,
  webhookDeletion,
  webhookDisablement,
  webhookEnablement,
  webhookSecretShown,
} from '../../views/admin-console/webhook-forms.ts'
import { ChangedMeanwhile } from '../audit/versions.ts'
import type { Form } from '../http/form.ts'
import { isWebhookId, WEBHOOK_EVENT_NAMES } from '../webhooks/webhook-rules.ts'
import { newWebhookId, type Webhook, type WebhookLook, type Webhooks } from '../webhooks/webhooks.ts'
import { asking } from './asking.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'
import { NO_SUCH_OVERLAP, refusalOf } from './refusals.ts'
import { findWebhook, shownTo, WEBHOOKS_PATH, webhookHref } from './webhooks.ts'

/** What the pages call. */
export interface WebhookChangePagesDeps {
  readonly webhooks: Pick<Webhooks, 'look' | 'create' | 'update' | 'delete' | 'rotateSecret'>
}

/** All of it decides who is told what happens, and some of it shows a secret. */
const OWNERS = { access: ACCESS.webhooks.write, fresh: true } as const

/** Makes the pages. They come before those of a webhook, since one of them has a name where that has an id. */
export function webhookChangePages(deps: WebhookChangePagesDeps): ConsoleRoute[] {
  return [
    {
      ...OWNERS,
      method: 'get',
      path: '/webhooks/new',
      handle: async (ctx, visit) => showNew(visit, queryOf(ctx)),
    },
    {
      ...OWNERS,
      method: 'post',
      path: '/webhooks',
      back: (_ctx, form) => listHref(`${WEBHOOKS_PATH}/new`, fieldsOf(form.get)),
      handle: (ctx, visit, form) => make(deps, ctx, visit, form),
    },
    {
      ...OWNERS,
      method: 'get',
      path: '/webhooks/:id/change',
      handle: async (ctx, visit) => showChange(visit, await found(deps, ctx), { get: queryOf(ctx) }),
    },
    {
      ...OWNERS,
      method: 'post',
      path: '/webhooks/:id/change',
      back: (ctx, form) => listHref(changeHref(ctx), { ...fieldsOf(form.get), filled: 'in' }),
      handle: (ctx, visit, form) => change(deps, ctx, visit, form),
    },
    {
      ...OWNERS,
      method: 'get',
      path: '/webhooks/:id/secrets',
      async handle(ctx, visit) {
        const get = queryOf(ctx)
        const asked = { overlap: get('overlap'), reason: get('reason').slice(0, 1000), version: get('version') }
        showRotation(visit, await found(deps, ctx), asked)
      },
    },
    {
      ...OWNERS,
      method: 'post',
      path: '/webhooks/:id/secrets',
      back: (ctx, form) =>
        listHref(
          `${webhookHref(String(ctx.params.id))}/secrets`,
          Object.fromEntries(['overlap', 'reason', 'version'].map((field) => [field, form.get(field)])),
        ),
      handle: (ctx, visit, form) => rotate(deps, ctx, visit, form),
    },
    ...standings(deps),
  ]
}

/** What is done after a page has asked why. */
function standings({ webhooks }: WebhookChangePagesDeps): ConsoleRoute[] {
  const deed = { section: '/webhooks', access: ACCESS.webhooks.write, find: (id: string) => findWebhook(webhooks, id), refusalOf }
  return [
    ...asking({
      ...deed,
      what: 'disablement',
      title: 'Disable a webhook',
      view: ({ thing, ...form }) => webhookDisablement({ webhook: placed(thing), ...form }),
      async act({ id }, why) {
        await webhooks.update(id, { enabled: false }, why)
        return 'The webhook is disabled: it is told nothing.'
      },
    }),
    ...asking({
      ...deed,
      what: 'enablement',
      title: 'Enable a webhook',
      view: ({ thing, ...form }) => webhookEnablement({ webhook: placed(thing), ...form }),
      async act({ id }, why) {
        await webhooks.update(id, { enabled: true }, why)
        return 'The webhook is enabled: it is told what happens from now on.'
      },
    }),
    ...asking({
      ...deed,
      what: 'deletion',
      title: 'Delete a webhook',
      removes: true,
      view: ({ thing, ...form }) => webhookDeletion({ webhook: placed(thing), ...form }),
      async act({ id }, why) {
        await webhooks.delete(id, why)
        return 'The webhook is deleted.'
      },
    }),
  ]
}

type Get = (name: string) => string

function queryOf({ query }: Context): Get {
  return (name) => (typeof query[name] === 'string' ? query[name] : '')
}

function found({ webhooks }: WebhookChangePagesDeps, ctx: Context): Promise<WebhookLook> {
  return findWebhook(webhooks, String(ctx.params.id))
}

function changeHref(ctx: Context): string {
  return `${webhookHref(String(ctx.params.id))}/change`
}

function placed(webhook: Webhook) {
  const { id, description, url } = webhook
  return { id, description, origin: new URL(url).origin }
}

const GROUPS = [...Map.groupBy(WEBHOOK_EVENT_NAMES, (name) => name.split('.')[0] ?? '')].map(([prefix, names]) => ({
  prefix,
  names,
}))

/** The form's fields, as they come back after signing in. */
function fieldsOf(get: Get): { readonly [field: string]: string } {
  const fields = ['id', 'url', 'description', 'all', 'events', 'version', 'reason', ...GROUPS.map(({ prefix }) => `of_${prefix}`)]
  return Object.fromEntries(fields.map((field) => [field, get(field)]))
}

/** What a webhook is to be, as it was filled in. */
function choiceOf(get: Get): Pick<Webhook, 'url' | 'description' | 'events'> {
  const groups = GROUPS.filter(({ prefix }) => get(`of_${prefix}`) !== '').map(({ prefix }) => `${prefix}.*`)
  const single = get('events')
    .split(/[\s,]+/)
    .filter((name) => name !== '')
  const events = [...new Set([...(get('all') === '' ? [] : ['*']), ...groups, ...single])]
  return { url: get('url').trim(), description: get('description').trim(), events }
}

function showNew(visit: ConsoleVisit, get: Get, fault?: string): void {
  // The id is made up here and not when it is saved, so that a form that is sent twice makes one webhook.
  const id = isWebhookId(get('id')) ? get('id') : newWebhookId()
  const body = newWebhook({
    id,
    entered: choiceOf(get),
    groups: GROUPS,
    csrf: visit.csrf,
    ...(fault === undefined ? {} : { fault }),
  })
  visit.show({ title: 'New webhook', section: WEBHOOKS_PATH, body }, fault === undefined ? 200 : 422)
}

async function make({ webhooks }: WebhookChangePagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const id = form.get('id')
  try {
    const { webhook, secret } = await webhooks.create({ ...choiceOf(form.get), id }, visit.change())
    showSecret(visit, webhook, { secret, before: '' })
  } catch (error) {
    const fault = refusalOf(error)
    if ((await webhooks.look(id)) === undefined) return showNew(visit, form.get, fault)
    redirectWithNotice(ctx, webhookHref(id), MADE_ALREADY)
  }
}

const MADE_ALREADY =
  'The webhook was made already, by this very form, and its secret was shown. Make another secret if you have not kept it.'

function showSecret(
  visit: ConsoleVisit,
  webhook: Webhook,
  { secret, before }: { readonly secret: string; readonly before: string },
): void {
  const body = webhookSecretShown({ webhook: shownTo(visit, webhook), secret, before })
  visit.show({ title: 'The secret of the webhook', section: WEBHOOKS_PATH, body }, 201)
}

/** With what was filled in, when something was; the version is then that of when it was filled in, unless it was refused for it. */
function showChange(
  visit: ConsoleVisit,
  webhook: WebhookLook,
  { get, fault }: { readonly get: Get; readonly fault?: string },
): void {
  const filled = get('filled') === 'in' || fault !== undefined
  const body = webhookChange({
    webhook: placed(webhook),
    entered: filled ? choiceOf(get) : webhook,
    version: filled && fault === undefined ? get('version') : webhook.version,
    reason: get('reason').slice(0, 1000),
    groups: GROUPS,
    csrf: visit.csrf,
    ...(fault === undefined ? {} : { fault }),
  })
  visit.show({ title: 'Change the webhook', section: WEBHOOKS_PATH, body }, fault === undefined ? 200 : 409)
}

async function change(deps: WebhookChangePagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const { id } = await found(deps, ctx)
  const reason = form.get('reason').trim()
  const refuse = async (fault: string) => showChange(visit, await found(deps, ctx), { get: form.get, fault })
  if (reason === '') return refuse('Nothing was saved: say why it is changed, for the audit log.')
  try {
    const changed = await deps.webhooks.update(id, choiceOf(form.get), visit.change(reason), form.get('version'))
    if (changed?.secret === undefined) return redirectWithNotice(ctx, webhookHref(id), 'Saved.')
    showSecret(visit, changed.webhook, {
      secret: changed.secret,
      before: 'It listens elsewhere now, and so the secrets before are good no longer.',
    })
  } catch (error) {
    await refuse(error instanceof ChangedMeanwhile ? CHANGED : refusalOf(error))
  }
}

const NO_SECRET = 'The webhook has been changed since you opened this page, perhaps by this very form. No secret was made.'

const CHANGED =
  'The webhook has been changed since you opened this page. Nothing was saved: this is what you filled in. Save it anew if it still holds.'

function showRotation(
  visit: ConsoleVisit,
  webhook: WebhookLook,
  { version, ...asked }: { readonly overlap: string; readonly reason: string; readonly version: string },
  refused: { readonly status?: number; readonly fault?: string; readonly reasonMissing?: boolean } = {},
): void {
  const { status = 200, ...why } = refused
  const body = newWebhookSecret({
    ...{ webhook: placed(webhook), ...asked, csrf: visit.csrf },
    // After a refusal what is there now has been seen.
    version: version === '' || status === 409 ? webhook.version : version,
    ...why,
  })
  visit.show({ title: 'A new secret', section: WEBHOOKS_PATH, body }, status)
}

async function rotate(deps: WebhookChangePagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const webhook = await found(deps, ctx)
  const asked = { overlap: form.get('overlap'), reason: form.get('reason').trim(), version: form.get('version') }
  // What is not one of the choices is asked for again: a secret must not end, or live on, by a slip.
  const chosen = OVERLAPS.find(([seconds]) => String(seconds) === asked.overlap)
  if (chosen === undefined) return showRotation(visit, webhook, asked, { status: 400, fault: NO_SUCH_OVERLAP })
  if (asked.reason === '') return showRotation(visit, webhook, asked, { status: 400, reasonMissing: true })
  const [seconds, words] = chosen
  let secret: string | undefined
  try {
    secret = await deps.webhooks.rotateSecret(webhook.id, visit.change(asked.reason), seconds, asked.version)
  } catch (error) {
    // As when the page that showed it is loaded again: a second one would end the first, which may be in place already.
    const fault = error instanceof ChangedMeanwhile ? NO_SECRET : refusalOf(error)
    return showRotation(visit, await found(deps, ctx), asked, { status: 409, fault })
  }
  if (secret === undefined) return redirectWithNotice(ctx, WEBHOOKS_PATH, 'The webhook was deleted meanwhile.')
  const before = seconds === 0 ? 'The one before is good no longer.' : `The one before is good for ${words}.`
  showSecret(visit, webhook, { secret, before })
}
