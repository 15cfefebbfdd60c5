// Puts seals on events after they were committed, so that nobody who writes one waits for the chain. Ids are given before the commit:
// an event with a lower id may come to light after one with a higher. So the sealer takes whatever it sees and has not sealed yet, and
// looks no further back than to where nothing can come any more.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { type AuditHead, type AuditKeys, EVENT_TEXT, eventDigest, marksOf, NOTHING_BEFORE, sealDigest } from './chain.ts'

/** The chain cannot be gone on with; the message says why. */
export class AuditChainBroken extends Error {
  override readonly name = 'AuditChainBroken'
}

/** The sealer of one process; of several processes one works at a time. */
export interface AuditSealer {
  /**
   * Seals what there is. @param signal ends it after the seal in progress
   * @returns how many events
   * @throws AuditChainBroken when the last seal was not made with a key of this server: nothing is put on top of it
   */
  run(signal?: AbortSignal): Promise<number>
}

/** How often to look for events without a seal. */
export const SEAL_EVERY_SECONDS = 2

/** Events under one seal: some ten milliseconds of work. */
const MOST_AT_ONCE = 1000

/** Makes it. */
export function createAuditSealer(deps: {
  readonly db: Database
  readonly keys: AuditKeys
  /** Told of the first seal of a day (UTC). Written down elsewhere, it shows whether the end of the log was cut off. */
  readonly headOfDay?: (head: AuditHead) => void
}): AuditSealer {
  return {
    async run(signal) {
      let events = 0
      while (signal?.aborted !== true && (await isThereAny(deps.db))) {
        const sealed = await deps.db.$transaction((tx) => sealSome(tx, deps.keys))
        if (sealed === undefined) break
        events += sealed.events
        if (sealed.firstOfDay) deps.headOfDay?.(sealed.head)
        if (sealed.events < MOST_AT_ONCE) break
      }
      return events
    },
  }
}

/** Looked at without a lock: mostly there is nothing. */
async function isThereAny(db: Database): Promise<boolean> {
  const rows = await db.$queryRaw<{ any: boolean }[]>(Prisma.sql`SELECT EXISTS ${unsealed(1, SEALED_BEYOND)} AS any`)
  return rows[0]?.any === true
}

/**
 * The lowest ids of events without a seal, at least so many if there are. Of those above the watermark no more than are known to have a
 * seal can have one: so it costs no more than both numbers are large, however much is waiting.
 * @param sealed how many above the watermark have one
 */
