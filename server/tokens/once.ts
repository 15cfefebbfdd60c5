// Things that may happen once: the redemption of a code, and the use of an identifier that must not be replayed. Each is
// one atomic insert in PostgreSQL, so that no store that can lose its last second lets it happen again.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { digestOf } from './refresh-token.ts'

/** What may happen once. */
export interface Once {
  /** Records that a code was redeemed; false when it had been before (RFC 6749 §4.1.2). */
  redeemCode(code: string, grantId: string, lifeSeconds: number): Promise<boolean>
  /** What a code was redeemed for; undefined when it was not, or when it could not be valid any more. */
  findRedeemedCode(code: string): Promise<{ readonly grantId: string } | undefined>
  /** Records an identifier; false when it was seen before and could still be valid (RFC 7519 §4.1.7). */
  useIdentifier(identifier: string, lifeSeconds: number): Promise<boolean>
}

/** Makes it. */
export function createOnce({ db }: { readonly db: Database }): Once {
  return {
    async redeemCode(code, grantId, lifeSeconds) {
      const inserted = await db.$executeRaw(Prisma.sql`
        INSERT INTO redeemed_codes (digest, grant_id, expires_at)
        VALUES (${digestOf(code)}, ${grantId}, latchkey_now() + make_interval(secs => ${lifeSeconds}))
        ON CONFLICT (digest) DO NOTHING`)
      return inserted === 1
    },

    async findRedeemedCode(code) {
      return (await db.redeemedCode.findUnique({ where: { digest: digestOf(code) }, select: { grantId: true } })) ?? undefined
    },

    async useIdentifier(identifier, lifeSeconds) {
      const written = await db.$executeRaw(Prisma.sql`
        INSERT INTO replay_ids (digest, expires_at)
        VALUES (${digestOf(identifier)}, latchkey_now() + make_interval(secs => ${lifeSeconds}))
        ON CONFLICT (digest) DO UPDATE SET expires_at = EXCLUDED.expires_at WHERE replay_ids.expires_at <= latchkey_now()`)
      return written === 1
    },
  }
}
