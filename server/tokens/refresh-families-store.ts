// The rows of refresh-token families: what is read of one, how it moves on, how it begins. Many requests read and move
// theirs by one statement (storage/gathering.ts). Digests travel as base64 here, since arrays of bytes do not.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { BORN_DEAD_FOR_SECONDS, COMPROMISED_KEYS, type Mintable, REGISTRY_VERSION, type SeenByRead } from './minting.ts'
import { digestOf, type RefreshToken } from './refresh-token.ts'
import {
  clientStands,
  FAMILY_LIVES,
  FAMILY_STANDS,
  GRANT_GIVEN,
  GRANTED,
  MAY_BE_OFFLINE,
  SESSION_BOUND,
  SESSION_LIVES,
} from './standing.ts'
import { SUBJECT, type TokenSubject } from './subject.ts'

/** Everything that a refresh relies on, read in one statement. Times are PostgreSQL's. */
export interface FamilyState extends Mintable, SeenByRead {
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
  readonly sessionBound: boolean
  readonly payload: Prisma.JsonObject
  readonly issuedAt: number
  readonly expiresAt: number
  readonly replayWindowSeconds: number | null
  /** False where the client keeps its refresh token, and nobody else could use it. */
  readonly rotates: boolean
  /** Whether it can be ended: neither it nor its grant has, or has run out. That its session has run out changes nothing. */
  readonly stands: boolean
  /** Whether it can be refreshed. */
  readonly live: boolean
  readonly sessionLive: boolean
  readonly account: TokenSubject
  readonly grantPayload: Prisma.JsonObject
  readonly grantExpiresAt: number
  /** PostgreSQL's time of the read, in seconds since the epoch. */
  readonly now: number
}

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
  /** The code that it is the answer to, and how long to remember that it was redeemed. */
  readonly code?: { readonly value: string; readonly lifeSeconds: number } | undefined
}

/**
 * - `started`
 * - `ended`: its grant or its session has ended meanwhile
 * - `replayed`: its code has been redeemed before
 */
export type FamilyStart = 'started' | 'ended' | 'replayed'

/** A family that is to move on, if it still is where it was. */
export interface FamilyStep {
  readonly token: RefreshToken
  readonly next: RefreshToken
  /** `next`, sealed for those who present `token` again. */
  readonly successor: Uint8Array
}

/** Reads families, each with all that a refresh relies on. One statement. */
export async function readFamilies(db: Database, tokens: readonly RefreshToken[]): Promise<readonly (FamilyState | undefined)[]> {
  const ids = tokens.map(({ family }) => base64(digestOf(family)))
  const rows = await db.$queryRaw<FamilyState[]>(Prisma.sql`
    SELECT f.id, f.generation, f.current_digest AS "currentDigest", f.previous_digest AS "previousDigest", f.successor,
      EXTRACT(EPOCH FROM latchkey_now() - f.rotated_at)::float8 AS "secondsSinceRotation",
      f.grant_id AS "grantId", f.account_id AS "accountId", f.client_id AS "clientId", f.session_id AS "sessionId",
      ${SESSION_BOUND} AS "sessionBound", f.payload,
      FLOOR(EXTRACT(EPOCH FROM COALESCE(f.rotated_at, f.created_at)))::float8 AS "issuedAt",
      FLOOR(EXTRACT(EPOCH FROM f.idle_expires_at))::float8 AS "expiresAt",
      (c.metadata->>'refresh_replay_window')::float8 AS "replayWindowSeconds",
      -- A token that is good in any hand must be rotated, whatever the client says now (RFC 9700 §4.14.2).
      (c.metadata->>'rotate_refresh_tokens' = 'false' AND (f.sender_key IS NOT NULL OR c.metadata->>'token_endpoint_auth_method'
        IN ('private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'))) IS NOT TRUE AS rotates,
      ${FAMILY_STANDS} AS stands, ${FAMILY_LIVES} AS live, ${SESSION_LIVES} AS "sessionLive",
      ${SUBJECT} AS account,
      ${GRANTED} AS "grantPayload", FLOOR(EXTRACT(EPOCH FROM g.expires_at))::float8 AS "grantExpiresAt",
      FLOOR(EXTRACT(EPOCH FROM latchkey_now()))::float8 AS now, ${BORN_DEAD_FOR_SECONDS} AS "bornDeadForSeconds",
      ${COMPROMISED_KEYS} AS "compromisedKeys", ${REGISTRY_VERSION} AS "registryVersion"
    FROM unnest(${[...new Set(ids)]}::text[]) AS asked (id)
    JOIN refresh_families f ON f.id = decode(asked.id, 'base64')
    JOIN grants g ON g.id = f.grant_id
    JOIN accounts a ON a.id = f.account_id
    JOIN clients c ON c.id = f.client_id
    LEFT JOIN sessions s ON s.id = f.session_id`)
  const found = new Map(rows.map((row) => [base64(row.id), row]))
  return ids.map((id) => found.get(id))
}