export function unsealed(most: number, sealed: number | Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
  (SELECT id FROM (
     SELECT id FROM audit_events WHERE id > (SELECT watermark FROM audit_sealing WHERE id = 1) ORDER BY id LIMIT ${most}::int + ${sealed}::int) lowest
   EXCEPT SELECT unnest(beyond) FROM audit_sealing WHERE id = 1)`
}

/** How many above the watermark have a seal, for whoever has not read the state. */
export const SEALED_BEYOND = Prisma.sql`(SELECT cardinality(beyond) FROM audit_sealing WHERE id = 1)`

interface SealedSome {
  readonly events: number
  readonly head: AuditHead
  readonly firstOfDay: boolean
}

/** Undefined when there is nothing to do, or another process is at it. */
async function sealSome(tx: Transaction, keys: AuditKeys): Promise<SealedSome | undefined> {
  // How far ids have come is read first, before this transaction has a number: whatever has such an id had its number before, so a
  // lower one. (What a snapshot names as its end would not do: it is where transactions have ended, and some beyond are under way.)
  const reached = await selectReached(tx)
  const state = await lockState(tx)
  if (state === undefined) return undefined
  const found = await selectEvents(tx, state.beyond.length)
  const [first] = found
  if (first === undefined) return undefined
  const before = await selectLast(tx)
  if (before !== undefined && !keys.made(before)) {
    throw new AuditChainBroken(
      `seal ${before.number} of the audit log was not made with a key of ENCRYPTION_KEY: see "latchkey audit verify", and put a key that was taken away back, behind the others`,
    )
  }
  const number = (before?.number ?? 0n) + 1n
  const eventIds = found.map(({ id }) => id)
  const eventDigests = found.map(({ text }) => eventDigest(text))
  const digest = sealDigest({ number, sealedAt: first.now, previous: before?.digest ?? NOTHING_BEFORE, eventIds, eventDigests })
  await tx.$executeRaw(Prisma.sql`
    INSERT INTO audit_seals (number, first_id, last_id, event_ids, marks, digest, mac, sealed_at)
    VALUES (${number}, ${eventIds[0]}, ${eventIds.at(-1)}, ${eventIds}::bigint[], ${marksOf(eventDigests)}, ${digest},
      ${keys.mac({ number, sealedAt: first.now, digest })}, ${new Date(Number(first.now))})`)
  await writeState(tx, nextState({ ...state, reached }, first, eventIds))
  const firstOfDay = before === undefined || dayOf(before.sealedAt) !== dayOf(first.now)
  return { events: found.length, head: { number, digest }, firstOfDay }
}

/** How far the sealer has come. */
export interface SealingState {
  readonly watermark: bigint
  readonly beyond: readonly bigint[]
  readonly candidate: bigint
  readonly candidateXid: bigint
}

/** The transaction of a round, by its own number and by the lowest that was under way when it read the events. */
export interface SealingRound {
  readonly xid: bigint
  readonly xmin: bigint
}

/**
 * How far it has come once these events, the lowest there were, have their seal.
 * @param state with the highest id that had been given before the round had a number
 */
export function nextState(
  state: SealingState & { readonly reached: bigint },
  round: SealingRound,
  ids: readonly bigint[],
): SealingState {
  // A database whose rows were copied into another cluster begins its transactions anew, and the ids that no row has: what was waited for is
  // nothing that can be waited for.
  const isElsewhere = round.xid < state.candidateXid || state.reached < state.candidate
  const isThere = !isElsewhere && round.xmin >= state.candidateXid
  // Whoever took no more than fitted knows of nothing above. And no further than where there is an event: ids that were never kept may be
  // given again.
  const known = [...ids.slice(-1), ...(ids.length < MOST_AT_ONCE ? state.beyond : [])].reduce(max, 0n)
  const watermark = isThere ? max(state.watermark, min(state.candidate, known)) : state.watermark
  const beyond = [...state.beyond, ...ids].filter((id) => id > watermark)
  return isThere || isElsewhere
    ? { watermark, beyond, candidate: state.reached, candidateXid: round.xid }
    : { watermark, beyond, candidate: state.candidate, candidateXid: state.candidateXid }
}

function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}

async function selectReached(tx: Transaction): Promise<bigint> {
  const [{ reached }] = await tx.$queryRaw<[{ reached: bigint }]>(
    Prisma.sql`SELECT COALESCE(pg_sequence_last_value('audit_events_id_seq'), 0) AS reached`,
  )
  return reached
}

async function lockState(tx: Transaction): Promise<SealingState | undefined> {
  const rows = await tx.$queryRaw<SealingState[]>(Prisma.sql`
    SELECT watermark, beyond, candidate, candidate_xid AS "candidateXid" FROM audit_sealing WHERE id = 1 FOR UPDATE SKIP LOCKED`)
  return rows[0]
}

interface FoundEvent extends SealingRound {
  readonly id: bigint
  readonly text: string
  /** Milliseconds since the epoch. */
  readonly now: bigint
}

async function selectEvents(tx: Transaction, sealed: number): Promise<FoundEvent[]> {
  return tx.$queryRaw(Prisma.sql`
    SELECT e.id, ${EVENT_TEXT} AS text, FLOOR(EXTRACT(EPOCH FROM latchkey_now()) * 1000)::bigint AS now,
      pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin, pg_current_xact_id()::text::bigint AS xid
    FROM (${unsealed(MOST_AT_ONCE, sealed)} ORDER BY id LIMIT ${MOST_AT_ONCE}) AS unsealed JOIN audit_events e USING (id) ORDER BY e.id`)
}

async function writeState(tx: Transaction, { watermark, beyond, candidate, candidateXid }: SealingState): Promise<void> {
  await tx.$executeRaw(Prisma.sql`
    UPDATE audit_sealing SET watermark = ${watermark}, beyond = ${[...beyond]}::bigint[], candidate = ${candidate},
      candidate_xid = ${candidateXid} WHERE id = 1`)
}

interface LastSeal extends AuditHead {
  readonly mac: Uint8Array
  readonly sealedAt: bigint
}

async function selectLast(tx: Transaction): Promise<LastSeal | undefined> {
  const rows = await tx.$queryRaw<LastSeal[]>(Prisma.sql`
    SELECT number, digest, mac, (EXTRACT(EPOCH FROM sealed_at) * 1000)::bigint AS "sealedAt"
    FROM audit_seals ORDER BY number DESC LIMIT 1`)
  return rows[0]
}

function dayOf(milliseconds: bigint): bigint {
  return milliseconds / 86_400_000n
}
