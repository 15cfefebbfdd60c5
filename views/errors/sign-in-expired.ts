// The page for a sign-in that is over: too old, already finished, begun in another browser, or void by an end of
// all that the account had. It does not say which.
import { type Html, html } from '../html.ts'
import { messagePage } from './message.ts'

/** Makes the page. */
export function signInExpiredPage(p: { readonly requestId?: string }): Html {
  return messagePage({
    title: 'This sign-in has expired',
    text: html`<p>It took too long, was already finished, was begun in another browser, or the account has been signed out everywhere since.</p>
<p>Go back to the app you came from and sign in again from there.</p>`,
    action: { href: '/account', label: 'Go to your account' },
    ...p,
  })
}
