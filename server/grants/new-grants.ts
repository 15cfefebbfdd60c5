// How a grant comes to be, and gets more: never of what is no longer agreed to, and never of what somebody has read of it before.
import { Prisma } from '../../prisma/client/client.ts'
import { type Consent, lockedConsent } from './consents.ts'

/** A grant to be stored, or stored again with more in it. */
export interface StoredGrant {
  readonly id: string
  readonly accountId: string
  readonly clientId: string
  readonly sessionId: string | undefined
  /** All of a new one. */
  readonly payload: Prisma.InputJsonObject
  readonly addition: GrantAddition
  readonly lifeSeconds: number
}

/** What a grant gets, or gets more than it has. */
export interface GrantAddition {
  readonly consent: Consent
  /** Whether the person agreed to it, and must still do so; otherwise the client is one that nobody is asked about. */
  readonly agreed: boolean
}

/**
 * Inserts it, or adds to it. The consent and the session are locked, in the order of all ends: whoever takes one back comes before
 * this, and nothing is written, or after it, and finds the grant.
 */
export function insertGrant({ id, accountId, clientId, sessionId, payload, addition, lifeSeconds }: StoredGrant): Prisma.Sql {
  const { consent, agreed } = addition
  const openid = consent.openid.join(' ')
  const resources = Object.fromEntries(
    Object.entries(consent.resources).map(([resource, scopes]) => [resource, scopes.join(' ')]),
  )
  return Prisma.sql`
    WITH agreed AS MATERIALIZED (${agreed ? lockedConsent({ accountId, clientId }, consent) : Prisma.sql`SELECT 1`}),
    born_in AS MATERIALIZED (
      SELECT s.ended_at FROM sessions s, (SELECT count(*) FROM agreed) AS first WHERE s.id = ${sessionId ?? null}::text FOR SHARE OF s)
    INSERT INTO grants (id, account_id, client_id, session_id, payload, expires_at)
    SELECT ${id}, ${accountId}, ${clientId}, ${sessionId ?? null}::text, ${JSON.stringify(payload)}::jsonb,
      latchkey_now() + make_interval(secs => ${lifeSeconds})
    WHERE EXISTS (SELECT 1 FROM agreed) AND NOT EXISTS (SELECT 1 FROM born_in WHERE ended_at IS NOT NULL)
    ON CONFLICT (id) DO UPDATE SET payload = grants.payload || jsonb_build_object(
      'openid', COALESCE(grants.payload->'openid', '{}') || jsonb_build_object('scope', ${bothScopes(
        Prisma.sql`grants.payload->'openid'->>'scope'`,
        Prisma.sql`${openid}::text`,
      )}),
      'resources', COALESCE(grants.payload->'resources', '{}') || COALESCE((
        SELECT jsonb_object_agg(more.key, ${bothScopes(Prisma.sql`grants.payload->'resources'->>more.key`, Prisma.sql`more.value`)})
        FROM jsonb_each_text(${JSON.stringify(resources)}::jsonb) AS more), '{}'))
    WHERE grants.ended_at IS NULL AND grants.account_id = EXCLUDED.account_id AND grants.client_id = EXCLUDED.client_id`
}

/** Two scopes, RFC 6749 §3.3, in one. */
function bothScopes(one: Prisma.Sql, other: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`array_to_string(ARRAY(
    SELECT DISTINCT scope FROM unnest(string_to_array(COALESCE(${one}, ''), ' ') || string_to_array(${other}, ' ')) AS scope
    WHERE scope <> '' ORDER BY scope), ' ')`
}
