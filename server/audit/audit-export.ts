// The audit log as files: for spreadsheets (RFC 4180), for programs, and in the words of the Elastic Common Schema.
import type { AuditEntry } from './audit-entry.ts'
import type { AuditFilter } from './audit-filter.ts'
import type { AuditSearch } from './audit-search.ts'
import { ecsOf } from './ecs.ts'

/** The formats. */
export const EXPORT_FORMATS = ['csv', 'ndjson', 'ecs'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** What each is called. */
export const EXPORT_TYPES: { readonly [format in ExportFormat]: { readonly mediaType: string; readonly extension: string } } = {
  csv: { mediaType: 'text/csv; charset=utf-8', extension: 'csv' },
  ndjson: { mediaType: 'application/x-ndjson', extension: 'ndjson' },
  ecs: { mediaType: 'application/x-ndjson', extension: 'ecs.ndjson' },
}

/**
 * What is written down of an export. Where a filter finds nothing, what it names may be a token that somebody pasted in the place of a name,
 * and is not kept.
 */
export async function exportNote(
  search: Pick<AuditSearch, 'page'>,
  filter: AuditFilter,
  format: ExportFormat,
): Promise<{ readonly format: string; readonly filter: string }> {
  const [found] = await search.page({ filter, limit: 1 })
  const kept = Object.entries(filter).map(([member, value]) => [member, found !== undefined || isOurs(member) ? value : HIDDEN])
  return { format, filter: JSON.stringify(Object.fromEntries(kept)) }
}

const HIDDEN = '[hidden]'

/** What is one of our words, a time or a network was read as such. */
function isOurs(member: string): boolean {
  return ['names', 'outcome', 'network', 'since', 'before'].includes(member)
}

/** Events that are read at a time. */
const AT_ONCE = 1000

/** The events that there are now, the earliest first, as the text of a file, some at a time: no more is read than is taken. */
export async function* exportAudit(
  search: Pick<AuditSearch, 'page' | 'highest'>,
  filter: AuditFilter,
  format: ExportFormat,
): AsyncGenerator<string> {
  const highest = await search.highest()
  for (let after: bigint | undefined = 0n; after !== undefined; ) {
    const { text, next } = await exportPart(search, { filter, format, after, highest, most: AT_ONCE })
    if (text !== '') yield text
    after = next
  }
}

/**
 * A part of the file: the events after an id, no further than another one.
 * @param part.after 0 at the beginning of the file
 * @returns its text, and the id after which the next part begins; undefined when it was the last
 */
export async function exportPart(
  search: Pick<AuditSearch, 'page'>,
  part: {
    readonly filter: AuditFilter
    readonly format: ExportFormat
    readonly after: bigint
    readonly highest: bigint
    readonly most: number
  },
): Promise<{ readonly text: string; readonly next: bigint | undefined }> {
  const { filter, format, after, highest, most } = part
  const found = await search.page({ filter, limit: most, order: 'earliest', after })
  const some = found.filter(({ id }) => id <= highest)
  const header = format === 'csv' && after === 0n ? `${CSV_COLUMNS.join(',')}\r\n` : ''
  const isLast = found.length < most || some.length < found.length
  return { text: header + some.map(WRITERS[format]).join(''), next: isLast ? undefined : found.at(-1)?.id }
}

/** An event as JSON has it, in exports as in the admin API. */
export function auditJson(entry: AuditEntry) {
  return {
    id: String(entry.id),
    at: entry.at.toISOString(),
    name: entry.name,
    outcome: entry.outcome,
    actor: entry.actor ?? null,
    account_id: entry.accountId ?? null,
    client_id: entry.clientId ?? null,
    session_id: entry.sessionId ?? null,
    grant_id: entry.grantId ?? null,
    address: entry.address ?? null,
    user_agent: entry.userAgent ?? null,
    request_id: entry.requestId ?? null,
    reason: entry.reason ?? null,
    detail: entry.detail,
  }
}

const CSV_COLUMNS = [
  ...['id', 'at', 'name', 'outcome', 'actor', 'account_id', 'client_id', 'session_id', 'grant_id', 'address', 'user_agent'],
  ...['request_id', 'reason', 'detail'],
] as const

const WRITERS: { readonly [format in ExportFormat]: (entry: AuditEntry) => string } = {
  csv(entry) {
    const row = auditJson(entry)
    return `${CSV_COLUMNS.map((column) => csvCell(column === 'detail' ? JSON.stringify(row.detail) : row[column])).join(',')}\r\n`
  },
  ndjson: (entry) => `${JSON.stringify(auditJson(entry))}\n`,
  ecs: (entry) => `${JSON.stringify(ecsOf(entry))}\n`,
}

/** A cell of CSV. What begins like a formula is made text: a spreadsheet would run it, and others can choose what is in it. */
export function csvCell(value: string | null): string {
  if (value === null) return ''
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
