// What to put into an app, ready to be copied: for the libraries that are common for its kind, filled in with what is registered. The secret
// is in none of them.
import { type Html, html } from '../html.ts'
import { API_SNIPPETS, MACHINE_SNIPPETS } from './client-snippets-machines.ts'
import { NATIVE_SNIPPETS } from './client-snippets-native.ts'
import { SPA_SNIPPETS, WEB_SNIPPETS } from './client-snippets-people.ts'
import type { MakeSnippet, Snippet, SnippetFacts } from './client-snippets-text.ts'
import { facts } from './lists.ts'

const BY_KIND: { readonly [kind: string]: readonly MakeSnippet[] } = {
  web: WEB_SNIPPETS,
  spa: SPA_SNIPPETS,
  native: NATIVE_SNIPPETS,
  machine: MACHINE_SNIPPETS,
  api: API_SNIPPETS,
}

/** Makes the card. */
export function clientSnippets(kind: string, filled: SnippetFacts): Html {
  const { issuer, clientId, moreApis, resource, authMethod, actsFor } = filled
  return html`<section class="card" aria-labelledby="next">
<h2 id="next">Next: put this in your app</h2>
<p class="lead">Filled in for this app. ${authMethod.startsWith('client_secret_') && html`The secret stands in none of them: they read it from the environment, as <code>CLIENT_SECRET</code>.`}</p>
${facts([
  ['Issuer', html`<code>${issuer}</code>`],
  ['Discovery', html`<code>${issuer}/.well-known/openid-configuration</code>`],
])}
${kind === 'api' && actsFor === undefined && html`<div class="notice warning"><p>No API names this client yet, so that it may ask about no token: choose one of <a href="/admin/resource-servers">the APIs</a>, and put <code>${clientId}</code> under “Clients that are this API”.</p></div>`}
${moreApis && html`<p class="quiet">An access token is for one API, here <code>${resource}</code>. For another one, ask for another token with its identifier as <code>resource</code>.</p>`}
${snippetsFor(kind, filled).map(
  ({ title, note, code }, index) => html`<details class="filters"${index === 0 && html` open`}>
<summary>${title}</summary>
<div class="counts">
${note !== undefined && html`<p class="quiet">${note}</p>`}
<pre class="json"><code data-copy>${code}</code></pre></div>
</details>
`,
)}</section>`
}

function snippetsFor(kind: string, filled: SnippetFacts): Snippet[] {
  return (BY_KIND[kind] ?? []).map((make) => make(filled))
}
