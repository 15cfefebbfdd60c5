// What owners do with resource servers in the console: one is registered, changed and deleted, and its scopes come and go.
import { type Html, html } from '../html.ts'
import { type AskingForm, askFirst } from './asking.ts'
import { type FormFault, facts, faultNotice, faultsAt, reasonField } from './lists.ts'
import { nameOf, type ResourceServerRow, scopeHref } from './resource-servers.ts'

/** What was filled in. */
export interface ResourceServerEntered {
  readonly identifier: string
  readonly name: string
  /** One a line: the scope, and after a space what people read of it. */
  readonly scopes: string
  readonly format: string
  readonly ttl: string
  readonly isDefault: boolean
  /** One a line. */
  readonly clients: string
}

/** What the form for a new one shows. */
export interface NewResourceServerView {
  readonly entered: ResourceServerEntered
  readonly csrf: string
  readonly faults: readonly FormFault[]
}

type Named = Pick<ResourceServerRow, 'id' | 'name' | 'identifier'>

const PATH = '/admin/resource-servers'

/** Makes it. */
export function newResourceServer({ entered, csrf, faults }: NewResourceServerView): Html {
  const [identifier, scopes] = [faultsAt(faults, 'identifier', 'identifier-hint'), faultsAt(faults, 'scopes', 'scopes-hint')]
  return html`<p class="crumbs"><a href="${PATH}">APIs</a></p>
<h1>New API</h1>
${faultNotice(faults.map(({ text }) => text))}
<section class="card" aria-label="New API">
<form method="post" action="${PATH}">
<input type="hidden" name="csrf" value="${csrf}">
<div class="field"><label for="identifier">Identifier</label>
<input id="identifier" name="identifier" type="text" inputmode="url" required maxlength="500" value="${entered.identifier}" autocomplete="off" spellcheck="false"${identifier.tag}>
<p class="hint" id="identifier-hint">An absolute URI, such as https://notes.example/api. Its access tokens have it as <code>aud</code>, and it does not change.</p>${identifier.below}</div>
${nameField(entered, faults)}
<div class="field"><label for="scopes">Scopes</label>
<textarea id="scopes" name="scopes" rows="5" required autocomplete="off" spellcheck="false"${scopes.tag}>${entered.scopes}</textarea>
<p class="hint" id="scopes-hint">One a line, and after a space what people read of it before they agree: <code>notes:read See your notes</code></p>${scopes.below}</div>
${tokenFields(entered, faults)}
<p class="actions"><button class="button primary" type="submit">Register it</button>
<a class="button" href="${PATH}">Leave it</a></p>
</form>
</section>`
}

/** What the form to change one shows. */
export interface ResourceServerChangeView {
  readonly server: Named
  readonly entered: ResourceServerEntered
  /** Of the resource server as it was looked at. */
  readonly version: string
  readonly reason: string
  /** The form was sent without one. */
  readonly reasonMissing: boolean
  readonly csrf: string
  readonly faults: readonly FormFault[]
}

/** Makes it. */
export function resourceServerChange(view: ResourceServerChangeView): Html {
  const { server, entered, version, reason, reasonMissing, csrf, faults } = view
  return html`${crumbs(server)}
<h1>Change the API</h1>
${faultNotice(faults.map(({ text }) => text))}
<section class="card" aria-label="Change the API">
<p class="lead">Its scopes are changed one by one, on its page. Tokens that are out keep what they are.</p>
<form method="post" action="${PATH}/${server.id}/change">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="version" value="${version}">
${nameField(entered, faults)}
${tokenFields(entered, faults)}
${reasonField(reason, reasonMissing)}
<p class="actions"><button class="button primary" type="submit">Save</button>
<a class="button" href="${PATH}/${server.id}">Leave it as it is</a></p>
</form>
</section>`
}

function crumbs(server: Named): Html {
  return html`<p class="crumbs"><a href="${PATH}">APIs</a> · <a href="${PATH}/${server.id}"><bdi>${nameOf(server)}</bdi></a></p>`
}

function nameField({ name }: ResourceServerEntered, faults: readonly FormFault[]): Html {
  const { tag, below } = faultsAt(faults, 'name', 'name-hint')
  return html`<div class="field"><label for="name">Name</label>
<input id="name" name="name" type="text" maxlength="200" value="${name}" autocomplete="off"${tag}>
<p class="hint" id="name-hint">What people read in the place of the identifier. May be empty.</p>${below}</div>`
}

