// How far those who listen to the revocation list have come, as they say themselves. It is shown to administrators, and nothing is
// decided by it; so it is noted in memory and written once a second.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'

/** What a listener says. */
export interface Acknowledgement {
  readonly clientId: string
  /** One of the client's processes, by a name that it has given itself. */
  readonly instance: string
  /** It refuses tokens by all entries up to this one. */
  readonly sequence: number
}

/** Which listener. */
export type ListenerName = Pick<Acknowledgement, 'clientId' | 'instance'>

/** A listener as it was last heard. */
export interface KnownListener extends Acknowledgement {
  readonly acknowledgedAt: Date
  /** It was not heard for so long that it is gone, or cut off. */
  readonly silent: boolean
}

/** A guard says every half minute that it is there, or every minute where there are thousands; one that has not for so long is gone. */
export const SILENT_SECONDS = 90

/** A listener, and how many revocations it has not applied. */
export interface CountedListener extends KnownListener {
  readonly behind: number
}

/** The acknowledgements of one database. */
export interface Acknowledgements {
  note(acknowledgement: Acknowledgement): void
  /** Forgets a listener that has said that it ends. */
  forget(listener: ListenerName): Promise<void>
  /** Writes what was noted since. */
  write(): Promise<void>
  /** Those that were heard of in the last day; those that are silent last. */
  list(): Promise<KnownListener[]>
  /** The same a page at a time, by client and instance; `after` is the last one of the page before. */
  page(query: {
    readonly clientId?: string
    readonly limit: number
    readonly after?: Pick<KnownListener, 'clientId' | 'instance'>
  }): Promise<CountedListener[]>
}

/** Of more than these it is only said that there are so many which a listener has not applied. */
const MOST_BEHIND = 10_000

/** What is noted between two writes, in all. */
const MOST_NOTED = 10_000

/** Processes of one client that are known of: those that were heard last. A client that makes up names fills nothing. */
const MOST_OF_ONE_CLIENT = 1000

/** Every process writes what it has noted within a second or two. */
const WRITES_AFTER_END = 5

/** Makes them. */
export function createAcknowledgements({ db }: { readonly db: Database }): Acknowledgements {
  let noted = new Map<string, Acknowledgement>()
  /** Those who have ended, and at how many writes they are still looked for: another process may have noted them just before. */
  let ended: { readonly listener: ListenerName; readonly writes: number }[] = []
  return {
    note(acknowledgement) {
      const name = nameOf(acknowledgement)
      if (noted.size < MOST_NOTED || noted.has(name)) noted.set(name, acknowledgement)
    },

    async forget({ clientId, instance }) {
      const listener = { clientId, instance }
      noted.delete(nameOf(listener))
      if (ended.length < MOST_NOTED) ended.push({ listener, writes: WRITES_AFTER_END })
      await removeAll(db, [listener])
    },

    async write() {
      if (ended.length > 0) {
        const gone = ended.map(({ listener }) => listener)
        ended = ended.flatMap(({ listener, writes }) => (writes > 1 ? [{ listener, writes: writes - 1 }] : []))
        await removeAll(db, gone)
      }
      if (noted.size === 0) return
      const batch = noted
      noted = new Map()
      try {
        await writeAll(db, [...batch.values()])
      } catch (error) {
        // They are written with the next batch; what was said since is newer.
        noted = new Map([...batch, ...noted])
        throw error
      }
    },

    async list() {
      const rows = await db.$queryRaw<(Omit<KnownListener, 'sequence'> & { sequence: bigint })[]>(Prisma.sql`
        SELECT ${COLUMNS} FROM revocation_acknowledgements known ORDER BY silent, client_id, instance`)
      return rows.map(({ sequence, ...row }) => ({ ...row, sequence: Number(sequence) }))
    },

    async page({ clientId, limit, after }) {
      // Counted, since numbers are left out where everything has ended.
      const rows = await db.$queryRaw<(Omit<CountedListener, 'sequence'> & { sequence: bigint })[]>(Prisma.sql`
        SELECT ${COLUMNS}, (
          SELECT count(*)::int FROM (
            SELECT FROM revocations r WHERE r.sequence > known.sequence LIMIT ${MOST_BEHIND}) missing) AS behind
        FROM revocation_acknowledgements known
        WHERE ${clientId === undefined ? Prisma.sql`true` : Prisma.sql`client_id = ${clientId}`}
          AND ${after === undefined ? Prisma.sql`true` : Prisma.sql`(client_id, instance) > (${after.clientId}, ${after.instance})`}
        ORDER BY client_id, instance LIMIT ${limit}`)
      return rows.map(({ sequence, ...row }) => ({ ...row, sequence: Number(sequence) }))
    },
  }
}

const COLUMNS = Prisma.sql`client_id AS "clientId", instance, sequence, acknowledged_at AS "acknowledgedAt",
  acknowledged_at < latchkey_now() - make_interval(secs => ${SILENT_SECONDS}) AS silent`

async function writeAll(db: Database, batch: readonly Acknowledgement[]): Promise<void> {
  // In one order, or two processes that write the same rows could wait for each other.
  await db.$executeRaw(Prisma.sql`
    WITH said AS MATERIALIZED (
      SELECT client_id, instance, sequence FROM (
        SELECT *, ROW_NUMBER() OVER (PARTITION BY client_id) AS place
        FROM unnest(${batch.map(({ clientId }) => clientId)}::text[], ${batch.map(({ instance }) => instance)}::text[],
                    ${batch.map(({ sequence }) => sequence)}::bigint[]) AS said (client_id, instance, sequence)
      ) said WHERE place <= ${MOST_OF_ONE_CLIENT}
    ), others AS MATERIALIZED (
      SELECT k.client_id, k.instance, ROW_NUMBER() OVER (PARTITION BY k.client_id ORDER BY k.acknowledged_at DESC, k.instance)
        + (SELECT count(*) FROM said WHERE said.client_id = k.client_id) AS place
      FROM revocation_acknowledgements k
      WHERE k.client_id IN (SELECT client_id FROM said)
        AND NOT EXISTS (SELECT FROM said WHERE said.client_id = k.client_id AND said.instance = k.instance)
    ), forgotten AS (
      -- Who was heard longest ago. Another process may be writing one of them, and is not waited for.
      DELETE FROM revocation_acknowledgements WHERE ctid = ANY(ARRAY(
        SELECT k.ctid FROM revocation_acknowledgements k JOIN others USING (client_id, instance)
        WHERE others.place > ${MOST_OF_ONE_CLIENT} FOR UPDATE OF k SKIP LOCKED))
    )
    INSERT INTO revocation_acknowledgements AS known (client_id, instance, sequence)
    SELECT client_id, instance, sequence FROM said ORDER BY client_id, instance
    ON CONFLICT (client_id, instance) DO UPDATE SET
      sequence = GREATEST(known.sequence, EXCLUDED.sequence), acknowledged_at = latchkey_now()`)
}

async function removeAll(db: Database, listeners: readonly ListenerName[]): Promise<void> {
  await db.$executeRaw(Prisma.sql`
    DELETE FROM revocation_acknowledgements WHERE (client_id, instance) IN (
      SELECT * FROM unnest(${listeners.map(({ clientId }) => clientId)}::text[], ${listeners.map(({ instance }) => instance)}::text[]))`)
}

function nameOf({ clientId, instance }: ListenerName): string {
  return `${clientId} ${instance}`
}
