// The secrets of an app in the console: that they are there, how old they are and until when they are good; another one, shown once; and
// the end of one.
import { type Html, html } from '../html.ts'
import { moment, spokenDuration } from '../moment.ts'
import { type AskingForm, askFirst } from './asking.ts'
import { faultNotice, reasonField } from './lists.ts'

/** That there is a secret. */
export interface SecretView {
  readonly id: string
  readonly createdAt: Date
  readonly expiresAt?: Date
  readonly expired: boolean
}

/** The client, as far as it matters here. */
interface Named {
  readonly id: string
  readonly name?: string
}

const DAY_SECONDS = 86_400

/** What the card shows. */
export interface ClientSecretsView {
  readonly client: Named
  readonly secrets: readonly SecretView[]
  /** Whether the client authenticates by a secret. */
  readonly usesSecret: boolean
  readonly mayWrite: boolean
  readonly now: Date
  /** A secret is due for another one after so many days. */
  readonly secretDueDays: number
}

/** Makes it: that they are there, since when and until when. */
export function clientSecrets({
  client,
  secrets,
  usesSecret,
  mayWrite,
  now,
  secretDueDays,
}: ClientSecretsView): Html | undefined {
  if (secrets.length === 0 && !usesSecret) return undefined
  const href = hrefOf(client)
  const inUse = secrets.filter(({ expired }) => !expired)
  const newest = inUse.at(-1)
  const old = newest !== undefined && isOld(newest, now, secretDueDays)
  return html`<section class="card" aria-labelledby="secrets">
<h2 id="secrets">Secrets</h2>
<p class="lead">What they are nobody can tell: only their digests are kept. When one was last used is not kept either.</p>
${old && html`<div class="notice warning"><p>Its newest secret is older than ${secretDueDays} days. Make another one, let the one before overlap, and put the new one in place in that time.</p></div>`}
${usesSecret && inUse.length === 0 && html`<div class="notice error"><p>It has no secret that is good, and gets no tokens until it has one.</p></div>`}
${
  secrets.length > 0 &&
  html`<ul class="rows">
${secrets.map((secret) => secretRow(secret, { href, now, mayWrite, secretDueDays, replaced: secret !== newest }))}</ul>`
}
${mayWrite && usesSecret && html`<p class="actions"><a class="button${(old || inUse.length === 0) && ' primary'}" href="${href}/secrets">New secret…</a></p>`}
</section>`
}

function secretRow(
  secret: SecretView,
  {
    href,
    now,
    mayWrite,
    secretDueDays,
    replaced,
  }: Pick<ClientSecretsView, 'now' | 'mayWrite' | 'secretDueDays'> & { readonly href: string; readonly replaced: boolean },
): Html {
  const { id, createdAt, expiresAt, expired } = secret
  const badge = expired
    ? html` <span class="badge">Over</span>`
    : replaced
      ? html` <span class="badge">Being replaced</span>`
      : isOld(secret, now, secretDueDays)
        ? html` <span class="badge bad">Old</span>`
        : html` <span class="badge good">In use</span>`
  return html`<li><div class="row-main"><p><code>${id}</code>${badge}</p>
<p class="quiet">${ageOf(secret, now)}, made ${moment(createdAt)}${expiresAt !== undefined && html` · ${expired ? 'was good' : 'good'} until ${moment(expiresAt)}`}</p></div>
${mayWrite && html`<p class="row-end"><a class="button small" href="${href}/secrets/${encodeURIComponent(id)}/deletion">${expired ? 'Remove…' : 'End it now…'}<span class="visually-hidden"> (${id})</span></a></p>`}</li>
`
}

/** By the moment, as the list of all secrets and the duties go. */
function isOld({ createdAt }: SecretView, now: Date, secretDueDays: number): boolean {
  return now.getTime() - createdAt.getTime() >= secretDueDays * DAY_SECONDS * 1000
}

function daysOf({ createdAt }: SecretView, now: Date): number {
  return Math.floor((now.getTime() - createdAt.getTime()) / 1000 / DAY_SECONDS)
}

function ageOf(secret: SecretView, now: Date): string {
  return daysOf(secret, now) < 1 ? 'Of today' : `${spokenDuration(daysOf(secret, now) * DAY_SECONDS)} old`
}

