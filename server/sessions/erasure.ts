// What is forgotten of an account's sessions when the account is deleted. The records stay for as long as others do, since what
// hangs from them must stay ended; they say no more whose browsers they were.
import { Prisma } from '../../prisma/client/client.ts'
import type { Transaction } from '../storage/postgres.ts'

/**
 * Forgets from where and by what the sessions of an account were used. It locks all of them, also those that are over: before
 * their grants are ended, as everybody does.
 */
export async function forgetPlaces(tx: Transaction, accountId: string): Promise<void> {
  await tx.$executeRaw(Prisma.sql`
    WITH locked AS (SELECT id FROM sessions WHERE account_id = ${accountId} ORDER BY id FOR UPDATE)
    UPDATE sessions SET address = NULL, user_agent = NULL WHERE id IN (SELECT id FROM locked)`)
}
