// Tells the owners that a session audit waits for them: when one that was due is made, and once more when a week later nobody has signed
// it off. One that somebody asked for by hand is told nobody: they are looking at it.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database, Transaction } from '../storage/postgres.ts'

/** What is told. */
export interface ReviewReminder {
  readonly reviewId: string
  readonly madeAt: Date
  /** How many things there are to look at. */
  readonly found: number
  /** It was told before. */
  readonly again: boolean
}

/** An owner of the server. */
export interface ReviewOwner {
  readonly id: string
  readonly email: string
}

/** After so long it is told once more. */
const AGAIN_AFTER_SECONDS = 7 * 86_400

/** Nobody has so many owners; mail is not to be multiplied without end. */
const MOST_OWNERS = 100

/**
 * Tells them, if it is time: each once, however many processes ask.
 * @param deps.tell puts a mail into the outbox, in the transaction that notes it
 */
export async function remindOwners(deps: {
  readonly db: Database
  readonly tell: (tx: Transaction, owner: ReviewOwner, reminder: ReviewReminder) => Promise<void>
}): Promise<void> {
  await deps.db.$transaction(async (tx) => {
    // Whoever comes second waits for the row, and then finds that it was told.
    const [told] = await tx.$queryRaw<ReviewReminder[]>(Prisma.sql`
      UPDATE session_reviews r SET reminders = r.reminders + 1
      WHERE r.id = (SELECT id FROM session_reviews WHERE made_at IS NOT NULL ORDER BY created_at DESC, id DESC LIMIT 1)
        AND r.scheduled AND r.signed_off_at IS NULL
        AND (r.reminders = 0 OR (r.reminders = 1 AND r.made_at <= latchkey_now() - make_interval(secs => ${AGAIN_AFTER_SECONDS})))
      RETURNING r.id AS "reviewId", r.made_at AS "madeAt", r.reminders > 1 AS again,
        (SELECT sum(p.found)::int FROM session_review_parts p WHERE p.review_id = r.id) AS found`)
    if (told === undefined) return
    const owners = await tx.$queryRaw<ReviewOwner[]>(Prisma.sql`
      SELECT id, email FROM accounts WHERE status = 'active' AND roles @> ARRAY['owner'] ORDER BY created_at, id LIMIT ${MOST_OWNERS}`)
    for (const owner of owners) await deps.tell(tx, owner, told)
  })
}
