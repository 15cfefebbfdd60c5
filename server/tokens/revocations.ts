// Revocations: what was ended before its time. Whoever ends something writes its entries here in the same transaction.
// The order of entries is the order of commits, since the number comes from one row whose lock is held to the commit.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database, Transaction } from '../storage/postgres.ts'

/** The claim (or header) of a token by which an entry names it. */
export type RevocationKind = 'jti' | 'sid' | 'grant_id' | 'sub' | 'client_id' | 'kid'

/** A token is dead when its `kind` equals `value`. */
export interface RevocationEntry {
  readonly kind: RevocationKind
  readonly value: string
  /** How long the tokens concerned may still live; when it is left out, as long as any token does. */
  readonly lifeSeconds?: number
  /** When the one token concerned expires, in seconds since the epoch, as it says itself. */
  readonly expiresAt?: number
  /** Only tokens issued until now are dead: for what may be given again, such as a client that is registered anew. */
  readonly issuedUntilNow?: boolean
  /** With `issuedUntilNow`: for so many seconds more a process that has not heard of it may still issue such tokens. */
  readonly stillIssuedSeconds?: number
}

/**
 * How far behind a process may be with what it keeps in memory of clients, in seconds: beyond that it answers none of them. A
 * token that is made of nothing but that memory is made that much later at most.
 */
export const REGISTRY_LAG_SECONDS = 10

/** How far the clocks of two hosts may differ, and how long a request may take, in seconds. */
export const CLOCK_SKEW_SECONDS = 60

/** A life that is in use is noted so far ahead, and again when less is left of that: once in a while, and not at each token. */
const NOTED_AHEAD_SECONDS = 60
/** A process that could not note it for REGISTRY_LAG_SECONDS issues nothing; as long again is for what it was just issuing. */
const LEAST_AHEAD_SECONDS = 2 * REGISTRY_LAG_SECONDS

/**
 * Notes that access tokens are issued, from now on and for the next seconds, that live for so long. Whoever ends something is one of
 * two: it is done before this is, and no token is issued any more; or it finds this noted, whatever its own settings are. Nothing is
 * taken back: a life that is no longer in use is forgotten when the last token has expired.
 */
export async function noteAccessTokenLife(db: Database, lifeSeconds: number): Promise<void> {
  const ahead = (seconds: number) => Prisma.sql`latchkey_now() + make_interval(secs => ${lifeSeconds + seconds})`
  const [row] = await db.$queryRaw<{ noted: boolean }[]>(Prisma.sql`
    SELECT access_tokens_until >= ${ahead(LEAST_AHEAD_SECONDS)} AS noted FROM revocation_counter WHERE id = 1`)
  if (row?.noted === true) return
  await db.$executeRaw(Prisma.sql`
    UPDATE revocation_counter SET access_tokens_until = ${ahead(NOTED_AHEAD_SECONDS)}
    WHERE id = 1 AND access_tokens_until < ${ahead(NOTED_AHEAD_SECONDS)}`)
}

/**
 * Writes entries and gives them their numbers; the last statement of the transaction that ends what they name. They are kept for as
 * long as any token may live that was issued by whatever process: that stands in the row whose lock this takes, so that it is read
 * as it is when nobody else can change it.
 *
 * @param lifeSeconds how long the tokens of this process live: its clock may have jumped since it was noted
 * @returns the number of the last entry; that of the last revocation of all when there was nothing to write
 */
export async function writeRevocations(
  tx: Transaction,
  entries: readonly RevocationEntry[],
  { lifeSeconds, reason }: { readonly lifeSeconds: number; readonly reason: string },
): Promise<number> {
  if (entries.length === 0) return currentSequence(tx)
  const kinds = entries.map((entry) => entry.kind)
  const values = entries.map((entry) => entry.value)
  const bounded = entries.map((entry) => (entry.issuedUntilNow ? 1 + (entry.stillIssuedSeconds ?? 0) : null))
  const lives = entries.map((entry) => entry.lifeSeconds ?? null)
  const expiries = entries.map((entry) => entry.expiresAt ?? null)
  const rows = await tx.$queryRaw<{ sequence: bigint }[]>(Prisma.sql`
    WITH counter AS (
      UPDATE revocation_counter SET sequence = sequence + ${entries.length} WHERE id = 1
      RETURNING sequence, GREATEST(access_tokens_until, latchkey_now() + make_interval(secs => ${lifeSeconds})) AS tokens_until
    ), written AS (
      INSERT INTO revocations (sequence, kind, value, before, until, reason)
      SELECT counter.sequence - ${entries.length} + entry.position, entry.kind, entry.value,
             date_trunc('second', latchkey_now()) + make_interval(secs => entry.bound),
             COALESCE(to_timestamp(entry.expiry), latchkey_now() + make_interval(secs => entry.life), counter.tokens_until)
               + make_interval(secs => ${CLOCK_SKEW_SECONDS}), ${reason}
      FROM counter,
        unnest(${kinds}::text[], ${values}::text[], ${lives}::float8[], ${expiries}::float8[], ${bounded}::float8[])
          WITH ORDINALITY AS entry (kind, value, life, expiry, bound, position)
    )
    SELECT sequence, pg_notify(${REVOCATIONS_CHANNEL}, sequence::text)::text AS told FROM counter`)
  return Number(rows[0]?.sequence ?? 0n)
}

