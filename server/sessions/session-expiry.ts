// Sessions that are over because they were not used, or have lasted long enough. Nobody ends these; they are found, and from then on
// are closed: their apps are told, and what is bound to them is ended. That they are over does not depend on it.
import { LONGEST_ACCESS_TOKEN } from '../../config/lifetimes.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { recordAudits } from '../audit/audit.ts'
import { closeGrantsOfSessions } from '../grants/grants.ts'
import { notifyClients } from '../logout-notifications/new-notifications.ts'
import type { Database } from '../storage/postgres.ts'
import type { Ending, Endings } from '../tokens/ending.ts'
import { endFamiliesOfSessions } from '../tokens/family-ends.ts'
import { endSessionsWhere } from './session-ends.ts'

/** Closes sessions that are over. */
export interface SessionExpiry {
  /**
   * Closes those that lie in some pages of the table; how many. They are found so since no index can help: it would cost each use
   * of a session more than it saves here. The first page is 0, and `toPage` is not included.
   */
  closeInPages(fromPage: number, toPage: number): Promise<number>
}

/** Sessions that are closed in one transaction. */
const MOST_AT_ONCE = 100

/** Makes it. */
export function createSessionExpiry(deps: {
  readonly db: Database
  readonly endings: Endings
  /** Whether access tokens live out their minutes, or end with their session. */
  readonly config: { readonly expiredSessionTokens: 'live_out' | 'end' }
  /** The longest life that any access token can have. */
  readonly accessTokenLifeSeconds: () => number
}): SessionExpiry {
  const { db, endings } = deps
  const tokens = deps.config.expiredSessionTokens
  return {
    async closeInPages(fromPage, toPage) {
      const found = await findOver(db, fromPage, toPage)
      let closed = 0
      for (let at = 0; at < found.length; at += MOST_AT_ONCE) {
        const some = found.slice(at, at + MOST_AT_ONCE)
        const { sessions } = await endings.run('session_expired', async (ending) => {
          await (tokens === 'end' ? endAll(ending, some) : closeAll(ending, some, deps.accessTokenLifeSeconds()))
        })
        closed += sessions
      }
      return closed
    },
  }
}

/**
 * Beyond that nothing of a session lives, and its apps have long since asked anew; so that a server which was away for a week, or
 * an upgrade, does not tell of old times.
 */
const LATEST_SECONDS = LONGEST_ACCESS_TOKEN

/** `expires_at` is later than the last use that may not have been written yet (sessions.ts). */
const OVER = Prisma.sql`ended_at IS NULL AND closed_at IS NULL AND expires_at <= latchkey_now()
  AND expires_at > latchkey_now() - make_interval(secs => ${LATEST_SECONDS})`

async function findOver(db: Database, fromPage: number, toPage: number): Promise<string[]> {
  const rows = await db.$queryRaw<{ id: string }[]>(Prisma.sql`
    SELECT id FROM sessions
    WHERE ctid >= ${`(${fromPage},0)`}::text::tid AND ctid < ${`(${toPage},0)`}::text::tid AND ${OVER}`)
  return rows.map(({ id }) => id)
}

interface OverSession {
  readonly id: string
  readonly accountId: string
}

/** Those that another process has in hand are passed over. */
function lockedOf(sessionIds: readonly string[]): Prisma.Sql {
  return Prisma.sql`SELECT id, account_id AS "accountId" FROM sessions WHERE id = ANY(${[...sessionIds]}::text[]) AND ${OVER}
    ORDER BY id FOR UPDATE SKIP LOCKED`
}

/** Access tokens go on: they say of themselves how long, and nobody has taken anything back. */
async function closeAll(ending: Ending, sessionIds: readonly string[], tokensLiveSeconds: number): Promise<void> {
  const sessions = await ending.tx.$queryRaw<OverSession[]>(Prisma.sql`
    WITH locked AS (${lockedOf(sessionIds)})
    UPDATE sessions SET closed_at = latchkey_now() WHERE id IN (SELECT id FROM locked)
    RETURNING id, account_id AS "accountId"`)
  if (sessions.length === 0) return
  const ids = sessions.map(({ id }) => id)
  ending.counts.sessions += ids.length
  ending.counts.logoutNotifications += await notifyClients(ending.tx, ids, { cause: ending.cause, over: 'sessions' })
  await closeGrantsOfSessions(ending.tx, ids, tokensLiveSeconds)
  await endFamiliesOfSessions(ending, ids, 'bound')
  await recordExpiries(ending, sessions)
}

async function endAll(ending: Ending, sessionIds: readonly string[]): Promise<void> {
  const sessions = await ending.tx.$queryRaw<OverSession[]>(lockedOf(sessionIds))
  // As after a sign-out, what is offline goes on.
  if (sessions.length === 0) return
  const ids = sessions.map(({ id }) => id)
  const ended = await endSessionsWhere(ending, Prisma.sql`s.id = ANY(${ids}::text[])`, { how: 'signed_out' })
  await recordExpiries(ending, ended)
}

function recordExpiries({ tx }: Ending, sessions: readonly OverSession[]): Promise<void> {
  const event = { name: 'session.expired' as const, actor: 'system' }
  return recordAudits(
    tx,
    sessions.map(({ id, accountId }) => ({ ...event, accountId, sessionId: id })),
  )
}
