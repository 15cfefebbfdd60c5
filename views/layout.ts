// The document around every page: head, landmarks, the keyhole, and the way to the main part for those who use a keyboard.
import { iconHref, stylesheetHref } from './assets.ts'
import { type Html, html } from './html.ts'

/**
 * Makes a whole document.
 * @param options.title what the browser's tab says, before the name of the program
 * @param options.body what stands in `<main>`; it brings the page's one `<h1>`
 * @param options.width `narrow` (the default) for one task, `wide` for lists
 */
export function page(options: { readonly title: string; readonly body: Html; readonly width?: 'narrow' | 'wide' }): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${options.title} – Latchkey</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="stylesheet" href="${stylesheetHref}">
<link rel="icon" type="image/svg+xml" href="${iconHref}">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="site-header">${KEYHOLE}<span>Latchkey</span></header>
<main id="main" class="${options.width ?? 'narrow'}" tabindex="-1">
${options.body}
</main>
<footer class="site-footer"><a href="/account">Your account and where you are signed in</a></footer>
</body>
</html>
`
}

/** The mark of the program. */
export const KEYHOLE: Html = html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false"><path fill="none" stroke="currentColor" stroke-width="2.5" d="M16 2.25c7.6 0 13.75 6.15 13.75 13.75S23.6 29.75 16 29.75 2.25 23.6 2.25 16 8.4 2.25 16 2.25z"/><path fill="currentColor" d="M16 8a4.6 4.6 0 0 0-2.3 8.6L12.1 24h7.8l-1.6-7.4A4.6 4.6 0 0 0 16 8z"/></svg>`
