// The page with one button, for a form that must be posted on: without scripts no form can send itself.
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { webAddress } from '../web-address.ts'

/**
 * Makes the page.
 * @param p.action where the form goes
 * @param p.fields what it carries, unseen
 * @param p.label what the button says
 * @param p.explanation why there is a button
 * @throws RangeError when the action is no web address, as a form must never run a script
 */
export function continuePostPage(p: {
  readonly action: string
  readonly fields: { readonly [name: string]: string }
  readonly label: string
  readonly explanation: string
}): Html {
  const action = webAddress(p.action)
  if (action === undefined) throw new RangeError('A form can only be posted to a web address.')
  const body = html`<section class="card">
<header>
<h1>One more step</h1>
<p class="lead">${p.explanation}</p>
</header>
<form method="post" action="${action}">
${Object.entries(p.fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<button class="button primary" type="submit">${p.label}</button>
</form>
</section>`
  return page({ title: 'One more step', body })
}
