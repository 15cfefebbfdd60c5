// What has become of what a session audit has found: looked up in the things themselves whenever somebody asks. People and apps are named
// as they are called now; who was deleted has only an id left.
import { Prisma } from '../../prisma/client/client.ts'
import { ENDED_AT, STATE } from '../grants/grant-filter.ts'
import { deviceName } from '../sessions/device-name.ts'
import { LIVE as SESSION_LIVE } from '../sessions/session-filter.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { GRANT_RUNS, GRANT_UNTIL } from '../tokens/standing.ts'
import { FAMILY_LIVE, FINDING_KINDS, type FindingKind, lastUse } from './review-kinds.ts'

/** How what was found stands: as it was, used since, or over: ended, expired, removed or, of an account or a client, suspended. */
export type FindingStanding = 'there' | 'used' | 'over'

/** Who, as they are called now. Without an address: the account is no longer there. */
export interface NamedAccount {
  readonly id: string
  readonly email?: string
}

/** Something that was found. */
export interface ReviewFinding {
  readonly kind: FindingKind
  /** The oldest of its kind is 1. */
  readonly number: number
  /** The id of the session, the grant, the secret or the account. Of a refresh token it is its grant's. */
  readonly subject: string
  readonly account?: NamedAccount
  readonly client?: { readonly id: string; readonly name?: string }
  /** Of a session that is still known: "Chrome on Windows". */
  readonly device?: string
  readonly since: Date
  /** When it was last used, as of when it was found; undefined: never, or nobody knows. */
  readonly usedAt?: Date
  readonly standing: FindingStanding
  /** When it was used, or over, if that is known. */
  readonly changedAt?: Date
  readonly kept?: { readonly at: Date; readonly by: NamedAccount; readonly note: string }
}

/** How many of the findings of a kind there are in which state; each is counted once. */
export interface FindingCounts {
  /** As it was, and nobody has said that it stays. */
  readonly open: number
  readonly kept: number
  readonly used: number
  readonly over: number
}

/** By kind; of all kinds. */
export type ReviewOutcome = { readonly [kind in FindingKind]: FindingCounts }

/** Where a page of findings has ended. */
export type FindingPlace = Pick<ReviewFinding, 'kind' | 'number'>

/** Findings of a review, by kind and number. */
export async function selectFindings(
  db: Database | Transaction,
  query: {
    readonly reviewId: string
    readonly refreshIdleSeconds: number
    readonly kind?: FindingKind
    readonly subjects?: readonly string[]
    readonly limit: number
    readonly after?: FindingPlace
  },
): Promise<ReviewFinding[]> {
  const { kind, subjects, after, limit } = query
  const conditions = [Prisma.sql`true`]
  if (kind !== undefined) conditions.push(Prisma.sql`f.kind = ${kind}`)
  if (subjects !== undefined) conditions.push(Prisma.sql`f.subject = ANY(${[...subjects]}::text[])`)
  // Kinds come in their own order, which is not that of their letters.
  const order = Prisma.sql`array_position(${[...FINDING_KINDS]}::text[], f.kind)`
  if (after !== undefined)
    conditions.push(Prisma.sql`(${order}, f.number) > (${FINDING_KINDS.indexOf(after.kind) + 1}, ${after.number})`)
  const which = Prisma.sql`${Prisma.join(conditions, ' AND ')} ORDER BY ${order}, f.number LIMIT ${limit}`
  const found = Prisma.sql`SELECT f.* FROM (${standingOf(query, which)}) f ORDER BY ${order}, f.number`
  return (await db.$queryRaw<FindingRow[]>(found)).map(findingOf)
}

/** What has become of all findings of a review. */
export async function selectOutcome(
  db: Database | Transaction,
  query: { readonly reviewId: string; readonly refreshIdleSeconds: number },
): Promise<ReviewOutcome> {
  const rows = await db.$queryRaw<({ kind: FindingKind } & FindingCounts)[]>(Prisma.sql`
    SELECT kind, count(*) FILTER (WHERE standing = 'over')::int AS over,
      count(*) FILTER (WHERE standing <> 'over' AND "keptAt" IS NOT NULL)::int AS kept,
      count(*) FILTER (WHERE standing = 'used' AND "keptAt" IS NULL)::int AS used,
      count(*) FILTER (WHERE standing = 'there' AND "keptAt" IS NULL)::int AS open
    FROM (${standingOf(query, Prisma.sql`true`)}) f GROUP BY kind`)
  const none: FindingCounts = { open: 0, kept: 0, used: 0, over: 0 }
  const counted = new Map(rows.map(({ kind, open, kept, used, over }) => [kind, { open, kept, used, over }]))
  const of = (kind: FindingKind) => counted.get(kind) ?? none
  return {
    old_session: of('old_session'),
    dormant_grant: of('dormant_grant'),
    unused_refresh_token: of('unused_refresh_token'),
    old_client_secret: of('old_client_secret'),
    unused_account: of('unused_account'),
  }
}

