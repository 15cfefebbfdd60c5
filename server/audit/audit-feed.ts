// The audit log in the order of its chain, for whoever follows it: in that order nothing ever comes to light behind what was told
// already, so that a listener can go on from where it was without missing an event or getting one twice.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { type AuditEntry, ENTRY_COLUMNS, type EntryRow, entryOf } from './audit-entry.ts'
import type { AuditHead } from './chain.ts'

/** A place in the chain: a seal, and how many of its events were told. */
export interface FeedPlace {
  readonly seal: bigint
  readonly position: number
  /**
   * The first characters of the seal's digest: a database that was put back gives the same numbers to other seals. Not of a place in front
   * of the first seal, nor of one that was told before places had it.
   */
  readonly digest?: string
}

/** An event, and the place behind it. */
export interface FedEntry {
  readonly entry: AuditEntry
  readonly place: FeedPlace
}

/** Follows the log. */
export interface AuditFeed {
  /** What comes after a place; less than the limit only when there is no more. */
  after(place: FeedPlace, limit: number): Promise<FedEntry[]>
  /** Behind the last event that has a seal. */
  end(): Promise<FeedPlace>
  /** The last seal; undefined when there is none. */
  head(): Promise<AuditHead | undefined>
  /** The first place from which nothing is missing. */
  beginning(): Promise<FeedPlace>
  /** The first characters of a seal's digest; undefined when there is no such seal. */
  digestOf(seal: bigint): Promise<string | undefined>
}

/** Seals that are read at a time: each has one event or more. */
const SEALS_AT_ONCE = 50

/** In hexadecimal: so many characters of a digest stand in a place. */
const DIGEST = Prisma.sql`left(encode(digest, 'hex'), 12)`

/** Makes it. */
export function createAuditFeed({ db }: { readonly db: Database }): AuditFeed {
  return {
    async after(place, limit) {
      const told: FedEntry[] = []
      let at = place
      while (told.length < limit) {
        const some = await selectAfter(db, at, limit - told.length)
        const last = some.at(-1)
        if (last === undefined) break
        told.push(...some)
        at = last.place
      }
      return told
    },

    async end() {
      const rows = await db.$queryRaw<FeedPlace[]>(Prisma.sql`
        SELECT number AS seal, cardinality(event_ids) AS position, ${DIGEST} AS digest
        FROM audit_seals ORDER BY number DESC LIMIT 1`)
      return rows[0] ?? { seal: 0n, position: 0 }
    },

    async head() {
      const rows = await db.$queryRaw<AuditHead[]>(
        Prisma.sql`SELECT number, digest FROM audit_seals ORDER BY number DESC LIMIT 1`,
      )
      return rows[0]
    },

    async beginning() {
      const rows = await db.$queryRaw<{ seal: bigint }[]>(Prisma.sql`
        SELECT max(number) AS seal FROM audit_seals WHERE removed_at IS NOT NULL HAVING max(number) IS NOT NULL`)
      return { seal: rows[0]?.seal ?? 0n, position: 0 }
    },

    async digestOf(seal) {
      const rows = await db.$queryRaw<{ digest: string }[]>(
        Prisma.sql`SELECT ${DIGEST} AS digest FROM audit_seals WHERE number = ${seal}`,
      )
      return rows[0]?.digest
    },
  }
}

/**
 * From where a listener goes on: from now when it names no place. `unreadable`: it names none of ours; `gone`: what comes after the
 * place is not all there any more, or never was, or the place is one of a log that was put back to an earlier state since.
 */
export async function placeToGoOn(
  feed: Pick<AuditFeed, 'end' | 'beginning' | 'digestOf'>,
  named: string | undefined,
): Promise<FeedPlace | 'unreadable' | 'gone'> {
  const end = await feed.end()
  if (named === undefined || named === '') return end
  const place = readPlace(named)
  if (place === undefined) return 'unreadable'
  const { seal } = await feed.beginning()
  if (place.seal > end.seal || place.seal < seal) return 'gone'
  return place.digest === undefined || place.digest === (await feed.digestOf(place.seal)) ? place : 'gone'
}

/** A place as text: `1042-17-9f2c41d07ab3`. */
export function placeText({ seal, position, digest }: FeedPlace): string {
  return [seal, position, ...(digest === undefined ? [] : [digest])].join('-')
}

/** Reads a place; undefined when it is none. */
export function readPlace(text: string): FeedPlace | undefined {
  const [, seal, position, digest] = /^(\d{1,18})-(\d{1,6})(?:-([0-9a-f]{12}))?$/.exec(text) ?? []
  if (seal === undefined) return undefined
  return { seal: BigInt(seal), position: Number(position), ...(digest === undefined ? {} : { digest }) }
}

async function selectAfter(db: Database, { seal, position }: FeedPlace, limit: number): Promise<FedEntry[]> {
  type Row = EntryRow & { readonly seal: bigint; readonly position: bigint; readonly digest: string }
  const rows = await db.$queryRaw<Row[]>(Prisma.sql`
    SELECT ${ENTRY_COLUMNS}, t.seal, t.position, t.digest
    FROM (SELECT s.number AS seal, i.id, i.position, ${DIGEST} AS digest
          FROM (SELECT * FROM audit_seals WHERE number >= ${seal} ORDER BY number LIMIT ${SEALS_AT_ONCE}) s
          CROSS JOIN LATERAL unnest(s.event_ids) WITH ORDINALITY AS i (id, position)
          WHERE (s.number, i.position) > (${seal}, ${position}) ORDER BY s.number, i.position LIMIT ${limit}) t
    JOIN audit_events e ON e.id = t.id ORDER BY t.seal, t.position`)
  return rows.map(({ seal: number, position: at, digest, ...row }) => ({
    entry: entryOf(row),
    place: { seal: number, position: Number(at), digest },
  }))
}
