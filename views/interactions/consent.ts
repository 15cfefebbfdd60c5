// The page on which a person lets an app in, or does not.
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { type KnownApis, openidWords } from '../scope-words.ts'
import { webAddress } from '../web-address.ts'

/** What the consent page shows and where its forms go. */
export interface ConsentPage {
  readonly action: string
  readonly abortAction: string
  readonly csrf: string
  readonly client: {
    readonly id: string
    readonly name: string
    /** Not shown: pages load nothing from other sites. */
    readonly logoUri?: string
    readonly clientUri?: string
    readonly policyUri?: string
    readonly tosUri?: string
  }
  /** The host to which the browser goes afterwards. */
  readonly redirectHost: string
  /** Who is signed in. */
  readonly email: string
  /** The OpenID Connect scopes that are asked for. */
  readonly openid: readonly string[]
  /** The scopes that are asked for, by the identifier of their API. */
  readonly resources: { readonly [identifier: string]: readonly string[] }
  /** What is known of those APIs: what they are called, and what is to be read of their scopes. */
  readonly apis?: KnownApis
}

/** Makes the page. */
export function consentPage(p: ConsentPage): Html {
  const name = html`<bdi>${p.client.name}</bdi>`
  const body = html`<section class="card">
<header>
<div class="tile" aria-hidden="true">${[...p.client.name.trim()][0]?.toUpperCase()}</div>
<h1>Let ${name} in?</h1>
<p class="lead">You are signed in as <strong><bdi>${p.email}</bdi></strong>.</p>
</header>
<div>
<h2 id="asks">It will be able to</h2>
<ul class="rows" aria-labelledby="asks">
${openidRows(p.openid)}
${Object.entries(p.resources).map(([identifier, scopes]) => resourceRow(identifier, scopes, new Map(Object.entries(p.apis ?? {})).get(identifier)))}
</ul>
</div>
${links(p.client)}
<p class="quiet">It can do this ${howLong(p.openid)}, and your answer is remembered for the next time. Afterwards you are taken to <bdi>${p.redirectHost}</bdi>.</p>
<form method="post" action="${p.action}">
<input type="hidden" name="csrf" value="${p.csrf}">
<button class="button primary" type="submit">Allow</button>
</form>
<form method="post" action="${p.abortAction}">
<input type="hidden" name="csrf" value="${p.csrf}">
<button class="button" type="submit" name="deny" value="deny">Do not allow</button>
</form>
</section>`
  return page({ title: `Let ${p.client.name} in?`, body })
}

/** What a client holds without `offline_access` ends with the session (OIDC Core §11). */
function howLong(openid: readonly string[]): string {
  return openid.includes('offline_access') ? 'until you or an administrator end it' : 'until you sign out'
}

function openidRows(scopes: readonly string[]): Html[] {
  // Signing in is what the app gets in any case, so the list never stands empty.
  const asked = scopes.includes('openid') ? scopes : ['openid', ...scopes]
  return asked.map((scope) => {
    const { what, detail } = openidWords(scope)
    return html`<li><div class="row-main"><strong>${what}</strong>${
      detail !== undefined && html`<div class="hint">${detail}</div>`
    }</div></li>`
  })
}

/** What an app will be able to do at an API. The API is named by what it calls itself, and by its identifier, which nobody else can have. */
export function resourceRow(
  identifier: string,
  scopes: readonly string[],
  { name, scopes: texts = {} }: KnownApis[string] = { scopes: {} },
): Html {
  const described = new Map(Object.entries(texts))
  const plain = scopes.filter((scope) => !described.has(scope))
  return html`<li><div class="row-main"><strong>Act for you at <bdi>${name ?? identifier}</bdi></strong>${
    name !== undefined && html`<div class="hint"><bdi>${identifier}</bdi></div>`
  }${scopes.filter((scope) => described.has(scope)).map((scope) => html`<div><bdi>${described.get(scope)}</bdi></div>`)}${
    plain.length > 0 && html`<div class="hint">with the permissions ${plain.map((scope) => html`<code>${scope}</code> `)}</div>`
  }</div></li>`
}

function links({ clientUri, policyUri, tosUri }: ConsentPage['client']): Html | undefined {
  const shown = [
    ['About this app', clientUri],
    ['Its privacy policy', policyUri],
    ['Its terms', tosUri],
  ].flatMap(([label, uri]) => {
    const href = webAddress(uri)
    return href === undefined ? [] : [html`<a href="${href}" rel="noreferrer noopener" target="_blank">${label}</a>`]
  })
  return shown.length === 0 ? undefined : html`<p class="quiet links">${shown}</p>`
}
