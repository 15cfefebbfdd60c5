// The forms by which an app is registered and changed in the console: first its kind, then what that kind needs and nothing else.
import { type Html, html } from '../html.ts'
import { faultNotice, reasonField } from './lists.ts'

/** What was filled in. */
export interface ClientEntered {
  readonly name: string
  readonly clientId: string
  /** One a line. */
  readonly redirectUris: string
  /** One a line. */
  readonly postLogoutRedirectUris: string
  readonly backchannelLogoutUri: string
  /** How it proves that it is itself: a `token_endpoint_auth_method`. */
  readonly authMethod: string
  readonly jwksUri: string
  readonly skipConsent: boolean
  readonly refreshes: boolean
  readonly actsForItself: boolean
  /** Of those that are offered. */
  readonly scopes: readonly string[]
  /** Others, between spaces. */
  readonly otherScopes: string
}

/** Scopes that one can tick, of this server or of an API. */
export interface ScopeOffer {
  readonly label: string
  readonly scopes: readonly { readonly scope: string; readonly words?: string | undefined }[]
}

/** What the forms show. */
export interface ClientFormView {
  readonly kind: string
  readonly entered: ClientEntered
  readonly offers: readonly ScopeOffer[]
  readonly csrf: string
  readonly faults: readonly string[]
}

const PATH = '/admin/clients'

/** The kinds that one chooses from, in words that do not take knowing the protocol. */
const KINDS = [
  ['web', 'Web app with a server', 'Pages come from your own server, which can keep a secret: Rails, Next.js, Spring, ASP.NET.'],
  ['spa', 'Single-page app', 'It runs in the browser alone. It can keep no secret, and needs none.'],
  ['native', 'Mobile, desktop or command-line app', 'People install it, and sign in by the browser of their device.'],
  ['machine', 'Program without people', 'A job or a service that gets access tokens for itself.'],
  ['api', 'API', 'It is shown access tokens, and asks here whether they are still good.'],
] as const

/** Makes the page that asks for the kind. */
export function clientKinds(): Html {
  return html`<p class="crumbs"><a href="${PATH}">Apps</a></p>
<h1>New app</h1>
<section class="card" aria-label="Kind of app">
<form method="get" action="${PATH}/new">
<fieldset class="choices"><legend>What is it?</legend>
${KINDS.map(([value, label, hint]) => html`<label class="choice"><input type="radio" name="kind" value="${value}" required><span><strong>${label}</strong> <span class="hint">${hint}</span></span></label>\n`)}</fieldset>
<p class="quiet">The kind decides what is safe to begin with. An app of two parts is two apps: the part in the browser, and the API.</p>
<p class="actions"><button class="button primary" type="submit">Go on</button>
<a class="button" href="${PATH}">Leave it</a></p>
</form>
</section>`
}

/** Makes the form for a new one. */
export function newClient(view: ClientFormView): Html {
  const { kind, entered, csrf, faults } = view
  const [, label = kind, hint = ''] = KINDS.find(([value]) => value === kind) ?? []
  return html`<p class="crumbs"><a href="${PATH}">Apps</a> · <a href="${PATH}/new">New app</a></p>
<h1>New app: ${label}</h1>
${faultNotice(faults)}
<section class="card" aria-label="New app">
<p class="lead">${hint} ${isConfidential(kind) && 'It gets a secret, which is shown once, on the next page.'}</p>
<form method="post" action="${PATH}">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="kind" value="${kind}">
${nameField(kind, entered)}
<div class="field"><label for="client_id">client_id</label>
<input id="client_id" name="client_id" type="text" required maxlength="200" value="${entered.clientId}" autocomplete="off" spellcheck="false" aria-describedby="client-id-hint">
<p class="hint" id="client-id-hint">By this the app says who it is. It is no secret, and does not change. This one was made up; a telling one, such as <code>notes-web</code>, is as good.</p></div>
${addressFields(kind, entered)}
${scopeFields(view)}
${isConfidential(kind) && authFields(entered)}
${consentField(kind, entered)}
<p class="actions"><button class="button primary" type="submit">${isConfidential(kind) ? 'Register it and show the secret' : 'Register it'}</button>
<a class="button" href="${PATH}">Leave it</a></p>
</form>
</section>`
}

