// Tokens in the console: the form into which one is pasted, the revocations in force, and how far those have come who listen.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { type Chip, chips, faultNotice, filterField, filterForm, nothingHere, pager, reasonField, table } from './lists.ts'
import { words } from './tree.ts'

/** What names tokens, and how people say it. */
export const TOKEN_NAME_LABELS: readonly (readonly [name: string, label: string])[] = [
  ['jti', 'jti: one access token'],
  ['grant_id', 'grant_id: a grant'],
  ['sid', 'sid: a session'],
  ['sub', 'sub: an account'],
  ['client_id', 'client_id: an app'],
  ['kid', 'kid: a signing key'],
]

/** A revocation in force. */
export interface RevocationRow {
  readonly sequence: number
  readonly kind: string
  readonly value: string
  readonly before?: Date
  readonly until: Date
  readonly reason: string
  readonly createdAt: Date
  readonly by?: { readonly event: string; readonly actor?: string; readonly reason?: string }
}

/** What the page of tokens shows. */
export interface TokensView {
  readonly csrf: string
  readonly mayRevoke: boolean
  /** What was pasted when the person had to sign in first. */
  readonly pasted: string
  /** What was filled in of the form that ends by a name. */
  readonly named: { readonly kind: string; readonly value: string; readonly reason: string }
  /** It was sent without a reason. */
  readonly reasonMissing: boolean
  readonly revocations: readonly RevocationRow[]
  readonly chips: readonly Chip[]
  readonly asked: { readonly [field: string]: string }
  readonly fault?: string
  /** What is wrong with the filter of the revocations: it is said as the fault, too. */
  readonly filterFault?: string
  readonly firstHref?: string
  readonly nextHref?: string
}

/** Makes the page. */
export function tokensPage(view: TokensView): Html {
  return html`<h1>Tokens</h1>
${faultNotice(view.fault)}
${lookForm(view)}
${view.mayRevoke && nameForm(view)}
<section class="console-part" aria-labelledby="revocations">
<h2 id="revocations">Revocations in force</h2>
<p class="quiet">What was ended, until the last token concerned has expired. <a href="/admin/tokens/listeners">Who has applied them</a></p>
${filterForm('/admin/tokens', false, [
  filterField({ name: 'kind', label: 'By', value: view.asked.kind ?? '', choices: [['', 'All'], ...TOKEN_NAME_LABELS] }),
  filterField({ name: 'value', label: 'Value', value: view.asked.value ?? '' }),
])}
${chips(view.chips, '/admin/tokens')}
${view.revocations.length === 0 ? nothingHere('No revocations', 'Nothing was ended before its time, or all of it has expired since.', view.filterFault) : table<RevocationRow>('Revocations in force, the latest first', REVOCATION_COLUMNS, view.revocations)}
${pager(view)}
</section>`
}

function lookForm({ csrf, pasted }: TokensView): Html {
  return html`<section class="card" aria-labelledby="look">
<header><h2 id="look">Look at a token</h2>
<p class="lead">An access token, refresh token, ID token, logout token or code. It is neither kept nor shown again, and looking changes nothing.</p></header>
<form method="post" action="/admin/tokens/inspection">
<input type="hidden" name="csrf" value="${csrf}">
<div class="field">
<label for="token">Token, or a jti, grant_id, sid, sub, client_id or kid</label>
<textarea id="token" name="token" rows="4" maxlength="20000" required autocomplete="off" spellcheck="false">${pasted}</textarea>
</div>
<p class="actions"><button class="button primary" type="submit">Look</button></p>
</form>
</section>`
}

function nameForm({ csrf, named, reasonMissing }: TokensView): Html {
  return html`<details class="filters"${(reasonMissing || Object.values(named).some((text) => text !== '')) && html` open`}>
<summary>End access tokens by what names them</summary>
<form method="post" action="/admin/tokens/revocation">
<input type="hidden" name="csrf" value="${csrf}">
<div class="filter-fields">
${nameFields(named)}</div>
${reasonField(named.reason, reasonMissing)}
<p class="hint">Access tokens end that were issued until now. What they stand on goes on, and a refresh brings new ones.</p>
<p class="actions"><button class="button danger" type="submit">End them</button></p>
</form>
</details>`
}

