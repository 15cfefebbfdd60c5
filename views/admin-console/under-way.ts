// What tells of something under way. The console's script asks for the page again and renews this part of it alone, so that nobody's
// focus, typing or place is lost; without the script there is a link, and nothing moves by itself.
import { type Html, type HtmlValue, html } from '../html.ts'

/** Seconds from one look to the next. */
const LOOK_AGAIN_SECONDS = 2

/**
 * The part of a page that tells how far something is. Once that is over the part stands in the same place: there the script finds what
 * came of it, and that nothing more comes.
 * @param href the page itself; undefined: it is over
 */
export function underWay(href: string | undefined, told: Html): Html {
  if (href === undefined) return html`<div class="under-way">\n${told}\n</div>`
  return html`<div class="under-way" data-look-again="${LOOK_AGAIN_SECONDS}">
${told}
</div>
<noscript><p class="actions"><a class="button" href="${href}">Look again</a></p></noscript>`
}

/** How it stands: the one thing of it that is said aloud when it changes, for the numbers change all the time. */
export function saidAloud(state: HtmlValue): Html {
  return html`<span aria-live="polite">${state}</span>`
}
