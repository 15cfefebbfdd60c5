// The page that says one thing: an error, a dead link, a busy server. Calm words, no cause, no stack.
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { webAddress } from '../web-address.ts'

/**
 * Makes the page.
 * @param p.title what happened, as the heading
 * @param p.text what to do about it
 * @param p.detail what the app's developer needs to know, in small print
 * @param p.requestId what finds this request in the operator's log
 * @param p.explained the console tells why, and what to change, by `requestId`
 * @param p.action the one way on, if there is one
 */
export function messagePage(p: {
  readonly title: string
  readonly text: string | Html
  readonly detail?: string
  readonly requestId?: string
  readonly explained?: boolean
  readonly action?: { readonly href: string; readonly label: string }
}): Html {
  const href = webAddress(p.action?.href)
  const body = html`<section class="card">
<header>
<h1>${p.title}</h1>
</header>
${typeof p.text === 'string' ? html`<p>${p.text}</p>` : p.text}
${href !== undefined && html`<p class="actions"><a class="button" href="${href}">${p.action?.label}</a></p>`}
${p.detail !== undefined && html`<p class="quiet">For the app’s developer: <code>${p.detail}</code></p>`}
${p.explained === true && html`<p class="quiet">What was expected, and what to change, stands in the console under <a href="/admin/refused-requests/${encodeURIComponent(p.requestId ?? '')}">Refused requests</a>.</p>`}
${p.requestId !== undefined && html`<p class="quiet">If you ask for help, name this: <code>${p.requestId}</code></p>`}
</section>`
  return page({ title: p.title, body })
}
