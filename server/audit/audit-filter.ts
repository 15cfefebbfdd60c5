// Which events of the audit log are meant. One meaning for the list, for what is counted, for exports and for whoever listens.
import ipaddr from 'ipaddr.js'
import { Prisma } from '../../prisma/client/client.ts'
import type { AuditEntry } from './audit-entry.ts'
import { AUDIT_EVENT_NAMES, type AuditEventName, type AuditOutcome, outcomeOf } from './event-names.ts'

/** All that is given must be so. */
export interface AuditFilter {
  /** Names, or `session.*` for all that begin so. */
  readonly names?: readonly string[]
  readonly outcome?: AuditOutcome
  readonly actor?: string
  readonly accountId?: string
  readonly clientId?: string
  readonly sessionId?: string
  readonly grantId?: string
  readonly requestId?: string
  /** A network as CIDR, `192.0.2.7/32` for a single address. */
  readonly network?: string
  /** What the reason begins with: 100 characters at most. */
  readonly reason?: string
  /** At or after this, and before that. */
  readonly since?: Date
  readonly before?: Date
}

/** Whether a text names events: a name, or the first word of some and `.*`. */
export function namesEvents(text: string): boolean {
  return AUDIT_EVENT_NAMES.some((name) => isNamed(name, text))
}

/** The names that a filter asks for; undefined: all of them. */
export function namesOf({ names, outcome }: AuditFilter): readonly AuditEventName[] | undefined {
  if (names === undefined && outcome === undefined) return undefined
  return AUDIT_EVENT_NAMES.filter(
    (name) =>
      (names === undefined || names.some((text) => isNamed(name, text))) &&
      (outcome === undefined || outcomeOf(name) === outcome),
  )
}

/** Whether an event is meant, for those that are at hand already. */
export function matches(filter: AuditFilter, entry: AuditEntry): boolean {
  const wanted = namesOf(filter)
  if (wanted !== undefined && !(wanted as readonly string[]).includes(entry.name)) return false
  for (const member of ['actor', 'accountId', 'clientId', 'sessionId', 'grantId', 'requestId'] as const) {
    if (filter[member] !== undefined && filter[member] !== entry[member]) return false
  }
  if (filter.network !== undefined && !isInside(entry.address, filter.network)) return false
  if (filter.reason !== undefined && entry.reason?.startsWith(filter.reason) !== true) return false
  return !(filter.since !== undefined && entry.at < filter.since) && !(filter.before !== undefined && entry.at >= filter.before)
}

/** The conditions on `audit_events e` of a filter. */
export interface AuditConditions {
  /** All of them. */
  readonly all: Prisma.Sql
  /**
   * The same as the ways in which an event can meet them: each way by itself finds the latest events by an index, and no event is found in
   * two ways.
   */
  readonly ways: readonly Prisma.Sql[]
  /** The one whose index is not in the order of ids; undefined when another condition narrows more, or there is none. */
  readonly candidates: Prisma.Sql | undefined
  /** What is looked for in a network part by part, if need be; undefined: that would be of no use. */
  readonly inParts: NetworkParts | undefined
  /** No event that is meant has a higher id. */
  readonly highest: Prisma.Sql
}

/** What is looked for in a network. */
export interface NetworkParts {
  /** As CIDR. */
  readonly network: string
  /** Names of which each is looked for by itself, where not most events are meant. */
  readonly names: readonly AuditEventName[] | undefined
  /** All conditions but that on the address. */
  readonly condition: Prisma.Sql
}

/**
 * The conditions of a filter.
 * @param starts all that reasons which are meant begin with, of 100 characters; undefined when that was not looked for, or is too much
 */
export function conditionsOf(filter: AuditFilter, starts?: readonly string[]): AuditConditions {
  const conditions: Prisma.Sql[] = []
  const when = <Value>(value: Value | undefined, condition: (value: Value) => Prisma.Sql) => {
    if (value !== undefined) conditions.push(condition(value))
  }
  when(filter.accountId, (id) => Prisma.sql`e.account_id = ${id}`)
  when(filter.clientId, (id) => Prisma.sql`e.client_id = ${id}`)
  when(filter.sessionId, (id) => Prisma.sql`e.session_id = ${id}`)
  when(filter.grantId, (id) => Prisma.sql`e.grant_id = ${id}`)
  when(filter.requestId, (id) => Prisma.sql`e.request_id = ${id}`)
  const byAddress = filter.network === undefined ? [] : [addressCondition(filter.network)]
  // What is said twice is thought to be twice as rare.
  if (starts === undefined) when(filter.reason, reasonCondition)
  when(filter.since, sinceCondition)
  when(filter.before, beforeCondition)
  const names = namesOf(filter)
  const { actor } = filter
  const others = Prisma.join([...conditions, namedAs(names)], ' AND ')
  conditions.push(...byAddress)
  const actedBy = actor === undefined ? [] : [Prisma.sql`e.actor = ${actor}`]
  return {
    all: Prisma.join([...conditions, ...actedBy, namedAs(names)], ' AND '),
    ways:
      starts === undefined ? waysOf(filter, conditions, names) : startWays(starts, [...conditions, ...actedBy, namedAs(names)]),
    candidates: starts === undefined ? candidatesOf(filter) : undefined,
    inParts: partsOf(filter, names, others),
    highest: filter.before === undefined ? HIGHEST_ID : idBefore(filter.before),
  }
}

