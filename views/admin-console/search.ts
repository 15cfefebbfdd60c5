// What the search box says when it finds nothing.
import { type Html, html } from '../html.ts'

/** Makes the page. The text itself is not shown again: it may have been a token. */
export function nothingFound(): Html {
  return html`<h1>Nothing found</h1>
<div class="empty">
<p><strong>There is no such account, app, API, session, grant, token or refused request.</strong></p>
<p class="quiet">The box takes a person’s name or e-mail address, what the name of an app or an API begins with, a client_id or identifier, the ids <code>acc_…</code>, <code>ses_…</code>, <code>gra_…</code>, tokens of any kind, and the request id that an error page shows.</p>
</div>`
}
