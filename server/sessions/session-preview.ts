// What would end if some sessions were ended: counts and names, before anybody decides.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { LIVE, type SessionFilter } from './session-filter.ts'
import { rowsOf } from './session-ways.ts'

/** A preview. What is counted is counted no further than the limit that was asked for. */
export interface SessionPreview {
  readonly sessions: number
  /** There are more sessions than were counted; the other numbers are then of the counted ones. */
  readonly more: boolean
  readonly accounts: number
  readonly grants: number
  readonly refreshFamilies: number
  readonly logoutNotifications: number
  /** Some of the people, by e-mail address. */
  readonly people: readonly { readonly id: string; readonly email: string; readonly sessions: number }[]
  /** The apps that are in use in them, the most used first. */
  readonly clients: readonly { readonly id: string; readonly name: string; readonly sessions: number }[]
}

/** Names that are shown at most. */
const MOST_NAMES = 20

/** Looks at live sessions. `which`: ids, or a filter. @throws AddressFilterFault */
export async function previewSessions(
  db: Database,
  which: { readonly ids: readonly string[] } | { readonly filter: SessionFilter },
  most: number,
): Promise<SessionPreview> {
  const live =
    'ids' in which
      ? Prisma.sql`SELECT s.* FROM sessions s WHERE ${LIVE} AND s.id = ANY(${[...which.ids]}::text[]) LIMIT ${most + 1}`
      : await rowsOf(db, { filter: which.filter, limit: most + 1, beyond: LIVE })
  const rows = await db.$queryRaw<PreviewRow[]>(Prisma.sql`
    WITH found AS MATERIALIZED (SELECT s.id, s.account_id FROM (${live}) s),
    ending AS MATERIALIZED (SELECT * FROM found LIMIT ${most}),
    everybody AS MATERIALIZED (SELECT account_id, count(*)::int AS sessions FROM ending GROUP BY account_id),
    -- Those whose names are shown are chosen before anything is read of them.
    people AS (
      SELECT a.id, a.email, few.sessions
      FROM (SELECT * FROM everybody ORDER BY sessions DESC, account_id LIMIT ${MOST_NAMES}) few
      CROSS JOIN LATERAL (SELECT a.id, a.email FROM accounts a WHERE a.id = few.account_id) a
    ), apps AS (
      SELECT c.id, COALESCE(c.metadata->>'client_name', c.id) AS name, count(*)::int AS sessions,
        c.metadata->>'backchannel_logout_uri' IS NOT NULL AS told
      FROM ending JOIN session_clients sc ON sc.session_id = ending.id
      JOIN clients c ON c.id = sc.client_id AND c.managed_by IS DISTINCT FROM 'latchkey'
      GROUP BY c.id
    )
    SELECT (SELECT count(*) FROM found)::int AS found, (SELECT count(*) FROM everybody)::int AS accounts,
      (SELECT count(*) FROM grants g JOIN ending ON ending.id = g.session_id
       WHERE g.ended_at IS NULL AND g.expires_at > latchkey_now())::int AS grants,
      (SELECT count(*) FROM refresh_families f JOIN ending ON ending.id = f.session_id
       WHERE f.ended_at IS NULL AND f.idle_expires_at > latchkey_now())::int AS "refreshFamilies",
      COALESCE((SELECT sum(sessions) FROM apps WHERE told), 0)::int AS "logoutNotifications",
      COALESCE((SELECT jsonb_agg(p) FROM (SELECT * FROM people ORDER BY sessions DESC, email) p), '[]'::jsonb) AS people,
      COALESCE((SELECT jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name, 'sessions', p.sessions))
                FROM (SELECT * FROM apps ORDER BY sessions DESC, id LIMIT ${MOST_NAMES}) p), '[]'::jsonb) AS clients`)
  const row = rows[0]
  if (row === undefined) throw new Error('a statement without FROM gave no row')
  const { found, ...preview } = row
  return { ...preview, sessions: Math.min(found, most), more: found > most }
}

type PreviewRow = Omit<SessionPreview, 'sessions' | 'more'> & { readonly found: number }
