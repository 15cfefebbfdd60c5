// The page between a finished form and the app. The answer carries `Refresh: 0`, so most people never read it.
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { webAddress } from '../web-address.ts'

/**
 * Makes the page.
 * @param p.title what has happened, or is happening
 * @param p.url where to go on; what is no web address leads to the account page instead
 */
export function continuePage(p: { readonly url: string; readonly title?: string }): Html {
  const title = p.title ?? 'Signing you in…'
  const body = html`<section class="card">
<header>
<h1>${title}</h1>
<p class="lead">If nothing happens, continue by yourself.</p>
</header>
<p class="actions"><a class="button primary" href="${webAddress(p.url) ?? '/account'}">Continue</a></p>
</section>`
  return page({ title, body })
}
