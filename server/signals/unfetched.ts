// Security events that nobody fetched in their time: they are given up, and recorded before the purge removes them.
import { Prisma } from '../../prisma/client/client.ts'
import { recordAudits } from '../audit/audit.ts'
import type { Database } from '../storage/postgres.ts'

/** How often to look; what has expired is kept longer than that (maintenance/expired-rows-store.ts). */
export const UNFETCHED_EVERY_SECONDS = 60

/** Rows of a batch: a few milliseconds of work. */
const BATCH_ROWS = 500
/** What is left, the next run finds. */
const MOST_BATCHES = 20

/** What a stream's receiver did not fetch. */
export interface UnfetchedSignals {
  readonly streamId: string
  readonly clientId: string
  readonly count: number
}

/** Makes the function that gives them up. `givenUp` is told, stream by stream: a receiver that never asks may leave thousands. */
export function createUnfetched(deps: { readonly db: Database; readonly givenUp: (unfetched: UnfetchedSignals) => void }) {
  const { db, givenUp } = deps
  return async (signal?: AbortSignal): Promise<void> => {
    for (let batch = 0; batch < MOST_BATCHES && signal?.aborted !== true; batch += 1) {
      const { all, streams } = await giveUpBatch(db)
      for (const unfetched of streams) givenUp(unfetched)
      if (all < BATCH_ROWS) return
    }
  }
}

/** One short transaction, with an event for each stream. */
async function giveUpBatch(db: Database): Promise<{ readonly all: number; readonly streams: readonly UnfetchedSignals[] }> {
  return db.$transaction(async (tx) => {
    const rows = await tx.$queryRaw<(Omit<UnfetchedSignals, 'clientId'> & { readonly clientId: string | null })[]>(Prisma.sql`
      WITH late AS MATERIALIZED (
        SELECT id FROM signals WHERE expires_at <= latchkey_now() AND state = 'waiting' AND next_attempt_at IS NULL
        ORDER BY expires_at LIMIT ${BATCH_ROWS} FOR UPDATE SKIP LOCKED
      ), over AS (
        UPDATE signals SET state = 'failed', last_error = ${NOT_FETCHED}, finished_at = latchkey_now()
        WHERE id = ANY(ARRAY(SELECT id FROM late)) RETURNING stream_id
      )
      SELECT over.stream_id AS "streamId", s.client_id AS "clientId", count(*)::int AS count
      FROM over LEFT JOIN signal_streams s ON s.id = over.stream_id GROUP BY 1, 2`)
    // Where the stream has gone with its client, nobody was to be told any more.
    const streams = rows.flatMap(({ clientId, ...row }) => (clientId === null ? [] : [{ ...row, clientId }]))
    const about = { name: 'signal.failed', actor: 'system', reason: NOT_FETCHED } as const
    await recordAudits(
      tx,
      streams.map(({ streamId, clientId, count }) => ({ ...about, clientId, detail: { stream: streamId, signals: count } })),
    )
    return { all: rows.reduce((sum, { count }) => sum + count, 0), streams }
  })
}

const NOT_FETCHED = 'it was not fetched in eight days'
