// The page after signing out, when the app named no place to go to.
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'

/** Makes the page. */
export function signedOutPage(p: { readonly clientName?: string }): Html {
  const body = html`<section class="card">
<header>
<h1>You are signed out</h1>
<p class="lead">${p.clientName !== undefined && html`You have left <strong><bdi>${p.clientName}</bdi></strong>. `}You can close this window now.</p>
</header>
<p class="actions"><a class="button" href="/account">Sign in again</a></p>
</section>`
  return page({ title: 'You are signed out', body })
}
