// The answer to an app that wants it by POST (OAuth 2.0 Form Post Response Mode): a form that sends itself to the app, or by
// the person's click where scripts are off.
import { createHash } from 'node:crypto'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { webAddress } from '../web-address.ts'

/** The one script of all pages; its digest stands in the policy of this page alone. */
const SCRIPT = 'document.forms[0].submit()'

/** What `script-src` must allow for the form to send itself (CSP Level 3 §2.3.1). */
export const FORM_POST_SCRIPT_SOURCE = `'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}'`

/** The form. Its fields come from the app's own request in part, and are escaped like all values. */
export function formPostPage(p: { readonly action: string; readonly fields: { readonly [name: string]: string } }): Html {
  const action = webAddress(p.action)
  if (action === undefined) throw new RangeError('A form can only be posted to a web address.')
  const fields = Object.entries(p.fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)
  return page({
    title: 'Signing you in',
    body: html`<section class="card">
<header>
<h1>Signing you in…</h1>
</header>
<form method="post" action="${action}">
${fields}
<button class="button primary" type="submit">Continue</button>
</form>
</section>
<script>document.forms[0].submit()</script>`,
  })
}