/** What the form to change one shows. */
export interface ClientChangeView extends ClientFormView {
  readonly client: { readonly id: string; readonly name?: string }
  /** Whether how it authenticates is one of those that can be chosen here. */
  readonly choosesAuth: boolean
  /** Of the client as it was looked at. */
  readonly version: string
  readonly reason: string
}

/** Makes it. */
export function clientChange(view: ClientChangeView): Html {
  const { kind, client, entered, choosesAuth, version, reason, csrf, faults } = view
  const href = `${PATH}/${encodeURIComponent(client.id)}`
  return html`<p class="crumbs"><a href="${PATH}">Apps</a> · <a href="${href}"><bdi>${client.name ?? client.id}</bdi></a></p>
<h1>Change the app</h1>
${faultNotice(faults)}
<section class="card" aria-label="Change the app">
<p class="lead">Where something is taken away that it may ask for, its access tokens end at once, and a refresh gets it others with less. People stay
signed in. What is not on this page stays as it is: the rest is changed by the admin API.</p>
<form method="post" action="${href}/change">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="version" value="${version}">
${nameField(kind, entered)}
${addressFields(kind, entered)}
${scopeFields(view)}
${grantFields(kind, entered)}
${choosesAuth && authFields(entered)}
${consentField(kind, entered)}
${reasonField(reason)}
<p class="actions"><button class="button primary" type="submit">Save</button>
<a class="button" href="${href}">Leave it as it is</a></p>
</form>
</section>`
}

function hasPeople(kind: string): boolean {
  return kind === 'web' || kind === 'spa' || kind === 'native'
}

function isConfidential(kind: string): boolean {
  return kind === 'web' || kind === 'machine' || kind === 'api'
}

function nameField(kind: string, { name }: ClientEntered): Html {
  const hint = hasPeople(kind) ? 'People read it when they sign in.' : 'You read it here, and in the audit log.'
  return html`<div class="field"><label for="name">Name</label>
<input id="name" name="name" type="text" required maxlength="200" value="${name}" autocomplete="off" aria-describedby="name-hint">
<p class="hint" id="name-hint">${hint}</p></div>`
}

const REDIRECT_HINTS: { readonly [kind: string]: Html } = {
  web: html`Where people come back to after signing in, one a line: <code>https://app.example/callback</code>. They are compared letter by letter.`,
  spa: html`Where people come back to after signing in, one a line: <code>https://app.example/callback</code>. Pages at these origins may call <code>/token</code> and <code>/userinfo</code>.`,
  native: html`One a line. <code>http://127.0.0.1/callback</code> for the desktop, whatever port the app opens; <code>com.example.app:/callback</code> for a phone, or better an https address that the system has verified for the app.`,
}

function addressFields(kind: string, entered: ClientEntered): Html | undefined {
  if (!hasPeople(kind)) return undefined
  return html`<div class="field"><label for="redirect_uris">Redirect URIs</label>
<textarea id="redirect_uris" name="redirect_uris" rows="3" required autocomplete="off" spellcheck="false" aria-describedby="redirect-uris-hint">${entered.redirectUris}</textarea>
<p class="hint" id="redirect-uris-hint">${REDIRECT_HINTS[kind]}</p></div>
<div class="field"><label for="post_logout_redirect_uris">Where people may land after signing out</label>
<textarea id="post_logout_redirect_uris" name="post_logout_redirect_uris" rows="2" autocomplete="off" spellcheck="false" aria-describedby="post-logout-hint">${entered.postLogoutRedirectUris}</textarea>
<p class="hint" id="post-logout-hint">One a line, or nothing: then they stay on the sign-out page.</p></div>
${
  kind === 'web' &&
  html`<div class="field"><label for="backchannel_logout_uri">Where its server is told that a session is over</label>
<input id="backchannel_logout_uri" name="backchannel_logout_uri" type="text" inputmode="url" maxlength="2000" value="${entered.backchannelLogoutUri}" autocomplete="off" spellcheck="false" aria-describedby="backchannel-hint">
<p class="hint" id="backchannel-hint">May be empty. With it, the app ends its own session the moment the person’s ends here (back-channel logout).</p></div>`
}`
}

