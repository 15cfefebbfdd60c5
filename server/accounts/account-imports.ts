// Imports of many people at once, as another system knows them. Each line is looked at by itself, and what came of it is reported; those
// that were made stay, so that an import that was broken off can be sent again.
import { setImmediate as pause } from 'node:timers/promises'
import { scopesOfRoles } from '../../config/roles.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { recordAudits } from '../audit/audit.ts'
import { type Change, eventOf, reaches } from '../audit/change.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import type { ImportEntry, ImportRow } from './account-import-rows.ts'
import { nameOf, newAccountId } from './accounts.ts'
import { emailKey } from './email-key.ts'
import type { Passwords } from './passwords.ts'

/** What came of a line. `exists`: there is such an account, and it stays as it is. */
export interface ImportedLine {
  readonly line: number
  readonly email?: string
  readonly outcome: 'created' | 'exists' | 'refused'
  readonly accountId?: string
  /** Why it was refused. */
  readonly detail?: string
}

/** What came of an import, a line for each line, in their order. */
export interface ImportReport {
  readonly created: number
  readonly exists: number
  readonly refused: number
  readonly lines: readonly ImportedLine[]
}

/** Makes accounts of the lines; `dryRun`: only says what it would make. */
export type ImportAccounts = (
  request: { readonly rows: readonly ImportRow[]; readonly dryRun: boolean },
  change: Change,
) => Promise<ImportReport>

/** Makes it. */
export function createAccountImports(deps: {
  readonly db: Database
  readonly passwords: Pick<Passwords, 'isUsableHash'>
}): ImportAccounts {
  const { db } = deps
  return async ({ rows, dryRun }, change) => {
    const judged = await judge(rows, change, deps.passwords)
    const people = judged.flatMap((row) => (row.person === undefined ? [] : [row.person]))
    const made = new Map<string, { readonly id: string; readonly isNew: boolean }>()
    for (let from = 0; from < people.length; from += BATCH) {
      const batch = people.slice(from, from + BATCH)
      const found = dryRun ? await findThem(db, batch) : await makeThem(db, batch, change)
      for (const [key, one] of found) made.set(key, one)
      await pause()
    }
    return reportOf(judged, made, dryRun)
  }
}

/** A transaction of some tens of milliseconds. */
const BATCH = 250

interface Person {
  readonly id: string
  readonly email: string
  readonly email_key: string
  readonly email_verified: boolean
  readonly name: string | null
  readonly profile: object
  readonly roles: readonly string[]
  readonly hash: string | null
}

interface JudgedRow {
  readonly row: ImportRow
  readonly person?: Person
  readonly fault?: string
}

/** What can be said of each line before the database is asked. */
async function judge(
  rows: readonly ImportRow[],
  change: Change,
  passwords: Pick<Passwords, 'isUsableHash'>,
): Promise<JudgedRow[]> {
  const seen = new Map<string, number>()
  const judgeOne = (row: ImportRow): JudgedRow => {
    if ('fault' in row.read) return { row, fault: row.read.fault }
    const { entry } = row.read
    const key = emailKey(entry.email)
    const before = seen.get(key)
    if (before !== undefined) return { row, fault: `the same address stands in line ${before}` }
    seen.set(key, row.line)
    if (entry.password_hash !== undefined && !passwords.isUsableHash(entry.password_hash)) {
      return { row, fault: 'password_hash: it is of no known form, or its parameters are out of bounds' }
    }
    if (!reaches(change, scopesOfRoles(entry.roles ?? []))) {
      return { row, fault: 'roles: nobody can give roles that may do more than their own' }
    }
    return { row, person: personOf(entry) }
  }
  const judged: JudgedRow[] = []
  for (const [index, row] of rows.entries()) {
    if (index % BATCH === 0) await pause()
    judged.push(judgeOne(row))
  }
  return judged
}

function personOf(entry: ImportEntry): Person {
  return {
    id: newAccountId(),
    email: entry.email.trim(),
    email_key: emailKey(entry.email),
    email_verified: entry.email_verified ?? false,
    name: nameOf(entry.name ?? ''),
    profile: entry.profile ?? {},
    roles: [...new Set(entry.roles)],
    hash: entry.password_hash ?? null,
  }
}

type Found = ReadonlyMap<string, { readonly id: string; readonly isNew: boolean }>

async function findThem(db: Database | Transaction, people: readonly Person[]): Promise<Found> {
  const rows = await db.$queryRaw<{ id: string; key: string }[]>(Prisma.sql`
    SELECT id, email_key AS key FROM accounts WHERE email_key = ANY (${people.map((person) => person.email_key)}::text[])`)
  return new Map(rows.map(({ id, key }) => [key, { id, isNew: false }]))
}

/** The unique index decides who is new, whatever else is imported at the same moment. */
async function makeThem(db: Database, people: readonly Person[], change: Change): Promise<Found> {
  return db.$transaction(async (tx) => {
    const made = await insertThem(tx, people)
    const events = people
      .filter(({ id }) => made.has(id))
      .map(({ id, roles }) =>
        eventOf('account.created', change, { accountId: id, detail: { roles: [...roles], imported: true } }),
      )
    if (events.length > 0) await recordAudits(tx, events)
    const there = await findThem(tx, people)
    return new Map([...there].map(([key, { id }]) => [key, { id, isNew: made.has(id) }]))
  })
}

async function insertThem(tx: Transaction, people: readonly Person[]): Promise<ReadonlySet<string>> {
  // In one order, so that two imports at once wait for one another and neither for both.
  const sorted = people.toSorted((a, b) => (a.email_key < b.email_key ? -1 : 1))
  const rows = await tx.$queryRaw<{ id: string }[]>(Prisma.sql`
    WITH people AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(sorted)}::jsonb) AS p (id text, email text, email_key text,
        email_verified boolean, name text, profile jsonb, roles jsonb, hash text)
    ), made AS (
      INSERT INTO accounts (id, email, email_key, email_verified, name, profile, roles, password_set_at)
      SELECT id, email, email_key, email_verified, name, profile, ARRAY(SELECT jsonb_array_elements_text(roles)),
        CASE WHEN hash IS NOT NULL THEN latchkey_now() END FROM people
      ON CONFLICT (email_key) DO NOTHING RETURNING id
    ), secrets AS (
      INSERT INTO passwords (account_id, hash) SELECT people.id, people.hash FROM people JOIN made ON made.id = people.id
      WHERE people.hash IS NOT NULL
    )
    SELECT id FROM made`)
  return new Set(rows.map(({ id }) => id))
}

function reportOf(judged: readonly JudgedRow[], found: Found, dryRun: boolean): ImportReport {
  const lines = judged.map(({ row: { line, email }, person, fault }): ImportedLine => {
    const about = { line, ...(email === undefined ? {} : { email }) }
    if (person === undefined) return { ...about, outcome: 'refused', ...(fault === undefined ? {} : { detail: fault }) }
    const one = found.get(person.email_key)
    // Of a dry run: what is not there would be made.
    if (one === undefined) return { ...about, outcome: dryRun ? 'created' : 'refused' }
    return { ...about, outcome: one.isNew ? 'created' : 'exists', accountId: one.id }
  })
  const count = (outcome: ImportedLine['outcome']) => lines.filter((line) => line.outcome === outcome).length
  return { created: count('created'), exists: count('exists'), refused: count('refused'), lines }
}
