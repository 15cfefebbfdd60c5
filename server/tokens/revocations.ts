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
  /** How long the tokens concerned may still live; when it is left out, as long as a token that is issued now. */
  readonly lifeSeconds?: number
  /** Only tokens issued until now are dead: for what may be given again, such as a client that is registered anew. */
  readonly issuedUntilNow?: boolean
}

/** How far the clocks of two hosts may differ, and how long a request may take, in seconds. */
export const CLOCK_SKEW_SECONDS = 60

/**
 * Writes entries and gives them their numbers; the last statement of the transaction that ends what they name.
 *
 * @param lifeSeconds how long a token that is issued now may still live
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
  const bounded = entries.map((entry) => entry.issuedUntilNow ?? false)
  const lives = entries.map((entry) => (entry.lifeSeconds ?? lifeSeconds) + CLOCK_SKEW_SECONDS)
  const rows = await tx.$queryRaw<{ sequence: bigint }[]>(Prisma.sql`
    WITH counter AS (
      UPDATE revocation_counter SET sequence = sequence + ${entries.length} WHERE id = 1 RETURNING sequence
    ), written AS (
      INSERT INTO revocations (sequence, kind, value, before, until, reason)
      SELECT counter.sequence - ${entries.length} + entry.position, entry.kind, entry.value,
             CASE WHEN entry.bounded THEN date_trunc('second', latchkey_now()) + interval '1 second' END,
             latchkey_now() + make_interval(secs => entry.life), ${reason}
      FROM counter,
        unnest(${kinds}::text[], ${values}::text[], ${lives}::float8[], ${bounded}::boolean[])
          WITH ORDINALITY AS entry (kind, value, life, bounded, position)
    )
    SELECT sequence FROM counter`)
  return Number(rows[0]?.sequence ?? 0n)
}

/** How far the revocations of a database have come. */
export interface RevocationProgress {
  readonly sequence: number
  /** The same for the database and every copy of it. */
  readonly lineage: string
}

export async function selectProgress(db: Database): Promise<RevocationProgress> {
  const { sequence, lineage } = await db.revocationCounter.findUniqueOrThrow({ where: { id: 1 } })
  return { sequence: Number(sequence), lineage }
}

/**
 * Lets the numbers go on after `sequence`, in a database that has come less far: whoever knows entries up to there must not
 * take new ones for old. False when it has come as far.
 */
export async function raiseSequence(tx: Transaction, sequence: number): Promise<boolean> {
  const raised = await tx.$executeRaw(Prisma.sql`
    UPDATE revocation_counter SET sequence = ${sequence} WHERE id = 1 AND sequence < ${sequence}`)
  return raised === 1
}

/** The number of the last revocation. */
export async function currentSequence(db: Transaction | Database): Promise<number> {
  const counter = await db.revocationCounter.findUnique({ where: { id: 1 } })
  return Number(counter?.sequence ?? 0n)
}
