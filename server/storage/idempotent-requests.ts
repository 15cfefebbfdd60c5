// Requests that may be sent again: what they were answered, kept for a day under the digest of who asked with which key.
import { createHash } from 'node:crypto'
import { Prisma } from '../../prisma/client/client.ts'
import { StorageUnavailable } from './errors.ts'
import type { Database } from './postgres.ts'
import type { Sealer } from './sealing.ts'

/** What becomes of a request with a key. */
export type Admission =
  /** Nobody has asked so before, or the answer was lost: it is to be done. */
  | { readonly how: 'do'; keep(answer: string): Promise<void>; drop(): Promise<void> }
  /** It was done, and answered so. */
  | { readonly how: 'answered'; readonly answer: string }
  /** The same request is under way. */
  | { readonly how: 'under way' }
  /** The key was used for another request. */
  | { readonly how: 'other' }

/** Requests that may be sent again. */
export interface IdempotentRequests {
  /**
   * Takes a key for a request; of any number at once, one does it.
   * @param key who asks, and the key that they have chosen
   * @param request all that makes the request what it is
   */
  admit(key: readonly string[], request: readonly string[]): Promise<Admission>
}

/** Longer than a request may take. A process that dies keeps nobody from asking again for longer. */
const UNDER_WAY_SECONDS = 60

/** How long an answer is kept. */
export const ANSWER_KEPT_SECONDS = 86_400

/** Makes them. Answers may hold a secret that is shown once, so they are sealed. */
export function createIdempotentRequests({ db, sealer }: { readonly db: Database; readonly sealer: Sealer }): IdempotentRequests {
  return {
    async admit(key, asked) {
      const digest = digestOf(key)
      const request = digestOf(asked)
      const context = `idempotent_requests.answer ${digest.toString('base64url')}`
      const taken = await db.$executeRaw(Prisma.sql`
        INSERT INTO idempotent_requests AS known (digest, request, expires_at)
        VALUES (${digest}, ${request}, latchkey_now() + make_interval(secs => ${UNDER_WAY_SECONDS}))
        ON CONFLICT (digest) DO UPDATE SET request = EXCLUDED.request, answer = NULL, created_at = latchkey_now(),
          expires_at = EXCLUDED.expires_at
        WHERE known.expires_at <= latchkey_now()`)
      if (taken > 0) {
        return {
          how: 'do',
          keep: (answer) =>
            untilKept(async () => {
              await db.$executeRaw(Prisma.sql`
                UPDATE idempotent_requests SET answer = ${sealer.seal(answer, context)},
                  expires_at = latchkey_now() + make_interval(secs => ${ANSWER_KEPT_SECONDS})
                WHERE digest = ${digest} AND request = ${request} AND answer IS NULL`)
            }),
          drop: async () =>
            void (await db.$executeRaw(Prisma.sql`
            DELETE FROM idempotent_requests WHERE digest = ${digest} AND request = ${request} AND answer IS NULL`)),
        }
      }
      const known = await db.idempotentRequest.findUnique({ where: { digest } })
      // It went in this moment: whoever asks once more is the first.
      if (known === null) return { how: 'under way' }
      if (!request.equals(known.request)) return { how: 'other' }
      return known.answer === null
        ? { how: 'under way' }
        : { how: 'answered', answer: sealer.open(known.answer, context).toString() }
    },
  }
}

const MOST_TRIES = 3

/**
 * What was done has been done, and whoever asked is told so, even when the answer cannot be kept. It is not done again either: whoever
 * sends the request once more would be told that there was nothing left to end.
 */
async function untilKept(keep: () => Promise<void>): Promise<void> {
  for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
    try {
      return await keep()
    } catch (error) {
      if (!(error instanceof StorageUnavailable)) throw error
    }
  }
}

function digestOf(parts: readonly string[]): Buffer<ArrayBuffer> {
  return Buffer.from(createHash('sha256').update(JSON.stringify(parts)).digest())
}
