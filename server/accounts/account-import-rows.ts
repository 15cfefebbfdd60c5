// The people of an import, read one by one: what is wrong with one keeps no other out. From JSON, or from CSV with a line of names first.
import { setImmediate as pause } from 'node:timers/promises'
import { CsvError, parse } from 'csv-parse'
import { z } from 'zod'
import { isNameOfPerson } from '../../config/plain-text.ts'
import { ROLES } from '../../config/roles.ts'
import { NAME_MAX_LENGTH } from './accounts.ts'
import { isEmailAddress } from './email-key.ts'
import { profileClaims } from './profile-claims.ts'

/** The whole cannot be read; the message says where and why. */
export class UnreadableImport extends Error {
  override readonly name = 'UnreadableImport'
}

/** The most people of an import. */
export const MOST_IMPORTED = 5000

/** What is known of a person. */
const entry = z.strictObject({
  email: z.string('it must be text').refine(isEmailAddress, 'it must be an e-mail address'),
  name: z
    .string('it must be text')
    .max(NAME_MAX_LENGTH, `it must have ${NAME_MAX_LENGTH} characters at most`)
    .refine(isNameOfPerson, 'it must not hold control characters')
    .optional(),
  email_verified: z.boolean('it must be true or false').optional(),
  password_hash: z.string('it must be text').max(512, 'it must have 512 characters at most').optional(),
  roles: z
    .array(z.enum(ROLES, `it must be one of ${ROLES.join(', ')}`), 'it must be a list')
    .max(ROLES.length, 'it must not name a role twice')
    .optional(),
  profile: profileClaims.optional(),
})

/** A person to be imported. */
export type ImportEntry = z.output<typeof entry>

/** One line of an import. */
export interface ImportRow {
  /** Of CSV the line of the text, of JSON the place in the list; both from 1. */
  readonly line: number
  /** As it was written, when it is one. */
  readonly email?: string
  readonly read: { readonly entry: ImportEntry } | { readonly fault: string }
}

/** Reads a list of objects. @throws UnreadableImport */
export async function readJsonRows(list: readonly unknown[]): Promise<ImportRow[]> {
  if (list.length > MOST_IMPORTED) throw tooMany()
  const rows: ImportRow[] = []
  for (const [index, value] of list.entries()) {
    if (index % ROWS_BETWEEN_PAUSES === 0) await pause()
    rows.push(rowOf(index + 1, value))
  }
  return rows
}

/** Reads CSV (RFC 4180): commas, semicolons or tabs, whichever the first line has. @throws UnreadableImport */
export async function readCsvRows(text: string): Promise<ImportRow[]> {
  // Read as UTF-8, what is something else is full of these.
  if (text.includes('\uFFFD')) throw new UnreadableImport('the CSV is not in UTF-8')
  const rows: ImportRow[] = []
  let columns: readonly string[] | undefined
  try {
    for await (const { record, info } of recordsOf(text)) {
      if (columns === undefined) {
        columns = columnsOf(record)
        continue
      }
      if (rows.length >= MOST_IMPORTED) throw tooMany()
      if (rows.length % ROWS_BETWEEN_PAUSES === 0) await pause()
      rows.push(csvRow(info.lines, columns, record))
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    const line = typeof error.lines === 'number' ? ` at line ${error.lines}` : ''
    throw new UnreadableImport(`the CSV cannot be read${line}: a quotation mark is where none can be, or a line is too long`, {
      cause: error,
    })
  }
  if (columns === undefined) throw new UnreadableImport('the CSV is empty: its first line must name the columns')
  return rows
}

/** Others have their turn after so many. */
const ROWS_BETWEEN_PAUSES = 100

/** Longer is no line about a person. */
const LONGEST_LINE = 16_384

const COLUMNS = ['email', 'name', 'email_verified', 'password_hash', 'roles']

interface CsvRecord {
  readonly record: readonly string[]
  readonly info: { readonly lines: number }
}

async function* recordsOf(text: string): AsyncGenerator<CsvRecord> {
  const parser = parse({
    bom: true,
    delimiter: delimiterOf(text),
    info: true,
    max_record_size: LONGEST_LINE,
    relax_column_count: true,
    skip_empty_lines: true,
  })
  parser.end(text)
  for await (const record of parser) yield record as CsvRecord
}

function delimiterOf(text: string): string {
  const first = text.slice(0, 1000).split(/[\r\n]/, 1)[0] ?? ''
  return [',', ';', '\t'].find((mark) => first.includes(mark)) ?? ','
}

function columnsOf(record: readonly string[]): readonly string[] {
  const columns = record.map((name) => name.trim().toLowerCase())
  const unknown = columns.find((name) => !COLUMNS.includes(name))
  if (unknown !== undefined) {
    const shown = /^[\w -]{1,40}$/.test(unknown) ? ` “${unknown}”` : ''
    throw new UnreadableImport(`the first line names a column${shown} that is not one of ${COLUMNS.join(', ')}`)
  }
  if (new Set(columns).size < columns.length) throw new UnreadableImport('the first line names a column twice')
  if (!columns.includes('email')) throw new UnreadableImport('the first line names no column “email”')
  return columns
}

function csvRow(line: number, columns: readonly string[], record: readonly string[]): ImportRow {
  if (record.length !== columns.length) {
    return { line, read: { fault: `it has ${record.length} fields where the first line has ${columns.length}` } }
  }
  const written = Object.fromEntries(columns.map((column, index) => [column, record[index]?.trim() ?? '']))
  const { email_verified: verified = '', roles = '', ...texts } = written
  const value = {
    ...Object.fromEntries(Object.entries(texts).filter(([column, text]) => text !== '' || column === 'email')),
    ...(verified === '' ? {} : { email_verified: FLAGS.get(verified.toLowerCase()) ?? verified }),
    ...(roles === '' ? {} : { roles: roles.split(/[\s,;|]+/).filter((role) => role !== '') }),
  }
  return rowOf(line, value)
}

const FLAGS = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['false', false],
  ['0', false],
  ['no', false],
])

function rowOf(line: number, value: unknown): ImportRow {
  const parsed = entry.safeParse(value, {
    error: ({ code }) => (code === 'unrecognized_keys' ? undefined : 'it must be an object'),
  })
  const email = emailOf(value)
  return {
    line,
    ...(email === undefined ? {} : { email }),
    read: parsed.success ? { entry: parsed.data } : { fault: faultOf(parsed.error) },
  }
}

/** What stands in the place of an address may be anything, a secret too: it is told again only when it is an address. */
function emailOf(value: unknown): string | undefined {
  const email = typeof value === 'object' && value !== null && 'email' in value ? value.email : undefined
  return typeof email === 'string' && isEmailAddress(email) ? email.trim() : undefined
}

function faultOf({ issues }: z.ZodError): string {
  const words = issues.slice(0, 3).map(({ path, code, message }) => {
    if (code === 'unrecognized_keys') return 'it has a member that a person does not have'
    return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`
  })
  return words.join('; ')
}

function tooMany(): UnreadableImport {
  return new UnreadableImport(`an import takes ${MOST_IMPORTED} people at most: send the others in another`)
}
