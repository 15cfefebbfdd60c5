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
}

/**
 * Reads the rows that a query finds.
 * @param look told of each slice, in the transaction that reads them
 * @param patience looks no further than at a thousand rows when it is over; left out: to the end
 * @returns whether all were looked at
 */
export async function readInSlices<Row>(
  db: Database,
  query: Prisma.Sql,
  { patience }: { readonly patience?: Patience },
  look: (rows: readonly Row[], tx: Transaction) => Promise<void>,
): Promise<boolean> {
  const now = patience?.now ?? (() => 0)
  const until = patience === undefined ? Number.POSITIVE_INFINITY : now() + patience.ms
  try {
    return await db.$transaction(
      async (tx) => {
        // No statement is waited for much longer than for all of them.
        if (patience !== undefined)
          await tx.$executeRaw(Prisma.sql`SELECT set_config('statement_timeout', ${String(patience.ms)}, true)`)
        // Planned by the values that are asked for, whatever was asked for before.
        await tx.$executeRaw(Prisma.sql`DECLARE slices NO SCROLL CURSOR FOR ${query}`)
        let looked = 0
        for (let atOnce = FIRST; ; ) {
          const begun = now()
          const rows = await tx.$queryRaw<Row[]>(Prisma.raw(`FETCH ${atOnce} FROM slices`))
          if (rows.length > 0) await look(rows, tx)
          if (rows.length < atOnce) return true
          looked += rows.length
          // As many as there is time for, if they take as long as these.
          const fit = Math.floor((atOnce * (until - now())) / Math.max(1, now() - begun))
          if (fit < FEWEST && looked >= ALWAYS) return false
          atOnce = Math.min(2 * atOnce, MOST, looked < ALWAYS ? Math.max(fit, FIRST) : fit)
        }
      },
      { timeout: LONGEST_MS },
    )
  } catch (error) {
    if (patience !== undefined && storeFailure(error) instanceof StatementTooLong) return false
    throw error
  }
}

/** Few, so that also from a slow disk there is something to answer; then more, since each statement costs as well. */
const FIRST = 250
const FEWEST = 50
const MOST = 2000

/** So many are looked at however long it takes, while no statement takes too long: what somebody could name is not left uncounted. */
const ALWAYS = 1000

/** Whoever is patient reads to the end; each statement has a limit of its own. */
const LONGEST_MS = 60_000
