// The document around every page of the console: where one is, where one can go, the one search box, and who is signed in.
import { consoleScriptSrc, consoleStylesheetHref, iconHref, stylesheetHref } from '../assets.ts'
import { type Html, html } from '../html.ts'
import { KEYHOLE } from '../layout.ts'

/** What the frame around a page shows, the same on all pages of a visit. */
export interface ConsoleFrame {
  /** Who looks. */
  readonly email: string
  /** The sections that they may see, in their order. */
  readonly sections: readonly { readonly href: string; readonly label: string }[]
  readonly searchCsrf: string
  /** What was searched for when the person had to sign in first. */
  readonly searched?: string
  /** What was just done, in a sentence. */
  readonly notice?: string
}

/** A page. */
export interface ConsoleBody {
  /** What the browser's tab says, before the name of the program. */
  readonly title: string
  /** The `href` of the section that the page belongs to. */
  readonly section: string
  /** What stands in `<main>`; it brings the page's one `<h1>`. */
  readonly body: Html
}

/** A document of the console's look, up to its body. `more`: what else stands in the head. */
export function consoleHead(title: string, more?: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title} – Latchkey</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="stylesheet" href="${stylesheetHref}">
<link rel="stylesheet" href="${consoleStylesheetHref}">
<link rel="icon" type="image/svg+xml" href="${iconHref}">
${more}</head>`
}

/** Makes a whole document. */
export function consolePage(frame: ConsoleFrame, { title, section, body }: ConsoleBody): Html {
  return html`${consoleHead(title, html`<script src="${consoleScriptSrc}" defer></script>\n`)}
<body class="console">
<a class="skip" href="#main">Skip to the content</a>
<header class="site-header">
<a class="home" href="/admin">${KEYHOLE}<span>Latchkey</span></a>
<form class="search" method="post" action="/admin/search" role="search">
<input type="hidden" name="csrf" value="${frame.searchCsrf}">
<label class="visually-hidden" for="search">Find an account, app, session, grant or token</label>
<input id="search" name="q" type="search"${frame.searched !== undefined && html` value="${frame.searched}"`} autocomplete="off" spellcheck="false" maxlength="20000" placeholder="Find an account, app, session, token" aria-keyshortcuts="/">
<button class="button small" type="submit">Find</button>
</form>
</header>
<nav class="sections" aria-label="Console">
<ul>
${frame.sections.map(({ href, label }) => html`<li><a href="${href}"${href === section && html` aria-current="page"`}>${label}</a></li>\n`)}</ul>
</nav>
<main id="main" class="console-main" tabindex="-1">
${frame.notice !== undefined && html`<div class="notice success" role="status"><p>${frame.notice}</p></div>`}
${body}
</main>
<footer class="site-footer">Signed in as <bdi>${frame.email}</bdi> · <a href="/account">Your account</a> · <a href="/logout">Sign out</a></footer>
</body>
</html>
`
}
