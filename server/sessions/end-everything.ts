// The end of everything that was ever given out: sessions, grants, refresh tokens and access tokens, of everybody. For an
// emergency, and after a restore: a database from a backup has forgotten what was revoked since, so nothing in it can be believed.
import { LONGEST_ACCESS_TOKEN } from '../../config/lifetimes.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { recordAudit } from '../audit/audit.ts'
import { endAllGrants } from '../grants/grants.ts'
import { endAndNotifyClients } from '../logout-notifications/new-notifications.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { endAllAccessTokens, endAllFamilies, endAllStatusLists } from '../tokens/end-all.ts'
import type { Ended, Ending, Endings } from '../tokens/ending.ts'
import { beginStretch } from '../tokens/revocations.ts'

/** Why everything ends. */
export interface EndEverythingRequest {
  readonly cause: 'everything_ended' | 'database_restored'
  /** In the words of the one who does it. */
  readonly reason?: string
  /** How far revocations are known to have come: nothing happens when the database has come as far. */
  readonly ifBehind?: number
}

/** What lives, or was ended. */
export type EverythingCounts = Pick<Ended, 'sessions' | 'grants' | 'refresh_families'> & { readonly access_tokens: number }

/** A million families take half a minute. */
const LONGEST_TRANSACTION_MS = 300_000

/** Ends everything in one transaction; undefined when `ifBehind` says that there is no need. */
export async function endEverything(
  { db, endings }: { readonly db: Database; readonly endings: Endings },
  { cause, reason, ifBehind }: EndEverythingRequest,
): Promise<(EverythingCounts & { readonly sequence: number }) | undefined> {
  return db.$transaction(
    async (tx) => {
      await holdEverything(tx)
      if (!(await beginStretch(tx, ifBehind))) return undefined
      let accessTokens = 0
      const { sessions, grants, refresh_families, sequence } = await endings.within(tx, cause, async (ending) => {
        await endAllSessions(ending)
        await endAllGrants(ending)
        await endAllFamilies(ending)
        accessTokens = await endAllAccessTokens(ending)
        await endAllStatusLists(ending)
        // JWTs are stored nowhere, but each names its client.
        const clients = await tx.client.findMany({ select: { id: true }, orderBy: { id: 'asc' } })
        // A database that was put back has forgotten for how long.
        const all = { kind: 'client_id', lifeSeconds: LONGEST_ACCESS_TOKEN, issuedUntilNow: true } as const
        for (const { id } of clients) ending.entries.push({ ...all, value: id })
        await recordAudit(tx, {
          name: 'everything.ended',
          actor: 'system',
          ...(reason === undefined ? {} : { reason }),
          detail: { cause, sessions: ending.counts.sessions, grants: ending.counts.grants, clients: clients.length },
        })
      })
      return { sessions, grants, refresh_families, access_tokens: accessTokens, sequence }
    },
    { timeout: LONGEST_TRANSACTION_MS },
  )
}

/** What lives now: what an end of everything would end. */
export async function countEverything(db: Database): Promise<EverythingCounts> {
  const rows = await db.$queryRaw<EverythingCounts[]>(Prisma.sql`
    SELECT
      (SELECT count(*)::int FROM sessions WHERE ended_at IS NULL AND expires_at > latchkey_now()) AS sessions,
      (SELECT count(*)::int FROM grants WHERE ended_at IS NULL AND expires_at > latchkey_now()) AS grants,
      (SELECT count(*)::int FROM refresh_families WHERE ended_at IS NULL AND idle_expires_at > latchkey_now()) AS refresh_families,
      (SELECT count(*)::int FROM access_tokens WHERE ended_at IS NULL AND expires_at > latchkey_now()) AS access_tokens`)
  return rows[0] ?? { sessions: 0, grants: 0, refresh_families: 0, access_tokens: 0 }
}

/** From here to the commit nobody starts, refreshes or ends anything; whoever was at it has finished. */
async function holdEverything(tx: Transaction): Promise<void> {
  await tx.$executeRaw(Prisma.sql`LOCK TABLE sessions, grants, refresh_families, access_tokens IN SHARE ROW EXCLUSIVE MODE`)
}

async function endAllSessions({ tx, cause, counts }: Ending): Promise<void> {
  const { sessions, notifications } = await endAndNotifyClients(
    tx,
    Prisma.sql`UPDATE sessions SET ended_at = latchkey_now(), end_reason = ${cause}
      WHERE ended_at IS NULL AND expires_at > latchkey_now() RETURNING id, account_id, ended_at`,
    cause,
  )
  counts.sessions += sessions
  counts.logoutNotifications += notifications
}
