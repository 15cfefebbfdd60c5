// What would end if all of an account's ended: counts and names, before anybody decides.
import { Prisma } from '../../prisma/client/client.ts'
import { isToldOnce } from '../logout-notifications/new-notifications.ts'
import { deviceName } from '../sessions/device-name.ts'
import { LIVE } from '../sessions/session-filter.ts'
import type { Database } from '../storage/postgres.ts'
import { GRANT_RUNS, isVoidRow } from '../tokens/standing.ts'

/** A preview. */
export interface AccountPreview {
  readonly sessions: number
  readonly grants: number
  readonly refreshFamilies: number
  /** How many logout tokens will be sent: to each app one for each session, or one in all if that will do for it. */
  readonly logoutNotifications: number
  /** Some of the devices, the last used first. */
  readonly devices: readonly {
    readonly sessionId: string
    readonly device: string
    readonly address?: string
    readonly lastUsedAt: Date
  }[]
  /** Some of the apps that the account is signed in to or has let in. */
  readonly clients: readonly { readonly id: string; readonly name: string }[]
}

/** Names that are shown at most. */
const MOST_NAMES = 20

/** Looks; undefined when there is no such account. */
export async function previewAccount(db: Database, accountId: string): Promise<AccountPreview | undefined> {
  const rows = await db.$queryRaw<PreviewRow[]>(Prisma.sql`
    WITH ending AS MATERIALIZED (SELECT s.* FROM sessions s WHERE s.account_id = ${accountId} AND ${LIVE}),
    given AS MATERIALIZED (
      SELECT g.id, g.client_id FROM grants g
      WHERE g.account_id = ${accountId} AND g.ended_at IS NULL AND ${GRANT_RUNS} AND NOT ${isVoidRow('g')}
    ), used AS (
      SELECT c.id, c.metadata, sc.session_id FROM ending JOIN session_clients sc ON sc.session_id = ending.id
      JOIN clients c ON c.id = sc.client_id AND c.managed_by IS DISTINCT FROM 'latchkey'
    ), apps AS (
      SELECT used.id, used.metadata FROM used
      UNION SELECT c.id, c.metadata FROM given JOIN clients c ON c.id = given.client_id AND c.managed_by IS DISTINCT FROM 'latchkey'
    )
    SELECT (SELECT count(*) FROM ending)::int AS sessions, (SELECT count(*) FROM given)::int AS grants,
      (SELECT count(*) FROM refresh_families f WHERE f.account_id = ${accountId} AND f.ended_at IS NULL
        AND f.idle_expires_at > latchkey_now() AND NOT ${isVoidRow('f')})::int AS "refreshFamilies",
      (SELECT count(DISTINCT (id, CASE WHEN ${isToldOnce(Prisma.sql`metadata`)} THEN '' ELSE session_id END)) FROM used
        WHERE metadata->>'backchannel_logout_uri' IS NOT NULL)::int AS "logoutNotifications",
      COALESCE((SELECT jsonb_agg(jsonb_build_object('sessionId', d.id, 'userAgent', d.user_agent, 'address', host(d.address),
                                                    'lastUsedAt', d.last_used_at))
                FROM (SELECT * FROM ending ORDER BY last_used_at DESC, id LIMIT ${MOST_NAMES}) d), '[]'::jsonb) AS devices,
      COALESCE((SELECT jsonb_agg(jsonb_build_object('id', c.id, 'name', COALESCE(c.metadata->>'client_name', c.id)))
                FROM (SELECT * FROM apps ORDER BY id LIMIT ${MOST_NAMES}) c), '[]'::jsonb) AS clients
    FROM accounts WHERE id = ${accountId} AND status <> 'deleted'`)
  const row = rows[0]
  if (row === undefined) return undefined
  const devices = row.devices.map(({ sessionId, userAgent, address, lastUsedAt }) => ({
    sessionId,
    device: deviceName(userAgent ?? undefined),
    lastUsedAt: new Date(lastUsedAt),
    ...(address === null ? {} : { address }),
  }))
  return { ...row, devices }
}

interface PreviewRow extends Omit<AccountPreview, 'devices'> {
  readonly devices: readonly {
    readonly sessionId: string
    readonly userAgent: string | null
    readonly address: string | null
    readonly lastUsedAt: string
  }[]
}
