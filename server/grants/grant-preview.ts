// What would end if some grants were ended: counts and names, before anybody decides.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { type Patience, readAndCount, readInSlices } from '../storage/slices.ts'
import { conditionOf, EXPIRED, type GrantFilter, isIdle, LIVE } from './grant-filter.ts'
import { mostPeople } from './most-people.ts'

/** A preview. What is counted is counted no further than the limit that was asked for, and than there is time. */
export interface GrantPreview {
  readonly grants: number
  /** There are more grants than that, or may be. Whether they are idle is asked of as many as are counted at most. */
  readonly more: boolean
  /** Of so many of the grants are the other numbers and the names. */
  readonly counted: number
  readonly accounts: number
  readonly refreshFamilies: number
  readonly logoutNotifications: number
  /** Some of the people, by e-mail address. */
  readonly people: readonly { readonly id: string; readonly email: string; readonly grants: number }[]
  /** The clients that have them, those with the most first. */
  readonly clients: readonly { readonly id: string; readonly name: string; readonly grants: number }[]
}

/** Which grants. */
export type WhichGrants = { readonly ids: readonly string[] } | { readonly filter: GrantFilter }

/** Looks at live grants, and counts `most` of them; `patience` of whoever waits. */
export type PreviewGrants = (
  which: WhichGrants,
  until: { readonly most: number; readonly patience?: Patience },
) => Promise<GrantPreview>

/** Names that are shown at most. */
const MOST_NAMES = 20

/** Makes it. `refreshIdleSeconds`: how long a refresh token lives without use. */
export function createGrantPreview(deps: { readonly db: Database; readonly refreshIdleSeconds: number }): PreviewGrants {
  return async (which, { most, patience }) => {
    const filter = 'ids' in which ? {} : which.filter
    const condition = 'ids' in which ? Prisma.sql`g.id = ANY(${[...which.ids]}::text[])` : conditionOf(filter)
    const counts: Counts = { counted: 0, refreshFamilies: 0, accounts: new Map(), clients: new Map() }
    const live = Prisma.sql`SELECT g.id FROM grants g WHERE ${LIVE} AND ${condition} LIMIT ${most + 1}`
    if ('ids' in which) counts.refreshFamilies += await countOutlasting(deps.db, which.ids)
    const look = (grants: readonly { readonly id: string }[], tx: Transaction) =>
      count(
        tx,
        counts,
        grants.map(({ id }) => id),
        isIdle(filter, deps),
      )
    if (filter.idleSeconds === undefined) {
      const { there, more } = await readAndCount(deps.db, live, 'ids' in which ? { most } : { most, patience }, look)
      return shown(deps.db, counts, { grants: there, more })
    }
    const longer = patience === undefined ? undefined : { ...patience, ms: IDLE_WITHIN_MS }
    let looked = 0
    const all = await readInSlices<{ readonly id: string }>(deps.db, live, { patience: longer }, async (grants, tx) => {
      await look(grants.slice(0, most - looked), tx)
      looked += grants.length
    })
    return shown(deps.db, counts, { grants: counts.counted, more: !all || looked > most })
  }
}

/** Which grants are idle is not known before each was looked at: whoever asks for those waits longer. */
const IDLE_WITHIN_MS = 250

interface Counts {
  counted: number
  refreshFamilies: number
  /** How many of the grants each of them has. */
  readonly accounts: Map<string, number>
  readonly clients: Map<string, ClientCount>
}

interface ClientCount {
  readonly grants: number
  readonly told: number
}

interface CountRow extends ClientCount {
  readonly clientId: string
  readonly refreshFamilies: number
  readonly accounts: { readonly [id: string]: number }
}

