// The grants of the whole installation, as administrators look for them: a page at a time, however many there are.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { conditionOf, type GrantFilter, isIdle, LIVE } from './grant-filter.ts'
import { type GrantNode, readGrants } from './grant-tree.ts'

/** A place in the list of all grants, the latest first. */
export type GrantPlace = Pick<GrantNode, 'id' | 'createdAt'>

/** What is asked for. */
export interface GrantQuery {
  readonly filter: GrantFilter
  readonly limit: number
  /** Where the page before has ended. */
  readonly after?: GrantPlace
}

/** A page. */
export interface GrantPage {
  readonly grants: readonly GrantNode[]
  /** Where it has ended, when there may be more. Of idle grants a page may be short, and even empty, and there are more. */
  readonly next?: GrantPlace
}

/** Looks for grants. */
export interface GrantSearch {
  page(query: GrantQuery): Promise<GrantPage>
  /** The ids of those that are live, of `limit` at most; undefined for a filter that it takes long to look through. */
  liveIds(filter: GrantFilter, limit: number): Promise<string[] | undefined>
  find(id: string): Promise<GrantNode | undefined>
}

/**
 * PostgreSQL takes a scope that it has never seen for one that a grant in two hundred has. Where few rows are wanted it would look
 * through the grants in their order until it has them; of something rare, through all of them. Where it believes that so many are
 * wanted it asks the index; and it reads no more rows than are taken.
 */
const AS_IF_WANTED = 1000

/** Of so many grants one asks at a time whether they are idle: some fifty milliseconds of work. */
const MOST_LOOKED_AT = 5000

const LATEST_FIRST = Prisma.sql`ORDER BY g.created_at DESC, g.id DESC`

/** What the search takes. */
export interface GrantSearchDeps {
  readonly db: Database
  /** The longest life that any access token can have. */
  readonly accessTokenLifeSeconds: () => number
  /** How long a refresh token lives without use. */
  readonly refreshIdleSeconds: number
}

/** Makes it. */
export function createGrantSearch(deps: GrantSearchDeps): GrantSearch {
  const { db } = deps
  return {
    async page(query) {
      const { filter, limit } = query
      if (filter.idleSeconds !== undefined) return pageOfIdle(deps, query)
      const which = Prisma.sql`WHERE ${fits(query)} ${LATEST_FIRST} LIMIT ${Math.max(limit + 1, AS_IF_WANTED)}`
      return pageOf(await readGrants(db, which, deps.accessTokenLifeSeconds(), limit + 1), limit)
    },

    async liveIds(filter, limit) {
      const rows = await db.$queryRaw<{ id: string }[]>(Prisma.sql`
        WITH found AS MATERIALIZED (
          SELECT g.id FROM grants g WHERE ${LIVE} AND ${conditionOf(filter)} LIMIT ${Math.max(limit, AS_IF_WANTED)})
        SELECT id FROM found LIMIT ${limit}`)
      // Which of them are idle is not known before each was looked at.
      if (filter.idleSeconds !== undefined && rows.length > 0) return undefined
      return rows.map(({ id }) => id)
    },

    async find(id) {
      return (await readGrants(db, Prisma.sql`WHERE g.id = ${id}`, deps.accessTokenLifeSeconds()))[0]
    },
  }
}

function fits({ filter, after }: GrantQuery): Prisma.Sql {
  const beyond = after === undefined ? Prisma.sql`true` : Prisma.sql`(g.created_at, g.id) < (${after.createdAt}, ${after.id})`
  return Prisma.sql`${conditionOf(filter)} AND ${beyond}`
}

/** One grant more than the page takes tells that there are more. */
function pageOf(found: readonly GrantNode[], limit: number): GrantPage {
  const grants = found.slice(0, limit)
  const last = grants.at(-1)
  return found.length > limit && last !== undefined ? { grants, next: last } : { grants }
}

async function pageOfIdle(deps: GrantSearchDeps, query: GrantQuery): Promise<GrantPage> {
  const { db } = deps
  const { limit } = query
  const [row] = await db.$queryRaw<{ ids: string[]; looked: number; createdAt: Date | null; id: string | null }[]>(Prisma.sql`
    WITH looked AS MATERIALIZED (
      SELECT g.id, g.created_at FROM grants g WHERE ${fits(query)} ${LATEST_FIRST} LIMIT ${MOST_LOOKED_AT}
    ), last AS (SELECT created_at, id FROM looked ORDER BY created_at, id LIMIT 1)
    SELECT ARRAY(SELECT g.id FROM looked g WHERE ${isIdle(query.filter, deps)} ${LATEST_FIRST} LIMIT ${limit + 1}) AS ids,
      (SELECT count(*) FROM looked)::int AS looked, (SELECT created_at FROM last) AS "createdAt", (SELECT id FROM last) AS id`)
  if (row === undefined) throw new Error('a statement without FROM gave no row')
  const which = Prisma.sql`WHERE g.id = ANY(${row.ids}::text[]) ${LATEST_FIRST}`
  const page = pageOf(await readGrants(db, which, deps.accessTokenLifeSeconds()), limit)
  const { createdAt, id } = row
  if (page.next !== undefined || row.looked < MOST_LOOKED_AT || createdAt === null || id === null) return page
  return { ...page, next: { createdAt, id } }
}