/** By what else is looked for, the parts of a network have no order. */
function partsOf(
  filter: AuditFilter,
  names: readonly AuditEventName[] | undefined,
  condition: Prisma.Sql,
): NetworkParts | undefined {
  const { network, actor, clientId, reason } = filter
  if (network === undefined || [actor, clientId, reason].some((value) => value !== undefined)) return undefined
  return { network, names: areMost(filter) ? undefined : names, condition }
}

/** Most events tell of success, and are found without looking for it. */
function areMost({ names, outcome }: AuditFilter): boolean {
  return names === undefined && outcome === 'succeeded'
}

function waysOf(filter: AuditFilter, conditions: readonly Prisma.Sql[], names: readonly string[] | undefined): Prisma.Sql[] {
  const { actor } = filter
  const together = Prisma.join([...conditions, namedAs(names)], ' AND ')
  // Most people do things to their own account, and those events are found by it.
  if (actor !== undefined)
    return [
      Prisma.sql`e.account_id = ${actor} AND e.actor = ${actor} AND ${together}`,
      Prisma.sql`e.actor = ${actor} AND e.actor IS DISTINCT FROM e.account_id AND ${together}`,
    ]
  if (names === undefined || areMost(filter) || isNarrow(filter)) return [together]
  return names.length === 0 ? [Prisma.sql`false`] : names.map((name) => Prisma.join([namedAs([name]), ...conditions], ' AND '))
}

/** Reasons are few words that come again and again, and events of one are in the order of their ids. */
function startWays(starts: readonly string[], conditions: readonly Prisma.Sql[]): Prisma.Sql[] {
  if (starts.length === 0) return [Prisma.sql`false`]
  return starts.map((start) => Prisma.join([Prisma.sql`left(e.reason, 100) = ${start}`, ...conditions], ' AND '))
}

/** Of some reason, the first one that a filter means after another one; null when there is none. Finds it by the index. */
export function nextStart(text: string, after: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(SELECT left(e.reason, 100) FROM audit_events e WHERE ${reasonCondition(text)} AND ${after}
    ORDER BY left(e.reason, 100) USING ~<~ LIMIT 1)`
}

/** Whether the reason is what narrows a filter most. */
export function isByReason(filter: AuditFilter): filter is AuditFilter & { readonly reason: string } {
  return filter.reason !== undefined && filter.network === undefined && !isNarrow(filter)
}

function namedAs(names: readonly string[] | undefined): Prisma.Sql {
  if (names === undefined) return Prisma.sql`true`
  const [first] = names
  return names.length === 1 ? Prisma.sql`e.name = ${first}` : Prisma.sql`e.name = ANY(${[...names]}::text[])`
}

/** There is an index for it, and seldom many events. */
function isNarrow({ accountId, sessionId, grantId, requestId }: AuditFilter): boolean {
  return [accountId, sessionId, grantId, requestId].some((value) => value !== undefined)
}

function candidatesOf(filter: AuditFilter): Prisma.Sql | undefined {
  if (isNarrow(filter)) return undefined
  // Events of a single address are in the order of their ids.
  if (filter.network !== undefined) return isSingle(filter.network) ? undefined : addressCondition(filter.network)
  return filter.reason === undefined ? undefined : reasonCondition(filter.reason)
}

/** As a range, which an ordinary index knows. */
function addressCondition(network: string): Prisma.Sql {
  if (isSingle(network)) return Prisma.sql`e.address = host(${network}::inet)::inet`
  return Prisma.sql`e.address BETWEEN host(network(${network}::inet))::inet AND host(broadcast(${network}::inet))::inet`
}

function isSingle(network: string): boolean {
  return network.endsWith(network.includes(':') ? '/128' : '/32')
}

function reasonCondition(text: string): Prisma.Sql {
  return Prisma.sql`e.reason IS NOT NULL AND left(e.reason, 100) LIKE ${`${likeText(text.slice(0, 100))}%`}`
}

/**
 * Ids are given when a statement writes its events, and `at` is when that statement began, which is two minutes ago at most. So an event
 * of that time has a higher id than any that is five minutes older, and a lower one than any that is five minutes younger.
 */
function sinceCondition(since: Date): Prisma.Sql {
  return Prisma.sql`e.at >= ${since} AND e.id > COALESCE((
    SELECT o.id FROM audit_events o WHERE o.at < ${since}::timestamptz - interval '5 minutes' ORDER BY o.at DESC LIMIT 1), 0)`
}

function beforeCondition(before: Date): Prisma.Sql {
  return Prisma.sql`e.at < ${before} AND e.id < ${idBefore(before)}`
}

function idBefore(before: Date): Prisma.Sql {
  return Prisma.sql`COALESCE((
    SELECT o.id FROM audit_events o WHERE o.at > ${before}::timestamptz + interval '5 minutes' ORDER BY o.at LIMIT 1),
    ${HIGHEST_ID})`
}

const HIGHEST_ID = Prisma.sql`(SELECT COALESCE(max(o.id), 0) + 1 FROM audit_events o)`

function likeText(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}

function isNamed(name: string, text: string): boolean {
  return text.endsWith('.*') ? name.startsWith(text.slice(0, -1)) : name === text
}

function isInside(address: string | undefined, network: string): boolean {
  if (address === undefined || !ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  const [of, bits] = ipaddr.parseCIDR(network)
  return parsed.kind() === of.kind() && parsed.match(of, bits)
}
