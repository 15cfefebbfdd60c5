// The page for a sign-in that is over: too old, already finished, or begun in another browser. It does not say which.
import { type Html, html } from '../html.ts'
import { messagePage } from './message.ts'

/** Makes the page. */
export function signInExpiredPage(p: { readonly requestId?: string }): Html {
  return messagePage({
    title: 'This sign-in has expired',
    text: html`<p>It took too long, was already finished, or was begun in another browser.</p>
<p>Go back to the app you came from and sign in again from there.</p>`,
    action: { href: '/account', label: 'Go to your account' },
    ...p,
  })
}
