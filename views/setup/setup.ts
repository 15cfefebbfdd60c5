// The pages on which the first owner is made.
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { explainPasswordFault, type PasswordFault } from '../password-faults.ts'

/** Why what was entered was refused. */
export type SetupFormFault = 'email_invalid' | 'email_taken' | 'name_invalid' | Exclude<PasswordFault, 'used_before'>

/** What the form shows. */
export interface SetupView {
  readonly token: string
  readonly name: string
  readonly email: string
  readonly csrf: string
  readonly minLength: number
  readonly maxLength: number
  readonly fault?: SetupFormFault
}

/** The form. */
export function setupPage(view: SetupView): Html {
  const { token, name, email, csrf, minLength, fault } = view
  const body = html`<section class="card">
<header>
<h1>Make the owner's account</h1>
<p class="lead">It is the first account here. It may do everything, and let others in.</p>
</header>
${fault !== undefined && html`<div class="notice error" id="problem" role="alert"><p>${explain(fault, view)}</p></div>`}
<form method="post" action="/setup">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="token" value="${token}">
<div class="field">
<label for="name">Your name</label>
<input id="name" name="name" type="text" autocomplete="name" maxlength="200" value="${name}"${state(view, NAME)}>
</div>
<div class="field">
<label for="email">E-mail</label>
<input id="email" name="email" type="email" autocomplete="username" required value="${email}"${state(view, EMAIL)}>
</div>
<div class="field">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="${minLength}" required${state(view, PASSWORD, 'rule')}>
<p class="hint" id="rule">At least ${minLength} characters. A few words that do not belong together are good, and easy to remember.</p>
</div>
<div class="field">
<label for="again">Password again</label>
<input id="again" name="password_again" type="password" autocomplete="new-password" required${state(view, AGAIN)}>
</div>
<button class="button primary" type="submit">Make the account</button>
</form>
</section>`
  return page({ title: fault === undefined ? 'Set up' : 'Not done yet – Set up', body })
}

/** After the account has been made. */
export function setupDonePage({ email }: { readonly email: string }): Html {
  const body = html`<section class="card">
<header>
<h1>All set up</h1>
<p class="lead">The account <strong><bdi>${email}</bdi></strong> is the owner. The setup link no longer works.</p>
</header>
<p class="actions"><a class="button primary" href="/account">Sign in</a></p>
</section>`
  return page({ title: 'All set up', body })
}

/** For a link that makes nothing (any more), and for no link at all. */
export function deadLinkPage({ ownerExists }: { readonly ownerExists: boolean }): Html {
  const explanation = ownerExists
    ? html`<p>There is an owner already, so there is nothing left to set up.</p>
<p class="actions"><a class="button primary" href="/account">Sign in</a></p>`
    : html`<p>A setup link works once and for a short time, and only the newest one does.</p>
<p>Whoever runs this server can make another with <code>npx latchkey admin setup-link</code>. It is also shown when the server starts.</p>`
  const body = html`<section class="card">
<header>
<h1>This setup link does not work</h1>
</header>
${explanation}
</section>`
  return page({ title: 'This setup link does not work', body })
}

const NAME: readonly SetupFormFault[] = ['name_invalid']
const EMAIL: readonly SetupFormFault[] = ['email_invalid', 'email_taken']
const PASSWORD: readonly SetupFormFault[] = ['too_short', 'too_long', 'common', 'contains_name']
const AGAIN: readonly SetupFormFault[] = ['differs']

/** Marks the field that is meant, and puts the cursor there; at first that is the name. */
function state({ fault }: SetupView, faults: readonly SetupFormFault[], hint?: string): Html {
  const wrong = fault !== undefined && faults.includes(fault)
  const described = [wrong && 'problem', hint].filter(Boolean).join(' ')
  return html`${wrong && html` aria-invalid="true"`}${described !== '' && html` aria-describedby="${described}"`}${
    (wrong || (fault === undefined && faults === NAME)) && html` autofocus`
  }`
}

function explain(fault: SetupFormFault, view: SetupView): string {
  switch (fault) {
    case 'email_invalid':
      return 'That is not an e-mail address. Please look at it again.'
    case 'email_taken':
      return 'There is an account with this e-mail address already. Please take another.'
    case 'name_invalid':
      return 'That name is too long, or holds characters that a name does not have.'
    default:
      return explainPasswordFault(fault, view)
  }
}
