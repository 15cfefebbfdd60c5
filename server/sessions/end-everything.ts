// The end of what was ever given out, of everybody. Everything (sessions, grants, refresh tokens and access tokens) ends in an emergency
// and after a restore: a database from a backup has forgotten what was revoked since, so nothing in it can be believed. Every session
// ends when somebody else may have the keys of cookies.
import { LONGEST_ACCESS_TOKEN } from '../../config/lifetimes.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { recordAudit } from '../audit/audit.ts'
import type { AuditEventName } from '../audit/event-names.ts'
import { endAllGrants, IS_OFFLINE } from '../grants/grants.ts'
import { endAndNotifyClients } from '../logout-notifications/new-notifications.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { endAllAccessTokens, endAllFamilies, endAllStatusLists } from '../tokens/end-all.ts'
import type { Ended, Ending, Endings } from '../tokens/ending.ts'
import { IS_SESSION_BOUND } from '../tokens/family-ends.ts'
import { beginStretch } from '../tokens/revocations.ts'
import { voidEverySignIn } from './sign-ins-under-way.ts'

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

/** What was ended, and how many logout tokens are sent for it. */
export type EverythingEnded = EverythingCounts & Pick<Ended, 'logout_notifications' | 'sequence'>

/** A million families take half a minute. */
const LONGEST_TRANSACTION_MS = 300_000

/** Ends everything in one transaction; undefined when `ifBehind` says that there is no need. */
export async function endEverything(
  { db, endings }: { readonly db: Database; readonly endings: Endings },
  { cause, reason, ifBehind }: EndEverythingRequest,
): Promise<EverythingEnded | undefined> {
  return db.$transaction(
    async (tx) => {
      await holdEverything(tx)
      if (!(await beginStretch(tx, ifBehind))) return undefined
      return endOfEverybody(tx, endings, { name: 'everything.ended', cause, reason, keepOffline: false })
    },
    { timeout: LONGEST_TRANSACTION_MS },
  )
}

/**
 * Ends every session in one transaction, with what depends on one, and every access token. Refresh tokens that depend on no session
 * stay, and get new ones.
 */
export async function endEverySession(
  { db, endings }: { readonly db: Database; readonly endings: Endings },
  { reason }: { readonly reason?: string },
): Promise<EverythingEnded> {
  return db.$transaction(
    async (tx) => {
      await holdEverything(tx)
      return endOfEverybody(tx, endings, { name: 'every_session.ended', cause: 'every_session_ended', reason, keepOffline: true })
    },
    { timeout: LONGEST_TRANSACTION_MS },
  )
}

/** What ends, and how that is written down. */
interface EndOfEverybody {
  readonly name: AuditEventName
  readonly cause: string
  readonly reason: string | undefined
  /** Whether refresh tokens that depend on no session stay. */
  readonly keepOffline: boolean
}

async function endOfEverybody(
  tx: Transaction,
  endings: Endings,
  { name, cause, reason, keepOffline }: EndOfEverybody,
): Promise<EverythingEnded> {
  let accessTokens = 0
  const { sequence, ...ended } = await endings.within(tx, cause, async (ending) => {
    await endAllSessions(ending)
    await voidEverySignIn(tx)
    await endAllGrants(ending, { keepOffline })
    await endAllFamilies(ending, { keepOffline })
    accessTokens = await endAllAccessTokens(ending)
    if (!keepOffline) await endAllStatusLists(ending)
    // JWTs are stored nowhere, but each names its client.
    const clients = await tx.client.findMany({ select: { id: true }, orderBy: { id: 'asc' } })
    // A database that was put back has forgotten for how long.
    const all = { kind: 'client_id', lifeSeconds: LONGEST_ACCESS_TOKEN, issuedUntilNow: true } as const
    for (const { id } of clients) ending.entries.push({ ...all, value: id })
    // A client that was registered after the backup is not there to be named, and APIs go by names alone: whatever its tokens say, one
    // of these keys has signed them. One that the backup calls announced may have signed since.
    const keys = await tx.signingKey.findMany({
      where: { status: { in: ['announced', 'signing', 'retired'] } },
      select: { id: true },
      orderBy: { id: 'asc' },
    })
    for (const { id } of keys) ending.entries.push({ ...all, kind: 'kid', value: id })
    await recordAudit(tx, {
      name,
      actor: 'system',
      ...(reason === undefined ? {} : { reason }),
      detail: { cause, sessions: ending.counts.sessions, grants: ending.counts.grants, clients: clients.length },
    })
  })
  return { ...ended, access_tokens: accessTokens, sequence }
}

/** What lives now and would end. */
export async function countEverything(
  db: Database,
  { keepOffline }: { readonly keepOffline: boolean },
): Promise<EverythingCounts> {
  const rows = await db.$queryRaw<EverythingCounts[]>(Prisma.sql`
    SELECT
      (SELECT count(*)::int FROM sessions WHERE ended_at IS NULL AND expires_at > latchkey_now()) AS sessions,
      (SELECT count(*)::int FROM grants WHERE ended_at IS NULL AND expires_at > latchkey_now()
        AND NOT (${keepOffline} AND ${IS_OFFLINE})) AS grants,
      (SELECT count(*)::int FROM refresh_families WHERE ended_at IS NULL AND idle_expires_at > latchkey_now()
        AND (${IS_SESSION_BOUND} OR NOT ${keepOffline})) AS refresh_families,
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
