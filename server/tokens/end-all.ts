// The end of all tokens that the database knows of, whoever has them, and of what is known of others.
import { Prisma } from '../../prisma/client/client.ts'
import type { Ending } from './ending.ts'
import { IS_SESSION_BOUND } from './family-ends.ts'

/** Ends every live family, or those that depend on a session. */
export async function endAllFamilies(ending: Ending, { keepOffline }: { readonly keepOffline: boolean }): Promise<void> {
  ending.counts.refreshFamilies += await ending.tx.$executeRaw(Prisma.sql`
    UPDATE refresh_families SET ended_at = latchkey_now(), end_reason = ${ending.cause}, successor = NULL
    WHERE ended_at IS NULL AND idle_expires_at > latchkey_now() AND (${IS_SESSION_BOUND} OR NOT ${keepOffline})`)
}

/** Ends every live opaque access token; how many. */
export async function endAllAccessTokens(ending: Ending): Promise<number> {
  return ending.tx.$executeRaw(Prisma.sql`
    UPDATE access_tokens SET ended_at = latchkey_now() WHERE ended_at IS NULL AND expires_at > latchkey_now()`)
}

/**
 * Ends every status list: all its tokens are invalid, and no token gets a place in it any more. A database that was put back has
 * forgotten which places it gave out since, and would give them again.
 */
export async function endAllStatusLists({ tx }: Pick<Ending, 'tx'>): Promise<void> {
  await tx.$executeRaw(Prisma.sql`UPDATE status_lists SET ended_at = latchkey_now() WHERE ended_at IS NULL`)
}
