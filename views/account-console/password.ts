// The page on which people change their password.
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { explainPasswordFault, type PasswordFault } from '../password-faults.ts'

/** Why a change was refused. */
export type PasswordFormFault = 'wrong_current' | PasswordFault

/** What the page shows. */
export interface PasswordView {
  readonly email: string
  readonly csrf: string
  readonly minLength: number
  readonly maxLength: number
  /** How many of the last passwords cannot be taken again. */
  readonly history: number
  readonly fault?: PasswordFormFault
}

/** Makes the page. */
export function passwordPage(view: PasswordView): Html {
  const { email, csrf, minLength, fault } = view
  const body = html`<section class="card">
<header>
<h1>Change password</h1>
<p class="lead">For <strong><bdi>${email}</bdi></strong>. You stay signed in here; all other devices, and the apps on them, are signed out.</p>
</header>
${fault !== undefined && html`<div class="notice error" id="problem" role="alert"><p>${explain(fault, view)}</p></div>`}
<form method="post" action="/account/password">
<input type="hidden" name="csrf" value="${csrf}">
<input type="text" name="username" autocomplete="username" value="${email}" readonly hidden>
<div class="field">
<label for="current">Current password</label>
<input id="current" name="current_password" type="password" autocomplete="current-password" required${state(view, CURRENT)}>
</div>
<div class="field">
<label for="new">New password</label>
<input id="new" name="new_password" type="password" autocomplete="new-password" minlength="${minLength}" required${state(view, NEW, 'rule')}>
<p class="hint" id="rule">At least ${minLength} characters. A few words that do not belong together are good, and easy to remember.</p>
</div>
<div class="field">
<label for="again">New password again</label>
<input id="again" name="new_password_again" type="password" autocomplete="new-password" required${state(view, AGAIN)}>
</div>
<button class="button primary" type="submit">Change password</button>
<a class="button quiet" href="/account">Back to your account</a>
</form>
</section>`
  return page({ title: fault === undefined ? 'Change password' : 'Not changed yet – Change password', body })
}

const CURRENT: readonly PasswordFormFault[] = ['wrong_current']
const NEW: readonly PasswordFormFault[] = ['too_short', 'too_long', 'common', 'contains_name', 'used_before']
const AGAIN: readonly PasswordFormFault[] = ['differs']

/** Marks the field that is meant, and puts the cursor there; at first that is the current password. */
function state({ fault }: PasswordView, faults: readonly PasswordFormFault[], hint?: string): Html {
  const wrong = fault !== undefined && faults.includes(fault)
  const described = [wrong && 'problem', hint].filter(Boolean).join(' ')
  return html`${wrong && html` aria-invalid="true"`}${described !== '' && html` aria-describedby="${described}"`}${
    (wrong || (fault === undefined && faults === CURRENT)) && html` autofocus`
  }`
}

function explain(fault: PasswordFormFault, view: PasswordView): string {
  if (fault !== 'wrong_current') return explainPasswordFault(fault, view, 'new password')
  return 'The current password is not right. After several wrong tries, wait a few minutes before the next one.'
}
