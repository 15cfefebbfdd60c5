// The sign-in page.
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'

/** What the sign-in page shows and where its forms go. */
export interface LoginPage {
  readonly action: string
  readonly abortAction: string
  readonly csrf: string
  readonly clientName: string
  /** The host to which the browser goes afterwards. */
  readonly redirectHost: string
  /** What was typed before, or who the app says it is. */
  readonly username?: string
  /** The person is signed in and is asked for the password again. */
  readonly reauthentication: boolean
  readonly problem?: 'refused' | 'too_many' | 'busy'
  /** How long to wait, in seconds. */
  readonly retryAfterSeconds?: number
}

/** Makes the page. */
export function loginPage(p: LoginPage): Html {
  const heading = p.reauthentication ? 'Confirm that it is you' : 'Sign in'
  const body = html`<section class="card">
<header>
<h1>${heading}</h1>
${lead(p)}
</header>
${problemNotice(p)}
<form method="post" action="${p.action}">
<input type="hidden" name="csrf" value="${p.csrf}">
<div class="field">
<label for="username">E-mail</label>
<input id="username" name="username" type="text" inputmode="email" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="1024" required value="${p.username}"${fieldState(p, !p.username)}>
</div>
<div class="field">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required${fieldState(p, Boolean(p.username))}>
</div>
<button class="button primary" type="submit">${p.reauthentication ? 'Confirm' : 'Sign in'}</button>
</form>
<form method="post" action="${p.abortAction}">
<input type="hidden" name="csrf" value="${p.csrf}">
<button class="button quiet" type="submit" name="cancel" value="cancel"><span>Back to <bdi>${p.clientName}</bdi></span></button>
</form>
</section>`
  return page({ title: `${p.problem === undefined ? '' : 'Sign-in failed – '}${heading}`, body })
}

function lead({ clientName, redirectHost, reauthentication }: LoginPage): Html {
  const app = html`<strong><bdi>${clientName}</bdi></strong> at <bdi>${redirectHost}</bdi>`
  return reauthentication
    ? html`<p class="lead">You are signed in already, but ${app} asks for your password once more.</p>`
    : html`<p class="lead">to go on to ${app}</p>`
}

function problemNotice({ problem, retryAfterSeconds }: LoginPage): Html | undefined {
  if (problem === undefined) return undefined
  return html`<div class="notice error" id="problem" role="alert"><p>${PROBLEMS[problem](retryAfterSeconds)}</p></div>`
}

// An account that does not exist gets the same words as a wrong password, so that nobody learns who has an account here.
const PROBLEMS = {
  refused: () => 'That e-mail or password is not right.',
  too_many: (seconds?: number) => `There were too many attempts. Please try again ${wait(seconds)}.`,
  busy: (seconds?: number) => `A great many people are signing in just now. Please try again ${wait(seconds)}.`,
} as const

function wait(seconds: number | undefined): string {
  if (seconds === undefined) return 'a little later'
  if (seconds < 60) return 'in less than a minute'
  const minutes = Math.ceil(seconds / 60)
  return minutes === 1 ? 'in a minute' : `in ${minutes} minutes`
}

/** Only what was typed can be wrong; too many attempts are no fault of the fields, but both kinds are explained above. */
function fieldState({ problem }: LoginPage, first: boolean): Html {
  return html`${problem === 'refused' && html` aria-invalid="true"`}${
    problem !== undefined && html` aria-describedby="problem"`
  }${first && html` autofocus`}`
}
