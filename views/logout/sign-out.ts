// The page that asks before it signs anybody out.
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'

/**
 * Makes the page.
 * @param p.action where the form goes
 * @param p.xsrf the library's own token against forged requests
 * @param p.hint the ID token by which the app says which session it means
 * @param p.clientName the app that sent the person here
 * @param p.email who is signed in
 * @param p.another that the app means another session than the one here
 * @param p.elsewhere that nobody is signed in here, but the session that the app means goes on
 */
export function signOutPage(p: {
  readonly action: string
  readonly xsrf: string
  readonly hint?: string
  readonly clientName?: string
  readonly email?: string
  readonly another?: boolean
  readonly elsewhere?: boolean
}): Html {
  const body = html`<section class="card">
<header>
<h1>Sign out?</h1>
${p.email !== undefined && html`<p class="lead">You are signed in as <strong><bdi>${p.email}</bdi></strong>.</p>`}
${p.clientName !== undefined && html`<p class="quiet"><bdi>${p.clientName}</bdi> asks to sign you out.</p>`}
</header>
${p.another && html`<p>The app was opened from another session, which goes on. That one ends as well.</p>`}
<form method="post" action="${p.action}">
<input type="hidden" name="xsrf" value="${p.xsrf}">
<input type="hidden" name="logout" value="yes">
${p.hint !== undefined && html`<input type="hidden" name="id_token_hint" value="${p.hint}">`}
${p.elsewhere ? ELSEWHERE : SCOPES}
<button class="button primary" type="submit">Sign out</button>
${!p.elsewhere && html`<a class="button" href="/account">Stay signed in</a>`}
</form>
</section>`
  return page({ title: 'Sign out?', body })
}

const ELSEWHERE = html`<p>You are not signed in here any more, but the session that the app was opened from goes on. This ends it, in every app that was opened from it.</p>`

const SCOPES = html`<fieldset class="choices">
<legend>Where?</legend>
<label class="choice"><input type="radio" name="scope" value="session" checked><span><strong>On this device</strong><span class="hint">In this browser, and in every app you opened from it.</span></span></label>
<label class="choice"><input type="radio" name="scope" value="account"><span><strong>Everywhere</strong><span class="hint">On every device and in every app.</span></span></label>
</fieldset>`
