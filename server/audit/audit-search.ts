// The audit log as it is looked through: a page at a time by id, the latest first or the earliest; and what there is to narrow it by.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { type AuditEntry, ENTRY_COLUMNS, type EntryRow, entryOf } from './audit-entry.ts'
import { type AuditFilter, conditionsOf, isByReason, nextStart } from './audit-filter.ts'
import { areFar, areNear, directionOf, latestOfParts } from './audit-networks.ts'
import { AUDIT_EVENT_NAMES, outcomeOf } from './event-names.ts'

/** What is asked for. */
export interface AuditQuery {
  readonly filter: AuditFilter
  readonly limit: number
  /** The latest first when left out. */
  readonly order?: 'latest' | 'earliest'
  /** The last event of the page before. */
  readonly after?: bigint
}

/** An event with its place in the chain. */
export interface SealedEntry extends AuditEntry {
  /** The number of its seal; undefined while it has none. */
  readonly seal: bigint | undefined
}

/** A value, and how many of the events have it. */
export interface FacetValue {
  readonly value: string
  readonly count: number
}

/** What some events have in common. */
export interface AuditFacets {
  /** How many events were counted: the latest that are meant. */
  readonly counted: number
  /** There are more, or may be. */
  readonly more: boolean
  readonly facets: { readonly [facet in AuditFacet]: readonly FacetValue[] }
}

/** By what events are counted. */
export const AUDIT_FACETS = ['name', 'outcome', 'actor', 'account', 'client', 'address', 'reason'] as const
export type AuditFacet = (typeof AUDIT_FACETS)[number]

/** Looks through the audit log. */
export interface AuditSearch {
  page(query: AuditQuery): Promise<AuditEntry[]>
  find(id: bigint): Promise<SealedEntry | undefined>
  facets(filter: AuditFilter): Promise<AuditFacets>
  /** The highest id there is; 0 when there is none. */
  highest(): Promise<bigint>
}

/** Of these, the latest, facets are counted: more would take longer than somebody waits. */
export const MOST_COUNTED = 5000
const VALUES_OF_FACET = 12

/** Makes it. */
export function createAuditSearch({ db }: { readonly db: Database }): AuditSearch {
  return {
    async page(query) {
      const starts = await selectStarts(db, query.filter)
      return (await planned<EntryRow>(db, statementOf(pageOf(ENTRY_COLUMNS, { ...query, starts })))).map(entryOf)
    },

    async find(id) {
      const rows = await db.$queryRaw<(EntryRow & { readonly seal: bigint | null })[]>(Prisma.sql`
        SELECT ${ENTRY_COLUMNS}, (
          SELECT s.number FROM (SELECT * FROM audit_seals WHERE last_id >= e.id ORDER BY last_id LIMIT 100) s
          WHERE s.first_id <= e.id AND e.id = ANY(s.event_ids) LIMIT 1) AS seal
        FROM audit_events e WHERE e.id = ${id}`)
      if (rows[0] === undefined) return undefined
      const { seal, ...row } = rows[0]
      return { ...entryOf(row), seal: seal ?? undefined }
    },

    facets: (filter) => selectFacets(db, filter),

    async highest() {
      const rows = await db.$queryRaw<{ id: bigint | null }[]>(Prisma.sql`SELECT max(id) AS id FROM audit_events`)
      return rows[0]?.id ?? 0n
    },
  }
}