/** The row of which the numbers are, locked to the end of the transaction: nobody else writes entries meanwhile. */
export async function lockRevocationCounter(tx: Transaction): Promise<void> {
  await tx.$queryRaw(Prisma.sql`SELECT sequence FROM revocation_counter WHERE id = 1 FOR UPDATE`)
}

/**
 * Whether the second has begun that comes after the moment which the last `count` entries up to `sequence` name, the time aside for
 * which other processes may not have heard of it: that time begins with the commit.
 */
export async function isOutrun(db: Database, sequence: number, count: number): Promise<boolean> {
  const [row] = await db.$queryRaw<{ outrun: boolean }[]>(Prisma.sql`
    SELECT EXISTS (SELECT 1 FROM revocations
      WHERE sequence > ${sequence - count} AND sequence <= ${sequence} AND before IS NOT NULL
        AND date_trunc('second', created_at - interval '1 millisecond') + interval '1 second' < date_trunc('second', latchkey_now())) AS outrun`)
  return row?.outrun === true
}

/** Where PostgreSQL tells of new entries, when the transaction that wrote them commits. */
export const REVOCATIONS_CHANNEL = 'latchkey_revocations'

/** An entry as it was written. Times are whole seconds since the epoch, as in tokens. */
export interface WrittenRevocation {
  /** In the order of commits. */
  readonly sequence: number
  readonly kind: RevocationKind
  readonly value: string
  /** Only tokens issued at or before this are dead; without it, all. */
  readonly before?: number
  /** When the last token concerned has expired: from then on the entry says nothing. */
  readonly until: number
  /** When it was written, with fractions: so that whoever hears of it can tell how long that took. */
  readonly at: number
}

/**
 * The moment that an entry which was written at `at` names, the time aside for which other processes may not have heard of it. `at` is
 * rounded to milliseconds, maybe to the second after the one in which it was written.
 */
export function momentOf(at: number): number {
  return Math.floor(at - 0.001) + 1
}

/** Some of the entries that were written after a certain one. */
export interface RevocationsRead {
  /** Everything up to this number is known now. */
  readonly sequence: number
  /** In their order; those that say nothing any more are left out. */
  readonly entries: readonly WrittenRevocation[]
  /** The number of the last entry of all. */
  readonly newest: number
  /** PostgreSQL's time, in seconds since the epoch. */
  readonly now: number
  /** The number of the entry that was known is another entry's now: the database was put back, and has gone on. */
  readonly isAnother: boolean
}

/** Reads the entries that were written after the one with the number `after`, `most` of them at a time. `known` is one from before. */
export async function readRevocations(
  db: Database,
  after: number,
  most: number,
  known?: WrittenRevocation,
): Promise<RevocationsRead> {
  // One snapshot: the counter is raised in the transaction that writes the entries, so all up to it are there to be read.
  const rows = await db.$queryRaw<ReadRow[]>(Prisma.sql`
    SELECT c.sequence AS newest, EXTRACT(EPOCH FROM latchkey_now())::float8 AS now, r.sequence, r.kind, r.value,
      EXTRACT(EPOCH FROM r.before)::float8 AS before, CEIL(EXTRACT(EPOCH FROM r.until))::float8 AS until,
      EXTRACT(EPOCH FROM r.created_at)::float8 AS at,
      ${existsAnother(known)} AS "isAnother"
    FROM revocation_counter c LEFT JOIN LATERAL (
      SELECT sequence, kind, value, before, until, created_at FROM revocations
      WHERE sequence > ${after} AND until > latchkey_now() ORDER BY sequence LIMIT ${most}
    ) r ON true
    WHERE c.id = 1 ORDER BY r.sequence`)
  const newest = Number(rows[0]?.newest ?? 0n)
  const entries = rows.flatMap(entryOf)
  const complete = entries.length < most
  return {
    sequence: complete ? newest : (entries.at(-1)?.sequence ?? newest),
    entries,
    newest,
    now: rows[0]?.now ?? 0,
    isAnother: rows[0]?.isAnother ?? false,
  }
}

