// The latest events of a network, of which there may be millions, and none of them lately: nobody goes through all that came since. They
// are found part by part, since indexes have the events of each part in the order of their ids.
import { Prisma } from '../../prisma/client/client.ts'
import type { NetworkParts } from './audit-filter.ts'

/** What is looked for. */
export interface NetworkQuery extends NetworkParts {
  /** Of events before the page, or behind it. */
  readonly beyond: Prisma.Sql
  readonly order: 'latest' | 'earliest'
  readonly columns: Prisma.Sql
  readonly limit: number
  /** Otherwise nothing is looked for. */
  readonly when: Prisma.Sql
}

/** Events that are looked at one by one before a network is looked at part by part; where there are names, of each. */
const NEAR = 50_000
const NEAR_OF_NAME = 2000

type Near = Pick<NetworkQuery, 'names' | 'beyond' | 'order'>

/** That events are not far from where the page begins: for each way in which they are found, as for the ways of a filter. */
export function areNear({ names, beyond, order }: Near): readonly Prisma.Sql[] {
  const [than, from, edge] =
    order === 'latest' ? [Prisma.sql`e.id >`, Prisma.sql`-`, Prisma.sql`0`] : [Prisma.sql`e.id <`, Prisma.sql`+`, HIGHEST]
  if (names !== undefined)
    return names.map((name) => Prisma.sql`${than} COALESCE(${farOf(Prisma.sql`${name}`, { beyond, order })}, ${edge})`)
  const first = Prisma.sql`(SELECT e.id FROM audit_events e WHERE ${beyond} ORDER BY e.id ${directionOf(order)} LIMIT 1)`
  return [Prisma.sql`${than} ${first} ${from} ${NEAR}::bigint`]
}

/** Whether there are any that are not near. */
export function areFar({ names, beyond, order }: Near): Prisma.Sql {
  if (names === undefined) return Prisma.sql`true`
  return Prisma.sql`EXISTS (SELECT FROM unnest(${[...names]}::text[]) AS kind (name)
    WHERE ${farOf(Prisma.sql`kind.name`, { beyond, order })} IS NOT NULL)`
}

function farOf(name: Prisma.Sql, { beyond, order }: Omit<Near, 'names'>): Prisma.Sql {
  return Prisma.sql`(SELECT e.id FROM audit_events e WHERE e.name = ${name} AND ${beyond}
    ORDER BY e.id ${directionOf(order)} OFFSET ${NEAR_OF_NAME} LIMIT 1)`
}

const HIGHEST = Prisma.sql`9223372036854775807::bigint`

/** How ids go. */
export function directionOf(order: 'latest' | 'earliest'): Prisma.Sql {
  return order === 'latest' ? Prisma.sql`DESC` : Prisma.sql`ASC`
}

/** What the indexes have, word for word: the /24 of an address, or its /48 where that is of IPv6. */
const PART = Prisma.sql`network(set_masklen(e.address, CASE family(e.address) WHEN 4 THEN 24 ELSE 48 END))`

/** The parts are networks that an index knows, or for one that is no larger than one of these, addresses. */
function partsOf({ network, names }: NetworkParts) {
  const bits = Number(network.split('/')[1])
  const most = network.includes(':') ? 48 : 24
  const from = Prisma.sql`host(network(${network}::inet))::inet`
  const to = Prisma.sql`host(broadcast(${network}::inet))::inet`
  const all = Prisma.sql`true`
  if (bits >= most && names === undefined) return { part: Prisma.sql`e.address`, from, to, ofPart: all }
  return {
    part: PART,
    from: Prisma.sql`network(set_masklen(${network}::inet, ${Math.min(bits, most)}::int))`,
    to,
    // What is less than a part of it. The index of addresses is kept out, which would go through all of them for each part.
    ofPart: bits < most ? all : Prisma.sql`e.address + 0 BETWEEN ${from} AND ${to}`,
  }
}

/**
 * The tables `parts` and `of_parts` of a WITH. A page is of as many parts as it has events at most: of those whose latest events are the
 * latest. Where there are names, each part is one for each name.
 */
export function latestOfParts(query: NetworkQuery): readonly Prisma.Sql[] {
  const { names, condition, beyond, columns, limit, when } = query
  const direction = directionOf(query.order)
  const { part, from, to, ofPart } = partsOf(query)
  const next = (after: Prisma.Sql) => Prisma.sql`
    SELECT ${part} AS part FROM audit_events e WHERE e.address IS NOT NULL AND ${part} ${after} AND ${part} <= ${to} ORDER BY 1 LIMIT 1`
  const named = names === undefined ? Prisma.sql`true` : Prisma.sql`e.name = p.name`
  const inside = (what: Prisma.Sql, most: number) => Prisma.sql`
    SELECT ${what} FROM audit_events e WHERE e.address IS NOT NULL AND ${part} = p.part AND ${named} AND ${ofPart} AND ${condition} AND ${beyond}
    ORDER BY e.id ${direction} LIMIT ${most}`
  return [
    Prisma.sql`parts AS MATERIALIZED (
      WITH RECURSIVE every AS (
        SELECT first.part FROM (${next(Prisma.sql`>= ${from}`)}) first WHERE ${when}
        UNION ALL SELECT (${next(Prisma.sql`> every.part`)}) FROM every WHERE every.part IS NOT NULL)
      SELECT p.* FROM (SELECT every.part, kind.name FROM every CROSS JOIN unnest(${[...(names ?? [''])]}::text[]) AS kind (name)
                       WHERE every.part IS NOT NULL) p
      CROSS JOIN LATERAL (${inside(Prisma.sql`e.id`, 1)}) latest ORDER BY latest.id ${direction} LIMIT ${limit})`,
    Prisma.sql`of_parts AS MATERIALIZED (
      SELECT e.* FROM parts p CROSS JOIN LATERAL (${inside(columns, limit)}) e ORDER BY e.id ${direction} LIMIT ${limit})`,
  ]
}
