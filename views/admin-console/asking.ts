// The page before something is done to one thing that cannot be taken back, or that many will notice: what will happen, and why.
import { type Html, type HtmlValue, html } from '../html.ts'
import { reasonField } from './lists.ts'

/** What it shows. */
export interface AskingView {
  /** The thing, and its page. */
  readonly of: { readonly name: HtmlValue; readonly href: string }
  readonly title: HtmlValue
  readonly says: HtmlValue
  /** What the form does, and where it goes. */
  readonly button: string
  readonly action: string
  readonly danger?: boolean
  readonly reason: string
  readonly csrf: string
  /** Why it was refused. */
  readonly fault?: string
}

/** Makes it. */
export function askFirst({ of, title, says, button, action, danger, reason, csrf, fault }: AskingView): Html {
  return html`<p class="crumbs"><a href="${of.href}">${of.name}</a></p>
<h1>${title}</h1>
${fault !== undefined && html`<div class="notice error" role="alert"><p>${fault}</p></div>`}
<section class="card" aria-labelledby="what">
<h2 id="what">What happens</h2>
${says}
<form method="post" action="${action}">
<input type="hidden" name="csrf" value="${csrf}">
${reasonField(reason)}
<p class="actions"><button class="button ${danger === true ? 'danger' : 'primary'}" type="submit">${button}</button>
<a class="button" href="${of.href}">Leave it</a></p>
</form>
</section>`
}
