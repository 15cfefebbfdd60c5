// Whether a client still has what it was given. One row can say that everything up to a moment is void, so that a client with
// a hundred thousand grants ends as fast as one with none; the rows of its grants are ended afterwards.
import { DEFAULT_CLIENT_SCOPE } from '../../config/scopes.ts'
import { Prisma } from '../../prisma/client/client.ts'

/** Whether the client `c` is active, and what it was given at the time `given` (a column) is not void. */
export function clientStands(given: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(c.status = 'active' AND ${isNotVoid(given)})`
}

/** Whether what the client `c` was given at the time `given` (a column) is not void, be the client active or not. */
export function isNotVoid(given: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(c.void_until IS NULL OR ${given} > c.void_until)`
}

/** The reason of what was ended with its client. */
export const CLIENT_ENDED = 'client_ended'

/**
 * Whether a row was ended with its client, and does not say so itself yet: that is written in the background, some seconds later
 * (maintenance/void-grants.ts). The few such clients are looked up once, and not the client of each row.
 * @param name of the table or its alias
 */
export function isVoidRow(name: 'grants' | 'g' | 'refresh_families' | 'f'): Prisma.Sql {
  const row = Prisma.raw(name)
  return Prisma.sql`(${row}.client_id = ANY(ARRAY(SELECT v.id FROM clients v WHERE v.void_rows))
    AND EXISTS (SELECT FROM clients v WHERE v.id = ${row}.client_id AND ${row}.created_at <= v.void_until))`
}

/** Whether the client `c` is one of those that administrators see: neither deleted nor the server's own. */
export const IS_LISTED = Prisma.sql`(c.status <> 'deleted' AND c.managed_by IS DISTINCT FROM 'latchkey')`

/** The time at which the grant `g` was given. */
export const GRANT_GIVEN = Prisma.sql`g.created_at`

/**
 * Whether a grant has not run out: neither by its own time, nor with the session it was given in, after which nothing comes of it any more
 * and its last access token is over. What ends something goes by its own time alone, and rather ends too much.
 */
export function grantRuns(name: 'g' | 'grants'): Prisma.Sql {
  const g = Prisma.raw(name)
  return Prisma.sql`(${g}.expires_at > latchkey_now() AND (${g}.closes_at IS NULL OR ${g}.closes_at > latchkey_now()))`
}

/** The grant `g` has not run out. */
export const GRANT_RUNS = grantRuns('g')

/** When the grant `g` runs out. */
export const GRANT_UNTIL = Prisma.sql`LEAST(g.expires_at, g.closes_at)`

/** What a client may ask for. @param metadata a column, or what is to be one */
function scopesOf(metadata: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`string_to_array(COALESCE(${metadata}->>'scope', ${DEFAULT_CLIENT_SCOPE}), ' ')`
}

/** What the client `c` may ask for, as it is registered now. */
const CLIENT_SCOPES = scopesOf(Prisma.sql`c.metadata`)

/**
 * The payload of the grant `g`: of OpenID scopes only those that its client `c` still may ask for. The row keeps them all, so that one
 * statement takes a scope from a client with a hundred thousand grants. Scopes of APIs are cut where a token for one is made.
 */
export const GRANTED = Prisma.sql`jsonb_set(g.payload, '{openid,scope}', to_jsonb(COALESCE((
        SELECT string_agg(given.scope, ' ' ORDER BY given.position)
        FROM unnest(string_to_array(g.payload->'openid'->>'scope', ' ')) WITH ORDINALITY AS given (scope, position)
        WHERE given.scope = ANY(${CLIENT_SCOPES})), '')), false)`

/** Whether what the client `c` has may outlive the session in which it was given (OpenID Connect Core §11). */
export const MAY_BE_OFFLINE = Prisma.sql`('offline_access' = ANY(${CLIENT_SCOPES}))`

/**
 * Whether the family `f` of the client `c` depends on its session: since it began, or because the client may no longer outlive one. A
 * client that may again since a time does so with what it is given from then on.
 */
export const SESSION_BOUND = Prisma.sql`(f.session_bound OR (f.session_id IS NOT NULL
    AND (NOT ${MAY_BE_OFFLINE} OR COALESCE(f.created_at < c.offline_since, false))))`

/** Whether the session `s` goes on; false where there is none. */
export const SESSION_LIVES = Prisma.sql`((s.ended_at IS NULL AND s.expires_at > latchkey_now()) IS TRUE)`

/**
 * Whether the family `f` of the grant `g`, the account `a` and the client `c` can be ended. One that was closed with its session still
 * can: the grant goes on, and so do its access tokens (sessions/session-expiry.ts).
 */
export const FAMILY_STANDS = Prisma.sql`(((f.ended_at IS NULL OR f.end_reason = 'session_expired')
        AND f.idle_expires_at > latchkey_now() AND f.absolute_expires_at > latchkey_now()
        AND g.ended_at IS NULL AND g.expires_at > latchkey_now() AND a.status = 'active' AND ${clientStands(GRANT_GIVEN)}) IS TRUE)`

/** Whether it can be refreshed: by the session `s` as well, if it has one. What tells people of families says the same. */
export const FAMILY_LIVES = Prisma.sql`((${FAMILY_STANDS} AND f.ended_at IS NULL AND (NOT ${SESSION_BOUND} OR ${SESSION_LIVES})) IS TRUE)`

/** The value of `offline_since` when the row `clients` gets other metadata. */
export function offlineSince(next: Prisma.Sql): Prisma.Sql {
  const may = (metadata: Prisma.Sql) => Prisma.sql`'offline_access' = ANY(${scopesOf(metadata)})`
  return Prisma.sql`CASE WHEN ${may(next)} AND NOT ${may(Prisma.sql`clients.metadata`)} THEN latchkey_now() ELSE clients.offline_since END`
}
