// Sign-ins under way: a password has been typed, and the browser has not come back for its session yet. It may come an hour later. By
// then all that the account had may have been ended, and a session that began afterwards would have slipped past that end. So a
// sign-in remembers which end was the last when its password was read, and opens a session only while that is so.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database, Transaction } from '../storage/postgres.ts'

/**
 * The last end of all that an account had, or everybody; of the table `accounts` under the name `a`. Read in the statement that reads
 * the password: an end that is not committed then is a later one, whatever any clock says.
 */
export const LAST_END = Prisma.sql`format('%s/%s', EXTRACT(EPOCH FROM a.all_ended_at),
  (SELECT EXTRACT(EPOCH FROM c.all_ended_at) FROM revocation_counter c WHERE c.id = 1))`

/** Who has proved to be whom, and after which end. */
export interface SignInUnderWay {
  readonly accountId: string
  /** What `LAST_END` was. */
  readonly afterEnd: string
}

/** Whether nothing has ended all that the account had since. Only the session's record, under its lock, decides for good. */
export async function isStillAfterLastEnd(db: Database, { accountId, afterEnd }: SignInUnderWay): Promise<boolean> {
  const rows = await db.$queryRaw<unknown[]>(
    Prisma.sql`SELECT 1 FROM accounts a WHERE a.id = ${accountId} AND ${LAST_END} = ${afterEnd}`,
  )
  return rows.length === 1
}

/**
 * Voids an account's sign-ins under way. It takes the lock of the account's row, which comes before those of its sessions: a session
 * that is just being recorded is there to be ended afterwards, or is not recorded.
 */
export async function voidSignIns(tx: Transaction, accountId: string): Promise<void> {
  await tx.$executeRaw`UPDATE accounts SET all_ended_at = latchkey_now() WHERE id = ${accountId}`
}

/** Voids everybody's. The table of sessions is locked: whoever records one from now on waits, and finds this. */
export async function voidEverySignIn(tx: Transaction): Promise<void> {
  await tx.$executeRaw`UPDATE revocation_counter SET all_ended_at = latchkey_now() WHERE id = 1`
}
