// Looks for sessions that are over, so that their apps hear of it: through the pages of the table, a few at a time.
import type { SessionExpiry } from '../sessions/session-expiry.ts'
import type { Database } from '../storage/postgres.ts'
import { BATCH_PAGES, measurePages } from './expired-rows-store.ts'
import { pagesOfRun } from './table-pages.ts'

/** How often to look. */
export const EXPIRED_SESSIONS_EVERY_SECONDS = 30

/** How long a run may take. */
const LONGEST_RUN_MS = 10_000

/** Closes what is over, in one run; how many. @param signal ends it after the pages in progress */
export async function closeExpiredSessions(
  { db, expiry }: { readonly db: Database; readonly expiry: SessionExpiry },
  signal?: AbortSignal,
): Promise<number> {
  const until = performance.now() + LONGEST_RUN_MS
  const { from, to } = pagesOfRun(await measurePages(db, 'sessions'), EXPIRED_SESSIONS_EVERY_SECONDS)
  let closed = 0
  for (let page = from; page < to && signal?.aborted !== true && performance.now() < until; page += BATCH_PAGES) {
    closed += await expiry.closeInPages(page, Math.min(page + BATCH_PAGES, to))
  }
  return closed
}
