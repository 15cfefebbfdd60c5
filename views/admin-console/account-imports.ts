// The page on which people are imported in the console, and its report.
import { type Html, html } from '../html.ts'
import { facts, faultNotice, table } from './lists.ts'

/** What the page shows. */
export interface AccountImportView {
  /** What was pasted. */
  readonly people: string
  readonly reason: string
  readonly csrf: string
  readonly mostImported: number
  /** The most that a file may have. */
  readonly mostMegabytes: number
  readonly fault?: string
  readonly report?: {
    /** Nothing was made: it only says what would be. */
    readonly dryRun: boolean
    readonly created: number
    readonly exists: number
    readonly refused: number
    readonly lines: readonly ImportedLineView[]
    /** All of it as a file; undefined when it is all on the page. */
    readonly wholeHref?: string
  }
}

/** What came of a line. */
export interface ImportedLineView {
  readonly line: number
  readonly email?: string
  readonly outcome: 'created' | 'exists' | 'refused'
  readonly accountId?: string
  /** Why it was refused. */
  readonly detail?: string
}

/** So many lines of a report are shown. */
export const MOST_LINES = 100

/** Makes the page. */
export function accountImport({ people, reason, csrf, mostImported, mostMegabytes, fault, report }: AccountImportView): Html {
  return html`<p class="crumbs"><a href="/admin/accounts">Accounts</a></p>
<h1>Import accounts</h1>
${faultNotice(fault)}
${report !== undefined && reportOf(report)}
<section class="card" aria-label="Import">
<p class="lead">Up to ${mostImported.toLocaleString('en-GB')} people, as CSV or JSON. An account that exists stays as it is, so that the same can be imported again.</p>
<form method="post" action="/admin/accounts/import" enctype="multipart/form-data">
<input type="hidden" name="csrf" value="${csrf}">
<div class="field"><label for="file">A file of them</label>
<input id="file" name="file" type="file" accept=".csv,.json,text/csv,application/json" aria-describedby="file-hint${fault !== undefined && ' problem'}">
<p class="hint" id="file-hint">CSV or JSON in UTF-8, of ${mostMegabytes} MB at most.</p></div>
<div class="field"><label for="people">Or their lines</label>
<textarea id="people" name="people" rows="12" spellcheck="false" autocomplete="off" aria-describedby="people-hint${fault !== undefined && ' problem'}">
${people}</textarea>
<p class="hint" id="people-hint">The first line of CSV names the columns: email, name, email_verified, password_hash, roles. JSON is a list of objects with these members, and profile.</p></div>
<div class="field"><label for="why">Why</label>
<input id="why" name="reason" type="text" value="${reason}" maxlength="1000" autocomplete="off" aria-describedby="why-hint">
<p class="hint" id="why-hint">For the audit log.</p></div>
<p class="actions"><button class="button primary" type="submit">Look at them</button>
<button class="button" type="submit" name="import" value="on">Import them</button></p>
</form>
</section>`
}

function reportOf(report: NonNullable<AccountImportView['report']>): Html {
  const { dryRun, created, exists, refused, lines, wholeHref } = report
  // Those that were refused come first: they are to be mended.
  const told = ['refused', 'created'].flatMap((outcome) => lines.filter((line) => line.outcome === outcome))
  const more = told.length - MOST_LINES
  const columns = [
    { label: 'Line', cell: ({ line }: ImportedLineView) => String(line) },
    { label: 'Account', names: true, cell: accountOf },
    {
      label: dryRun ? 'What would come of it' : 'What came of it',
      cell: ({ outcome, detail }: ImportedLineView) =>
        outcome === 'created' ? (dryRun ? 'would be made' : 'made') : html`refused: <bdi>${detail ?? 'no reason'}</bdi>`,
    },
  ]
  return html`<section class="card" aria-labelledby="report">
<h2 id="report">${dryRun ? 'What would be made' : 'What was made'}</h2>
${facts([
  [dryRun ? 'Would be made' : 'Made', String(created)],
  ['There already', String(exists)],
  ['Refused', String(refused)],
])}
${told.length > 0 && table<ImportedLineView>('Lines', columns, told.slice(0, MOST_LINES))}
${more > 0 && html`<p class="quiet">And ${more.toLocaleString('en-GB')} more lines.</p>`}
${wholeHref !== undefined && html`<p class="actions"><a class="button" href="${wholeHref}">All ${lines.length.toLocaleString('en-GB')} lines as CSV</a></p>`}
</section>`
}

function accountOf({ email, accountId }: ImportedLineView): Html {
  if (accountId === undefined) return html`<bdi>${email ?? 'no address'}</bdi>`
  return html`<a href="/admin/accounts/${accountId}"><bdi>${email ?? accountId}</bdi></a>`
}
