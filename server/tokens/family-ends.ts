// The ends of refresh-token families. Rows are locked in the order of their ids, as rotation locks them: of two that want
// the same rows one is first, and neither waits for the other in a circle.
import { Prisma } from '../../prisma/client/client.ts'
import type { Transaction } from '../storage/postgres.ts'
import type { Ending } from './ending.ts'
import { byCause, PLACE, type VoidOrNot, whereLocked } from './large-ends.ts'
import { clientStands, isVoidRow, MAY_BE_OFFLINE } from './standing.ts'

/** A family that lived until it was ended just now. */
export interface EndedFamily {
  readonly grantId: string
  /** In which it was born. */
  readonly sessionId: string | null
}

/** Ends the live families of a grant. */
export function endFamiliesOfGrant(ending: Ending, grantId: string): Promise<readonly EndedFamily[]> {
  return endFamilies(ending, Prisma.sql`grant_id = ${grantId}`)
}

/** Ends the families of some grants. @returns those that lived: a family of a grant whose time was over did not */
export function endFamiliesOfGrants(ending: Ending, grantIds: readonly string[]): Promise<readonly EndedFamily[]> {
  return endFamilies(ending, Prisma.sql`grant_id = ANY(${[...grantIds]}::text[])`, HAS_TIME)
}

/** Whether the time of a family's grant is not over: `idle_expires_at` may be later. */
const HAS_TIME = Prisma.sql`EXISTS (SELECT FROM grants g WHERE g.id = refresh_families.grant_id AND g.expires_at > latchkey_now())`

/** Ends those live families of some grants that depend on no session. */
export function endOfflineFamiliesOfGrants(ending: Ending, grantIds: readonly string[]): Promise<readonly EndedFamily[]> {
  return endFamilies(ending, Prisma.sql`grant_id = ANY(${[...grantIds]}::text[]) AND NOT session_bound`)
}

/** Ends the live families that were born in some sessions: all of them, or only those that are bound to theirs. */
export function endFamiliesOfSessions(
  ending: Ending,
  sessionIds: readonly string[],
  which: 'all' | 'bound',
): Promise<readonly EndedFamily[]> {
  return endFamilies(
    ending,
    Prisma.sql`session_id = ANY(${[...sessionIds]}::text[]) AND (${IS_SESSION_BOUND} OR ${which === 'all'})`,
  )
}

/** Ends an account's live families, but those that are bound to the session it keeps. */
export function endFamiliesOfAccount(ending: Ending, accountId: string, keepSessionId?: string): Promise<readonly EndedFamily[]> {
  return endFamilies(
    ending,
    Prisma.sql`account_id = ${accountId}
      AND NOT (session_bound AND session_id IS NOT NULL AND session_id IS NOT DISTINCT FROM ${keepSessionId ?? null}::text)`,
  )
}

/** Whether a row of `refresh_families` that was born in a session depends on it. */
export const IS_SESSION_BOUND = Prisma.sql`(session_bound OR (session_id IS NOT NULL AND EXISTS (
        SELECT 1 FROM clients c WHERE c.id = refresh_families.client_id AND NOT ${MAY_BE_OFFLINE})))`

/** How many live families a client has. */
export async function countFamiliesOfClient(tx: Transaction, clientId: string): Promise<number> {
  const rows = await tx.$queryRaw<{ count: number }[]>(Prisma.sql`
    SELECT count(*)::int AS count FROM refresh_families f JOIN clients c ON c.id = f.client_id
    WHERE f.client_id = ${clientId} AND f.ended_at IS NULL AND f.idle_expires_at > latchkey_now()
      AND ${clientStands(Prisma.sql`f.created_at`)}`)
  return rows[0]?.count ?? 0
}

/** Ends one family and nothing else. */
export async function endFamily(ending: Ending, id: Uint8Array): Promise<void> {
  await endFamilies(ending, Prisma.sql`id = ${new Uint8Array(id)}`)
}

async function endFamilies(
  { tx, cause, counts }: Ending,
  which: Prisma.Sql,
  mayLive = Prisma.sql`true`,
): Promise<readonly EndedFamily[]> {
  const locked = await tx.$queryRaw<(EndedFamily & VoidOrNot & { live: boolean; place: string })[]>(Prisma.sql`
    SELECT grant_id AS "grantId", session_id AS "sessionId", 
      idle_expires_at > latchkey_now() AND NOT ${isVoidRow('refresh_families')} AND ${mayLive} AS live, ${isVoidRow('refresh_families')} AS "isVoid", ${PLACE}
    FROM refresh_families WHERE ${which} AND ended_at IS NULL ORDER BY refresh_families.id FOR UPDATE`)
  for (const [reason, rows] of byCause({ cause }, locked)) {
    await tx.$executeRaw(Prisma.sql`
      UPDATE refresh_families SET ended_at = latchkey_now(), end_reason = ${reason}, successor = NULL WHERE ${whereLocked(rows)}`)
  }
  const ended = locked.filter(({ live }) => live)
  counts.refreshFamilies += ended.length
  return ended
}