/** A page is put together of what each way has to offer. @param back how far back events are looked at where many may be meant */
function pageOf(
  columns: Prisma.Sql,
  { filter, starts, limit, order = 'latest', after }: AuditQuery & { readonly starts: readonly string[] | undefined },
  back?: number,
): PageQuery {
  const direction = directionOf(order)
  const beyond = order === 'latest' ? Prisma.sql`e.id < ${after ?? HIGHEST}` : Prisma.sql`e.id > ${after ?? 0n}`
  const { all, ways, candidates, inParts, highest } = conditionsOf(filter, starts)
  const end = Prisma.sql`ORDER BY e.id ${direction} LIMIT ${limit}`
  const found = (condition: Prisma.Sql) =>
    Prisma.sql`(SELECT ${columns} FROM audit_events e WHERE ${condition} AND ${beyond} ${end})`
  // By its id and nothing else (what the OFFSET is for): of a network that has come since statistics were made, PostgreSQL thinks that
  // nearly no event has it, and would go through all of its events for each candidate.
  const candidate = Prisma.sql`SELECT * FROM audit_events e WHERE e.id = candidate.id OFFSET 0`
  const [first = Prisma.empty] = ways
  if (candidates === undefined)
    return {
      before: [],
      select:
        ways.length === 1 ? found(first) : Prisma.sql`SELECT * FROM (${Prisma.join(ways.map(found), ' UNION ALL ')}) e ${end}`,
      areMany: Prisma.sql`false`,
    }
  // Few are looked at one by one. Where there are many, it is not far to the next one in the order of ids.
  const areMany = Prisma.sql`NOT (SELECT few FROM counted)`
  // Unless none of a network came lately: then its parts have the latest.
  const network = back === undefined && inParts !== undefined ? { ...inParts, beyond, order } : undefined
  const near = network === undefined ? [] : areNear(network)
  const within = back === undefined ? areMany : Prisma.sql`${areMany} AND e.id > ${highest} - ${back}::bigint`
  // Whatever its events are called, the latest of few are soon read. Of some names there may be none, and all would be read for them.
  const most = network?.names === undefined ? MOST_CANDIDATES : MOST_CANDIDATES_BY_NAME
  const parts = ways.map((way, place) => found(Prisma.join([within, near[place] ?? Prisma.sql`true`, way], ' AND ')))
  const before = [
    Prisma.sql`candidates AS MATERIALIZED (
        SELECT e.id FROM audit_events e WHERE ${candidates} AND ${beyond} LIMIT ${most + 1})`,
    Prisma.sql`counted AS MATERIALIZED (SELECT count(*) <= ${most} AS few FROM candidates)`,
    Prisma.sql`of_few AS MATERIALIZED (
        SELECT e.* FROM (SELECT id FROM candidates WHERE (SELECT few FROM counted) ORDER BY id ${direction}) candidate
        CROSS JOIN LATERAL (SELECT ${columns} FROM (${candidate}) e WHERE ${all}) e
        ORDER BY candidate.id ${direction} LIMIT ${limit})`,
    // By itself, since the plan would be another one for whoever may take less than all of it.
    Prisma.sql`of_many AS MATERIALIZED (SELECT * FROM (${Prisma.join(parts, ' UNION ALL ')}) e ${end})`,
  ]
  const either = Prisma.sql`SELECT * FROM of_few UNION ALL SELECT * FROM of_many`
  if (network === undefined) return { before, select: Prisma.sql`SELECT * FROM (${either}) e ${end}`, areMany }
  const isShort = Prisma.sql`(SELECT short FROM page)`
  before.push(
    Prisma.sql`page AS MATERIALIZED (
      SELECT CASE WHEN ${areMany} AND (SELECT count(*) FROM of_many) < ${limit} THEN ${areFar(network)} ELSE false END AS short)`,
    ...latestOfParts({ ...network, columns, limit, when: isShort }),
  )
  return {
    before,
    select: Prisma.sql`SELECT * FROM (SELECT * FROM (${either}) e WHERE NOT ${isShort} UNION ALL SELECT * FROM of_parts) e ${end}`,
    areMany,
  }
}

/** A query of a page, which another one may stand around. */
interface PageQuery {
  /** What stands in its WITH. */
  readonly before: readonly Prisma.Sql[]
  readonly select: Prisma.Sql
  /** Whether so many may be meant that not all of them are looked at. */
  readonly areMany: Prisma.Sql
}

function statementOf({ before, select }: PageQuery): Prisma.Sql {
  return before.length === 0 ? select : Prisma.sql`WITH ${Prisma.join([...before])} ${select}`
}

const HIGHEST = 9_223_372_036_854_775_807n

/** A network, or the beginning of a reason, that more events have is not looked for by its own index, which has them in another order. */
const MOST_CANDIDATES = 50_000
/** Where a network has parts in which its events are found by their names. */
const MOST_CANDIDATES_BY_NAME = 2000

/** Facets of what many have are counted among as many events of the log. */
const LOOKED_AT_FOR_FACETS = 100_000

