// What one app may do with the account, where a person takes some of it back.
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { type KnownApis, openidWords } from '../scope-words.ts'

/** What the page shows. */
export interface AppView {
  readonly clientId: string
  readonly clientName: string
  readonly openid: readonly string[]
  /** By the identifiers of APIs. */
  readonly resources: { readonly [identifier: string]: readonly string[] }
  readonly apis: KnownApis
  readonly csrf: string
}

/** The field of a scope; of an API's, or without one of OpenID Connect. */
export function scopeField(scope: string, identifier = ''): string {
  return `keep ${scope} ${identifier}`
}

/** Makes the page. */
export function appPage(view: AppView): Html {
  const { clientId, clientName, csrf } = view
  const groups = [identityGroup(view), ...Object.keys(view.resources).map((identifier) => apiGroup(view, identifier))]
  const choices = groups.filter((group) => group !== undefined)
  const body = html`<section class="card">
<header>
<h1>What <bdi>${clientName}</bdi> may do</h1>
<p class="lead">Untick what it shall not do any more. That ends at once, on all of your devices; the app may ask you for it again.</p>
</header>
${
  choices.length === 0
    ? html`<p>It knows who you are, and nothing else. To end that, take its access away on <a href="/account#apps">your account page</a>.</p>`
    : html`<form method="post" action="/account/apps/narrowing">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="client_id" value="${clientId}">
${choices}
<p class="actions"><button class="button primary" type="submit">Save</button> <a class="button" href="/account">Leave it as it is</a></p>
</form>`
}
</section>`
  return page({ title: `What ${clientName} may do`, body })
}

/** That it knows who signs in is what an app has in any case. */
function identityGroup({ openid }: AppView): Html | undefined {
  const scopes = openid.filter((scope) => scope !== 'openid')
  if (scopes.length === 0) return undefined
  return html`<fieldset class="choices"><legend>About you</legend>
${scopes.map((scope) => {
  const { what, detail } = openidWords(scope)
  return choice(scopeField(scope), what, detail)
})}</fieldset>`
}

function apiGroup({ resources, apis }: AppView, identifier: string): Html {
  const known = new Map(Object.entries(apis)).get(identifier)
  const texts = new Map(Object.entries(known?.scopes ?? {}))
  return html`<fieldset class="choices"><legend>For you at <bdi>${known?.name ?? identifier}</bdi></legend>
${(resources[identifier] ?? []).map((scope) => choice(scopeField(scope, identifier), texts.get(scope) ?? scope, texts.has(scope) ? scope : undefined))}</fieldset>`
}

function choice(name: string, what: string, detail: string | undefined): Html {
  return html`<label class="choice"><input type="checkbox" name="${name}" value="on" checked><span><strong><bdi>${what}</bdi></strong>${
    detail !== undefined && html` <span class="hint">${detail}</span>`
  }</span></label>
`
}
