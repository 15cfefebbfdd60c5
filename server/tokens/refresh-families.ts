// Refresh-token families: one row a chain, updated in place. Reading, judging and rotating stand here; the rules are
// explained in docs/explanation/refresh-tokens.md.
import { timingSafeEqual } from 'node:crypto'
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import type { Ending } from './ending.ts'
import { digestOf, nextRefreshToken, type RefreshToken } from './refresh-token.ts'
import { openSuccessor, sealSuccessor } from './successor.ts'

/** Everything that a refresh relies on, read in one statement. Times are PostgreSQL's. */
export interface FamilyState {
  readonly id: Uint8Array
  readonly generation: number
  readonly currentDigest: Uint8Array
  readonly previousDigest: Uint8Array | null
  readonly successor: Uint8Array | null
  readonly secondsSinceRotation: number | null
  readonly grantId: string
  readonly accountId: string
  readonly clientId: string
  readonly sessionId: string | null
  readonly payload: Prisma.JsonObject
  readonly issuedAt: number
  readonly expiresAt: number
  readonly replayWindowSeconds: number | null
  readonly live: boolean
  readonly sessionLive: boolean
  readonly account: FamilyAccount
  readonly grantPayload: Prisma.JsonObject
  readonly grantExpiresAt: number
  /** PostgreSQL's time of the read, in seconds since the epoch. */
  readonly now: number
}

/** The account as the refresh finds it: a claim that changed, or a role that was taken away, counts at once. */
export interface FamilyAccount {
  readonly id: string
  readonly email: string
  readonly emailVerified: boolean
  readonly name: string | null
  readonly profile: Prisma.JsonObject
  readonly roles: readonly string[]
}

/** What a presented refresh token turned out to be. */
export type Presented =
  /** No live family has it, or what it depends on has ended. */
  | { readonly outcome: 'unknown' }
  /** It is another client's: refused, and nothing happens to the family. */
  | { readonly outcome: 'foreign'; readonly state: FamilyState }
  /** The newest of its family: it may be rotated. */
  | { readonly outcome: 'current'; readonly state: FamilyState; readonly token: RefreshToken }
  /** The one before, inside the replay window: it is answered with the successor it already has. */
  | { readonly outcome: 'replay'; readonly state: FamilyState; readonly token: RefreshToken; readonly successor: RefreshToken }
  /** One that was spent, or forged: the family and its grant must end (RFC 9700 §4.14.2). */
  | { readonly outcome: 'reused'; readonly state: FamilyState }
  /** One that this database has not made yet, as after a restore: the family must end, without alarm. */
  | { readonly outcome: 'ahead'; readonly state: FamilyState }

/** A family to be started. */
export interface NewFamily {
  readonly token: RefreshToken
  readonly grantId: string
  readonly accountId: string
  readonly clientId: string
  readonly sessionId: string | undefined
  readonly sessionBound: boolean
  readonly senderKey: string | undefined
  readonly payload: Prisma.InputJsonObject
}

/** The families of one database. */
export interface RefreshFamilies {
  /** Finds out what a token is, as presented by a client. One read. */
  present(token: RefreshToken, clientId: string): Promise<Presented>
  /** Makes `next` the newest token of the family; false when `token` no longer is. One conditional update. */
  rotate(token: RefreshToken, next: RefreshToken, state: FamilyState): Promise<boolean>
  /** Whether a replay still stands: the family lives and its newest token is still the successor. */
  confirm(successor: RefreshToken): Promise<boolean>
  /** Starts a family; false when its grant or its session has ended meanwhile. */
  start(family: NewFamily): Promise<boolean>
  /** Reads the family of a token that is its newest or the one before, for introspection and revocation. */
  find(token: RefreshToken): Promise<{ readonly state: FamilyState; readonly newest: boolean } | undefined>
}

