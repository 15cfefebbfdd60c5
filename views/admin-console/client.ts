// One client in the console: what is registered of it, what it holds, what to put into the app, its secrets, and how long what it gets
// really lives.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { clientLifetimes, type LifetimesView } from './client-lives.ts'
import { codes, type HoldsView, kindWords, managerOf } from './client-parts.ts'
import { clientRedirects, type TriedView } from './client-redirects.ts'
import { clientSecrets, type SecretView } from './client-secrets.ts'
import { clientSnippets } from './client-snippets.ts'
import type { SnippetFacts } from './client-snippets-text.ts'
import type { ClientRow } from './clients.ts'
import { type HistoryView, historyCard } from './history.ts'
import { facts, standing } from './lists.ts'
import { count } from './tree.ts'

/** What the page shows. */
export interface ClientView {
  readonly client: ClientRow & {
    readonly metadata: {
      readonly redirect_uris: readonly string[]
      readonly grant_types: readonly string[]
      readonly scope: string
    }
    readonly secrets: readonly SecretView[]
    readonly actsFor: readonly string[]
    readonly tokensFrom?: { readonly inSeconds: number }
  }
  readonly usesSecret: boolean
  /** A secret is due for another one after so many days. */
  readonly secretDueDays: number
  /** What to put into the app. */
  readonly snippets: { readonly kind: string; readonly facts: SnippetFacts }
  readonly holds: HoldsView
  readonly lives: LifetimesView
  readonly history?: HistoryView | undefined
  /** What was tried as a redirect URI. */
  readonly tried?: TriedView
  readonly mayStop: boolean
  readonly mayWrite: boolean
  /** It may do more than the person, who could stop another one. */
  readonly outOfReach: boolean
  readonly now: Date
}

/** Why nothing is done to an app that may do more than the person. */
export const CLIENT_OUT_OF_REACH =
  'This app may ask for scopes of the admin API that you do not have. Only somebody who has them can suspend or change it.'

/** Makes it. */
export function clientDetail(view: ClientView): Html {
  const { client, usesSecret, mayWrite, now, secretDueDays } = view
  const { metadata, secrets } = client
  return html`<p class="crumbs"><a href="/admin/clients">Apps</a></p>
<h1><bdi>${client.name ?? client.id}</bdi></h1>
<section class="card" aria-labelledby="app">
<h2 id="app">App</h2>
${factsOf(view)}
${deeds(view)}
</section>
${clientSnippets(view.snippets.kind, view.snippets.facts)}
${clientSecrets({ client, secrets, usesSecret, mayWrite, now, secretDueDays })}
${clientRedirects({ clientId: client.id, href: hrefOf(client.id), uris: metadata.redirect_uris, tried: view.tried })}
${clientLifetimes(view.lives)}
${historyCard(view.history)}
<section class="card" aria-labelledby="registered">
<h2 id="registered">All that is registered</h2>
<pre class="json"><code>${JSON.stringify(metadata, undefined, 2)}</code></pre>
</section>`
}

function factsOf({ client, holds }: ClientView): Html {
  const { metadata } = client
  const more = holds.more && ' or more'
  const provisioned = client.managedBy === 'provision' ? ': it is changed there' : ''
  return facts([
    ['State', stateOf(client)],
    ['client_id', html`<code>${client.id}</code>`],
    ['Kind', kindWords[client.kind] ?? client.kind],
    ['Registered', html`${moment(client.createdAt)}, by ${managerOf(client.managedBy)}${provisioned}`],
    ['May ask for', metadata.scope === '' ? 'no scope' : html`<code>${metadata.scope}</code>`],
    ['Grant types', codes(metadata.grant_types)],
    client.actsFor.length === 0 ? undefined : ['Acts for', codes(client.actsFor)],
    [
      'Holds',
      html`<a href="/admin/grants?${new URLSearchParams({ client: client.id, state: 'live' }).toString()}">${count(holds.grants, 'grant')}</a>${more} of ${count(holds.accounts, 'account')}, ${count(holds.refreshFamilies, 'refresh token')}${more}`,
    ],
    [
      'Sessions',
      html`<a href="/admin/sessions?${new URLSearchParams({ client: client.id, state: 'live' }).toString()}">${client.status === 'active' ? 'of people who use it now' : 'of people who have used it'}</a>`,
    ],
    [
      'Refused',
      html`<a href="/admin/refused-requests?${new URLSearchParams({ client: client.id }).toString()}">requests of the last week, and why</a>`,
    ],
  ])
}

function stateOf({ status, tokensFrom }: ClientView['client']): Html {
  if (status !== 'active' || tokensFrom === undefined) return standing(status)
  return html`${standing(status)}<br><span class="quiet">It gets tokens in ${count(tokensFrom.inSeconds, 'second')}: all that it had was ended a moment ago.</span>`
}

function deeds({ client, mayStop, mayWrite, outOfReach }: ClientView): Html | undefined {
  if (outOfReach) return html`<p class="quiet">${CLIENT_OUT_OF_REACH}</p>`
  const href = hrefOf(client.id)
  const byHand = mayWrite && client.managedBy === undefined
  if (!mayStop && !byHand) return undefined
  return html`<p class="actions">
${byHand && html`<a class="button" href="${href}/change">Change…</a>`}
${mayStop && (client.status === 'active' ? html`<a class="button danger" href="${href}/suspension">Suspend…</a>` : html`<a class="button" href="${href}/reinstatement">Let it in again…</a>`)}
${mayStop && client.secrets.length > 0 && html`<a class="button danger" href="${href}/compromise">Somebody else has its secret…</a>`}
${byHand && html`<a class="button danger" href="${href}/deletion">Delete…</a>`}</p>`
}

function hrefOf(id: string): string {
  return `/admin/clients/${encodeURIComponent(id)}`
}
