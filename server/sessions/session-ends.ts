// What the end of a session takes with it, and what the end of all of an account's sessions does
// (the table in docs/explanation/revocation.md). Locks are taken in one order everywhere: the account, sessions, grants, families, each
// by their ids, and all of one kind before the next. Of two ends that want the same rows one is first, and neither waits in a circle.
import { LONGEST_ACCESS_TOKEN } from '../../config/lifetimes.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { type EndedGrant, endGrantsOfAccount, endGrantsOfSessions, selectOffline } from '../grants/grants.ts'
import { notifyClients } from '../logout-notifications/new-notifications.ts'
import { endAccessTokensOfAccount, endAccessTokensOfSessions } from '../tokens/access-tokens.ts'
import type { Ending } from '../tokens/ending.ts'
import { endFamiliesOfAccount, endFamiliesOfSessions } from '../tokens/family-ends.ts'
import { allowForAccount, PLACE, whereLocked } from '../tokens/large-ends.ts'
import { CLOCK_SKEW_SECONDS } from '../tokens/revocations.ts'
import { voidSignIns } from './sign-ins-under-way.ts'

/** So long after a session is over it may have access tokens that live: its last code may have been redeemed a minute later. */
const TOKENS_LIVE_SECONDS = LONGEST_ACCESS_TOKEN + 2 * CLOCK_SKEW_SECONDS

/** Whether a session is not over; a column of the table `sessions`. */
const LIVES = Prisma.sql`(closed_at IS NULL AND expires_at > latchkey_now())`

/**
 * How a session ends. After a sign-out, refresh tokens with `offline_access` go on; a revoked session, and one that another
 * person signed in over, takes them along.
 */
export type SessionEnd = 'signed_out' | 'revoked' | 'replaced'

/** Ends a session of an account with what depends on it, be it over or not; false when there was none, or it has ended. */
export async function endSession(
  ending: Ending,
  { sessionId, accountId, how }: { readonly sessionId: string; readonly accountId: string; readonly how: SessionEnd },
): Promise<boolean> {
  const ended = await endSessionsWhere(ending, Prisma.sql`s.id = ${sessionId} AND s.account_id = ${accountId}`, { how })
  return ended.length > 0
}

/** A session that was just ended. */
export interface EndedSession {
  readonly id: string
  readonly accountId: string
  /** False when it was over already. */
  readonly live: boolean
}

/**
 * Ends sessions, whosever they are and be they over or not, with what depends on them: as many statements for a thousand as for one.
 * @param which conditions on the table `sessions` under the name `s`
 */
export async function endSessionsWhere(
  ending: Ending,
  which: Prisma.Sql,
  { how }: { readonly how: SessionEnd },
): Promise<EndedSession[]> {
  const sessions = await ending.tx.$queryRaw<(EndedSession & { place: string })[]>(Prisma.sql`
    SELECT s.id, s.account_id AS "accountId", ${LIVES} AS live, ${PLACE}
    FROM sessions s WHERE ${which} AND s.ended_at IS NULL ORDER BY s.id FOR UPDATE`)
  if (sessions.length === 0) return sessions
  await endLocked(ending, sessions)
  const ids = sessions.map(({ id }) => id)
  await countAndTell(ending, ids, 'sessions')
  await endWhatHangs(ending, sessions, how)
  for (const value of ids) ending.entries.push({ kind: 'sid', value })
  return sessions
}

/** Ends an account's live sessions, but the one it keeps, with what depends on them; what depends on those that are over, too. */
export async function endOtherSessions(
  ending: Ending,
  { accountId, keepSessionId, how }: { readonly accountId: string; readonly keepSessionId: string; readonly how: SessionEnd },
): Promise<string[]> {
  await allowForAccount(ending.tx, accountId)
  await voidSignIns(ending.tx, accountId)
  const sessions = await endSessionsOfAccount(ending, accountId, keepSessionId)
  await endWhatHangs(ending, sessions, how)
  return sessions.filter(({ live }) => live).map(({ id }) => id)
}

/**
 * Ends those of some sessions that live, whosever they are, with what depends on them; what depends on those that are over, too.
 * @returns those that lived, and those that were over and had something that lived
 */
export async function endLiveSessions(
  ending: Ending,
  sessionIds: readonly string[],
  how: SessionEnd,
): Promise<Pick<EndedSession, 'id' | 'accountId'>[]> {
  const sessions = await endThoseThatLive(ending, Prisma.sql`s.id = ANY(${[...sessionIds]}::text[])`, 'sessions')
  const had = await endWhatHangs(ending, sessions, how)
  return sessions.filter(({ id, live }) => live || had.has(id))
}