interface ReadRow {
  readonly newest: bigint
  readonly now: number
  readonly isAnother: boolean
  readonly sequence: bigint | null
  readonly kind: RevocationKind
  readonly value: string
  readonly before: number | null
  readonly until: number
  readonly at: number
}

function entryOf({ sequence, kind, value, before, until, at }: ReadRow): WrittenRevocation[] {
  if (sequence === null) return []
  return [{ sequence: Number(sequence), kind, value, ...(before === null ? {} : { before }), until, at }]
}

/** How far the revocations of a database have come. */
export interface RevocationProgress {
  readonly sequence: number
  /** The same for the database and every copy of it. */
  readonly lineage: string
  /** The last entry that is there. */
  readonly newest?: NumberedRevocation
}

/** An entry, and the number that it has for good. */
export type NumberedRevocation = Pick<WrittenRevocation, 'sequence' | 'kind' | 'value'>

/** Reads it. */
export async function selectProgress(db: Database): Promise<RevocationProgress> {
  const [row] = await db.$queryRaw<
    { sequence: bigint; lineage: string; entry: bigint | null; kind: RevocationKind; value: string }[]
  >(Prisma.sql`
    SELECT c.sequence, c.lineage, r.sequence AS entry, r.kind, r.value FROM revocation_counter c
    LEFT JOIN LATERAL (SELECT sequence, kind, value FROM revocations ORDER BY sequence DESC LIMIT 1) r ON true WHERE c.id = 1`)
  if (row === undefined) throw new Error('the row that counts revocations is not there: the database was not migrated')
  const { sequence, lineage, entry, kind, value } = row
  return { sequence: Number(sequence), lineage, ...(entry === null ? {} : { newest: { sequence: Number(entry), kind, value } }) }
}

/** Whether the number of an entry that was known is another entry's now: the database was put back, and has gone on. */
export async function isAnother(db: Database, known: NumberedRevocation): Promise<boolean> {
  const [row] = await db.$queryRaw<{ another: boolean }[]>(Prisma.sql`SELECT ${existsAnother(known)} AS another`)
  return row?.another === true
}

function existsAnother(known: NumberedRevocation | undefined): Prisma.Sql {
  return Prisma.sql`EXISTS (SELECT 1 FROM revocations k WHERE k.sequence = ${known?.sequence ?? 0}
    AND (k.kind, k.value) IS DISTINCT FROM (${known?.kind ?? ''}, ${known?.value ?? ''}))`
}

/** More revocations than anybody has between a backup and its restore, and so few that the numbers never end. */
const STRETCH = 1_000_000_000

/** Where the stretch begins that comes after the one of a number. */
export function nextStretch(sequence: number): number {
  return (Math.floor(sequence / STRETCH) + 1) * STRETCH
}

/**
 * Lets the numbers go on in a new stretch. A database that was put back gives numbers again that others know already, and they must
 * not take the new entries for the old ones: how many it has lost nobody can say, so it leaves out more than it can have lost.
 * @param ifBehind only in a database that has not come as far; false when it has
 */
export async function beginStretch(tx: Transaction, ifBehind?: number): Promise<boolean> {
  const begun = await tx.$executeRaw(Prisma.sql`
    UPDATE revocation_counter
    SET sequence = (GREATEST(sequence, ${ifBehind ?? 0}::bigint) / ${STRETCH}::bigint + 1) * ${STRETCH}::bigint
    WHERE id = 1 AND (${ifBehind === undefined} OR sequence < ${ifBehind ?? 0}::bigint)`)
  return begun === 1
}

/** The number of the last revocation. */
export async function currentSequence(db: Transaction | Database): Promise<number> {
  const counter = await db.revocationCounter.findUnique({ where: { id: 1 } })
  return Number(counter?.sequence ?? 0n)
}
