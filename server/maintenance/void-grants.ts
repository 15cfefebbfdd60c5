// Ends the rows of grants that are void because their client was suspended, deleted or compromised. Nothing hangs on when that
// happens: every answer looks whether a grant is void. It is done in the background since there may be a hundred thousand, a few
// at a time, and goes on after a crash.
import { setTimeout as wait } from 'node:timers/promises'
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { CLIENT_ENDED } from '../tokens/standing.ts'

/** Ends void grants, and removes what is left of what was deleted. */
export interface VoidGrants {
  /** Does all there is to do. @param signal ends it after the batch in progress */
  run(signal?: AbortSignal): Promise<{ readonly ended: number; readonly removed: number }>
}

/** How often to look for some. */
export const VOID_GRANTS_EVERY_SECONDS = 5

/** What is empty is in nobody's way: it is looked for once a minute. */
const RUNS_PER_REMOVAL = 12

/** Rows of a batch: some ten milliseconds of work. */
const BATCH_ROWS = 500

/** Ids that are looked for at a time: finding them reads all grants of the client. */
const IDS_AT_ONCE = 20_000

/** Makes it. */
export function createVoidGrants({ db }: { readonly db: Database }): VoidGrants {
  let runs = 0
  return {
    async run(signal) {
      let ended = 0
      for (const client of await selectClientsWithVoidRows(db)) {
        for (;;) {
          const ids = await selectVoidGrants(db, client)
          for (let at = 0; at < ids.length; at += BATCH_ROWS) {
            if (signal?.aborted === true) return { ended, removed: 0 }
            const startedAt = performance.now()
            ended += await endBatch(db, ids.slice(at, at + BATCH_ROWS))
            // Half of the time belongs to the others.
            await wait(performance.now() - startedAt, undefined, { ref: false })
          }
          if (ids.length < IDS_AT_ONCE) break
        }
        await deleteConsentsOfDeleted(db, client)
        await noteDone(db, client)
      }
      const removed = runs % RUNS_PER_REMOVAL === 0 ? await removeEmptied(db) : 0
      runs += 1
      return { ended, removed }
    },
  }
}

interface VoidClient {
  readonly id: string
  readonly voidUntil: Date
}

async function selectClientsWithVoidRows(db: Database): Promise<VoidClient[]> {
  return db.$queryRaw(Prisma.sql`
    SELECT id, void_until AS "voidUntil" FROM clients WHERE void_rows AND void_until IS NOT NULL ORDER BY id`)
}

async function selectVoidGrants(db: Database, { id, voidUntil }: VoidClient): Promise<string[]> {
  const rows = await db.$queryRaw<{ id: string }[]>(Prisma.sql`
    SELECT id FROM grants WHERE client_id = ${id} AND ended_at IS NULL AND created_at <= ${voidUntil}::timestamptz
    LIMIT ${IDS_AT_ONCE}`)
  // In the order in which others lock them.
  return rows.map((row) => row.id).sort()
}

/** One short transaction: grants, then families, each in the order of their ids. */
async function endBatch(db: Database, ids: readonly string[]): Promise<number> {
  return db.$executeRaw(Prisma.sql`
    WITH locked AS MATERIALIZED (
      SELECT id FROM grants WHERE id = ANY(${[...ids]}::text[]) AND ended_at IS NULL ORDER BY id FOR UPDATE
    ), families AS MATERIALIZED (
      SELECT id FROM refresh_families WHERE grant_id = ANY(ARRAY(SELECT id FROM locked)) AND ended_at IS NULL ORDER BY id FOR UPDATE
    ), ended AS (
      UPDATE refresh_families SET ended_at = latchkey_now(), end_reason = ${CLIENT_ENDED}, successor = NULL
      WHERE id IN (SELECT id FROM families) AND ended_at IS NULL
    )
    UPDATE grants SET ended_at = latchkey_now(), end_reason = ${CLIENT_ENDED} WHERE id IN (SELECT id FROM locked)`)
}

/** People agreed to a client that is no more. */
async function deleteConsentsOfDeleted(db: Database, { id }: VoidClient): Promise<void> {
  let deleted: number
  do {
    deleted = await db.$executeRaw(Prisma.sql`
      DELETE FROM consents WHERE (account_id, client_id) IN (
        SELECT k.account_id, k.client_id FROM consents k JOIN clients c ON c.id = k.client_id
        WHERE k.client_id = ${id} AND (c.status = 'deleted' OR k.given_at < c.created_at) LIMIT ${BATCH_ROWS})`)
  } while (deleted === BATCH_ROWS)
}

/** Unless more has become void meanwhile. */
async function noteDone(db: Database, { id, voidUntil }: VoidClient): Promise<void> {
  await db.$executeRaw(Prisma.sql`
    UPDATE clients SET void_rows = false WHERE id = ${id} AND void_until = ${voidUntil}::timestamptz`)
}

/** The rows that deleted accounts and clients left, once the purge has removed what hung from them. */
async function removeEmptied(db: Database): Promise<number> {
  // Looked for first: a statement that changes clients makes every process read them again, though it changes none.
  const rows = await db.$queryRaw<{ id: string }[]>(Prisma.sql`SELECT c.id FROM clients c WHERE ${IS_EMPTIED}`)
  const ids = rows.map((row) => row.id)
  const clients =
    ids.length === 0
      ? 0
      : await db.$executeRaw(Prisma.sql`DELETE FROM clients c WHERE c.id = ANY(${ids}::text[]) AND ${IS_EMPTIED}`)
  const accounts = await db.$executeRaw(Prisma.sql`
    DELETE FROM accounts WHERE id IN (
      SELECT a.id FROM accounts a WHERE a.status = 'deleted'
        AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.account_id = a.id)
        AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.account_id = a.id)
      LIMIT ${BATCH_ROWS})`)
  return clients + accounts
}

/** The client `c` was deleted, and no grant of its is left. */
const IS_EMPTIED = Prisma.sql`c.status = 'deleted' AND NOT c.void_rows AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.client_id = c.id)`