function scopeFields({ kind, entered, offers }: ClientFormView): Html {
  return html`${offers.map(
    ({
      label,
      scopes,
    }) => html`<fieldset class="choices"><legend>${hasPeople(kind) ? html`May ask for: ${label}` : html`May do: ${label}`}</legend>
<div class="filter-fields">
${scopes.map(({ scope, words }) => html`<label class="choice"><input type="checkbox" name="scope_${scope}" value="on"${entered.scopes.includes(scope) && html` checked`}><span><strong>${scope}</strong> ${words !== undefined && html`<span class="hint">${words}</span>`}</span></label>\n`)}</div></fieldset>
`,
  )}
<div class="field"><label for="scopes">Other scopes</label>
<input id="scopes" name="scopes" type="text" maxlength="4000" value="${entered.otherScopes}" autocomplete="off" spellcheck="false" aria-describedby="scopes-hint">
<p class="hint" id="scopes-hint">Between spaces. It never gets more than what is ticked and stands here.</p></div>`
}

const AUTH_METHODS = [
  ['client_secret_basic', 'A secret in a header', 'What most libraries do.'],
  ['client_secret_post', 'A secret in the body', 'What ASP.NET does, and some older libraries.'],
  ['private_key_jwt', 'Keys of its own', 'Nothing secret is ever sent: the app signs, and publishes its public keys.'],
] as const

function authFields({ authMethod, jwksUri }: ClientEntered): Html {
  return html`<fieldset class="choices"><legend>How it proves that it is itself</legend>
${AUTH_METHODS.map(([value, label, hint]) => html`<label class="choice"><input type="radio" name="auth" value="${value}"${value === authMethod && html` checked`}><span><strong>${label}</strong> <span class="hint">${hint}</span></span></label>\n`)}</fieldset>
<div class="field"><label for="jwks_uri">Where its public keys are</label>
<input id="jwks_uri" name="jwks_uri" type="text" inputmode="url" maxlength="2000" value="${jwksUri}" autocomplete="off" spellcheck="false" aria-describedby="jwks-hint">
<p class="hint" id="jwks-hint">For keys of its own only: the address of its JSON Web Key Set.</p></div>`
}

function grantFields(kind: string, { refreshes, actsForItself }: ClientEntered): Html | undefined {
  if (!hasPeople(kind)) return undefined
  return html`<fieldset class="choices"><legend>How it gets tokens, besides people signing in</legend>
<label class="choice"><input type="checkbox" name="refreshes" value="on"${refreshes && html` checked`}><span><strong>By refresh tokens</strong> <span class="hint">So that access tokens can be short, and nobody has to sign in again for each.</span></span></label>
${kind === 'web' && html`<label class="choice"><input type="checkbox" name="acts_for_itself" value="on"${actsForItself && html` checked`}><span><strong>For itself</strong> <span class="hint">Without a person, by client credentials.</span></span></label>`}</fieldset>`
}

/** RFC 8252 §8.6: another program can pretend to be a native app, and the consent page is where a person notices. */
function consentField(kind: string, { skipConsent }: ClientEntered): Html | undefined {
  if (kind !== 'web' && kind !== 'spa') return undefined
  return html`<label class="choice"><input type="checkbox" name="skip_consent" value="on"${skipConsent && html` checked`}><span><strong>It is our own: ask nobody for consent</strong>
<span class="hint">Left out, people are asked once whether they let the app in. Leave it out for apps of others.</span></span></label>`
}
