// Which sessions are meant: what administrators look for, and what they end together. One meaning for the list, for its counts, for
// the preview of what would end, and for the end itself.
import { networkOf } from '../../config/network.ts'
import { ROLES } from '../../config/roles.ts'
import { Prisma } from '../../prisma/client/client.ts'

/** How a session stands. `expired`: nobody ended it, its time was over. */
export type SessionState = 'live' | 'ended' | 'expired'

/** All that is given must be so. */
export interface SessionFilter {
  readonly accountId?: string
  /** A client that was signed in to. */
  readonly clientId?: string
  /** An address, or a network as CIDR. */
  readonly address?: string
  /** An RFC 8176 `amr` value. */
  readonly method?: string
  /** Left out: in whatever state. */
  readonly state?: SessionState
  /** Ended or expired. */
  readonly over?: boolean
  /** Started at or after this, and before that. */
  readonly since?: Date
  readonly before?: Date
  /** Not used for so long, in seconds. */
  readonly idleSeconds?: number
  /** Of accounts with any role. */
  readonly administrators?: boolean
  /** Of accounts that have more live sessions than this. */
  readonly moreThan?: number
  /** From a device that the account had had no session on when it began. */
  readonly newDevice?: boolean
  /** The id of a session audit: of it nobody has said that the session stays. */
  readonly notKeptIn?: string
}

/** A row of `sessions`, under the name that it has in a statement, is live. */
export function isLive(name: 's' | 'o'): Prisma.Sql {
  const s = Prisma.raw(name)
  return Prisma.sql`(${s}.ended_at IS NULL AND ${s}.closed_at IS NULL AND ${s}.expires_at > latchkey_now())`
}

/** `s` is live. */
export const LIVE = isLive('s')

const STATES: { readonly [state in SessionState]: Prisma.Sql } = {
  live: LIVE,
  ended: Prisma.sql`s.ended_at IS NOT NULL`,
  expired: Prisma.sql`(s.ended_at IS NULL AND (s.closed_at IS NOT NULL OR s.expires_at <= latchkey_now()))`,
}

/** Of the table `accounts` under the name `a`; the index of those with roles is for this. */
const HAS_A_ROLE = Prisma.sql`(a.status <> 'deleted' AND a.roles <> '{}' AND a.roles && ${[...ROLES]}::text[])`

/** How `s` stands, as a word. */
export const STATE = Prisma.sql`CASE WHEN s.ended_at IS NOT NULL THEN 'ended' WHEN ${LIVE} THEN 'live' ELSE 'expired' END`

/** As a range, which an ordinary index knows; the operator for "is in" needs one of its own kind. @throws AddressFilterFault */
export function isFrom(address: string): Prisma.Sql {
  const { from, to } = networkBounds(address)
  return Prisma.sql`s.address BETWEEN ${from} AND ${to}`
}

/** A network as CIDR, with its first and last address as expressions. @throws AddressFilterFault */
export function networkBounds(address: string): { readonly network: string; readonly from: Prisma.Sql; readonly to: Prisma.Sql } {
  const network = networkOf(address)
  return {
    network,
    from: Prisma.sql`host(network(${network}::inet))::inet`,
    to: Prisma.sql`host(broadcast(${network}::inet))::inet`,
  }
}

/** The condition on the table `sessions` under the name `s`. @throws AddressFilterFault */
export function conditionOf(filter: SessionFilter): Prisma.Sql {
  const conditions = [Prisma.sql`true`]
  const when = <Value>(value: Value | undefined, condition: (value: Value) => Prisma.Sql) => {
    if (value !== undefined) conditions.push(condition(value))
  }
  when(filter.accountId, (id) => Prisma.sql`s.account_id = ${id}`)
  when(
    filter.clientId,
    (id) => Prisma.sql`EXISTS (SELECT FROM session_clients sc WHERE sc.session_id = s.id AND sc.client_id = ${id})`,
  )
  when(filter.address, isFrom)
  when(filter.method, (method) => Prisma.sql`s.methods @> ARRAY[${method}]::text[]`)
  when(filter.state, (state) => STATES[state])
  when(filter.over, (over) => (over ? Prisma.sql`NOT ${LIVE}` : LIVE))
  when(filter.since, (date) => Prisma.sql`s.started_at >= ${date}`)
  when(filter.before, (date) => Prisma.sql`s.started_at < ${date}`)
  when(filter.idleSeconds, (seconds) => {
    const then = Prisma.sql`latchkey_now() - make_interval(secs => ${seconds})`
    // What began later was used later: those need not be looked at on the way to the latest that is idle.
    return Prisma.sql`(s.last_used_at <= ${then} AND s.started_at <= ${then})`
  })
  // Few have a role. They are found first, so that their sessions are not looked for among everybody's.
  when(filter.administrators, (wanted) =>
    wanted
      ? Prisma.sql`s.account_id = ANY(ARRAY(SELECT a.id FROM accounts a WHERE ${HAS_A_ROLE}))`
      : Prisma.sql`NOT EXISTS (SELECT FROM accounts a WHERE a.id = s.account_id AND ${HAS_A_ROLE})`,
  )
  when(
    filter.moreThan,
    (most) => Prisma.sql`s.account_id IN (
    SELECT s.account_id FROM sessions s WHERE ${LIVE} GROUP BY s.account_id HAVING count(*) > ${most})`,
  )
  when(filter.newDevice, (wanted) => (wanted ? Prisma.sql`s.new_device` : Prisma.sql`NOT s.new_device`))
  // A report names no more than a thousand: they are read once. Joined, they were gone through for each session before ANALYZE knew of them.
  when(
    filter.notKeptIn,
    (review) => Prisma.sql`s.id NOT IN (
      SELECT f.subject FROM session_review_findings f
      WHERE f.review_id = ${review} AND f.kind = 'old_session' AND f.kept_at IS NOT NULL)`,
  )
  return Prisma.join(conditions, ' AND ')
}
