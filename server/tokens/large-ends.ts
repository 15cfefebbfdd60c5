// Ends of very many rows: all of one kind at once, in statements which may take longer than others do, and all kinds in one transaction.
import { Prisma } from '../../prisma/client/client.ts'
import { allowLongStatements, type Transaction } from '../storage/postgres.ts'
import { CLIENT_ENDED } from './standing.ts'

/** With so many rows of a kind an end is a large one. */
const MANY = 500

/**
 * Gives the transaction that ends an account's the time that it takes, if that is very much: whoever waits for it is to be told what
 * it ended. To be called before it takes the first lock of what the account has.
 */
export async function allowForAccount(tx: Transaction, accountId: string): Promise<void> {
  // Also what has ended already, so that it is counted in the index.
  const upToMany = (table: string) => Prisma.sql`(SELECT count(*) FROM (
    SELECT 1 FROM ${Prisma.raw(table)} WHERE account_id = ${accountId} LIMIT ${MANY}) AS few)`
  const rows = await tx.$queryRaw<{ many: boolean }[]>(Prisma.sql`
    SELECT GREATEST(${upToMany('sessions')}, ${upToMany('grants')}, ${upToMany('refresh_families')}) >= ${MANY} AS many`)
  if (rows[0]?.many === true) await allowLongStatements(tx)
}

/** Where a row lies, for `whereLocked`: a column of the statement that takes its lock. */
export const PLACE = Prisma.sql`ctid::text AS place`

/**
 * Which rows those are that the transaction has locked in a statement before this one. A locked row stays where it is until the holder
 * of its lock changes it; and ten thousand that were found by one index are not looked for in another one.
 */
export function whereLocked(rows: readonly { readonly place: string }[]): Prisma.Sql {
  // By a subquery, so that the planner does not know how many they are: for very many it would read the whole table.
  return Prisma.sql`ctid = ANY(ARRAY(SELECT place::tid FROM unnest(${rows.map(({ place }) => place)}::text[]) AS place))`
}

/** A row that is about to end. */
export interface VoidOrNot {
  /** It was ended with its client before, and does not say so yet. */
  readonly isVoid: boolean
}

/** Such rows, by what is to be said of why they ended. */
export function byCause<Row extends VoidOrNot>({ cause }: { readonly cause: string }, rows: readonly Row[]): [string, Row[]][] {
  const parts: [string, Row[]][] = [
    [cause, rows.filter(({ isVoid }) => !isVoid)],
    [CLIENT_ENDED, rows.filter(({ isVoid }) => isVoid)],
  ]
  return parts.filter(([, part]) => part.length > 0)
}
