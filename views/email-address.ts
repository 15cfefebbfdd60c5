// An e-mail address in a place that may be narrow: a long one breaks where people read a pause, and not within a word.
import { type Html, html } from './html.ts'

/** What is no longer than this fits a line of the narrowest column. */
const FITS_A_LINE = 20

/** The address. A break is possible after the `@` and after dots; what is copied has none. */
export function emailAddress(email: string): Html {
  if (email.length <= FITS_A_LINE) return html`<bdi>${email}</bdi>`
  return html`<bdi>${email.split(/(?<=[@.])/).map((part, index) => html`${index > 0 && html`<wbr>`}${part}`)}</bdi>`
}
