// The page before something is done to one thing that cannot be taken back, or that many will notice: what will happen, and why.
import { type Html, type HtmlValue, html } from '../html.ts'
import { faultNotice, reasonField } from './lists.ts'

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
  /** What the form sends besides. */
  readonly hidden?: { readonly [name: string]: string }
  readonly reason: string
  /** It was sent without one. */
  readonly reasonMissing?: boolean
  readonly csrf: string
  /** Why it was refused. */
  readonly fault?: string
}

/** What is the same of each page that asks. */
export type AskingForm = Pick<AskingView, 'action' | 'reason' | 'reasonMissing' | 'csrf' | 'fault'>

/** Makes it. */
export function askFirst(view: AskingView): Html {
  const { of, title, says, button, action, danger, hidden = {}, reason, reasonMissing, csrf, fault } = view
  return html`<p class="crumbs"><a href="${of.href}">${of.name}</a></p>
<h1>${title}</h1>
${faultNotice(fault)}
<section class="card" aria-labelledby="what">
<h2 id="what">What happens</h2>
${says}
<form method="post" action="${action}">
<input type="hidden" name="csrf" value="${csrf}">
${Object.entries(hidden).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">\n`)}${reasonField(reason, reasonMissing)}
<p class="actions"><button class="button ${danger === true ? 'danger' : 'primary'}" type="submit">${button}</button>
<a class="button" href="${of.href}">Leave it</a></p>
</form>
</section>`
}
