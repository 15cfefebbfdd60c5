// The report of an import as a file: a line for each line, so that what is to be mended can be sorted and sent again.
import { csvCell } from '../audit/audit-export.ts'
import type { ImportedLine } from './account-imports.ts'

const COLUMNS = ['line', 'email', 'outcome', 'account_id', 'detail']

/** Writes it as CSV (RFC 4180). */
export function csvOfImport(lines: readonly ImportedLine[]): string {
  const rows = lines.map(({ line, email, outcome, accountId, detail }) =>
    [String(line), email, outcome, accountId, detail].map((cell) => csvCell(cell ?? null)),
  )
  return [COLUMNS, ...rows].map((cells) => `${cells.join(',')}\r\n`).join('')
}