interface FindingRow {
  readonly kind: FindingKind
  readonly number: number
  readonly subject: string
  readonly accountId: string | null
  readonly email: string | null
  readonly clientId: string | null
  readonly clientName: string | null
  readonly hasSession: boolean
  readonly userAgent: string | null
  readonly since: Date
  readonly usedAt: Date | null
  readonly standing: FindingStanding
  readonly overAt: Date | null
  readonly usedSince: Date | null
  readonly keptAt: Date | null
  readonly keptBy: string | null
  readonly keptByEmail: string | null
  readonly keptNote: string | null
}

/** `which` is about `f`. */
function standingOf(
  { reviewId, refreshIdleSeconds }: { readonly reviewId: string; readonly refreshIdleSeconds: number },
  which: Prisma.Sql,
): Prisma.Sql {
  return Prisma.sql`
    SELECT n.kind, n.number, n.subject, n.account_id AS "accountId", a.email, n.client_id AS "clientId",
      NULLIF(c.metadata->>'client_name', '') AS "clientName", s.id IS NOT NULL AS "hasSession", s.user_agent AS "userAgent",
      n.since, n.used_at AS "usedAt", n.kept_at AS "keptAt", n.kept_by AS "keptBy", n.kept_note AS "keptNote",
      k.email AS "keptByEmail",
      CASE n.kind
        WHEN 'old_session' THEN CASE WHEN ${SESSION_LIVE} THEN 'there' ELSE 'over' END
        WHEN 'dormant_grant' THEN CASE
          WHEN g.id IS NULL OR ${STATE} <> 'live' THEN 'over' WHEN t.used_at > r.created_at THEN 'used' ELSE 'there' END
        WHEN 'unused_refresh_token' THEN CASE
          WHEN g.id IS NULL OR ${STATE} <> 'live' OR t.live IS NOT TRUE THEN 'over' WHEN t.used_at IS NOT NULL THEN 'used' ELSE 'there' END
        WHEN 'old_client_secret' THEN CASE
          WHEN cs.id IS NULL OR cs.expires_at <= latchkey_now() OR c.status IS DISTINCT FROM 'active' THEN 'over' ELSE 'there' END
        ELSE CASE
          WHEN a.status IS DISTINCT FROM 'active' THEN 'over' WHEN a.first_signed_in_at IS NOT NULL THEN 'used' ELSE 'there' END
      END AS standing,
      CASE n.kind
        WHEN 'old_session' THEN COALESCE(s.ended_at, s.closed_at, s.expires_at)
        WHEN 'old_client_secret' THEN cs.expires_at
        WHEN 'unused_account' THEN NULL
        ELSE LEAST(${ENDED_AT}, t.ended_at, CASE WHEN NOT ${GRANT_RUNS} THEN ${GRANT_UNTIL} END) END AS "overAt",
      CASE n.kind WHEN 'unused_account' THEN a.first_signed_in_at ELSE t.used_at END AS "usedSince"
    FROM (SELECT f.* FROM session_review_findings f WHERE f.review_id = ${reviewId} AND ${which}) n
    JOIN session_reviews r ON r.id = n.review_id
    LEFT JOIN accounts a ON a.id = n.account_id AND a.status <> 'deleted'
    LEFT JOIN accounts k ON k.id = n.kept_by AND k.status <> 'deleted'
    LEFT JOIN clients c ON c.id = n.client_id
    LEFT JOIN sessions s ON n.kind = 'old_session' AND s.id = n.subject
    LEFT JOIN grants g ON n.kind IN ('dormant_grant', 'unused_refresh_token') AND g.id = n.subject
    LEFT JOIN client_secrets cs ON n.kind = 'old_client_secret' AND cs.id = n.subject
    LEFT JOIN LATERAL (
      SELECT max(${lastUse(refreshIdleSeconds)}) AS used_at, bool_or(${FAMILY_LIVE}) AS live,
        CASE WHEN n.kind = 'unused_refresh_token' THEN max(f.ended_at) END AS ended_at
      FROM refresh_families f WHERE f.grant_id = g.id AND (n.kind = 'dormant_grant' OR f.created_at = n.since)) t ON true`
}

function findingOf(row: FindingRow): ReviewFinding {
  const { accountId, clientId, standing, keptAt, keptBy } = row
  const changedAt = standing === 'over' ? row.overAt : standing === 'used' ? row.usedSince : null
  return {
    ...{ kind: row.kind, number: row.number, subject: row.subject, since: row.since, standing },
    ...(accountId === null ? {} : { account: named(accountId, row.email) }),
    ...(clientId === null ? {} : { client: { id: clientId, ...(row.clientName === null ? {} : { name: row.clientName }) } }),
    ...(row.hasSession ? { device: deviceName(row.userAgent ?? undefined) } : {}),
    ...(row.usedAt === null ? {} : { usedAt: row.usedAt }),
    ...(changedAt === null ? {} : { changedAt }),
    ...(keptAt === null || keptBy === null
      ? {}
      : { kept: { at: keptAt, by: named(keptBy, row.keptByEmail), note: row.keptNote ?? '' } }),
  }
}

/** Somebody who may be no more. */
export function named(id: string, email: string | null): NamedAccount {
  return email === null || email === '' ? { id } : { id, email }
}