/** Families that would end with those of some grants that ran out, though the grant itself is not counted any more. */
async function countOutlasting(db: Database, ids: readonly string[]): Promise<number> {
  const [row] = await db.$queryRaw<{ families: number }[]>(Prisma.sql`
    SELECT count(*)::int AS families FROM grants g JOIN refresh_families f ON f.grant_id = g.id
    WHERE g.id = ANY(${[...ids]}::text[]) AND ${EXPIRED} AND g.expires_at > latchkey_now()
      AND f.ended_at IS NULL AND f.idle_expires_at > latchkey_now()`)
  return row?.families ?? 0
}

/** A row for each client. */
async function count(tx: Transaction, counts: Counts, ids: readonly string[], idle: Prisma.Sql): Promise<void> {
  const rows = await tx.$queryRaw<CountRow[]>(Prisma.sql`
    WITH ending AS MATERIALIZED (
      SELECT g.id, g.account_id, g.client_id, g.session_id FROM grants g WHERE g.id = ANY(${[...ids]}::text[]) AND ${idle}
    ), told AS (
      -- Those of a session that goes on, as new-notifications.ts writes them.
      SELECT ending.client_id, count(*)::int AS told FROM ending
      JOIN sessions s ON s.id = ending.session_id AND s.ended_at IS NULL AND s.closed_at IS NULL
      JOIN session_clients used ON used.session_id = s.id AND used.client_id = ending.client_id
      JOIN clients c ON c.id = used.client_id AND c.metadata->>'backchannel_logout_uri' IS NOT NULL GROUP BY ending.client_id
    ), families AS (
      SELECT ending.client_id, count(*)::int AS families FROM refresh_families f JOIN ending ON ending.id = f.grant_id
      WHERE f.ended_at IS NULL AND f.idle_expires_at > latchkey_now() GROUP BY ending.client_id
    ), people AS (
      SELECT client_id, account_id, count(*)::int AS grants FROM ending GROUP BY client_id, account_id
    )
    SELECT p.client_id AS "clientId", sum(p.grants)::int AS grants, jsonb_object_agg(p.account_id, p.grants) AS accounts,
      COALESCE((SELECT told FROM told t WHERE t.client_id = p.client_id), 0) AS told,
      COALESCE((SELECT families FROM families f WHERE f.client_id = p.client_id), 0) AS "refreshFamilies"
    FROM people p GROUP BY p.client_id`)
  for (const { clientId, grants, told, refreshFamilies, accounts } of rows) {
    counts.counted += grants
    counts.refreshFamilies += refreshFamilies
    for (const [id, held] of Object.entries(accounts)) counts.accounts.set(id, (counts.accounts.get(id) ?? 0) + held)
    const before = counts.clients.get(clientId) ?? { grants: 0, told: 0 }
    counts.clients.set(clientId, { grants: before.grants + grants, told: before.told + told })
  }
}

async function shown(
  db: Database,
  { accounts, clients, ...counts }: Counts,
  found: Pick<GrantPreview, 'grants' | 'more'>,
): Promise<GrantPreview> {
  return {
    ...found,
    ...counts,
    accounts: accounts.size,
    logoutNotifications: [...clients.values()].reduce((sum, { told }) => sum + told, 0),
    people: (await mostPeople(db, accounts, MOST_NAMES)).map(({ many, ...person }) => ({ ...person, grants: many })),
    clients: await namesOf(db, clients),
  }
}

async function namesOf(db: Database, clients: ReadonlyMap<string, ClientCount>): Promise<GrantPreview['clients']> {
  const few = [...clients]
    .sort(([one, ofOne], [other, ofOther]) => ofOther.grants - ofOne.grants || (one < other ? -1 : 1))
    .slice(0, MOST_NAMES)
  const rows = await db.$queryRaw<{ id: string; name: string }[]>(Prisma.sql`
    SELECT c.id, COALESCE(c.metadata->>'client_name', c.id) AS name FROM clients c WHERE c.id = ANY(${few.map(([id]) => id)}::text[])`)
  const names = new Map(rows.map(({ id, name }) => [id, name]))
  return few.map(([id, { grants }]) => ({ id, name: names.get(id) ?? id, grants }))
}
