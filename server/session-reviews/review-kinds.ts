// What a session audit looks for: five kinds of finding. Of each it is said here among what it is looked for, in which order, and what
// is meant; how what was found stands later is said in review-standing.ts.
import type { ReviewAges } from '../../config/session-reviews.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { LIVE as GRANT_LIVE, isIdle } from '../grants/grant-filter.ts'
import { LIVE as SESSION_LIVE } from '../sessions/session-filter.ts'

/** The kinds, in the order in which they are looked for and shown. */
export const FINDING_KINDS = [
  'old_session',
  'dormant_grant',
  'unused_refresh_token',
  'old_client_secret',
  'unused_account',
] as const
export type FindingKind = (typeof FINDING_KINDS)[number]

/** How a kind is looked for. */
export interface KindSearch {
  readonly age: keyof ReviewAges
  /** The table that is gone through, the oldest first, with an index that has it so; `x` is a row of it. */
  readonly table: Prisma.Sql
  readonly at: Prisma.Sql
  /** What that index leaves out. */
  readonly among: Prisma.Sql
  /** Of the rows `l (id, at)`: who is meant, as `subject, account_id, client_id, since, used_at`, and `l.at, l.id`. */
  found(search: { readonly ageSeconds: number; readonly refreshIdleSeconds: number; readonly before: Date }): Prisma.Sql
}

const ALL = Prisma.sql`true`

/** They, by kind. */
export const KIND_SEARCHES: { readonly [kind in FindingKind]: KindSearch } = {
  old_session: {
    ...{ age: 'session', table: Prisma.sql`sessions`, at: Prisma.sql`x.started_at`, among: ALL },
    found: () => Prisma.sql`
      SELECT s.id AS subject, s.account_id, NULL AS client_id, s.started_at AS since, s.last_used_at AS used_at, l.at, l.id
      FROM looked l JOIN sessions s ON s.id = l.id WHERE ${SESSION_LIVE}`,
  },
  dormant_grant: {
    ...{ age: 'grant', table: Prisma.sql`grants`, at: Prisma.sql`x.created_at`, among: ALL },
    found: ({ ageSeconds, refreshIdleSeconds }) => Prisma.sql`
      SELECT g.id AS subject, g.account_id, g.client_id, g.created_at AS since,
        (SELECT max(${lastUse(refreshIdleSeconds)}) FROM refresh_families f WHERE f.grant_id = g.id) AS used_at, l.at, l.id
      FROM looked l JOIN grants g ON g.id = l.id
      WHERE ${GRANT_LIVE} AND ${isIdle({ idleSeconds: ageSeconds }, { refreshIdleSeconds })}`,
  },
  // A family is as old as its grant at most, and no index has families in their own order: it would cost every refresh.
  unused_refresh_token: {
    ...{ age: 'refreshToken', table: Prisma.sql`grants`, at: Prisma.sql`x.created_at`, among: ALL },
    found: ({ refreshIdleSeconds, before }) => Prisma.sql`
      SELECT g.id AS subject, g.account_id, g.client_id, f.created_at AS since, NULL::timestamptz AS used_at, l.at, l.id
      FROM looked l JOIN grants g ON g.id = l.id JOIN refresh_families f ON f.grant_id = g.id
      WHERE ${GRANT_LIVE} AND ${FAMILY_LIVE} AND f.created_at <= ${before} AND ${lastUse(refreshIdleSeconds)} IS NULL`,
  },
  old_client_secret: {
    ...{ age: 'secret', table: Prisma.sql`client_secrets`, at: Prisma.sql`x.created_at`, among: ALL },
    found: () => Prisma.sql`
      SELECT s.id AS subject, NULL AS account_id, s.client_id, s.created_at AS since, NULL::timestamptz AS used_at, l.at, l.id
      FROM looked l JOIN client_secrets s ON s.id = l.id JOIN clients c ON c.id = s.client_id
      WHERE c.status = 'active' AND (s.expires_at IS NULL OR s.expires_at > latchkey_now())`,
  },
  unused_account: {
    ...{ age: 'account', table: Prisma.sql`accounts`, at: Prisma.sql`x.created_at` },
    among: Prisma.sql`x.status <> 'deleted' AND x.first_signed_in_at IS NULL`,
    found: () => Prisma.sql`
      SELECT a.id AS subject, a.id AS account_id, NULL AS client_id, a.created_at AS since, NULL::timestamptz AS used_at, l.at, l.id
      FROM looked l JOIN accounts a ON a.id = l.id WHERE a.status = 'active'`,
  },
}

/** The refresh family `f` is live, as far as its own row tells. */
export const FAMILY_LIVE = Prisma.sql`(f.ended_at IS NULL AND f.idle_expires_at > latchkey_now() AND f.absolute_expires_at > latchkey_now())`

/** When the refresh token of the family `f` was last used; null: never. What is not rotated tells it by its end alone. */
export function lastUse(refreshIdleSeconds: number): Prisma.Sql {
  const moved = Prisma.sql`f.idle_expires_at - make_interval(secs => ${refreshIdleSeconds})`
  // A second and more, since the end was worked out a moment after the row was made.
  return Prisma.sql`COALESCE(f.rotated_at, CASE WHEN ${moved} > f.created_at + interval '5 seconds' THEN ${moved} END)`
}
