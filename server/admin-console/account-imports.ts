// Imports of people in the console: pasted or sent as a file, CSV or JSON, looked at first if one likes, and a report of what came of each line.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { accountImport, MOST_LINES } from '../../views/admin-console/account-imports.ts'
import { csvOfImport } from '../accounts/account-import-report.ts'
import { type ImportRow, MOST_IMPORTED, readCsvRows, readJsonRows, UnreadableImport } from '../accounts/account-import-rows.ts'
import type { ImportAccounts } from '../accounts/account-imports.ts'
import type { Form } from '../http/form.ts'
import type { KeptFiles } from '../http/kept-files.ts'
import { HttpProblem } from '../http/problems.ts'
import { ACCOUNTS_PATH } from './account-page.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref } from './list-query.ts'

/** What the pages call. */
export interface AccountImportPagesDeps {
  readonly importAccounts: ImportAccounts
  readonly keptFiles: KeptFiles
}

const PATH = `${ACCOUNTS_PATH}/import`

/** Enough for as many people as an import takes, each with a hash, as a form writes it. */
const MOST_MEGABYTES = 2
const MOST_BYTES = MOST_MEGABYTES * 1024 * 1024

/** Makes the pages. They come before those of an account, since they have a name where that has an id. */
export function accountImportPages(deps: AccountImportPagesDeps): ConsoleRoute[] {
  const { import: access } = ACCESS.accounts
  return [
    {
      method: 'get',
      path: '/accounts/import',
      access,
      // What is pasted may hold hashes: the person proves who they are before they paste it.
      fresh: true,
      handle: async (ctx, visit) => show(visit, filledIn(ctx)),
    },
    {
      method: 'post',
      path: '/accounts/import',
      access,
      fresh: true,
      mostBytes: MOST_BYTES,
      file: 'file',
      back: (_ctx, form) => listHref(PATH, { people: form.get('people') || form.get('file'), reason: form.get('reason') }),
      // For the same reason it goes into no address.
      keptApart: true,
      handle: (_ctx, visit, form) => importThem(deps, visit, form),
    },
    {
      method: 'get',
      path: '/accounts/import/reports/:id',
      access,
      handle: (ctx, visit) => takeReport(deps, ctx, visit),
    },
  ]
}

/** What was filled in before the person had to sign in again. */
function filledIn(ctx: Context): { readonly people: string; readonly reason: string } {
  const { people, reason } = ctx.state.filledIn === true ? ctx.query : {}
  return { people: typeof people === 'string' ? people : '', reason: typeof reason === 'string' ? reason : '' }
}

function show(
  visit: ConsoleVisit,
  view: Omit<Parameters<typeof accountImport>[0], 'csrf' | 'mostImported' | 'mostMegabytes'>,
): void {
  const body = accountImport({ ...view, csrf: visit.csrf, mostImported: MOST_IMPORTED, mostMegabytes: MOST_MEGABYTES })
  visit.show({ title: 'Import accounts', section: ACCOUNTS_PATH, body }, view.fault === undefined ? 200 : 422)
}

async function importThem(deps: AccountImportPagesDeps, visit: ConsoleVisit, form: Form): Promise<void> {
  const file = form.get('file')
  const people = form.get('people') || file
  const reason = form.get('reason')
  const dryRun = !form.has('import')
  try {
    if (file !== '' && file !== people) throw new UnreadableImport('send a file or text, not both')
    const rows = await rowsOf(people)
    const report = await deps.importAccounts({ rows, dryRun }, visit.change(reason.trim()))
    const { lines } = report
    // What does not fit into a page is taken home, whole.
    const whole =
      lines.length > MOST_LINES
        ? { wholeHref: `${PATH}/reports/${await deps.keptFiles.keep(visit.account.id, csvOfImport(lines))}` }
        : {}
    // What was imported is not shown again: it may hold hashes.
    show(visit, { people: dryRun ? people : '', reason: dryRun ? reason : '', report: { ...report, ...whole, dryRun } })
  } catch (error) {
    if (!(error instanceof UnreadableImport)) throw error
    show(visit, { people, reason, fault: `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.` })
  }
}

async function takeReport({ keptFiles }: AccountImportPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const text = await keptFiles.find(visit.account.id, String(ctx.params.id))
  if (text === undefined)
    throw new HttpProblem(
      404,
      'No such report',
      'A report is kept for an hour, for whoever imported. Look at the same people once more.',
    )
  ctx.set('Content-Disposition', 'attachment; filename="import-report.csv"')
  ctx.type = 'text/csv; charset=utf-8'
  ctx.body = text
}

/** CSV begins with the name of a column; JSON with a bracket: a list, or the `accounts` of what the admin API takes. */
async function rowsOf(text: string): Promise<ImportRow[]> {
  if (!/^\s*[[{]/.test(text)) return readCsvRows(text)
  const read = parsed(text)
  const list = Array.isArray(read) ? read : (read as { readonly accounts?: unknown }).accounts
  if (!Array.isArray(list)) throw new UnreadableImport('the JSON must be a list of people')
  return readJsonRows(list)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UnreadableImport('it begins like JSON, and is none', { cause: error })
  }
}
