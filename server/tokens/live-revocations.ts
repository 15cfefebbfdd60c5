// The revocations in force, as administrators look at them: what was ended, why, and until when that has to be remembered.
import { Prisma } from '../../prisma/client/client.ts'
import { type Database, LONG_TRANSACTION_MS, type Transaction } from '../storage/postgres.ts'
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

/** A revocation in force, with the event of the audit log that was written in the same transaction. */
export interface ExplainedRevocation extends LiveRevocation {
  /** Undefined when nobody did it, or the log has been restored or has forgotten it. */
  readonly by?: {
    readonly event: string
    /** An account's id, a client's id or `system`. */
    readonly actor?: string
    /** In the words of the one who did it. */
    readonly reason?: string
  }
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

/** Which ones are wanted by whoever looks through all of them. */
export interface RevocationPage {
  /** Only those that name one of these. */
  readonly names?: readonly RevocationName[]
  readonly kind?: RevocationKind
  readonly value?: string
  readonly limit: number
  /** Only those with a smaller number. */
  readonly beforeSequence?: number
}

/** Reads them, the latest first, and who is behind each. */
export async function pageRevocations(
  db: Database,
  { names, kind, value, limit, beforeSequence }: RevocationPage,
): Promise<ExplainedRevocation[]> {
  const conditions = [
    Prisma.sql`r.until > latchkey_now()`,
    ...(names === undefined ? [] : [isNamed(names)]),
    ...(kind === undefined ? [] : [Prisma.sql`r.kind = ${kind}`]),
    ...(value === undefined ? [] : [Prisma.sql`r.value = ${value}`]),
    ...(value === undefined || kind !== undefined
      ? []
      : [Prisma.sql`r.kind IN ('jti', 'sid', 'grant_id', 'sub', 'client_id', 'kid')`]),
    ...(beforeSequence === undefined ? [] : [Prisma.sql`r.sequence < ${beforeSequence}`]),
  ]
  const rows = await db.$queryRaw<ExplainedRow[]>(Prisma.sql`
    SELECT r.sequence, r.kind, r.value, r.before, r.until, r.reason, r.created_at AS "createdAt",
      e.name AS event, e.actor, e.reason AS why
    FROM (SELECT *, xmin AS transaction FROM revocations r WHERE ${Prisma.join(conditions, ' AND ')}
          ORDER BY r.sequence DESC LIMIT ${limit}) r
    LEFT JOIN LATERAL (${EVENT}) e ON true
    ORDER BY r.sequence DESC`)
  return rows.map(({ sequence, before, event, actor, why, ...row }) => ({
    ...row,
    sequence: Number(sequence),
    ...(before === null ? {} : { before }),
    ...(event === null ? {} : { by: { event, ...(actor === null ? {} : { actor }), ...(why === null ? {} : { reason: why }) } }),
  }))
}

interface ExplainedRow extends Omit<LiveRevocation, 'sequence' | 'before'> {
  readonly sequence: bigint
  readonly before: Date | null
  readonly event: string | null
  readonly actor: string | null
  readonly why: string | null
}

/** A transaction that ends something takes no longer, from its event to its revocations, which are its last statement. */
const LONGEST_TRANSACTION = Prisma.sql`make_interval(secs => ${LONG_TRANSACTION_MS / 1000}::float8)`

/**
 * The event that the transaction of the revocation `r` wrote: PostgreSQL itself says which transaction a row is from. That it is
 * about the same thing is asked besides, for rows that were restored, which are all from one; an account's end names its
 * sessions and grants one by one.
 */
const EVENT = Prisma.sql`
  SELECT a.name, a.actor, a.reason FROM audit_events a
  WHERE a.at <= r.created_at AND a.at > r.created_at - ${LONGEST_TRANSACTION} AND a.xmin = r.transaction
    AND (r.value IN (a.session_id, a.grant_id, a.account_id, a.client_id, a.detail->>'jti', a.detail->>'kid', a.detail->>'value')
      OR a.account_id = CASE r.kind
        WHEN 'sid' THEN (SELECT s.account_id FROM sessions s WHERE s.id = r.value)
        WHEN 'grant_id' THEN (SELECT g.account_id FROM grants g WHERE g.id = r.value) END
      OR a.name IN ('everything.ended', 'every_session.ended', 'resource_server.updated', 'resource_server.deleted'))
  ORDER BY a.at DESC, a.id DESC LIMIT 1`

/** Whether all tokens that carry a name are dead for good. */
export async function isRevokedByName(tx: Transaction, { kind, value }: RevocationName): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>(Prisma.sql`
    SELECT 1 FROM revocations WHERE kind = ${kind} AND value = ${value} AND before IS NULL AND until > latchkey_now() LIMIT 1`)
  return rows.length > 0
}

/** Whether an entry that names something of theirs can be about tokens that were issued at a time, or later. */
export function coversTokensOf({ before }: Pick<LiveRevocation, 'before'>, issuedAt: Date): boolean {
  return before === undefined || before.getTime() >= Math.floor(issuedAt.getTime() / 1000) * 1000
}

function isNamed(names: readonly RevocationName[]): Prisma.Sql {
  return Prisma.sql`(kind, value) IN (
    SELECT * FROM unnest(${names.map(({ kind }) => kind)}::text[], ${names.map(({ value }) => value)}::text[]))`
}
