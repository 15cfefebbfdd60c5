// The app's one page, as HTML. Everything that is put into it is escaped.
import type { SignedIn } from './sessions.ts'

/** What the page shows. */
export interface PageContent {
  readonly notice: string | undefined
  readonly signedIn: SignedIn | undefined
  /** Undefined when the API could not be asked. */
  readonly notes: readonly string[] | undefined
}

/** Writes the page. */
export function page({ notice, signedIn, notes }: PageContent): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Notes: a server-rendered app</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
</head>
<body>
<main>
<h1>Notes</h1>
<p class="muted">A server-rendered app: its tokens never reach your browser, and it works without JavaScript.</p>
${notice === undefined ? '' : `<div role="status">${escaped(notice)}</div>`}
${signedIn === undefined ? SIGNED_OUT : person(signedIn) + noteList(notes) + tokens(signedIn)}
</main>
</body>
</html>
`
}

const SIGNED_OUT = `
<section aria-labelledby="signed-out-title">
<h2 id="signed-out-title">You are signed out</h2>
<p>Sign in to see your notes. You will be sent to the authorization server and come back.</p>
<form method="post" action="/sign-in" class="actions"><button type="submit" class="primary">Sign in</button></form>
</section>`

function person({ claims }: SignedIn): string {
  const shown = ['name', 'email', 'email_verified', 'sub', 'iss', 'auth_time', 'sid'].filter((name) => claims[name] !== undefined)
  const rows = shown.map((name) => `<dt><code>${name}</code></dt><dd>${escaped(String(claims[name]))}</dd>`)
  return `
<section aria-labelledby="person-title">
<h2 id="person-title">Signed in as ${escaped(String(claims.name ?? claims.email ?? claims.sub))}</h2>
<dl>${rows.join('')}</dl>
<form method="post" action="/sign-out" class="actions"><button type="submit">Sign out</button></form>
</section>`
}

function noteList(notes: readonly string[] | undefined): string {
  const list =
    notes === undefined
      ? '<p class="muted">The API cannot be asked just now. Reload the page to try again.</p>'
      : notes.length === 0
        ? '<p class="muted">There are no notes yet.</p>'
        : `<ul>${notes.map((note) => `<li>${escaped(note)}</li>`).join('')}</ul>`
  return `
<section aria-labelledby="notes-title">
<h2 id="notes-title">Your notes</h2>
${list}
<form method="post" action="/notes" class="row">
<label for="note">A new note</label>
<input id="note" name="text" maxlength="500" autocomplete="off" required>
<button type="submit">Add</button>
</form>
</section>`
}

function tokens({ expiresAt, refreshToken }: SignedIn): string {
  const seconds = Math.floor((expiresAt - Date.now()) / 1000)
  const life = seconds > 0 ? `good for ${Math.floor(seconds / 60)} min ${seconds % 60} s` : 'expired'
  return `
<section aria-labelledby="tokens-title">
<h2 id="tokens-title">Tokens</h2>
<dl><dt>Access token</dt><dd>${life}; refreshed when it is needed</dd>
<dt>Refresh token</dt><dd>${generation(refreshToken)}</dd></dl>
<form method="post" action="/refresh" class="actions"><button type="submit">Refresh now</button></form>
</section>`
}

/** Latchkey's refresh tokens tell how often they have been rotated: `rt_….N.…`. */
function generation(token: string | undefined): string {
  if (token === undefined) return 'none'
  const number = /^rt_[^.]+\.(\d+)\./.exec(token)?.[1]
  return number === undefined ? 'there is one' : `generation ${number}`
}

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '')
}