/** Makes the families. */
export function createRefreshFamilies(deps: {
  readonly db: Database
  /** Keys under which successors are sealed; the first seals, all open. */
  readonly successorKeys: readonly Uint8Array[]
  readonly replayWindowSeconds: number
  readonly idleSeconds: number
  readonly absoluteSeconds: number
}): RefreshFamilies {
  const { db } = deps
  return {
    async present(token, clientId) {
      const state = await readFamily(db, token)
      return state === undefined ? { outcome: 'unknown' } : judge(deps, token, clientId, state)
    },

    async rotate(token, next, state) {
      const [serverKey] = deps.successorKeys
      if (serverKey === undefined) throw new Error('there is no key to seal a successor with')
      const successor = sealSuccessor({ previous: token, next, clientId: state.clientId, serverKey })
      // The update repeats what the read relied on: a revocation that came in between wins.
      const changed = await db.$executeRaw(Prisma.sql`
        UPDATE refresh_families
        SET generation = generation + 1, previous_digest = current_digest, current_digest = ${digestOf(next.secret)},
            successor = ${successor}, rotated_at = latchkey_now(),
            idle_expires_at = LEAST(absolute_expires_at, latchkey_now() + make_interval(secs => ${deps.idleSeconds}))
        WHERE id = ${digestOf(token.family)} AND generation = ${token.generation}
          AND current_digest = ${digestOf(token.secret)} AND ended_at IS NULL
          AND EXISTS (SELECT 1 FROM grants WHERE grants.id = refresh_families.grant_id AND grants.ended_at IS NULL)`)
      return changed === 1
    },

    async confirm(successor) {
      const rows = await db.$queryRaw<unknown[]>(Prisma.sql`
        SELECT 1 FROM refresh_families
        WHERE id = ${digestOf(successor.family)} AND generation = ${successor.generation}
          AND current_digest = ${digestOf(successor.secret)} AND ended_at IS NULL`)
      return rows.length === 1
    },

    async start(family) {
      return startFamily(db, family, deps)
    },

    async find(token) {
      const state = await readFamily(db, token)
      if (state === undefined) return undefined
      const digest = digestOf(token.secret)
      const newest = token.generation === state.generation && same(digest, state.currentDigest)
      const previous = token.generation === state.generation - 1 && same(digest, state.previousDigest)
      return newest || previous ? { state, newest } : undefined
    },
  }
}

/** Makes the token that would follow. */
export function successorOf(token: RefreshToken): RefreshToken {
  return nextRefreshToken(token)
}

/** Ends the live families of a grant. */
export async function endFamiliesOfGrant(ending: Ending, grantId: string): Promise<void> {
  ending.counts.refreshFamilies += await ending.tx.$executeRaw(Prisma.sql`
    UPDATE refresh_families SET ended_at = latchkey_now(), end_reason = ${ending.cause}, successor = NULL
    WHERE grant_id = ${grantId} AND ended_at IS NULL`)
}

/** Ends the live families that were born in a session: all of them, or only those that are bound to it. */
export async function endFamiliesOfSession(ending: Ending, sessionId: string, which: 'all' | 'bound'): Promise<void> {
  ending.counts.refreshFamilies += await ending.tx.$executeRaw(Prisma.sql`
    UPDATE refresh_families SET ended_at = latchkey_now(), end_reason = ${ending.cause}, successor = NULL
    WHERE session_id = ${sessionId} AND ended_at IS NULL AND (session_bound OR ${which === 'all'})`)
}

/** Ends an account's live families, but those that are bound to the session it keeps. */
export async function endFamiliesOfAccount(ending: Ending, accountId: string, keepSessionId?: string): Promise<void> {
  ending.counts.refreshFamilies += await ending.tx.$executeRaw(Prisma.sql`
    UPDATE refresh_families SET ended_at = latchkey_now(), end_reason = ${ending.cause}, successor = NULL
    WHERE account_id = ${accountId} AND ended_at IS NULL
      AND NOT (session_bound AND session_id IS NOT DISTINCT FROM ${keepSessionId ?? null}::text)`)
}

/** Ends one family and nothing else. */
export async function endFamily(ending: Ending, id: Uint8Array): Promise<void> {
  ending.counts.refreshFamilies += await ending.tx.$executeRaw(Prisma.sql`
    UPDATE refresh_families SET ended_at = latchkey_now(), end_reason = ${ending.cause}, successor = NULL
    WHERE id = ${new Uint8Array(id)} AND ended_at IS NULL`)
}

function judge(
  deps: { readonly replayWindowSeconds: number; readonly successorKeys: readonly Uint8Array[] },
  token: RefreshToken,
  clientId: string,
  state: FamilyState,
): Presented {
  // Only the family's own client can burn it.
  if (state.clientId !== clientId) return { outcome: 'foreign', state }
  if (!state.live) return { outcome: 'unknown' }
  if (token.generation > state.generation) return { outcome: 'ahead', state }
  const digest = digestOf(token.secret)
  if (token.generation === state.generation) {
    return same(digest, state.currentDigest) ? { outcome: 'current', state, token } : { outcome: 'reused', state }
  }
  const window = state.replayWindowSeconds ?? deps.replayWindowSeconds
  const inWindow = state.secondsSinceRotation !== null && state.secondsSinceRotation < window
  if (token.generation === state.generation - 1 && same(digest, state.previousDigest) && inWindow && state.successor !== null) {
    const successor = openSuccessor({ previous: token, sealed: state.successor, clientId, serverKeys: deps.successorKeys })
    // Without the key that sealed it the successor is lost; the token is refused, and nobody is accused.
    return successor === undefined ? { outcome: 'unknown' } : { outcome: 'replay', state, token, successor }
  }
  return { outcome: 'reused', state }
}

