// Grants with what hangs from them: the refresh-token families, and until when an access token may still be about. For those who
// look at what somebody has been given; nothing here would open anything.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { FAMILY_LIVES, GRANT_UNTIL, IS_LISTED, SESSION_BOUND } from '../tokens/standing.ts'
import { END_REASON, ENDED_AT, type GrantState, LIVES, STATE } from './grant-filter.ts'

/** A refresh-token family. */
export interface FamilyNode {
  /** How often it has been rotated. */
  readonly generation: number
  readonly createdAt: Date
  readonly rotatedAt?: Date
  readonly idleExpiresAt: Date
  readonly absoluteExpiresAt: Date
  /** Whether it ends with the session: it was given without `offline_access`. */
  readonly sessionBound: boolean
  /** Whether it can be refreshed. */
  readonly live: boolean
  readonly endedAt?: Date
  /** A word: `refresh_token_reused` … */
  readonly endReason?: string
}

/** A grant. */
export interface GrantNode {
  readonly id: string
  /** Without an e-mail address when it is deleted. */
  readonly account: { readonly id: string; readonly email?: string; readonly name?: string }
  /** `isListed`: it is one of the clients that administrators see, neither deleted nor the server's own. */
  readonly client: { readonly id: string; readonly name: string; readonly isListed: boolean }
  /** The session in which it was born. */
  readonly sessionId?: string
  /** Those of OpenID Connect. */
  readonly scopes: readonly string[]
  /** Resource identifier → scopes. */
  readonly resources: { readonly [identifier: string]: readonly string[] }
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly live: boolean
  readonly state: GrantState
  readonly endedAt?: Date
  readonly endReason?: string
  readonly families: readonly FamilyNode[]
  /** The youngest access token there can be expires then at the latest, whoever believes it. */
  readonly accessTokensUntil: Date
}

/**
 * Reads grants.
 * @param which the rest of a statement about the table `grants` under the name `g`: conditions, order and limit
 * @param accessTokenLifeSeconds the longest life that any access token can have
 * @param most of those the first, when `which` has a larger limit, by which PostgreSQL chooses its way
 */
export async function readGrants(
  db: Database,
  which: Prisma.Sql,
  accessTokenLifeSeconds: number,
  most?: number,
): Promise<GrantNode[]> {
  const limit = most === undefined ? Prisma.empty : Prisma.sql`LIMIT ${most}`
  const rows = await db.$queryRaw<GrantRow[]>(Prisma.sql`
    WITH found AS MATERIALIZED (SELECT g.* FROM grants g ${which})
    SELECT g.id, g.session_id AS "sessionId", g.payload, g.created_at AS "createdAt", ${GRANT_UNTIL} AS "expiresAt",
      ${ENDED_AT} AS "endedAt", ${END_REASON} AS "endReason", ${LIVES} AS live, ${STATE} AS state,
      jsonb_build_object('id', a.id, 'email', NULLIF(a.email, ''), 'name', a.name) AS account,
      jsonb_build_object('id', c.id, 'name', c.metadata->>'client_name', 'isListed', ${IS_LISTED}) AS client,
      COALESCE(f.families, '[]'::jsonb) AS families,
      GREATEST(g.created_at, f.rotated_at) + make_interval(secs => ${accessTokenLifeSeconds}) AS "accessTokensUntil"
    FROM (SELECT g.*, row_number() OVER () AS place FROM (SELECT * FROM found ${limit}) g) g
    JOIN accounts a ON a.id = g.account_id
    JOIN clients c ON c.id = g.client_id
    LEFT JOIN LATERAL (
      SELECT max(f.rotated_at) AS rotated_at, jsonb_agg(jsonb_build_object(
        'generation', f.generation, 'createdAt', f.created_at, 'rotatedAt', f.rotated_at, 'idleExpiresAt', f.idle_expires_at,
        'absoluteExpiresAt', f.absolute_expires_at, 'sessionBound', ${SESSION_BOUND}, 'endedAt', f.ended_at,
        'endReason', f.end_reason,
        'live', ${FAMILY_LIVES}) ORDER BY f.created_at, f.id) AS families
      FROM refresh_families f LEFT JOIN sessions s ON s.id = f.session_id WHERE f.grant_id = g.id
    ) f ON true
    ORDER BY g.place`)
  return rows.map(nodeOf)
}

interface GrantRow {
  readonly id: string
  readonly sessionId: string | null
  readonly payload: Prisma.JsonObject
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly endedAt: Date | null
  readonly endReason: string | null
  readonly live: boolean
  readonly state: GrantState
  readonly account: { readonly id: string; readonly email: string | null; readonly name: string | null }
  readonly client: { readonly id: string; readonly name: string | null; readonly isListed: boolean }
  readonly families: readonly FamilyRow[]
  readonly accessTokensUntil: Date
}

/** Times inside JSON come as text. */
interface FamilyRow {
  readonly generation: number
  readonly createdAt: string
  readonly rotatedAt: string | null
  readonly idleExpiresAt: string
  readonly absoluteExpiresAt: string
  readonly sessionBound: boolean
  readonly live: boolean
  readonly endedAt: string | null
  readonly endReason: string | null
}

function nodeOf({ sessionId, payload, endedAt, endReason, account, client, families, ...row }: GrantRow): GrantNode {
  return {
    ...row,
    account: {
      id: account.id,
      ...(account.email === null ? {} : { email: account.email }),
      ...(account.name === null ? {} : { name: account.name }),
    },
    client: { ...client, name: client.name ?? client.id },
    ...(sessionId === null ? {} : { sessionId }),
    scopes: scopesOf(isObject(payload.openid) ? payload.openid.scope : undefined),
    resources: Object.fromEntries(
      Object.entries(isObject(payload.resources) ? payload.resources : {}).map(([id, scope]) => [id, scopesOf(scope)]),
    ),
    ...(endedAt === null ? {} : { endedAt }),
    ...(endReason === null ? {} : { endReason }),
    families: families.map(familyOf),
  }
}

function familyOf({ createdAt, rotatedAt, idleExpiresAt, absoluteExpiresAt, endedAt, endReason, ...row }: FamilyRow): FamilyNode {
  return {
    ...row,
    createdAt: new Date(createdAt),
    idleExpiresAt: new Date(idleExpiresAt),
    absoluteExpiresAt: new Date(absoluteExpiresAt),
    ...(rotatedAt === null ? {} : { rotatedAt: new Date(rotatedAt) }),
    ...(endedAt === null ? {} : { endedAt: new Date(endedAt) }),
    ...(endReason === null ? {} : { endReason }),
  }
}

function scopesOf(scope: Prisma.JsonValue | undefined): string[] {
  return typeof scope === 'string' ? scope.split(' ').filter((word) => word !== '') : []
}

function isObject(value: Prisma.JsonValue | undefined): value is Prisma.JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
