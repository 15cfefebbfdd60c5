// What a look through the whole audit log reads: seals in their order, and events in the order of their ids.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { type AuditHead, EVENT_TEXT } from './chain.ts'

/** Events that are read at a time. */
export const EVENTS_AT_ONCE = 5000

const SEALS_AT_ONCE = 500

/** A seal as it stands. */
export interface Seal extends AuditHead {
  readonly eventIds: readonly bigint[]
  readonly marks: Uint8Array
  readonly mac: Uint8Array
  readonly sealedAt: bigint
  readonly removed: boolean
  readonly now: bigint
}

/** As many as have some thousand events together, one at least. @param after undefined: from the lowest that there is */
export async function selectSeals(db: Database, after: bigint | undefined): Promise<Seal[]> {
  return db.$queryRaw(Prisma.sql`
    SELECT number, event_ids AS "eventIds", marks, digest, mac, (EXTRACT(EPOCH FROM sealed_at) * 1000)::bigint AS "sealedAt",
      removed_at IS NOT NULL AS removed, FLOOR(EXTRACT(EPOCH FROM latchkey_now()) * 1000)::bigint AS now
    FROM (SELECT *, sum(cardinality(event_ids)) OVER (ORDER BY number) AS so_far, row_number() OVER (ORDER BY number) AS place
          FROM (SELECT * FROM audit_seals WHERE ${beyond(Prisma.sql`number`, after)} ORDER BY number LIMIT ${SEALS_AT_ONCE}) next) counted
    WHERE so_far <= ${EVENTS_AT_ONCE} OR place = 1 ORDER BY number`)
}

/** As the walk would find it: the first seal, if it has been removed. */
export async function selectRemovedThrough(db: Database): Promise<bigint | undefined> {
  const rows = await db.$queryRaw<{ number: bigint; removed: boolean }[]>(Prisma.sql`
    SELECT number, removed_at IS NOT NULL AS removed FROM audit_seals ORDER BY number LIMIT 1`)
  return rows[0]?.removed === true ? rows[0].number : undefined
}

/** An event that says that what a seal and those before it sealed was removed. */
export interface SaidRemoval {
  readonly event: bigint
  /** Milliseconds since the epoch; never later than now, whatever the event says. */
  readonly at: bigint
  /** How long it was to be kept; not a number when the event does not say it. */
  readonly keptSeconds: number
  /** That the server wrote it; empty when the event does not show it. */
  readonly proof: string
}

/** Those of a seal. */
export async function selectSaidRemovals(db: Database, number: bigint): Promise<SaidRemoval[]> {
  const rows = await db.$queryRaw<{ event: bigint; at: bigint; kept: string | null; proof: string | null }[]>(Prisma.sql`
    SELECT id AS event, (EXTRACT(EPOCH FROM LEAST(at, latchkey_now())) * 1000)::bigint AS at, detail ->> 'kept_seconds' AS kept,
      detail ->> 'proof' AS proof
    FROM audit_events WHERE name = 'audit_events.removed' AND detail ->> 'through_seal' = ${String(number)} ORDER BY id`)
  return rows.map(({ event, at, kept, proof }) => ({
    event,
    at,
    keptSeconds: Number(kept ?? Number.NaN),
    proof: proof ?? '',
  }))
}

/** An event, as its digest is made of it. */
export interface ReadEvent {
  readonly id: bigint
  readonly text: string
}

/** Some events, by their ids. */
export async function selectEvents(db: Database, ids: readonly bigint[]): Promise<ReadEvent[]> {
  if (ids.length === 0) return []
  return db.$queryRaw(Prisma.sql`SELECT e.id, ${EVENT_TEXT} AS text FROM audit_events e WHERE e.id = ANY(${[...ids]}::bigint[])`)
}

/** The next events by id. @param after undefined: from the lowest that there is, which may be one that no sequence gave */
export async function selectEventsAfter(
  db: Database,
  after: bigint | undefined,
  highest: bigint | undefined,
): Promise<ReadEvent[]> {
  const upTo = highest === undefined ? Prisma.sql`true` : Prisma.sql`e.id <= ${highest}`
  return db.$queryRaw(Prisma.sql`
    SELECT e.id, ${EVENT_TEXT} AS text FROM audit_events e WHERE ${beyond(Prisma.sql`e.id`, after)} AND ${upTo} ORDER BY e.id LIMIT ${EVENTS_AT_ONCE}`)
}

function beyond(column: Prisma.Sql, after: bigint | undefined): Prisma.Sql {
  return after === undefined ? Prisma.sql`true` : Prisma.sql`${column} > ${after}`
}
