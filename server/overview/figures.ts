// What the first page of the console tells that would take long to count: counted in the background by whichever process is first, and
// kept in one row with when that was.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { createEventCounting, type EventCounts } from './event-counts.ts'
import { countLive } from './live-counts.ts'

/** How many there were, and when they were counted. */
export interface Figure {
  readonly count: number
  readonly asOf: Date
}

/** What is kept. Undefined: it has not been counted yet. */
export interface KeptFigures {
  readonly sessions?: Figure
  readonly grants?: Figure
  readonly lockedAccounts?: Figure
}

/** Counts, and tells. */
export interface OverviewFigures {
  /** Counts what is due, if no other process has just done so. @param signal ends it early */
  run(signal?: AbortSignal): Promise<void>
  /** Counts everything, due or not. */
  refresh(signal?: AbortSignal): Promise<void>
  events(): Promise<EventCounts>
  kept(): Promise<KeptFigures>
}

/** How often events and locked accounts are counted. */
export const FIGURES_EVERY_SECONDS = 10

/** Sessions and grants are counted more seldom: it takes the longer the more there are. */
const LIVE_EVERY_SECONDS = { few: 30, many: 600 } as const

/** Tables of so many pages are gone through in some milliseconds. */
const FEW_PAGES = 2000

/** Makes it. `countLocked`: how many accounts there are at which something has to wait now. */
export function createOverviewFigures({
  db,
  countLocked,
}: {
  readonly db: Database
  readonly countLocked: () => Promise<number>
}): OverviewFigures {
  const counting = createEventCounting({ db })

  async function look(signal?: AbortSignal): Promise<void> {
    await counting.run(signal)
    const locked = await countLocked()
    await db.$executeRaw(Prisma.sql`
      UPDATE overview_figures SET locked_accounts = ${locked}, locked_accounts_at = latchkey_now() WHERE id = 1`)
  }

  async function live(signal?: AbortSignal): Promise<void> {
    const counted = await countLive(db, signal)
    if (counted === undefined) return
    const { sessions, grants, pages } = counted
    const next = pages <= FEW_PAGES ? LIVE_EVERY_SECONDS.few : LIVE_EVERY_SECONDS.many
    await db.$executeRaw(Prisma.sql`
      UPDATE overview_figures SET sessions = ${sessions}, grants = ${grants}, live_at = latchkey_now(),
        live_due_at = latchkey_now() + make_interval(secs => ${next}) WHERE id = 1`)
  }

  return {
    async run(signal) {
      if (await takeTurn(db, 'look_due_at', FIGURES_EVERY_SECONDS - 1)) await look(signal)
      // Of a process that dies in the middle, another one takes the turn a minute later.
      if (await takeTurn(db, 'live_due_at', 60)) await live(signal)
    },
    async refresh(signal) {
      await look(signal)
      await live(signal)
    },
    events: counting.read,
    async kept() {
      const row = await db.overviewFigures.findUniqueOrThrow({ where: { id: 1 } })
      return Object.fromEntries(
        Object.entries({
          sessions: figureOf(row.sessions, row.liveAt),
          grants: figureOf(row.grants, row.liveAt),
          lockedAccounts: figureOf(row.lockedAccounts, row.lockedAccountsAt),
        }).filter(([, figure]) => figure !== undefined),
      )
    },
  }
}

/** Whether it was due; then it is due again after so many seconds, for whichever process is first. */
async function takeTurn(db: Database, due: 'look_due_at' | 'live_due_at', againSeconds: number): Promise<boolean> {
  const column = Prisma.raw(due)
  const taken = await db.$executeRaw(Prisma.sql`
    UPDATE overview_figures SET ${column} = latchkey_now() + make_interval(secs => ${againSeconds})
    WHERE id = 1 AND ${column} <= latchkey_now()`)
  return taken === 1
}

function figureOf(count: number | null, asOf: Date | null): Figure | undefined {
  return count === null || asOf === null ? undefined : { count, asOf }
}
