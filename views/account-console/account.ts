// The account page: who the person is, where they are signed in, and which apps may use the account.
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { moment, momentText } from '../moment.ts'
import { explainEnded, type WhatEnded } from '../what-ended.ts'

/** Why a name was refused. */
export type NameFault = 'name_invalid'

/** What has just been done, and what it ended. */
export interface Notice extends WhatEnded {
  readonly deed: Deed
}

export type Deed =
  | 'renamed'
  | 'password_changed'
  | 'session_ended'
  | 'others_ended'
  | 'app_removed'
  | 'app_narrowed'
  | 'app_unchanged'

/** A session, as its owner sees it. */
export interface SessionItem {
  readonly id: string
  /** "Chrome on Windows". */
  readonly device: string
  readonly address?: string
  readonly startedAt: Date
  readonly lastUsedAt: Date
  readonly clients: readonly { readonly clientId: string; readonly name: string }[]
  /** Whether it is the one that looks at this page. */
  readonly current: boolean
}

/** An app that the person has agreed to. */
export interface AgreedApp {
  readonly clientId: string
  readonly clientName: string
  readonly givenAt: Date
  /** What it may do, as scopes. */
  readonly scopes: readonly string[]
}

/** What the page shows. */
export interface AccountView {
  readonly email: string
  readonly name: string
  readonly sessions: readonly SessionItem[]
  readonly apps: readonly AgreedApp[]
  readonly csrf: { readonly name: string; readonly sessions: string; readonly apps: string }
  readonly notice?: Notice
  readonly nameFault?: NameFault
}

const NOTICES: { readonly [deed in Deed]: (ended: WhatEnded) => string } = {
  renamed: () => 'Your name has been saved.',
  password_changed: (ended) => ['Your password has been changed.', explainEnded(ended, 'this device') ?? ''].join(' ').trim(),
  session_ended: ({ sessions }) => (sessions === 0 ? 'That device was signed out already.' : 'That device has been signed out.'),
  others_ended: (ended) => explainEnded(ended, 'this device') ?? 'You were signed in on no other device.',
  app_narrowed: () => 'That app may do less with your account now.',
  app_unchanged: () => 'Nothing was changed.',
  app_removed: () => 'That app can no longer use your account. It has to ask you again.',
}

const NAME_FAULTS: { readonly [fault in NameFault]: string } = {
  name_invalid: 'A name has 200 characters at most, and no line breaks.',
}

/** Makes the page. */
export function accountPage(view: AccountView): Html {
  const body = html`<h1>Your account</h1>
${view.notice !== undefined && html`<div class="notice success" role="status"><p>${NOTICES[view.notice.deed](view.notice)}</p></div>`}
${aboutYou(view)}
${password()}
${signedIn(view)}
${agreedApps(view)}`
  return page({ title: 'Your account', body, width: 'wide' })
}

function aboutYou({ email, name, csrf, nameFault }: AccountView): Html {
  const wrong = nameFault !== undefined && html` aria-invalid="true" aria-describedby="name-fault"`
  return html`<section class="card" aria-labelledby="about-you">
<h2 id="about-you">About you</h2>
<dl class="facts"><div><dt>E-mail</dt><dd>${email}</dd></div></dl>
<form method="post" action="/account/name">
<input type="hidden" name="csrf" value="${csrf.name}">
<div class="field">
<label for="name">Name</label>
<input id="name" name="name" type="text" autocomplete="name" maxlength="200" value="${name}"${wrong}>
${nameFault !== undefined && html`<p class="error" id="name-fault">${NAME_FAULTS[nameFault]}</p>`}
</div>
<p class="actions"><button class="button" type="submit">Save name</button></p>
</form>
</section>`
}

function password(): Html {
  return html`<section class="card" aria-labelledby="password">
<h2 id="password">Password</h2>
<p class="actions"><a class="button" href="/account/password">Change password</a></p>
</section>`
}

function signedIn({ sessions, csrf }: AccountView): Html {
  const others = sessions.some((session) => !session.current)
  return html`<section class="card" aria-labelledby="signed-in">
<header>
<h2 id="signed-in">Where you are signed in</h2>
<p class="lead">If you do not know one of these devices, sign it out and change your password.</p>
</header>
<ul class="rows">
${sessions.map((session) => row(session, csrf.sessions))}
</ul>
${others && endOthersForm(csrf.sessions)}
</section>`
}

function row(session: SessionItem, csrf: string): Html {
  const { device, address, startedAt, lastUsedAt, clients, current } = session
  const apps = clients.map((client, index) => html`${index > 0 && ', '}<bdi>${client.name}</bdi>`)
  return html`<li${current && html` class="now"`}>
<div class="row-main">
<p><strong><bdi>${device}</bdi></strong>${current && html` <span class="badge good">This device</span>`}</p>
<p class="quiet">Last used ${moment(lastUsedAt)} · signed in ${moment(startedAt)}</p>
<p class="quiet">From ${address ?? 'an unknown address'} · ${apps.length === 0 ? 'no apps' : html`apps: ${apps}`}</p>
</div>
<div class="row-end">${current ? html`<a class="button small" href="/logout">Sign out</a>` : endForm(session, csrf)}</div>
</li>
`
}

function endForm({ id, device, lastUsedAt }: SessionItem, csrf: string): Html {
  return html`<form method="post" action="/account/sessions/${id}/revocation">
<input type="hidden" name="csrf" value="${csrf}">
<button class="button small" type="submit">Sign out<span class="visually-hidden"> ${device}, last used ${momentText(lastUsedAt)}</span></button>
</form>`
}

function endOthersForm(csrf: string): Html {
  return html`<form method="post" action="/account/sessions/others/revocation">
<input type="hidden" name="csrf" value="${csrf}">
<p class="actions"><button class="button danger" type="submit">Sign out all other devices</button></p>
</form>`
}

/** Apps of the house are not asked about, and so are not among them. */
function agreedApps({ apps, csrf }: AccountView): Html | false {
  if (apps.length === 0) return false
  return html`<section class="card" aria-labelledby="apps">
<header>
<h2 id="apps">Apps that you have let in</h2>
<p class="lead">What you take away from an app ends at once, on all of your devices.</p>
</header>
<ul class="rows">
${apps.map((app) => appRow(app, csrf.apps))}
</ul>
</section>`
}

function appRow({ clientId, clientName, givenAt, scopes }: AgreedApp, csrf: string): Html {
  const may = scopes.map((scope, index) => html`${index > 0 && ' '}<code>${scope}</code>`)
  return html`<li>
<div class="row-main">
<p><strong><bdi>${clientName}</bdi></strong></p>
<p class="quiet">Since ${moment(givenAt)}</p>
<p class="quiet">${may} · <a href="/account/apps?client_id=${encodeURIComponent(clientId)}">Change<span class="visually-hidden"> what ${clientName} may do</span></a></p>
</div>
<div class="row-end"><form method="post" action="/account/apps/revocation">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="client_id" value="${clientId}">
<button class="button small" type="submit">Take access away<span class="visually-hidden"> from ${clientName}</span></button>
</form></div>
</li>
`
}