function same(a: Uint8Array, b: Uint8Array | null): boolean {
  return b !== null && a.length === b.length && timingSafeEqual(a, b)
}

async function readFamily(db: Database, token: RefreshToken): Promise<FamilyState | undefined> {
  const rows = await db.$queryRaw<FamilyState[]>(Prisma.sql`
    SELECT f.id, f.generation, f.current_digest AS "currentDigest", f.previous_digest AS "previousDigest", f.successor,
      EXTRACT(EPOCH FROM latchkey_now() - f.rotated_at)::float8 AS "secondsSinceRotation",
      f.grant_id AS "grantId", f.account_id AS "accountId", f.client_id AS "clientId", f.session_id AS "sessionId", f.payload,
      FLOOR(EXTRACT(EPOCH FROM COALESCE(f.rotated_at, f.created_at)))::float8 AS "issuedAt",
      FLOOR(EXTRACT(EPOCH FROM f.idle_expires_at))::float8 AS "expiresAt",
      (c.metadata->>'refresh_replay_window')::float8 AS "replayWindowSeconds",
      (f.ended_at IS NULL AND f.idle_expires_at > latchkey_now() AND f.absolute_expires_at > latchkey_now()
        AND g.ended_at IS NULL AND g.expires_at > latchkey_now() AND a.status = 'active' AND c.status = 'active'
        AND (NOT f.session_bound OR (s.ended_at IS NULL AND s.expires_at > latchkey_now()))) IS TRUE AS live,
      (s.ended_at IS NULL AND s.expires_at > latchkey_now()) IS TRUE AS "sessionLive",
      jsonb_build_object('id', a.id, 'email', a.email, 'emailVerified', a.email_verified, 'name', a.name,
                         'profile', a.profile, 'roles', a.roles) AS account,
      g.payload AS "grantPayload", FLOOR(EXTRACT(EPOCH FROM g.expires_at))::float8 AS "grantExpiresAt",
      FLOOR(EXTRACT(EPOCH FROM latchkey_now()))::float8 AS now
    FROM refresh_families f
    JOIN grants g ON g.id = f.grant_id
    JOIN accounts a ON a.id = f.account_id
    JOIN clients c ON c.id = f.client_id
    LEFT JOIN sessions s ON s.id = f.session_id
    WHERE f.id = ${digestOf(token.family)}`)
  return rows[0]
}

async function startFamily(
  db: Database,
  family: NewFamily,
  life: { readonly idleSeconds: number; readonly absoluteSeconds: number },
): Promise<boolean> {
  // One statement locks and requires a live grant and session; ending them takes the same locks, so no end can slip past.
  const inserted = await db.$executeRaw(Prisma.sql`
    WITH live_session AS (
      SELECT id FROM sessions
      WHERE id = ${family.sessionId ?? null}::text AND ended_at IS NULL AND expires_at > latchkey_now() FOR SHARE
    ), live_grant AS (
      SELECT id FROM grants WHERE id = ${family.grantId} AND ended_at IS NULL AND expires_at > latchkey_now()
        AND (${family.sessionId ?? null}::text IS NULL OR EXISTS (SELECT 1 FROM live_session)) FOR SHARE
    )
    INSERT INTO refresh_families (id, current_digest, grant_id, account_id, client_id, session_id, session_bound, sender_key,
                                  payload, idle_expires_at, absolute_expires_at)
    SELECT ${digestOf(family.token.family)}, ${digestOf(family.token.secret)}, live_grant.id, ${family.accountId},
      ${family.clientId}, ${family.sessionId ?? null}::text, ${family.sessionBound}, ${family.senderKey ?? null}::text,
      ${JSON.stringify(family.payload)}::jsonb,
      latchkey_now() + make_interval(secs => ${Math.min(life.idleSeconds, life.absoluteSeconds)}),
      latchkey_now() + make_interval(secs => ${life.absoluteSeconds})
    FROM live_grant`)
  return inserted === 1
}
