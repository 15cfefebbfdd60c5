// The pages on which people set a password by a one-time link.
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { explainPasswordFault, type PasswordFault } from '../password-faults.ts'
import { explainEnded, type WhatEnded } from '../what-ended.ts'

/** What the form shows. */
export interface SetPasswordView {
  readonly token: string
  readonly email: string
  readonly csrf: string
  readonly minLength: number
  readonly maxLength: number
  /** How many of the last passwords cannot be taken again. */
  readonly history: number
  readonly fault?: PasswordFault
}

/** The form. */
export function setPasswordPage(view: SetPasswordView): Html {
  const { token, email, csrf, minLength, fault } = view
  const body = html`<section class="card">
<header>
<h1>Set your password</h1>
<p class="lead">For <strong><bdi>${email}</bdi></strong>. Nobody else will know it. Wherever you are signed in now, you will be signed out.</p>
</header>
${fault !== undefined && html`<div class="notice error" id="problem" role="alert"><p>${explainPasswordFault(fault, view)}</p></div>`}
<form method="post" action="/set-password">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="token" value="${token}">
<input type="text" name="username" autocomplete="username" value="${email}" readonly hidden>
<div class="field">
<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="${minLength}" required${state(view, 'password')}>
<p class="hint" id="rule">At least ${minLength} characters. A few words that do not belong together are good, and easy to remember.</p>
</div>
<div class="field">
<label for="again">New password again</label>
<input id="again" name="password_again" type="password" autocomplete="new-password" required${state(view, 'again')}>
</div>
<button class="button primary" type="submit">Set password</button>
</form>
</section>`
  return page({ title: fault === undefined ? 'Set your password' : 'Not done yet – Set your password', body })
}

/** After the password has been set. */
export function passwordSetPage({ email, ended }: { readonly email: string; readonly ended: WhatEnded }): Html {
  const words = explainEnded(ended)
  const body = html`<section class="card">
<header>
<h1>Your password is set</h1>
<p class="lead">You can sign in as <strong><bdi>${email}</bdi></strong> now. The link no longer works.</p>
</header>
${words !== undefined && html`<p>${words}</p>`}
<p class="actions"><a class="button primary" href="/account">Sign in</a></p>
</section>`
  return page({ title: 'Your password is set', body })
}

/** For a link that does nothing (any more), and for no link at all. */
export function deadPasswordLinkPage(): Html {
  const body = html`<section class="card">
<header>
<h1>This link does not work</h1>
</header>
<p>A link to set a password works once and for a short time, and only the newest one does.</p>
<p>Whoever gave you the link, or looks after accounts where you are, can make you another.</p>
<p class="actions"><a class="button" href="/account">Sign in</a></p>
</section>`
  return page({ title: 'This link does not work', body })
}

/** Marks the field that is meant, and puts the cursor there; at first that is the password. */
function state({ fault }: SetPasswordView, field: 'password' | 'again'): Html {
  const meant = fault === 'differs' ? 'again' : 'password'
  const wrong = fault !== undefined && meant === field
  const described = [wrong && 'problem', field === 'password' && 'rule'].filter(Boolean).join(' ')
  return html`${wrong && html` aria-invalid="true"`}${described !== '' && html` aria-describedby="${described}"`}${
    meant === field && html` autofocus`
  }`
}