/**
 * Moves families on by one conditional update each, all in one statement; says of each whether it did. Of two steps from
 * the same token one is taken, whichever it is. The update repeats what the read relied on, so that an end in between wins;
 * and the rows are locked in the order of their ids, as ends lock them, so that nobody waits in a circle.
 */
export async function moveFamilies(
  db: Database,
  steps: readonly FamilyStep[],
  { idleSeconds }: { readonly idleSeconds: number },
): Promise<readonly boolean[]> {
  const all = steps.map(({ token, next, successor }) => ({
    id: base64(digestOf(token.family)),
    generation: token.generation,
    current: base64(digestOf(token.secret)),
    next: base64(digestOf(next.secret)),
    successor: base64(successor),
  }))
  const moved = await db.$queryRaw<{ current: Uint8Array }[]>(Prisma.sql`
    WITH step AS (
      SELECT decode(id, 'base64') AS id, generation, decode(current, 'base64') AS current, decode(next, 'base64') AS next,
             decode(successor, 'base64') AS successor
      FROM unnest(${all.map(({ id }) => id)}::text[], ${all.map(({ generation }) => generation)}::int[],
                  ${all.map(({ current }) => current)}::text[], ${all.map(({ next }) => next)}::text[],
                  ${all.map(({ successor }) => successor)}::text[]) AS asked (id, generation, current, next, successor)
    ), locked AS (
      SELECT f.id FROM refresh_families f WHERE f.id IN (SELECT id FROM step) ORDER BY f.id FOR UPDATE
    )
    UPDATE refresh_families f
    SET generation = f.generation + 1, previous_digest = f.current_digest, current_digest = step.next,
        successor = step.successor, rotated_at = latchkey_now(),
        idle_expires_at = LEAST(f.absolute_expires_at, latchkey_now() + make_interval(secs => ${idleSeconds}))
    FROM step JOIN locked ON locked.id = step.id
    WHERE f.id = step.id AND f.generation = step.generation AND f.current_digest = step.current AND f.ended_at IS NULL
      AND ${GRANT_LIVES}
    RETURNING f.current_digest AS current`)
  const taken = new Set(moved.map(({ current }) => base64(current)))
  return all.map(({ next }) => taken.has(next))
}

/** Moves the idle life of a family that is not rotated, if the token is still its newest. One conditional update. */
export async function extendFamily(
  db: Database,
  token: RefreshToken,
  { idleSeconds }: { readonly idleSeconds: number },
): Promise<boolean> {
  const changed = await db.$executeRaw(Prisma.sql`
    UPDATE refresh_families f
    SET idle_expires_at = LEAST(absolute_expires_at, latchkey_now() + make_interval(secs => ${idleSeconds}))
    WHERE id = ${digestOf(token.family)} AND generation = ${token.generation}
      AND current_digest = ${digestOf(token.secret)} AND ended_at IS NULL
      AND ${GRANT_LIVES}`)
  return changed === 1
}

