// What would end if some sessions were ended: counts and names, before anybody decides.
import { Prisma } from '../../prisma/client/client.ts'
import { IS_OFFLINE } from '../grants/grants.ts'
import { mostPeople } from '../grants/most-people.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { type Patience, readAndCount } from '../storage/slices.ts'
import { IS_SESSION_BOUND } from '../tokens/family-ends.ts'
import { grantRuns, isVoidRow } from '../tokens/standing.ts'
import { LIVE, type SessionFilter } from './session-filter.ts'
import { anyRowsOf } from './session-ways.ts'

/** A preview. What is counted is counted no further than the limit that was asked for, and than there is time. */
export interface SessionPreview {
  readonly sessions: number
  /** There are more sessions than that, or may be. */
  readonly more: boolean
  /** Of so many of the sessions are the other numbers and the names: what hangs on a session takes longer to count. */
  readonly counted: number
  readonly accounts: number
  readonly grants: number
  readonly refreshFamilies: number
  readonly logoutNotifications: number
  /** Some of the people, by e-mail address. */
  readonly people: readonly { readonly id: string; readonly email: string; readonly sessions: number }[]
  /** The apps that are in use in them, the most used first. */
  readonly clients: readonly { readonly id: string; readonly name: string; readonly sessions: number }[]
}

/** Names that are shown at most. */
const MOST_NAMES = 20

/** Which sessions. */
type WhichSessions = { readonly ids: readonly string[] } | { readonly filter: SessionFilter }

/** Makes what looks at sessions as they end by the settings. */
export function createSessionPreview(deps: {
  readonly db: Database
  readonly config: { readonly sessionRevocation: 'end_offline' | 'keep_offline' }
}): (which: WhichSessions, until: { readonly most: number; readonly patience?: Patience }) => Promise<SessionPreview> {
  const keepOffline = deps.config.sessionRevocation === 'keep_offline'
  return (which, until) => previewSessions(deps.db, which, { ...until, keepOffline })
}

/**
 * Looks at live sessions. `which`: ids, or a filter. Of ids that name sessions which are over, what still hangs from those is counted.
 * @param keepOffline whether refresh tokens with `offline_access` outlive them, as the end is told
 * @param patience whoever waits; without one all are counted, up to `most`, and so are those that somebody has named
 * @throws AddressFilterFault
 */
export async function previewSessions(
  db: Database,
  which: WhichSessions,
  { most, keepOffline, patience }: { readonly most: number; readonly keepOffline: boolean; readonly patience?: Patience },
): Promise<SessionPreview> {
  const waiting = patience && { ...patience, since: patience.now() }
  const live =
    'ids' in which
      ? Prisma.sql`SELECT s.* FROM sessions s WHERE ${LIVE} AND s.id = ANY(${[...which.ids]}::text[]) LIMIT ${most + 1}`
      : await anyRowsOf(db, { filter: which.filter, limit: most + 1, beyond: LIVE })
  const counts = emptyCounts()
  if ('ids' in which) addHanging(counts, await readHanging(db, overOf(which.ids), keepOffline))
  const { there, more } = await readAndCount<FoundSession>(
    db,
    Prisma.sql`SELECT s.id, s.account_id AS "accountId" FROM (${live}) s`,
    'ids' in which ? { most } : { most, patience: waiting },
    (sessions, tx) => count(tx, counts, sessions, keepOffline),
  )
  return shown(db, counts, { sessions: there, more })
}

interface FoundSession {
  readonly id: string
  readonly accountId: string
}

interface AppCount {
  readonly id: string
  readonly name: string
  readonly told: boolean
  readonly sessions: number
}

interface Counts {
  counted: number
  grants: number
  refreshFamilies: number
  /** How many sessions each of them has. */
  readonly accounts: Map<string, number>
  readonly apps: Map<string, AppCount>
}

function emptyCounts(): Counts {
  return { counted: 0, grants: 0, refreshFamilies: 0, accounts: new Map(), apps: new Map() }
}

/** What hangs from sessions, as an end counts it. */
type Hanging = Pick<Counts, 'grants' | 'refreshFamilies'>

