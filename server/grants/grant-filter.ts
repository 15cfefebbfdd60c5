// Which grants are meant: what administrators look for, and what they end together. One meaning for the list, for the preview of
// what would end, and for the end itself.
import { Prisma } from '../../prisma/client/client.ts'
import { clientStands, GRANT_GIVEN, GRANT_RUNS, isNotVoid } from '../tokens/standing.ts'

/** How a grant stands. `expired`: nobody ended it, its time was over. */
export type GrantState = 'live' | 'ended' | 'expired'

/** All that is given must be so. */
export interface GrantFilter {
  readonly accountId?: string
  readonly clientId?: string
  /** The session in which it was born. */
  readonly sessionId?: string
  /** One that it reaches, of OpenID Connect or of any API. */
  readonly scope?: string
  /** The identifier of an API that it reaches. */
  readonly resource?: string
  /** Left out: in whatever state. */
  readonly state?: GrantState
  /** Ended or expired. */
  readonly over?: boolean
  /** Given at or after this, and before that. */
  readonly since?: Date
  readonly before?: Date
  /** Not refreshed for so long, in seconds. */
  readonly idleSeconds?: number
  /** The id of a session audit: of it nobody has said that the grant, or a refresh token of it, stays. */
  readonly notKeptIn?: string
}

/** The client of the grant `g` is `c`, and something is so of it. */
function clientWhere(condition: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`EXISTS (SELECT FROM clients c WHERE c.id = g.client_id AND ${condition})`
}

/** `g` is live. */
export const LIVE = Prisma.sql`(g.ended_at IS NULL AND ${GRANT_RUNS} AND ${clientWhere(clientStands(GRANT_GIVEN))})`

/** The grant `g` of the client `c` is live: the same where the client is there already. */
export const LIVES = Prisma.sql`(g.ended_at IS NULL AND ${GRANT_RUNS} AND ${clientStands(GRANT_GIVEN)})`

/** `g` has run out: nobody ended it. */
export const EXPIRED = Prisma.sql`(g.ended_at IS NULL AND NOT ${GRANT_RUNS} AND ${clientWhere(clientStands(GRANT_GIVEN))})`

const STATES: { readonly [state in GrantState]: Prisma.Sql } = {
  live: LIVE,
  // What is void was ended with its client, whether its own row says so yet or not.
  ended: Prisma.sql`(g.ended_at IS NOT NULL OR NOT ${clientWhere(clientStands(GRANT_GIVEN))})`,
  expired: EXPIRED,
}

/** How the grant `g` of the client `c` stands, as a word. */
export const STATE = Prisma.sql`CASE
    WHEN g.ended_at IS NOT NULL OR NOT ${clientStands(GRANT_GIVEN)} THEN 'ended'
    WHEN ${GRANT_RUNS} THEN 'live' ELSE 'expired' END`

/** When and why the grant `g` of the client `c` was ended, if it was. */
export const ENDED_AT = Prisma.sql`COALESCE(g.ended_at, CASE WHEN NOT ${isNotVoid(GRANT_GIVEN)} THEN c.void_until END)`
export const END_REASON = Prisma.sql`COALESCE(g.end_reason, CASE WHEN NOT ${clientStands(GRANT_GIVEN)} THEN 'client_ended' END)`

/** The condition on the table `grants` under the name `g`; of `idleSeconds` only what the table itself tells (see `isIdle`). */
export function conditionOf(filter: GrantFilter): Prisma.Sql {
  const conditions = [Prisma.sql`true`]
  const when = <Value>(value: Value | undefined, condition: (value: Value) => Prisma.Sql) => {
    if (value !== undefined) conditions.push(condition(value))
  }
  when(filter.accountId, (id) => Prisma.sql`g.account_id = ${id}`)
  when(filter.clientId, (id) => Prisma.sql`g.client_id = ${id}`)
  when(filter.sessionId, (id) => Prisma.sql`g.session_id = ${id}`)
  when(filter.scope, (scope) => reaches(`scope ${scope}`))
  when(filter.resource, (resource) => reaches(`resource ${resource}`))
  when(filter.state, (state) => STATES[state])
  when(filter.over, (over) => (over ? Prisma.sql`NOT ${LIVE}` : LIVE))
  when(filter.since, (date) => Prisma.sql`g.created_at >= ${date}`)
  when(filter.before, (date) => Prisma.sql`g.created_at < ${date}`)
  when(filter.idleSeconds, (seconds) => Prisma.sql`g.created_at <= ${before(seconds)}`)
  when(
    filter.notKeptIn,
    (review) => Prisma.sql`g.id NOT IN (
      SELECT f.subject FROM session_review_findings f
      WHERE f.review_id = ${review} AND f.kind IN ('dormant_grant', 'unused_refresh_token') AND f.kept_at IS NOT NULL)`,
  )
  return Prisma.join(conditions, ' AND ')
}

/**
 * Whether no refresh token of `g` was used for so long. No index can tell, since it would cost each refresh more than it saves here;
 * so whoever asks in a hurry asks it of a few thousand grants at a time.
 * @param refreshIdleSeconds how long a refresh token lives without use: what is not rotated tells its last use by its end alone
 */
export function isIdle(
  { idleSeconds }: GrantFilter,
  { refreshIdleSeconds }: { readonly refreshIdleSeconds: number },
): Prisma.Sql {
  if (idleSeconds === undefined) return Prisma.sql`true`
  const then = before(idleSeconds)
  return Prisma.sql`NOT EXISTS (
    SELECT FROM refresh_families f WHERE f.grant_id = g.id AND (
      COALESCE(f.rotated_at, f.created_at) > ${then}
      OR (f.rotated_at IS NULL AND f.idle_expires_at - make_interval(secs => ${refreshIdleSeconds}) > ${then})))`
}

function before(seconds: number): Prisma.Sql {
  return Prisma.sql`latchkey_now() - make_interval(secs => ${seconds})`
}

function reaches(what: string): Prisma.Sql {
  return Prisma.sql`g.reach @> ARRAY[${what}]::text[]`
}
