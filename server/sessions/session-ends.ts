// What the end of a session takes with it, and what the end of all of an account's sessions does
// (the table in docs/explanation/revocation.md). Locks are taken in one order everywhere: sessions, grants, families, each by their
// ids, and all of one kind before the next. Of two ends that want the same rows one is first, and neither waits in a circle.
import { Prisma } from '../../prisma/client/client.ts'
import { endGrantsOfAccount, endGrantsOfSessions } from '../grants/grants.ts'
import { notifyClients } from '../logout-notifications/new-notifications.ts'
import { endAccessTokensOfAccount, endAccessTokensOfSessions } from '../tokens/access-tokens.ts'
import type { Ending } from '../tokens/ending.ts'
import { endFamiliesOfAccount, endFamiliesOfSessions } from '../tokens/family-ends.ts'

/**
 * How a session ends. After a sign-out, refresh tokens with `offline_access` go on; a revoked session, and one that another
 * person signed in over, takes them along.
 */
export type SessionEnd = 'signed_out' | 'revoked' | 'replaced'

/** Ends a live session of an account with what depends on it; false when there was none. */
export async function endSession(
  ending: Ending,
  { sessionId, accountId, how }: { readonly sessionId: string; readonly accountId: string; readonly how: SessionEnd },
): Promise<boolean> {
  const ended = await ending.tx.$executeRaw(Prisma.sql`
    UPDATE sessions SET ended_at = latchkey_now(), end_reason = ${ending.cause}
    WHERE id = ${sessionId} AND account_id = ${accountId} AND ended_at IS NULL`)
  if (ended === 0) return false
  await endWhatHangs(ending, [sessionId], how)
  return true
}

/** A session that was just ended. */
export interface EndedSession {
  readonly id: string
  readonly accountId: string
}

/**
 * Ends live sessions, whosever they are, with what depends on them: as many statements for a thousand as for one.
 * @param which conditions on the table `sessions` under the name `s`
 * @param most of those the first by their ids; all, when it is left out
 */
export async function endSessionsWhere(
  ending: Ending,
  which: Prisma.Sql,
  { how, most }: { readonly how: SessionEnd; readonly most?: number },
): Promise<EndedSession[]> {
  const sessions = await ending.tx.$queryRaw<EndedSession[]>(Prisma.sql`
    WITH locked AS (
      SELECT s.id FROM sessions s WHERE ${which} AND s.ended_at IS NULL ORDER BY s.id LIMIT ${most ?? null}::bigint FOR UPDATE
    )
    UPDATE sessions SET ended_at = latchkey_now(), end_reason = ${ending.cause}
    WHERE id IN (SELECT id FROM locked) AND ended_at IS NULL
    RETURNING id, account_id AS "accountId"`)
  const ids = sessions.map(({ id }) => id)
  if (ids.length > 0) await endWhatHangs(ending, ids, how)
  return sessions
}

async function endWhatHangs(ending: Ending, sessionIds: readonly string[], how: SessionEnd): Promise<void> {
  ending.counts.sessions += sessionIds.length
  ending.counts.logoutNotifications += await notifyClients(ending.tx, sessionIds, ending.cause)
  await endGrantsOfSessions(ending, sessionIds, { keepOffline: how === 'signed_out' })
  await endFamiliesOfSessions(ending, sessionIds, how === 'signed_out' ? 'bound' : 'all')
  await endAccessTokensOfSessions(ending, sessionIds)
  for (const value of sessionIds) ending.entries.push({ kind: 'sid', value })
}

/** Ends all of an account's sessions, grants, families and access tokens, but those of the session it keeps. */
export async function endAccount(ending: Ending, accountId: string, keepSessionId?: string): Promise<void> {
  const sessions = await ending.tx.$queryRaw<{ id: string }[]>(Prisma.sql`
    WITH locked AS (
      SELECT id FROM sessions
      WHERE account_id = ${accountId} AND ended_at IS NULL AND id IS DISTINCT FROM ${keepSessionId ?? null}::text
      ORDER BY id FOR UPDATE
    )
    UPDATE sessions SET ended_at = latchkey_now(), end_reason = ${ending.cause}
    WHERE id IN (SELECT id FROM locked) AND ended_at IS NULL
    RETURNING id`)
  const sessionIds = sessions.map(({ id }) => id)
  ending.counts.sessions += sessions.length
  ending.counts.logoutNotifications += await notifyClients(ending.tx, sessionIds, ending.cause)
  const grants = await endGrantsOfAccount(ending, accountId, keepSessionId)
  await endFamiliesOfAccount(ending, accountId, keepSessionId)
  await endAccessTokensOfAccount(ending, accountId, keepSessionId)
  const endedNow = new Set(sessionIds)
  for (const id of sessionIds) ending.entries.push({ kind: 'sid', value: id })
  // The access tokens of an offline grant may carry no session any more; the others are covered by their session's entry.
  for (const grant of grants) {
    if (grant.sessionId === null || !endedNow.has(grant.sessionId)) ending.entries.push({ kind: 'grant_id', value: grant.id })
  }
}
