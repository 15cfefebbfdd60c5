// What owners do with webhooks in the console: one is made, changed, stopped, and gets another secret, which is shown once.
import { type Html, html } from '../html.ts'
import { type AskingForm, askFirst } from './asking.ts'
import { faultNotice, reasonField } from './lists.ts'
import { nameOf, type WebhookRow } from './webhooks.ts'

/** Events whose names begin alike. */
export interface EventGroup {
  /** `session`: all that begin so are `session.*`. */
  readonly prefix: string
  readonly names: readonly string[]
}

/** What was filled in. */
export interface WebhookEntered {
  readonly url: string
  readonly description: string
  /** The events that are chosen: `*`, `session.*`, or names. */
  readonly events: readonly string[]
}

/** What the forms show. */
export interface WebhookFormView {
  readonly entered: WebhookEntered
  readonly groups: readonly EventGroup[]
  readonly csrf: string
  readonly fault?: string
}

const PATH = '/admin/webhooks'

/** Makes the form for a new one. */
export function newWebhook(view: WebhookFormView & { readonly id: string }): Html {
  return html`<p class="crumbs"><a href="${PATH}">Webhooks</a></p>
<h1>New webhook</h1>
${faultNotice(view.fault)}
<section class="card" aria-label="New webhook">
<p class="lead">It gets a secret by which the program knows that what it is told comes from here. The secret is shown once, on the next page.</p>
<form method="post" action="${PATH}">
<input type="hidden" name="csrf" value="${view.csrf}">
<input type="hidden" name="id" value="${view.id}">
${fields(view)}
<p class="actions"><button class="button primary" type="submit">Make it and show the secret</button>
<a class="button" href="${PATH}">Leave it</a></p>
</form>
</section>`
}

/** What the form to change one shows. */
export interface WebhookChangeView extends WebhookFormView {
  readonly webhook: Pick<WebhookRow, 'id' | 'origin' | 'description'>
  /** Of the webhook as it was looked at. */
  readonly version: string
  readonly reason: string
}

/** Makes the form. */
export function webhookChange(view: WebhookChangeView): Html {
  const { webhook, version, reason, csrf } = view
  return html`<p class="crumbs"><a href="${PATH}">Webhooks</a> · <a href="${PATH}/${webhook.id}"><bdi>${nameOf(webhook)}</bdi></a></p>
<h1>Change the webhook</h1>
${faultNotice(view.fault)}
<section class="card" aria-label="Change the webhook">
<form method="post" action="${PATH}/${webhook.id}/change">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="version" value="${version}">
${fields(view, 'At another origin it gets a new secret, which is shown once, and those before are good no longer.')}
${reasonField(reason)}
<p class="actions"><button class="button primary" type="submit">Save</button>
<a class="button" href="${PATH}/${webhook.id}">Leave it as it is</a></p>
</form>
</section>`
}

function fields({ entered, groups }: WebhookFormView, moved = ''): Html {
  const { url, description, events } = entered
  const known = new Set(['*', ...groups.map(({ prefix }) => `${prefix}.*`)])
  const single = events.filter((event) => !known.has(event))
  return html`<div class="field"><label for="url">Address</label>
<input id="url" name="url" type="text" inputmode="url" required maxlength="2000" value="${url}" autocomplete="off" spellcheck="false" aria-describedby="url-hint">
<p class="hint" id="url-hint">Where the program listens: https, or http on this machine. ${moved}</p></div>
<div class="field"><label for="description">What it is for</label>
<input id="description" name="description" type="text" maxlength="200" value="${description}" autocomplete="off"></div>
<fieldset class="choices"><legend>What it is told of</legend>
<label class="choice"><input type="checkbox" name="all" value="on"${events.includes('*') && html` checked`}><span><strong>Everything</strong>
<span class="hint">Also of what there will be one day.</span></span></label>
<div class="filter-fields">
${groups.map(({ prefix, names }) => groupChoice(prefix, names, events))}</div></fieldset>
<div class="field"><label for="events">Or of single events</label>
<textarea id="events" name="events" rows="4" autocomplete="off" spellcheck="false" aria-describedby="events-hint">${single.join('\n')}</textarea>
<p class="hint" id="events-hint">One a line, such as <code>session.revoked</code>.</p></div>`
}

function groupChoice(prefix: string, names: readonly string[], chosen: readonly string[]): Html {
  const all = `${prefix}.*`
  return html`<label class="choice"><input type="checkbox" name="of_${prefix}" value="on"${chosen.includes(all) && html` checked`}><span><strong>${all}</strong>
<span class="hint">${names.map((name) => name.replace(`${prefix}.`, '')).join(', ')}</span></span></label>
`
}