/**
 * Plans by what is asked for. A plan that is good for the average name or client would go through the whole log for one that is seldom.
 */
async function planned<Row>(db: Database, query: Prisma.Sql): Promise<Row[]> {
  const [, , rows] = await db.$transaction([
    db.$executeRaw(Prisma.sql`SET LOCAL plan_cache_mode = force_custom_plan`),
    // What takes milliseconds is not worth compiling for longer.
    db.$executeRaw(Prisma.sql`SET LOCAL jit = off`),
    db.$queryRaw<Row[]>(query),
  ])
  return rows
}

/** What the reasons that are meant begin with, where the reason narrows most; undefined when that are too many. */
async function selectStarts(db: Database, filter: AuditFilter): Promise<readonly string[] | undefined> {
  if (!isByReason(filter)) return undefined
  const rows = await planned<{ start: string }>(
    db,
    Prisma.sql`
    WITH RECURSIVE starts AS (
      SELECT ${nextStart(filter.reason, Prisma.sql`true`)} AS start
      UNION ALL SELECT ${nextStart(filter.reason, Prisma.sql`left(e.reason, 100) ~>~ s.start`)} FROM starts s WHERE s.start IS NOT NULL)
    SELECT start FROM starts WHERE start IS NOT NULL LIMIT ${MOST_STARTS + 1}`,
  )
  return rows.length > MOST_STARTS ? undefined : rows.map(({ start }) => start)
}

/** Of more different reasons not each is asked for its latest events. */
const MOST_STARTS = 25

async function selectFacets(db: Database, filter: AuditFilter): Promise<AuditFacets> {
  const columns = Prisma.sql`e.id, e.name, e.actor, e.account_id, e.client_id, e.address, e.reason`
  const page = pageOf(columns, { filter, starts: await selectStarts(db, filter), limit: MOST_COUNTED + 1 }, LOOKED_AT_FOR_FACETS)
  const each = Object.entries(FACET_COLUMNS).map(
    ([facet, column]) => Prisma.sql`
      (SELECT ${facet}::text AS facet, ${column} AS value, count(*) AS count FROM latest WHERE ${column} IS NOT NULL
       GROUP BY ${column} ORDER BY count(*) DESC, ${column} LIMIT ${facet === 'name' ? AUDIT_EVENT_NAMES.length : VALUES_OF_FACET})`,
  )
  const rows = await planned<{ facet: AuditFacet | 'counted'; value: string | null; count: bigint }>(
    db,
    Prisma.sql`
    WITH ${Prisma.join([...page.before, Prisma.sql`found AS MATERIALIZED (${page.select})`])}, latest AS MATERIALIZED (SELECT * FROM found LIMIT ${MOST_COUNTED})
    ${Prisma.join(each, ' UNION ALL ')} UNION ALL SELECT 'counted', CASE WHEN ${page.areMany} THEN 'many' END, count(*) FROM found`,
  )
  const of = (facet: AuditFacet) =>
    rows
      .filter((row) => row.facet === facet)
      .map(({ value, count }) => ({ value: value ?? '', count: Number(count) }))
      .toSorted((one, other) => other.count - one.count)
  const names = of('name')
  const outcomes = Map.groupBy(names, ({ value }) => outcomeOf(value))
  const outcome = [...outcomes].map(([value, some]) => ({ value, count: some.reduce((sum, { count }) => sum + count, 0) }))
  const counted = rows.find(({ facet }) => facet === 'counted')
  const found = Number(counted?.count ?? 0n)
  return {
    counted: Math.min(found, MOST_COUNTED),
    more: found > MOST_COUNTED || counted?.value === 'many',
    facets: {
      name: names.slice(0, VALUES_OF_FACET),
      outcome: outcome.toSorted((one, other) => other.count - one.count),
      actor: of('actor'),
      account: of('account'),
      client: of('client'),
      address: of('address'),
      reason: of('reason'),
    },
  }
}

/** An aggregate for each: together, in grouping sets, they would be sorted again and again. */
const FACET_COLUMNS = {
  name: Prisma.sql`name`,
  actor: Prisma.sql`actor`,
  account: Prisma.sql`account_id`,
  client: Prisma.sql`client_id`,
  address: Prisma.sql`host(address)`,
  reason: Prisma.sql`reason`,
} as const
