// Reads what a query finds slice by slice. However much there is, and however far apart it lies on the disk, whoever waits for an answer
// gets what was found in time.
import { Prisma } from '../../prisma/client/client.ts'
import { StatementTooLong, storeFailure } from './errors.ts'
import type { Database, Transaction } from './postgres.ts'

/** How long somebody waits. */
export interface Patience {
  readonly ms: number
  /** In milliseconds, since whenever. */
  readonly now: () => number
  /** When they began to wait, by `now`: what was asked before this takes from their patience. Left out: at this moment. */
  readonly since?: number
}

/**
 * Reads the rows that a query finds.
 * @param look told of each slice, in the transaction that reads them
 * @param patience looks no further than at the first few rows when it is over; left out: to the end
 * @returns whether all were looked at
 */
export async function readInSlices<Row>(
  db: Database,
  query: Prisma.Sql,
  { patience }: { readonly patience?: Patience | undefined },
  look: (rows: readonly Row[], tx: Transaction) => Promise<void>,
): Promise<boolean> {
  const now = patience?.now ?? (() => 0)
  const until = patience === undefined ? Number.POSITIVE_INFINITY : (patience.since ?? now()) + patience.ms
  try {
    return await db.$transaction(
      async (tx) => {
        if (patience !== undefined)
          await tx.$executeRaw(Prisma.sql`SELECT set_config('statement_timeout', ${String(LONGEST_STATEMENT_MS)}, true)`)
        // Planned by the values that are asked for, whatever was asked for before.
        await tx.$executeRaw(Prisma.sql`DECLARE slices NO SCROLL CURSOR FOR ${query}`)
        for (let atOnce = FIRST; ; ) {
          const begun = now()
          const rows = await tx.$queryRaw<Row[]>(Prisma.raw(`FETCH ${atOnce} FROM slices`))
          if (rows.length > 0) await look(rows, tx)
          if (rows.length < atOnce) return true
          // As many as there is time for, if they take as long as these.
          const fit = Math.floor((atOnce * (until - now())) / Math.max(1, now() - begun))
          if (fit < FEWEST) return false
          atOnce = Math.min(2 * atOnce, MOST, fit)
        }
      },
      { timeout: LONGEST_MS },
    )
  } catch (error) {
    if (patience !== undefined && storeFailure(error) instanceof StatementTooLong) return false
    throw error
  }
}

/**
 * Looks at the rows that a query finds, as far as there is time, and beside that counts them.
 * @param most there are one more rows than that at most, and no more of them are looked at
 * @param look told of each slice, in the transaction that reads them
 * @returns how many there are, and whether there may be more
 */
export async function readAndCount<Row>(
  db: Database,
  query: Prisma.Sql,
  { most, patience }: { readonly most: number; readonly patience?: Patience | undefined },
  look: (rows: readonly Row[], tx: Transaction) => Promise<void>,
): Promise<{ readonly there: number; readonly more: boolean }> {
  let looked = 0
  const waited = patience?.since === undefined ? 0 : patience.now() - patience.since
  const left = Math.round(Math.max(COUNTED_AT_LEAST_MS, COUNTED_WITHIN_MS - waited))
  const [all, counted] = await Promise.all([
    readInSlices<Row>(db, query, { patience }, async (rows, tx) => {
      await look(rows.slice(0, most - looked), tx)
      looked += rows.length
    }),
    patience === undefined ? undefined : countInTime(db, query, left),
  ])
  // Some may have ended between the one and the other.
  const there = all ? looked : Math.max(looked, counted ?? 0)
  return { there: Math.min(there, most), more: there > most || (!all && counted === undefined) }
}

/** How many rows a query finds, which has a LIMIT; undefined where that takes longer than somebody waits. */
export async function countInTime(db: Database, query: Prisma.Sql, ms = COUNTED_WITHIN_MS): Promise<number | undefined> {
  try {
    const [, , rows] = await db.$transaction([
      db.$executeRaw(Prisma.sql`SELECT set_config('statement_timeout', ${String(ms)}, true)`),
      db.$executeRaw(Prisma.sql`SET LOCAL plan_cache_mode = force_custom_plan`),
      db.$queryRaw<{ count: number }[]>(Prisma.sql`SELECT count(*)::int AS count FROM (${query}) counted`),
    ])
    return rows[0]?.count
  } catch (error) {
    if (storeFailure(error) instanceof StatementTooLong) return undefined
    throw error
  }
}

/** To count is quicker than to look at each. */
const COUNTED_WITHIN_MS = 60
/** Whatever was asked before. */
const COUNTED_AT_LEAST_MS = 20

/** Few, so that also from a slow disk there is something to answer; then more, since each statement costs as well. */
const FIRST = 100
const FEWEST = 50
const MOST = 2000

/** However little patience there is: the first few are to be found also where each lies elsewhere on a slow disk. */
const LONGEST_STATEMENT_MS = 250

/** Whoever is patient reads to the end; each statement has a limit of its own. */
const LONGEST_MS = 60_000