/** A secret that was just made: it is shown this once. */
export function clientSecretShown(view: {
  readonly client: Named
  readonly secret: string
  /** The client was just registered. */
  readonly isNew: boolean
  /** How it stands with the secrets before it, in a sentence. */
  readonly before?: string
}): Html {
  const { client, secret, isNew, before } = view
  return html`${crumbs(client)}
<h1>${isNew ? 'The app is registered: its secret' : 'The new secret of the app'}</h1>
<section class="card" aria-label="The secret">
<p class="lead">It is shown here and never again. Copy it now, into the place from which the program reads its secrets: a secret store, or the
environment as <code>CLIENT_SECRET</code>, from which the examples on the next page read it. Not into the source, not into a chat, and never
into what a browser or a phone gets. ${before}</p>
<div class="field"><label for="secret">Secret</label>
<input id="secret" type="text" readonly value="${secret}" autocomplete="off" spellcheck="false" data-copy></div>
<p class="quiet">If it is lost, nothing is: make another one on the page of the app.</p>
<p class="actions"><a class="button primary" href="${hrefOf(client)}${isNew && '#next'}">${isNew ? 'Next: put it in your app' : 'To the app'}</a></p>
</section>`
}

/** How long the secret before stays good, in seconds, and in words. */
export const OVERLAP_CHOICES = [
  [DAY_SECONDS, 'a day'],
  [3600, 'an hour'],
  [7 * DAY_SECONDS, 'a week'],
  [30 * DAY_SECONDS, '30 days'],
  [0, 'no longer at all'],
] as const

/** What the page that asks before a new secret is made shows. */
export interface NewSecretView {
  readonly client: Named
  readonly secrets: readonly SecretView[]
  readonly overlap: string
  readonly reason: string
  /** It was sent without one. */
  readonly reasonMissing?: boolean
  readonly csrf: string
  /** Of the client as it was looked at. */
  readonly version: string
  /** A provision file has made the client. */
  readonly provisioned: boolean
  readonly fault?: string
}

/** Makes it. */
export function newClientSecret(view: NewSecretView): Html {
  const { client, secrets, overlap, reason, reasonMissing, csrf, version, provisioned, fault } = view
  const good = secrets.filter(({ expired }) => !expired)
  const oldest = good.length > 1 ? good[0] : undefined
  return html`${crumbs(client)}
<h1>A new secret</h1>
${faultNotice(fault)}
<section class="card" aria-labelledby="what">
<h2 id="what">What happens</h2>
<p class="lead">The app gets another secret, which is shown once. The one before stays good for as long as you say: put the new one in place in
that time. Nobody is signed out, and no token ends.</p>
${oldest !== undefined && html`<div class="notice warning"><p>It has two secrets that are good, and no client has more: <code>${oldest.id}</code>, the older one, ends at once.</p></div>`}
${provisioned && html`<div class="notice info"><p>A provision file has made this app. If the file states a <code>client_secret</code>, that one comes back in the place of all others when it is applied again.</p></div>`}
<form method="post" action="${hrefOf(client)}/secrets">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="version" value="${version}">
<div class="field">
<label for="overlap">The secret before stays good for</label>
<select id="overlap" name="overlap" aria-describedby="overlap-hint">
${OVERLAP_CHOICES.map(([seconds, words]) => html`<option value="${seconds}"${String(seconds) === overlap && html` selected`}>${words.charAt(0).toUpperCase()}${words.slice(1)}</option>\n`)}</select>
<p class="hint" id="overlap-hint">No longer at all when somebody else may have it: the app then gets no tokens until it has the new one.</p>
</div>
${reasonField(reason, reasonMissing)}
<p class="actions"><button class="button primary" type="submit">Make it and show it</button>
<a class="button" href="${hrefOf(client)}">Keep the one there is</a></p>
</form>
</section>`
}

/** Before a secret is good no longer. */
export function clientSecretEnd({
  client,
  secret,
  last,
  ...form
}: AskingForm & {
  readonly client: Named
  readonly secret: SecretView
  /** No other one is good. */
  readonly last: boolean
}): Html {
  return askFirst({
    ...form,
    of: { name: html`<bdi>${client.name ?? client.id}</bdi>`, href: hrefOf(client) },
    title: 'End a secret now',
    says: html`<p class="lead">From now on nobody gets tokens by <code>${secret.id}</code>, made ${moment(secret.createdAt)}. Tokens that are out stay good. If
somebody else has it, use “Somebody else has its secret…” instead, which ends those too.</p>
${last && !secret.expired && html`<div class="notice warning"><p>It is the only one that is good: the app gets no tokens until it has another one.</p></div>`}`,
    button: 'End it now',
    danger: true,
  })
}

function crumbs(client: Named): Html {
  return html`<p class="crumbs"><a href="/admin/clients">Apps</a> · <a href="${hrefOf(client)}"><bdi>${client.name ?? client.id}</bdi></a></p>`
}

function hrefOf({ id }: Named): string {
  return `/admin/clients/${encodeURIComponent(id)}`
}
