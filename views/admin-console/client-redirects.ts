// The redirect URIs of an app in the console, and a form by which one is tried: it says in which part an address differs.
import { type Html, html } from '../html.ts'
import { table } from './lists.ts'

/** What was tried, and what came of it. */
export interface TriedView {
  /** As it was pasted. */
  readonly text: string
  /** The redirect URI in it. */
  readonly uri: string
  /** It was the address of an authorization request. */
  readonly request?: { readonly clientId: string; readonly fault?: string }
  readonly matches: boolean
  readonly registered?: string
  readonly reasons: readonly string[]
  /** Why it matches though it is another text. */
  readonly note?: string
  readonly parts: readonly PartView[]
}

/** One part of what came, and of what is registered. */
interface PartView {
  readonly part: string
  readonly received: string
  readonly registered: string
}

/** Makes the card. */
export function clientRedirects({
  clientId,
  href,
  uris,
  tried,
}: {
  readonly clientId: string
  readonly href: string
  readonly uris: readonly string[]
  readonly tried: TriedView | undefined
}): Html | undefined {
  if (uris.length === 0) return undefined
  return html`<section class="card" aria-labelledby="redirects">
<h2 id="redirects">Redirect URIs</h2>
<ul class="rows">
${uris.map((uri) => html`<li><code>${uri}</code></li>\n`)}</ul>
<form method="get" action="${href}#redirects">
<div class="field">
<label for="redirect_uri">Try one</label>
<input id="redirect_uri" name="redirect_uri" type="text" value="${tried?.text ?? ''}" maxlength="8000" required autocomplete="off" spellcheck="false" aria-describedby="redirect-hint">
<p class="hint" id="redirect-hint">A redirect URI as the app sends it, or the whole address of its authorization request from the browser. It says whether the server takes it, and if not, why.</p>
</div>
<p class="actions"><button class="button small" type="submit">Try it</button></p>
</form>
${tried !== undefined && verdict(tried, clientId)}
</section>`
}

function verdict(tried: TriedView, clientId: string): Html {
  const { request, uri } = tried
  const other = request !== undefined && request.clientId !== clientId
  return html`${request !== undefined && uri !== '' && html`<p class="quiet">The request asks to come back to <code>${uri}</code>.</p>`}
${other && html`<div class="notice warning"><p>The request is of the app <code>${request.clientId}</code> and not of this one. It is tried as if it were of this one.</p></div>`}
${request?.fault !== undefined ? html`<div class="notice error" role="alert"><p>The request is refused: ${request.fault}.</p></div>` : outcome(tried)}`
}

function outcome({ matches, registered, reasons, note, parts }: TriedView): Html {
  if (matches)
    return html`<div class="notice success" role="status"><p>It is <code>${registered}</code>: the app is let back there.${note !== undefined && ` It matches: ${note}.`}</p></div>`
  return html`<div class="notice error" role="alert"><p>It is none of these${registered !== undefined && html`. The nearest is <code>${registered}</code>`}:</p>
<ul class="reasons">${reasons.map((reason) => html`<li>${reason}</li>\n`)}</ul></div>
${parts.length > 0 && partTable(parts)}`
}

function partTable(parts: readonly PartView[]): Html {
  return table<PartView>(
    'The two, part by part',
    [
      { label: 'Part', names: true, cell: ({ part }) => part },
      { label: 'Received', cell: ({ received }) => textOf(received) },
      { label: 'Registered', cell: ({ registered }) => textOf(registered) },
      {
        label: 'The same',
        cell: ({ received, registered }) => (received === registered ? 'yes' : html`<span class="badge bad">No</span>`),
      },
    ],
    parts,
  )
}

function textOf(text: string): Html {
  return text === '' ? html`<span class="quiet">none</span>` : html`<code>${text}</code>`
}
