// The page after signing out that tells apps by frames, and then goes on by itself (OpenID Connect Front-Channel Logout 1.0).
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { webAddress } from '../web-address.ts'

/**
 * Makes the page.
 * @param p.url where to go on; what is no web address leads to the account page instead
 * @param p.frames the addresses by which apps hear of it; those that are no web addresses are left out
 */
export function leavingPage(p: { readonly url: string; readonly frames: readonly string[] }): Html {
  const frames = p.frames.map(webAddress).filter((address) => address !== undefined)
  // An app may run its own script and read its own cookies in there, and do nothing to this page or to the person.
  const body = html`<section class="card">
<header>
<h1>You are signed out</h1>
<p class="lead">The apps that you used are being told. You go on in a moment.</p>
</header>
<p class="actions"><a class="button primary" href="${webAddress(p.url) ?? '/account'}">Continue</a></p>
${frames.map((address) => html`<iframe src="${address}" title="An app that is told of the sign-out" sandbox="allow-same-origin allow-scripts" referrerpolicy="no-referrer" hidden></iframe>`)}
</section>`
  return page({ title: 'You are signed out', body })
}
