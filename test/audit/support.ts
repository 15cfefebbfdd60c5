// An audit log with its sealer and its verification on a real database, for the tests of both.
import { afterAll, beforeAll, beforeEach } from '@jest/globals'
import { createAuditKeys, readHead } from '../../server/audit/chain.ts'
import { createAuditSealer } from '../../server/audit/sealer.ts'
import { verifyAuditLog } from '../../server/audit/verification.ts'
import { type OpenDatabase, openPostgres } from '../../server/storage/postgres.ts'
import { createDatabase, moveDatabaseClock, run, type TestDatabase, tamper } from '../support/postgres.ts'

export const KEY = Buffer.alloc(32, 1)
export const OTHER_KEY = Buffer.alloc(32, 2)

export let database: TestDatabase
export let postgres: OpenDatabase

/** Opens them for the tests of a file; each begins with an empty log. */
export function useAuditLog(): void {
  beforeAll(async () => {
    database = await createDatabase()
    postgres = await openPostgres({ url: database.url, poolSize: 10, statementTimeoutMs: 20_000 })
  })

  afterAll(async () => {
    await postgres?.close()
    await database?.drop()
  })

  beforeEach(async () => {
    await moveDatabaseClock(database.url, 0)
    await tamper(database.url)
  })
}

export const sql = (statement: string, values?: unknown[]) => run(database.url, statement, values)

export function sealerWith(...keys: Buffer[]) {
  return createAuditSealer({ db: postgres.db, keys: createAuditKeys(keys.length > 0 ? keys : [KEY]) })
}

export const seal = (...keys: Buffer[]) => sealerWith(...keys).run()

export function verifyKeeping(keptSeconds?: number) {
  return verifyAuditLog({ db: postgres.db, keys: createAuditKeys([KEY]), sealer: sealerWith(), keptSeconds })
}

export function verify(head?: string, ...keys: Buffer[]) {
  const used = keys.length > 0 ? keys : [KEY]
  return verifyAuditLog(
    { db: postgres.db, keys: createAuditKeys(used), sealer: sealerWith(...used), keptSeconds: undefined },
    head === undefined ? undefined : readHead(head),
  )
}

/** Writes events, some under each seal; their ids. */
export async function write(count: number, under = 3): Promise<bigint[]> {
  const ids: bigint[] = []
  for (let at = 0; at < count; at += under) {
    const rows = await sql(
      `INSERT INTO audit_events (name, actor, account_id, reason, detail)
       SELECT 'session.revoked', 'acc_' || n, 'acc_' || n, 'why ' || n, jsonb_build_object('n', n, 'a', 'b')
       FROM generate_series($1::int, $2::int) AS n RETURNING id`,
      [at, Math.min(at + under, count) - 1],
    )
    ids.push(...rows.map(({ id }) => BigInt(id)))
    await seal()
  }
  return ids
}

/** Waits until the sealer has gone past an id: whatever else is under way on this PostgreSQL, of other tests too, holds it up. */
export async function passed(id: bigint): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    const [sealing] = await sql('SELECT watermark FROM audit_sealing')
    if (BigInt(sealing?.watermark ?? 0) >= id) return
    await new Promise((resolve) => setTimeout(resolve, 50))
    // It moves on when it puts a seal on something.
    await write(1)
  }
  throw new Error(`the sealer does not go past ${id}`)
}