function tokenFields({ format, ttl, isDefault, clients }: ResourceServerEntered, faults: readonly FormFault[]): Html {
  const [kind, life, own] = [
    faultsAt(faults, 'format'),
    faultsAt(faults, 'ttl', 'ttl-hint'),
    faultsAt(faults, 'clients', 'clients-hint'),
  ]
  const formats = [
    ['jwt', 'JWT', 'The API checks them by itself, and listens to what is revoked.'],
    ['opaque', 'Opaque', 'The API asks here about each of them.'],
  ]
  return html`<fieldset class="choices"${kind.tag}><legend>Access tokens</legend>
${formats.map(([value, label, hint]) => html`<label class="choice"><input type="radio" name="format" value="${value}"${value === format && html` checked`}><span><strong>${label}</strong> <span class="hint">${hint}</span></span></label>\n`)}${kind.below}</fieldset>
<div class="field"><label for="ttl">Good for</label>
<input id="ttl" name="ttl" type="text" value="${ttl}" autocomplete="off" spellcheck="false"${life.tag}>
<p class="hint" id="ttl-hint">Such as 10m, 1h or 900 (seconds). Empty: as long as LATCHKEY_ACCESS_TOKEN_TTL says.</p>${life.below}</div>
<label class="choice"><input type="checkbox" name="default" value="on"${isDefault && html` checked`}><span><strong>Meant by its scopes alone</strong>
<span class="hint">A request that names no API and asks for one of its scopes gets a token for it. Of two such APIs no scope may be the same.</span></span></label>
<div class="field"><label for="clients">Clients that are this API</label>
<textarea id="clients" name="clients" rows="2" autocomplete="off" spellcheck="false"${own.tag}>${clients}</textarea>
<p class="hint" id="clients-hint">Their client_id, one a line: they may introspect its tokens.</p>${own.below}</div>`
}

/** What the form for a scope shows: for a new one, or for what people read of one that is there. */
export interface ScopeFormView {
  readonly server: Named
  /** Undefined: a new one. */
  readonly scope?: string
  readonly entered: { readonly scope: string; readonly text: string }
  readonly version: string
  readonly reason: string
  readonly csrf: string
  readonly faults: readonly string[]
}

/** Makes it. */
export function scopeForm({ server, scope, entered, version, reason, csrf, faults }: ScopeFormView): Html {
  return html`${crumbs(server)}
<h1>${scope === undefined ? 'Add a scope' : html`Scope <bdi>${scope}</bdi>`}</h1>
${faultNotice(faults)}
<section class="card" aria-label="Scope">
<form method="post" action="${scope === undefined ? `${PATH}/${server.id}/scopes` : scopeHref(server.id, scope)}">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="version" value="${version}">
${
  scope === undefined &&
  html`<div class="field"><label for="scope">Scope</label>
<input id="scope" name="scope" type="text" required maxlength="200" value="${entered.scope}" autocomplete="off" spellcheck="false" aria-describedby="scope-hint">
<p class="hint" id="scope-hint">One word for one thing, such as notes:read. Apps can ask for it when their registration names it.</p></div>`
}
<div class="field"><label for="text">What people read</label>
<input id="text" name="text" type="text" maxlength="200" value="${entered.text}" autocomplete="off" aria-describedby="text-hint">
<p class="hint" id="text-hint">Before they let an app in that asks for it, such as “See your notes”. Empty: its name.</p></div>
${reasonField(reason)}
<p class="actions"><button class="button primary" type="submit">${scope === undefined ? 'Add it' : 'Save'}</button>
<a class="button" href="${PATH}/${server.id}">Leave it</a></p>
</form>
</section>`
}

/** What ends with a scope, or with an API. */
export interface ScopeEndView extends AskingForm {
  readonly server: Named
  readonly preview: { readonly clientIds: readonly string[]; readonly more: boolean }
}

/** Before a scope is gone. */
export function scopeRemoval({ server, scope, preview, ...form }: ScopeEndView & { readonly scope: string }): Html {
  return askFirst({
    ...form,
    of: placeOf(server),
    title: html`Remove <bdi>${scope}</bdi>`,
    says: html`${whatEnds(preview)}
<p class="lead">No app gets it any more. Apps get tokens without it by their refresh tokens; people stay signed in.</p>`,
    button: 'Remove it',
    danger: true,
  })
}

/** Before an API is gone. */
export function resourceServerDeletion({ server, preview, ...form }: ScopeEndView): Html {
  return askFirst({
    ...form,
    of: placeOf(server),
    title: 'Delete the API',
    says: html`${whatEnds(preview)}
<p class="lead">No app gets tokens for it any more. Grants and sessions stay, and are good for other APIs.</p>`,
    button: 'Delete it',
    danger: true,
  })
}

function placeOf(server: Named) {
  return { name: html`<bdi>${nameOf(server)}</bdi>`, href: `${PATH}/${server.id}` }
}

function whatEnds({ clientIds, more }: ScopeEndView['preview']): Html {
  const apps =
    clientIds.length === 0
      ? 'no app’s: none is registered with it'
      : html`all of ${clientIds.map((id, index) => html`${index > 0 && ', '}<bdi>${id}</bdi>`)}${more && ', and more apps'}, since each may carry it`
  return facts([
    ['Access tokens', apps],
    ['Who refuses them', 'APIs that listen, within a second'],
  ])
}
