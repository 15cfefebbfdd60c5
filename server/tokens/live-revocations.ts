// The revocations in force, as administrators look at them: what was ended, why, and until when that has to be remembered.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import type { RevocationKind } from './revocations.ts'

/** A revocation in force. */
export interface LiveRevocation {
  /** In the order of commits. */
  readonly sequence: number
  readonly kind: RevocationKind
  readonly value: string
  /** Only tokens issued until then are dead; left out: all. */
  readonly before?: Date
  /** When the last token concerned has expired. */
  readonly until: Date
  /** A word: `session_revoked` … */
  readonly reason: string
  readonly createdAt: Date
}

/** By what tokens are named. */
export interface RevocationName {
  readonly kind: RevocationKind
  readonly value: string
}

/** Which ones are wanted, the latest first. */
export interface LiveRevocationQuery {
  /** Those that name one of these; left out: all. */
  readonly names?: readonly RevocationName[]
  readonly limit: number
  /** Only those with a smaller number. */
  readonly beforeSequence?: number
}

/** Reads them. */
export async function readLiveRevocations(
  db: Database,
  { names, limit, beforeSequence }: LiveRevocationQuery,
): Promise<LiveRevocation[]> {
  const rows = await db.$queryRaw<
    (Omit<LiveRevocation, 'sequence' | 'before'> & { sequence: bigint; before: Date | null })[]
  >(Prisma.sql`
    SELECT sequence, kind, value, before, until, reason, created_at AS "createdAt" FROM revocations
    WHERE until > latchkey_now() AND ${beforeSequence === undefined ? Prisma.sql`true` : Prisma.sql`sequence < ${beforeSequence}`}
      AND ${names === undefined ? Prisma.sql`true` : isNamed(names)}
    ORDER BY sequence DESC LIMIT ${limit}`)
  return rows.map(({ sequence, before, ...row }) => ({
    ...row,
    sequence: Number(sequence),
    ...(before === null ? {} : { before }),
  }))
}

function isNamed(names: readonly RevocationName[]): Prisma.Sql {
  return Prisma.sql`(kind, value) IN (
    SELECT * FROM unnest(${names.map(({ kind }) => kind)}::text[], ${names.map(({ value }) => value)}::text[]))`
}