/** Ends all of an account's sessions, grants, families and access tokens, but those of the session it keeps. */
export async function endAccount(ending: Ending, accountId: string, keepSessionId?: string): Promise<void> {
  await allowForAccount(ending.tx, accountId)
  await voidSignIns(ending.tx, accountId)
  const sessions = await endSessionsOfAccount(ending, accountId, keepSessionId)
  await nameOutliving(ending, sessions, await endGrantsOfAccount(ending, accountId, keepSessionId))
  await endFamiliesOfAccount(ending, accountId, keepSessionId)
  await endAccessTokensOfAccount(ending, accountId, keepSessionId)
}

function endSessionsOfAccount(ending: Ending, accountId: string, keepSessionId?: string): Promise<EndedSession[]> {
  const which = Prisma.sql`s.account_id = ${accountId} AND s.id IS DISTINCT FROM ${keepSessionId ?? null}::text`
  return endThoseThatLive(ending, which, keepSessionId === undefined ? 'accounts' : 'sessions')
}

/**
 * Ends sessions that live, and names those that have access tokens which may live. One that is over already is not ended once more:
 * whoever is told of it has been told, or soon will be, that it has run out.
 * @param which conditions on the table `sessions` under the name `s`
 */
async function endThoseThatLive(ending: Ending, which: Prisma.Sql, over: 'sessions' | 'accounts'): Promise<EndedSession[]> {
  const sessions = await ending.tx.$queryRaw<(EndedSession & { hasTokens: boolean; place: string })[]>(Prisma.sql`
    SELECT s.id, s.account_id AS "accountId", ${LIVES} AS live,
      s.expires_at > latchkey_now() - make_interval(secs => ${TOKENS_LIVE_SECONDS}) AS "hasTokens", ${PLACE}
    FROM sessions s WHERE ${which} AND s.ended_at IS NULL ORDER BY s.id FOR UPDATE`)
  const live = sessions.filter((session) => session.live)
  if (live.length > 0) await endLocked(ending, live)
  await countAndTell(
    ending,
    live.map(({ id }) => id),
    over,
  )
  for (const { id, hasTokens } of sessions) if (hasTokens) ending.entries.push({ kind: 'sid', value: id })
  return sessions
}

async function endLocked({ tx, cause }: Ending, sessions: readonly { readonly place: string }[]): Promise<void> {
  await tx.$executeRaw(Prisma.sql`
    UPDATE sessions SET ended_at = latchkey_now(), end_reason = ${cause} WHERE ${whereLocked(sessions)}`)
}

/** A session, and whether it lived until it was ended just now. */
type SessionBefore = Pick<EndedSession, 'id' | 'live'>

async function countAndTell(ending: Ending, sessionIds: readonly string[], over: 'sessions' | 'accounts'): Promise<void> {
  ending.counts.sessions += sessionIds.length
  ending.counts.logoutNotifications += await notifyClients(ending.tx, sessionIds, { cause: ending.cause, over })
}

/** @returns the sessions of which a grant or a family lived until then */
async function endWhatHangs(
  ending: Ending,
  sessions: readonly SessionBefore[],
  how: SessionEnd,
): Promise<ReadonlySet<string | null>> {
  const ids = sessions.map(({ id }) => id)
  const grants = await endGrantsOfSessions(ending, ids, { keepOffline: how === 'signed_out' })
  await nameOutliving(ending, sessions, grants)
  const families = await endFamiliesOfSessions(ending, ids, how === 'signed_out' ? 'bound' : 'all')
  await endAccessTokensOfSessions(ending, ids)
  return new Set([...grants.filter(({ live }) => live), ...families].map(({ sessionId }) => sessionId))
}

/** The access tokens of an offline grant carry no session once that is over; all others are covered by their session's entry. */
async function nameOutliving(ending: Ending, sessions: readonly SessionBefore[], grants: readonly EndedGrant[]): Promise<void> {
  const endedNow = new Set(sessions.filter(({ live }) => live).map(({ id }) => id))
  const outside = grants.filter(({ sessionId }) => sessionId === null || !endedNow.has(sessionId))
  const offline = await selectOffline(
    ending.tx,
    outside.filter(({ sessionId }) => sessionId !== null).map(({ id }) => id),
  )
  for (const { id, sessionId } of outside) {
    if (sessionId === null || offline.has(id)) ending.entries.push({ kind: 'grant_id', value: id })
  }
}