/** Those of some sessions that are over and were not ended. */
function overOf(ids: readonly string[]): Prisma.Sql {
  return Prisma.sql`ARRAY(SELECT s.id FROM sessions s WHERE s.id = ANY(${[...ids]}::text[]) AND s.ended_at IS NULL AND NOT ${LIVE})`
}

/** The columns that count it. @param ids an array of the ids of sessions */
function hangingFrom(ids: Prisma.Sql, keepOffline: boolean): Prisma.Sql {
  // Asked of each row only where something stays.
  const grantEnds = keepOffline ? Prisma.sql`NOT ${IS_OFFLINE}` : Prisma.sql`true`
  const familyEnds = keepOffline ? IS_SESSION_BOUND : Prisma.sql`true`
  return Prisma.sql`
    (SELECT count(*) FROM grants
     WHERE session_id = ANY(${ids}) AND ended_at IS NULL AND ${grantRuns('grants')} AND NOT ${isVoidRow('grants')} AND ${grantEnds})::int AS grants,
    (SELECT count(*) FROM refresh_families
     WHERE session_id = ANY(${ids}) AND ended_at IS NULL AND idle_expires_at > latchkey_now() AND NOT ${isVoidRow('refresh_families')}
       AND ${familyEnds})::int AS "refreshFamilies"`
}

async function readHanging(db: Database, ids: Prisma.Sql, keepOffline: boolean): Promise<Hanging> {
  const [row] = await db.$queryRaw<Hanging[]>(Prisma.sql`SELECT ${hangingFrom(ids, keepOffline)}`)
  return row ?? { grants: 0, refreshFamilies: 0 }
}

function addHanging(counts: Counts, { grants, refreshFamilies }: Hanging): void {
  counts.grants += grants
  counts.refreshFamilies += refreshFamilies
}

async function count(tx: Transaction, counts: Counts, sessions: readonly FoundSession[], keepOffline: boolean): Promise<void> {
  const ids = sessions.map(({ id }) => id)
  const [row] = await tx.$queryRaw<(Hanging & { apps: AppCount[] })[]>(Prisma.sql`
    SELECT ${hangingFrom(Prisma.sql`${ids}::text[]`, keepOffline)},
      COALESCE((SELECT jsonb_agg(jsonb_build_object('id', c.id, 'name', COALESCE(c.metadata->>'client_name', c.id), 'sessions', used.sessions,
          'told', c.metadata->>'backchannel_logout_uri' IS NOT NULL))
        FROM (SELECT client_id, count(*)::int AS sessions FROM session_clients WHERE session_id = ANY(${ids}::text[]) GROUP BY client_id) used
        JOIN clients c ON c.id = used.client_id AND c.managed_by IS DISTINCT FROM 'latchkey'), '[]'::jsonb) AS apps`)
  if (row === undefined) throw new Error('a statement without FROM gave no row')
  counts.counted += sessions.length
  addHanging(counts, row)
  for (const { accountId } of sessions) counts.accounts.set(accountId, (counts.accounts.get(accountId) ?? 0) + 1)
  for (const app of row.apps) {
    counts.apps.set(app.id, { ...app, sessions: app.sessions + (counts.apps.get(app.id)?.sessions ?? 0) })
  }
}

async function shown(
  db: Database,
  { accounts, apps, ...counts }: Counts,
  found: Pick<SessionPreview, 'sessions' | 'more'>,
): Promise<SessionPreview> {
  const all = [...apps.values()].sort((one, other) => other.sessions - one.sessions || (one.id < other.id ? -1 : 1))
  return {
    ...found,
    ...counts,
    accounts: accounts.size,
    logoutNotifications: all.filter(({ told }) => told).reduce((sum, { sessions }) => sum + sessions, 0),
    people: (await mostPeople(db, accounts, MOST_NAMES)).map(({ many, ...person }) => ({ ...person, sessions: many })),
    clients: all.slice(0, MOST_NAMES).map(({ id, name, sessions }) => ({ id, name, sessions })),
  }
}
