// Removes events that were kept long enough, with the seals over them. That it was done is an event as well.
import { setTimeout as wait } from 'node:timers/promises'
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { recordAudit } from './audit.ts'
import type { AuditKeys } from './chain.ts'

/** How often to look for such events. */
export const TRIM_EVERY_SECONDS = 3600

/**
 * Removes them.
 * @param keptSeconds how long events are kept; the database itself keeps them for 30 days at least
 * @param signal ends it after the batch in progress
 * @returns how many events
 */
export async function trimAuditLog(
  { db, keys, keptSeconds }: { readonly db: Database; readonly keys: AuditKeys; readonly keptSeconds: number },
  signal?: AbortSignal,
): Promise<number> {
  let events = 0
  while (signal?.aborted !== true) {
    const startedAt = performance.now()
    const removed = await removeSome(db, keys, keptSeconds)
    if (removed === undefined) break
    events += removed
    // Half of the time belongs to the others.
    await wait(performance.now() - startedAt, undefined, { ref: false })
  }
  return events
}

/** The events of the oldest seals, a few thousand; undefined when there are none. */
function removeSome(db: Database, keys: AuditKeys, keptSeconds: number): Promise<number | undefined> {
  return db.$transaction(async (tx) => {
    const rows = await tx.$queryRaw<{ events: bigint; number: bigint | null }[]>(Prisma.sql`
      SELECT events, through AS number FROM latchkey_trim_audit_log(${keptSeconds})`)
    const { events = 0n, number = null } = rows[0] ?? {}
    if (number === null) return undefined
    // A statement of its own: the function has just changed the seal.
    const [{ digest }] = await tx.$queryRaw<[{ digest: Uint8Array }]>(
      Prisma.sql`SELECT digest FROM audit_seals WHERE number = ${number}`,
    )
    const proof = keys.removalProof({ number, digest, keptSeconds })
    const detail = { events: Number(events), through_seal: Number(number), kept_seconds: keptSeconds, proof }
    await recordAudit(tx, { name: 'audit_events.removed', actor: 'system', detail })
    return Number(events)
  })
}