/** Says of each token whether it is the newest of a family that has not ended. One statement. */
export async function areNewest(db: Database, tokens: readonly RefreshToken[]): Promise<readonly boolean[]> {
  const digests = tokens.map(({ secret }) => base64(digestOf(secret)))
  const rows = await db.$queryRaw<{ current: Uint8Array }[]>(Prisma.sql`
    SELECT f.current_digest AS current
    FROM unnest(${tokens.map(({ family }) => base64(digestOf(family)))}::text[],
                ${tokens.map(({ generation }) => generation)}::int[], ${digests}::text[]) AS asked (id, generation, current)
    JOIN refresh_families f ON f.id = decode(asked.id, 'base64') AND f.generation = asked.generation
      AND f.current_digest = decode(asked.current, 'base64') AND f.ended_at IS NULL`)
  const newest = new Set(rows.map(({ current }) => base64(current)))
  return digests.map((digest) => newest.has(digest))
}

/**
 * Starts a family, and records the redemption of its code, in one statement. It locks and requires a live grant and session;
 * ending them takes the same locks, so that no end can slip past. It depends on its session unless the grant says otherwise by then.
 */
export async function startFamily(
  db: Database,
  family: NewFamily,
  life: { readonly idleSeconds: number; readonly absoluteSeconds: number },
): Promise<FamilyStart> {
  const sessionId = family.sessionId ?? null
  const code = family.code === undefined ? null : digestOf(family.code.value)
  const rows = await db.$queryRaw<{ redeemed: boolean; started: boolean }[]>(Prisma.sql`
    WITH redeemed AS (
      INSERT INTO redeemed_codes (digest, grant_id, expires_at)
      SELECT ${code}::bytea, ${family.grantId}, latchkey_now() + make_interval(secs => ${family.code?.lifeSeconds ?? 0})
      WHERE ${code}::bytea IS NOT NULL
      ON CONFLICT (digest) DO NOTHING
      RETURNING digest
    ), live_session AS (
      SELECT id FROM sessions
      WHERE id = ${sessionId}::text AND ended_at IS NULL AND expires_at > latchkey_now() FOR SHARE
    ), live_grant AS (
      SELECT g.id, g.payload, ${MAY_BE_OFFLINE} AS may_be_offline FROM grants g JOIN clients c ON c.id = g.client_id AND ${clientStands(GRANT_GIVEN)}
      WHERE g.id = ${family.grantId} AND g.ended_at IS NULL AND g.expires_at > latchkey_now()
        AND (${sessionId}::text IS NULL OR EXISTS (SELECT 1 FROM live_session)) FOR SHARE OF g
    ), started AS (
      INSERT INTO refresh_families (id, current_digest, grant_id, account_id, client_id, session_id, session_bound, sender_key,
                                    payload, idle_expires_at, absolute_expires_at)
      SELECT ${digestOf(family.token.family)}, ${digestOf(family.token.secret)}, live_grant.id, ${family.accountId},
        ${family.clientId}, ${sessionId}::text, ${family.sessionBound} OR (${sessionId}::text IS NOT NULL AND NOT ${IS_GIVEN_OFFLINE}), ${family.senderKey ?? null}::text,
        ${JSON.stringify(family.payload)}::jsonb,
        latchkey_now() + make_interval(secs => ${Math.min(life.idleSeconds, life.absoluteSeconds)}),
        latchkey_now() + make_interval(secs => ${life.absoluteSeconds})
      FROM live_grant WHERE ${code}::bytea IS NULL OR EXISTS (SELECT 1 FROM redeemed)
      RETURNING id
    )
    SELECT EXISTS (SELECT 1 FROM redeemed) AS redeemed, EXISTS (SELECT 1 FROM started) AS started`)
  if (rows[0]?.started === true) return 'started'
  return code !== null && rows[0]?.redeemed !== true ? 'replayed' : 'ended'
}

/** What was agreed to may have become less since the code was given. */
const IS_GIVEN_OFFLINE = Prisma.sql`(live_grant.may_be_offline AND
        'offline_access' = ANY(string_to_array(COALESCE(live_grant.payload->'openid'->>'scope', ''), ' ')))`

/** The grant of the family `f` lives. */
const GRANT_LIVES = Prisma.sql`EXISTS (
        SELECT 1 FROM grants g JOIN clients c ON c.id = g.client_id
        WHERE g.id = f.grant_id AND g.ended_at IS NULL AND ${clientStands(GRANT_GIVEN)})`

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