function nameFields({ kind, value }: TokensView['named']): Html {
  return html`<div class="field">
<label for="named-kind">Named by</label>
<select id="named-kind" name="kind">
${TOKEN_NAME_LABELS.map(([name, label]) => html`<option value="${name}"${name === kind && html` selected`}>${label}</option>\n`)}</select>
</div>
<div class="field">
<label for="named-value">Value</label>
<input id="named-value" name="value" type="text" value="${value}" maxlength="300" required autocomplete="off" spellcheck="false">
</div>
`
}

/** The columns of a list of revocations. */
export const REVOCATION_COLUMNS = [
  {
    label: 'What',
    names: true,
    cell: ({ kind, value, before }: RevocationRow) =>
      html`${nameLink(kind, value)}<br><span class="quiet">${kind}${before !== undefined && html`, issued until ${moment(before)}`}</span>`,
  },
  { label: 'Cause', cell: ({ reason }: RevocationRow) => words(reason) },
  {
    label: 'Who',
    cell: ({ by }: RevocationRow) =>
      by?.actor === undefined ? 'nobody' : html`${actorLink(by.actor)}<br><span class="quiet">${by.event}</span>`,
  },
  { label: 'Why', cell: ({ by }: RevocationRow) => by?.reason !== undefined && html`<bdi>${by.reason}</bdi>` },
  {
    label: 'When',
    cell: ({ sequence, createdAt }: RevocationRow) => html`${moment(createdAt)}<br><span class="quiet">number ${sequence}</span>`,
  },
  { label: 'Until', cell: ({ until }: RevocationRow) => moment(until) },
]

const PAGES: { readonly [kind: string]: string } = {
  grant_id: '/admin/grants/',
  sid: '/admin/sessions/',
  sub: '/admin/accounts/',
  client_id: '/admin/clients/',
}

function nameLink(kind: string, value: string): Html {
  const page = PAGES[kind]
  if (page === undefined) return html`<code>${value}</code>`
  return html`<a href="${page}${encodeURIComponent(value)}"><code>${value}</code></a>`
}

function actorLink(actor: string): Html {
  if (!actor.startsWith('acc_')) return html`<bdi>${actor}</bdi>`
  return html`<a href="/admin/accounts/${encodeURIComponent(actor)}"><code>${actor}</code></a>`
}

/** Somebody who listens to the revocations. */
export interface ListenerRow {
  readonly clientId: string
  readonly instance: string
  readonly sequence: number
  /** How many revocations it has not applied. */
  readonly behind: number
  readonly acknowledgedAt: Date
  /** It was not heard for so long that it is gone, or cut off. */
  readonly silent: boolean
}

/** What the page of those who listen shows. */
export interface ListenersView {
  readonly listeners: readonly ListenerRow[]
  /** The number of the last revocation. */
  readonly newest: number
  readonly firstHref?: string
  readonly nextHref?: string
}

/** Makes the page. */
export function listenersPage(view: ListenersView): Html {
  const { listeners, newest } = view
  const columns = [
    {
      label: 'API',
      names: true,
      cell: ({ clientId, instance }: ListenerRow) =>
        html`<bdi>${clientId}</bdi><br><span class="quiet"><bdi>${instance}</bdi></span>`,
    },
    { label: 'Has applied', cell: ({ sequence }: ListenerRow) => String(sequence) },
    {
      label: 'State',
      cell: ({ behind, silent }: ListenerRow) => {
        if (silent) return html`<span class="badge">Gone, or cut off</span>`
        return behind === 0 ? html`<span class="badge good">Up to date</span>` : html`<span class="badge">${behind} behind</span>`
      },
    },
    { label: 'Heard', cell: ({ acknowledgedAt }: ListenerRow) => moment(acknowledgedAt) },
  ]
  return html`<p class="crumbs"><a href="/admin/tokens">Tokens</a></p>
<h1>Who has applied the revocations</h1>
<p class="lead">The guards of APIs, each process by itself, that were heard of in the last day. One that is not heard for a minute and a half was stopped, or reaches this server no more. The last revocation is number ${newest}.</p>
${listeners.length === 0 ? nothingHere('Nobody listens', 'No guard has said how far it has come. APIs that introspect, or wait for tokens to expire, are not seen here.') : table<ListenerRow>('Those who listen', columns, listeners)}
${pager(view)}`
}
