// Parts of the page of one client: its secrets, its redirect URIs and how long what it gets lives.
import { type Html, html } from '../html.ts'
import { moment, spokenDuration } from '../moment.ts'
import { table } from './lists.ts'

/** That there is a secret. */
export interface SecretView {
  readonly id: string
  readonly createdAt: Date
  readonly expiresAt?: Date
  readonly expired: boolean
}

/** A redirect URI that was tried, and what came of it. */
export interface TriedView {
  readonly uri: string
  readonly matches: boolean
  readonly registered?: string
  readonly reasons: readonly string[]
}

/** A life, and what sets it. */
export interface Life {
  readonly seconds: number
  readonly decidedBy: string
}

/** How long something lasts unused, and at most. */
export interface LifeInUse {
  readonly unused: Life
  readonly most: Life
}

/** What a client can get, and how long that lives. */
export interface LifetimesView {
  readonly session: LifeInUse | undefined
  readonly refreshToken: LifeInUse | undefined
  readonly offlineRefreshToken: LifeInUse | undefined
  readonly idToken: Life | undefined
  readonly accessTokens: readonly (Life & { readonly resource?: string; readonly format: string })[]
  readonly unknownScopes: readonly string[]
}

/** Its secrets: that they are there, since when and until when. */
export function clientSecrets(some: readonly SecretView[]): Html | undefined {
  if (some.length === 0) return undefined
  return html`<section class="card" aria-labelledby="secrets">
<h2 id="secrets">Secrets</h2>
<p class="lead">What they are nobody can tell: only their digests are kept.</p>
<ul class="rows">
${some.map(
  ({
    id,
    createdAt,
    expiresAt,
    expired,
  }) => html`<li><div class="row-main"><p><code>${id}</code>${expired && html` <span class="badge">Over</span>`}</p>
<p class="quiet">made ${moment(createdAt)}${expiresAt !== undefined && html` · until ${moment(expiresAt)}`}</p></div></li>
`,
)}</ul>
</section>`
}

/** Its redirect URIs, and a form by which one is tried. */
export function clientRedirects({
  href,
  uris,
  tried,
}: {
  readonly href: string
  readonly uris: readonly string[]
  readonly tried: TriedView | undefined
}): Html | undefined {
  if (uris.length === 0) return undefined
  return html`<section class="card" aria-labelledby="redirects">
<h2 id="redirects">Redirect URIs</h2>
<ul class="rows">
${uris.map((uri) => html`<li><code>${uri}</code></li>\n`)}</ul>
<form method="get" action="${href}#redirects">
<div class="field">
<label for="redirect_uri">Try one</label>
<input id="redirect_uri" name="redirect_uri" type="text" value="${tried?.uri ?? ''}" maxlength="2000" required autocomplete="off" spellcheck="false" aria-describedby="redirect-hint">
<p class="hint" id="redirect-hint">As the app sends it: it says whether it is one of these, and if not, why.</p>
</div>
<p class="actions"><button class="button small" type="submit">Try it</button></p>
</form>
${tried !== undefined && verdict(tried)}
</section>`
}

function verdict({ matches, registered, reasons }: TriedView): Html {
  if (matches)
    return html`<div class="notice" role="status"><p>It is <code>${registered}</code>: the app is let back there.</p></div>`
  return html`<div class="notice error" role="alert"><p>It is none of these${registered !== undefined && html`. The nearest is <code>${registered}</code>`}:</p>
<ul>${reasons.map((reason) => html`<li>${reason}</li>\n`)}</ul></div>`
}

/** How long what it gets really lives. */
export function clientLifetimes({
  session,
  refreshToken,
  offlineRefreshToken,
  idToken,
  accessTokens,
  unknownScopes,
}: LifetimesView): Html {
  const inUse = (name: string, life: LifeInUse | undefined) =>
    life === undefined
      ? []
      : [
          { name: `${name}, unused`, ...life.unused },
          { name: `${name}, at most`, ...life.most },
        ]
  const rows = [
    ...inUse('Session', session),
    ...inUse('Refresh token', refreshToken),
    ...inUse('Refresh token with offline_access', offlineRefreshToken),
    ...(idToken === undefined ? [] : [{ name: 'ID token', ...idToken }]),
    ...accessTokens.map(({ resource, format, ...life }) => ({
      name: resource === undefined ? 'Access token for no API' : `Access token for ${resource} (${format})`,
      ...life,
    })),
  ]
  return html`<section class="card" aria-labelledby="lives">
<h2 id="lives">How long what it gets really lives</h2>
<p class="lead">Of several limits the least counts. It is changed by the setting beside it.</p>
${table<(typeof rows)[number]>(
  'Lifetimes',
  [
    { label: 'What', names: true, cell: ({ name }) => html`<bdi>${name}</bdi>` },
    { label: 'Lives', cell: ({ seconds }) => spokenDuration(seconds) },
    { label: 'Set by', cell: ({ decidedBy }) => html`<code>${decidedBy}</code>` },
  ],
  rows,
)}
${unknownScopes.length > 0 && html`<div class="notice error"><p>No API has the scopes ${codes(unknownScopes)}: the app never gets them.</p></div>`}
</section>`
}

/** Words of the protocol, one beside the other. */
export function codes(words: readonly string[]): Html {
  return html`${words.map((word, index) => html`${index > 0 && ' '}<code>${word}</code>`)}`
}
