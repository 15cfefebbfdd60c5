// What a token stands on, as it is now: its client, account, session and grant. For whoever looks at a token; whether it is good is
// decided elsewhere (token-status.ts).
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { clientStands, GRANT_GIVEN, IS_LISTED } from './standing.ts'

/** What a token names. */
export interface TokenIds {
  readonly clientId?: string
  readonly accountId?: string
  readonly sessionId?: string
  readonly grantId?: string
}

/** How a session or a grant stands. `expired`: nobody ended it, its time was over. */
export type LinkedState = 'live' | 'ended' | 'expired'

/** Those of the things that are there. What was not named is taken from what hangs together with it. */
export interface TokenLinks {
  /** `isListed`: it is neither deleted nor the server's own. */
  readonly client?: { readonly id: string; readonly name: string; readonly status: string; readonly isListed: boolean }
  /** Without an e-mail address when it is deleted. */
  readonly account?: { readonly id: string; readonly email?: string; readonly status: string }
  readonly session?: { readonly id: string; readonly state: LinkedState; readonly endReason?: string }
  readonly grant?: { readonly id: string; readonly state: LinkedState; readonly endReason?: string }
  /** PostgreSQL's time of the read. */
  readonly now: Date
}

/** Reads them. */
export async function readLinks(db: Database, ids: TokenIds): Promise<TokenLinks> {
  const rows = await db.$queryRaw<LinksRow[]>(Prisma.sql`
    SELECT latchkey_now() AS now,
      CASE WHEN c.id IS NOT NULL THEN
        jsonb_build_object('id', c.id, 'name', COALESCE(c.metadata->>'client_name', c.id), 'status', c.status,
          'isListed', ${IS_LISTED}) END AS client,
      CASE WHEN a.id IS NOT NULL THEN jsonb_strip_nulls(jsonb_build_object(
        'id', a.id, 'email', NULLIF(a.email, ''), 'status', a.status)) END AS account,
      CASE WHEN s.id IS NOT NULL THEN jsonb_strip_nulls(jsonb_build_object('id', s.id, 'endReason', s.end_reason, 'state', CASE
        WHEN s.ended_at IS NOT NULL THEN 'ended' WHEN s.closed_at IS NULL AND s.expires_at > latchkey_now() THEN 'live'
        ELSE 'expired' END)) END AS session,
      CASE WHEN g.id IS NOT NULL THEN jsonb_strip_nulls(jsonb_build_object('id', g.id, 'state', CASE
          WHEN g.ended_at IS NOT NULL OR NOT ${clientStands(GRANT_GIVEN)} THEN 'ended'
          WHEN g.expires_at > latchkey_now() THEN 'live' ELSE 'expired' END,
        'endReason', COALESCE(g.end_reason, CASE WHEN NOT ${clientStands(GRANT_GIVEN)} THEN 'client_ended' END))) END AS grant
    FROM (VALUES (${ids.clientId ?? null}::text, ${ids.accountId ?? null}::text, ${ids.sessionId ?? null}::text,
                  ${ids.grantId ?? null}::text)) AS asked (client_id, account_id, session_id, grant_id)
    LEFT JOIN grants g ON g.id = asked.grant_id
    LEFT JOIN sessions s ON s.id = COALESCE(asked.session_id, g.session_id)
    LEFT JOIN clients c ON c.id = COALESCE(asked.client_id, g.client_id)
    LEFT JOIN accounts a ON a.id = COALESCE(asked.account_id, g.account_id, s.account_id)`)
  const row = rows[0]
  if (row === undefined) throw new Error('a statement of one row gave none')
  const { now, client, account, session, grant } = row
  return {
    now,
    ...(client === null ? {} : { client }),
    ...(account === null ? {} : { account }),
    ...(session === null ? {} : { session }),
    ...(grant === null ? {} : { grant }),
  }
}

type LinksRow = { readonly [name in keyof Omit<TokenLinks, 'now'>]-?: NonNullable<TokenLinks[name]> | null } & {
  readonly now: Date
}

/** Why nothing good can stand on what was named, in words; undefined when something can. */
export function whyNothingStands(ids: TokenIds, links: TokenLinks): string | undefined {
  const { client, account, session, grant } = links
  if (ids.clientId !== undefined && client?.status !== 'active') return `its client is ${client?.status ?? 'not there any more'}`
  if (ids.accountId !== undefined && account?.status !== 'active')
    return `its account is ${account?.status ?? 'not there any more'}`
  return (
    (ids.grantId === undefined ? undefined : whyOver('its grant', grant)) ??
    (ids.sessionId === undefined ? undefined : whyOver('its session', session))
  )
}

/** Why something is over, in words. */
export function whyOver(
  what: string,
  link: { readonly state: LinkedState; readonly endReason?: string } | undefined,
): string | undefined {
  if (link === undefined) return `${what} is not there any more`
  if (link.state === 'expired') return `${what} has expired`
  return link.state === 'ended' ? `${what} has ended${link.endReason === undefined ? '' : `: ${link.endReason}`}` : undefined
}
