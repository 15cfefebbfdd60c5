// Removes rows whose life is over, a few at a time and for a bounded time, so that nothing else has to wait. Whether a row is
// still good is never decided here: a row past its time is not used, whether or not it has been removed.
import { setTimeout as wait } from 'node:timers/promises'
import type { Log } from '../http/log.ts'
import type { Database } from '../storage/postgres.ts'
import {
  BATCH_PAGES,
  BATCH_ROWS,
  type Batch,
  countExpired,
  countInPages,
  EXPIRING_TABLES,
  type ExpiringTable,
  measurePages,
  removeExpired,
  SWEPT_TABLES,
  type SweptTable,
  sweepPages,
} from './expired-rows-store.ts'
import { PAGES_COUNTED, pagesOfRun } from './table-pages.ts'

/** Rows, by table. */
export type RowCounts = { readonly [table: string]: number }

/** What a run did. */
export interface PurgeReport {
  readonly removed: RowCounts
  /** What it left though its time is over; large numbers are not counted to the end. */
  readonly backlog: RowCounts
}

/** The purge of one process; of several processes one works at a time. */
export interface Purge {
  /** Removes what it can in the time it has. @param signal ends it after the batch in progress */
  run(signal?: AbortSignal): Promise<PurgeReport>
}

/** How often to run it. */
export const PURGE_EVERY_SECONDS = 60

/** How long a run may take. */
const LONGEST_RUN_MS = 10_000

/** Makes it. `report` is told of every run. */
export function createPurge(deps: {
  readonly db: Database
  readonly log: Log
  readonly report?: (report: PurgeReport) => void
  readonly longestRunMs?: number
}): Purge {
  const { db, log, longestRunMs = LONGEST_RUN_MS } = deps
  let behind = false
  return {
    async run(signal) {
      const until = performance.now() + longestRunMs
      const swept = await Promise.all(SWEPT_TABLES.map((table) => workOnPages(db, table)))
      const works = [...EXPIRING_TABLES.map((table) => workOnIndex(db, table)), ...swept]
      const haveTurn = await takeTurns(works, () => signal?.aborted !== true && performance.now() < until)
      const report = await reportOf(works)
      if (haveTurn && signal?.aborted !== true) {
        const left = works.some((work) => !work.done)
        // Said once, not once a minute.
        if (left && !behind) log.warn({ backlog: report.backlog }, 'expired rows are not yet removed; the next runs go on')
        if (!left && behind) log.info('all expired rows are removed')
        behind = left
      }
      deps.report?.(report)
      return report
    },
  }
}

/** The rows of one table, as work that is done in batches. */
interface Work {
  readonly table: string
  removed: number
  done: boolean
  /** Does a batch, and notes whether it was the last. */
  batch(): Promise<Batch>
  countLeft(): Promise<number>
}

function workOnIndex(db: Database, expiring: ExpiringTable): Work {
  const work: Work = {
    table: expiring.table,
    removed: 0,
    done: false,
    async batch() {
      const batch = await removeExpired(db, expiring)
      work.done = batch !== undefined && batch.removed < BATCH_ROWS
      return batch
    },
    countLeft: () => countExpired(db, expiring),
  }
  return work
}

async function workOnPages(db: Database, swept: SweptTable): Promise<Work> {
  const { from, to: end } = pagesOfRun(await measurePages(db, swept.table), PURGE_EVERY_SECONDS)
  let page = from
  const work: Work = {
    table: swept.table,
    removed: 0,
    done: false,
    async batch() {
      const batch = await sweepPages(db, swept, page, Math.min(page + BATCH_PAGES, end))
      if (batch !== undefined) page += BATCH_PAGES
      work.done = page >= end
      return batch
    },
    countLeft: () => countInPages(db, swept, page, Math.min(page + PAGES_COUNTED, end)),
  }
  return work
}

/** Does a batch of each work in turn, so that none has to wait for a long one; false when another process is at it. */
async function takeTurns(works: readonly Work[], goesOn: () => boolean): Promise<boolean> {
  for (let open = works; open.length > 0; open = open.filter((work) => !work.done)) {
    for (const work of open) {
      if (!goesOn()) return true
      const startedAt = performance.now()
      const batch = await work.batch()
      if (batch === undefined) return false
      work.removed += batch.removed
      // Half of the time belongs to the others.
      if (batch.removed > 0) await wait(performance.now() - startedAt, undefined, { ref: false })
    }
  }
  return true
}

async function reportOf(works: readonly Work[]): Promise<PurgeReport> {
  const removed: { [table: string]: number } = {}
  const backlog: { [table: string]: number } = {}
  for (const work of works) {
    removed[work.table] = work.removed
    backlog[work.table] = work.done ? 0 : await work.countLeft()
  }
  return { removed, backlog }
}
