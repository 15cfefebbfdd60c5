// Ends of very many rows: all of one kind in one statement, which may take longer than statements do otherwise, and all kinds in one
// transaction.
import { Prisma } from '../../prisma/client/client.ts'
import { allowLongStatements, type Transaction } from '../storage/postgres.ts'

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
