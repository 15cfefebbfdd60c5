// What would end if some grants were ended: counts and names, before anybody decides.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { conditionOf, type GrantFilter, isIdle, LIVE } from './grant-filter.ts'

/** A preview. What is counted is counted no further than the limit that was asked for. */
export interface GrantPreview {
  readonly grants: number
  /**
   * There are more grants than were counted; the other numbers are then of the counted ones. Whether they are idle is asked of as
   * many as are counted at most.
   */
  readonly more: boolean
  readonly accounts: number
  readonly refreshFamilies: number
  readonly logoutNotifications: number
  /** Some of the people, by e-mail address. */
  readonly people: readonly { readonly id: string; readonly email: string; readonly grants: number }[]
  /** The clients that have them, those with the most first. */
  readonly clients: readonly { readonly id: string; readonly name: string; readonly grants: number }[]
}

/** Which grants. */
export type WhichGrants = { readonly ids: readonly string[] } | { readonly filter: GrantFilter }

/** Looks at live grants, and counts `most` of them. */
export type PreviewGrants = (which: WhichGrants, most: number) => Promise<GrantPreview>

/** Names that are shown at most. */
const MOST_NAMES = 20

/** Makes it. `refreshIdleSeconds`: how long a refresh token lives without use. */
export function createGrantPreview(deps: { readonly db: Database; readonly refreshIdleSeconds: number }): PreviewGrants {
  return async (which, most) => {
    const filter = 'ids' in which ? {} : which.filter
    const condition = 'ids' in which ? Prisma.sql`g.id = ANY(${[...which.ids]}::text[])` : conditionOf(filter)
    const rows = await deps.db.$queryRaw<PreviewRow[]>(preview(condition, isIdle(filter, deps), most))
    const row = rows[0]
    if (row === undefined) throw new Error('a statement without FROM gave no row')
    const { looked, found, ...counted } = row
    return { ...counted, grants: Math.min(found, most), more: looked > most }
  }
}

type PreviewRow = Omit<GrantPreview, 'grants' | 'more'> & {
  /** How many fit, but for whether they are idle. */
  readonly looked: number
  readonly found: number
}

function preview(condition: Prisma.Sql, idle: Prisma.Sql, most: number): Prisma.Sql {
  return Prisma.sql`
    WITH looked AS MATERIALIZED (
      SELECT g.id, g.account_id, g.client_id, g.session_id FROM grants g WHERE ${LIVE} AND ${condition} LIMIT ${most + 1}
    ), found AS MATERIALIZED (SELECT * FROM looked g WHERE ${idle}
    ), ending AS MATERIALIZED (SELECT * FROM found LIMIT ${most}),
    people AS (
      SELECT a.id, a.email, count(*)::int AS grants FROM ending JOIN accounts a ON a.id = ending.account_id GROUP BY a.id, a.email
    ), apps AS (
      SELECT c.id, COALESCE(c.metadata->>'client_name', c.id) AS name, count(*)::int AS grants
      FROM ending JOIN clients c ON c.id = ending.client_id GROUP BY c.id
    )
    SELECT (SELECT count(*) FROM looked)::int AS looked, (SELECT count(*) FROM found)::int AS found,
      (SELECT count(DISTINCT account_id) FROM ending)::int AS accounts,
      (SELECT count(*) FROM refresh_families f JOIN ending ON ending.id = f.grant_id
       WHERE f.ended_at IS NULL AND f.idle_expires_at > latchkey_now())::int AS "refreshFamilies",
      -- Those of a session that goes on, as new-notifications.ts writes them.
      (SELECT count(*) FROM ending
       JOIN sessions s ON s.id = ending.session_id AND s.ended_at IS NULL AND s.closed_at IS NULL
       JOIN session_clients used ON used.session_id = s.id AND used.client_id = ending.client_id
       JOIN clients c ON c.id = used.client_id AND c.metadata->>'backchannel_logout_uri' IS NOT NULL)::int AS "logoutNotifications",
      COALESCE((SELECT jsonb_agg(p) FROM (SELECT * FROM people ORDER BY grants DESC, email LIMIT ${MOST_NAMES}) p), '[]'::jsonb) AS people,
      COALESCE((SELECT jsonb_agg(p) FROM (SELECT * FROM apps ORDER BY grants DESC, id LIMIT ${MOST_NAMES}) p), '[]'::jsonb) AS clients`
}
