// Pieces that several pages about clients show.
import { type Html, html } from '../html.ts'

/** What a client has been given and still holds. */
export interface HoldsView {
  readonly grants: number
  readonly refreshFamilies: number
  readonly accounts: number
  readonly more: boolean
}

/** The kinds of clients, in words. */
export const kindWords: { readonly [kind: string]: string } = {
  web: 'Web app with a server',
  spa: 'Single-page app',
  native: 'App on a device',
  machine: 'Program without people',
}

/** Who has registered it, in words. */
export function managerOf(managedBy: string | undefined): string {
  return managedBy === undefined ? 'hand' : managedBy === 'provision' ? 'a provision file' : `the ${managedBy}`
}

/** Words of the protocol, one beside the other. */
export function codes(words: readonly string[]): Html {
  return html`${words.map((word, index) => html`${index > 0 && ' '}<code>${word}</code>`)}`
}
