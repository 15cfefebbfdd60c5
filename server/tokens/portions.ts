// Ends of very many rows in one transaction: their locks are taken at once, and then they are changed, a portion a statement. Each
// statement is done well within the time that one may take, on a slow machine too, and all of them are committed together.
import { Prisma } from '../../prisma/client/client.ts'
import { allowLongStatements, type Transaction } from '../storage/postgres.ts'

/** As many rows as one statement changes. */
const PORTION = 2000

/** With so many rows of a kind an end is a large one. */
const MANY = 500

/** Runs a statement for some of the ids, until it has been run for each. */
export async function inPortions<Id>(ids: readonly Id[], run: (some: Id[]) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < ids.length; from += PORTION) await run(ids.slice(from, from + PORTION))
}

/**
 * Gives the transaction that ends an account's the time that it takes, if that is very much: whoever waits for it is to be told what
 * it ended. To be called before it takes the first lock of what the account has.
 */
export async function allowForAccount(tx: Transaction, accountId: string): Promise<void> {
  const upToMany = (table: string) => Prisma.sql`(SELECT count(*) FROM (
    SELECT 1 FROM ${Prisma.raw(table)} WHERE account_id = ${accountId} AND ended_at IS NULL LIMIT ${MANY}) AS few)`
  const rows = await tx.$queryRaw<{ many: boolean }[]>(Prisma.sql`
    SELECT GREATEST(${upToMany('sessions')}, ${upToMany('grants')}, ${upToMany('refresh_families')}) >= ${MANY} AS many`)
  if (rows[0]?.many === true) await allowLongStatements(tx)
}