/** A secret that was just made: it is shown this once. */
export function webhookSecretShown(view: {
  readonly webhook: Pick<WebhookRow, 'id' | 'origin' | 'description'>
  readonly secret: string
  /** How it stands with the secrets before it, in a sentence. */
  readonly before: string
}): Html {
  const { webhook, secret, before } = view
  return html`<p class="crumbs"><a href="${PATH}">Webhooks</a> · <a href="${PATH}/${webhook.id}"><bdi>${nameOf(webhook)}</bdi></a></p>
<h1>The secret of the webhook</h1>
<section class="card" aria-label="The secret">
<p class="lead">Put it into the configuration of the program at <bdi>${webhook.origin}</bdi>, and nowhere else: whoever has it can make up what
happens here. It is not shown again. ${before}</p>
<div class="field"><label for="secret">Secret</label>
<input id="secret" type="text" readonly value="${secret}" autocomplete="off" spellcheck="false"></div>
<p class="actions"><a class="button" href="${PATH}/${webhook.id}">To the webhook</a></p>
</section>`
}

/** How long the secret before stays good, in seconds, and in words. */
export const OVERLAPS = [
  [86_400, 'a day'],
  [3600, 'an hour'],
  [604_800, 'a week'],
  [0, 'no longer at all'],
] as const

/** What the page that asks before a new secret is made shows. */
export interface WebhookSecretView {
  readonly webhook: Pick<WebhookRow, 'id' | 'origin' | 'description'>
  readonly overlap: string
  readonly reason: string
  /** It was sent without one. */
  readonly reasonMissing?: boolean
  /** Of the webhook as it was looked at. */
  readonly version: string
  readonly csrf: string
  readonly fault?: string
}

/** Makes it. */
export function newWebhookSecret(view: WebhookSecretView): Html {
  const { webhook, overlap, reason, reasonMissing, version, csrf, fault } = view
  const options = OVERLAPS.map(
    ([seconds, words]) =>
      html`<option value="${seconds}"${String(seconds) === overlap && html` selected`}>${words.charAt(0).toUpperCase()}${words.slice(1)}</option>\n`,
  )
  return html`<p class="crumbs"><a href="${PATH}">Webhooks</a> · <a href="${PATH}/${webhook.id}"><bdi>${nameOf(webhook)}</bdi></a></p>
<h1>A new secret</h1>
${faultNotice(fault)}
<section class="card" aria-labelledby="what">
<h2 id="what">What happens</h2>
<p class="lead">Each delivery is signed with the new secret and with the one before, as long as that is good: put the new one in place in
that time. Any older one is good no longer.</p>
<form method="post" action="${PATH}/${webhook.id}/secrets">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="version" value="${version}">
<div class="field">
<label for="overlap">The secret before stays good for</label>
<select id="overlap" name="overlap" aria-describedby="overlap-hint">
${options}</select>
<p class="hint" id="overlap-hint">No longer at all when somebody else may have it. Deliveries then fail at the program, and are tried again, until it has the new one.</p>
</div>
${reasonField(reason, reasonMissing)}
<p class="actions"><button class="button primary" type="submit">Make it and show it</button>
<a class="button" href="${PATH}/${webhook.id}">Keep the one there is</a></p>
</form>
</section>`
}

/** What the pages that ask before a webhook is stopped, or told again, show. */
export interface WebhookStandingView extends AskingForm {
  readonly webhook: Pick<WebhookRow, 'id' | 'origin' | 'description'>
}

/** Before it is told nothing more. */
export function webhookDisablement({ webhook, ...form }: WebhookStandingView): Html {
  return askFirst({
    ...form,
    of: pageOf(webhook),
    title: 'Disable the webhook',
    says: html`<p class="lead">It is told nothing from now on, and what waits for it is given up. What happens meanwhile it is not told later
either. Its secret stays as it is.</p>`,
    button: 'Disable it',
    danger: true,
  })
}

/** Before it is told again. */
export function webhookEnablement({ webhook, ...form }: WebhookStandingView): Html {
  return askFirst({
    ...form,
    of: pageOf(webhook),
    title: 'Enable the webhook',
    says: html`<p class="lead">It is told what happens from now on. What was given up can be sent again by hand for a week.</p>`,
    button: 'Enable it',
  })
}

/** Before it is gone. */
export function webhookDeletion({ webhook, ...form }: WebhookStandingView): Html {
  return askFirst({
    ...form,
    of: pageOf(webhook),
    title: 'Delete the webhook',
    says: html`<p class="lead">It is gone with its secrets and with what is known of its deliveries. What waits for it is not told. The events
stay in the audit log.</p>`,
    button: 'Delete it',
    danger: true,
  })
}

function pageOf(webhook: WebhookStandingView['webhook']) {
  return { name: html`<bdi>${nameOf(webhook)}</bdi>`, href: `${PATH}/${webhook.id}` }
}
