// Who has very many sessions. To count those of everybody takes longer than somebody waits, and a count that each sign-in and each end
// kept up would let them wait for each other. So they are counted in the background, and what is kept is never less than there is:
// an account has no more live sessions than were counted, and have begun since. Whoever asks counts those of few accounts.
import { setTimeout as wait } from 'node:timers/promises'
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { isLive, LIVE } from './session-filter.ts'

/** How often there is counted. */
export const COUNTS_EVERY_SECONDS = 60

/**
 * Sessions that have begun and accounts whose count is looked at again, in a statement: some milliseconds of work, and a small part of what
 * a statement may take where all sessions of theirs come from a disk.
 */
const SESSIONS_AT_ONCE = 100
const ACCOUNTS_AT_ONCE = 20

/** Statements of a run that only look again. */
const AGAIN_AT_ONCE = 40

/**
 * A session is there for others when its transaction is over: two minutes after it began at most, as with the audit log. So whoever
 * reads how far there was counted looks at those that began so long before, once more.
 */
const OVERLAP = Prisma.sql`interval '2 minutes'`

/** Of an account that has no count: it had one live session at most. */
const NOT_KEPT = 1

/** Counts what has begun since, and looks at some of the counts again, which ends and time have made too high. */
export async function countSessions(db: Database, signal?: AbortSignal): Promise<void> {
  let came = await countSome(db, 'due')
  for (let looked = 0; came !== 'not due' && looked < AGAIN_AT_ONCE && signal?.aborted !== true; ) {
    const startedAt = performance.now()
    came = await countSome(db, came === 'there' ? 'again' : 'due')
    if (came === 'there') looked += 1
    // Three quarters of the time belong to the others.
    await wait(3 * (performance.now() - startedAt), undefined, { ref: false })
  }
}

/**
 * One statement, so that what is counted and how far it is are never apart.
 * @param when `due`: whichever process is first, and no other for a while
 * @returns whether all is counted now
 */
async function countSome(db: Database, when: 'due' | 'again'): Promise<'not due' | 'on the way' | 'there'> {
  const [, rows] = await db.$transaction([
    // It is not known beforehand how few have begun since.
    db.$executeRaw(Prisma.sql`SET LOCAL enable_seqscan = off`),
    db.$queryRaw<{ more: boolean }[]>(countingOf(when)),
  ])
  if (rows[0] === undefined) return 'not due'
  return rows[0].more ? 'on the way' : 'there'
}

function countingOf(when: 'due' | 'again'): Prisma.Sql {
  return Prisma.sql`
    WITH turn AS MATERIALIZED (
      -- Where the clock was set back, what has begun since then did so before.
      SELECT LEAST(counted_to, latchkey_now()) AS since, looked_again FROM session_counting
      WHERE id = 1 AND (${when === 'again'} OR due_at <= latchkey_now() OR due_at > latchkey_now() + make_interval(secs => ${COUNTS_EVERY_SECONDS}))
      FOR UPDATE SKIP LOCKED
    ), reach AS MATERIALIZED (
      SELECT COALESCE((SELECT s.started_at FROM sessions s WHERE s.started_at > turn.since AND s.started_at < latchkey_now()
                       ORDER BY s.started_at OFFSET ${SESSIONS_AT_ONCE} LIMIT 1), latchkey_now()) AS counted_to
      FROM turn
    ), again AS MATERIALIZED (
      SELECT c.account_id FROM turn CROSS JOIN LATERAL (
        SELECT account_id FROM session_counts WHERE account_id > turn.looked_again ORDER BY account_id LIMIT ${ACCOUNTS_AT_ONCE}) c
      WHERE ${when === 'again'}
    ), counted AS MATERIALIZED (
      SELECT a.account_id, (SELECT count(*) FROM sessions s WHERE s.account_id = a.account_id AND ${LIVE})::int AS sessions
      FROM (SELECT account_id FROM again
            UNION SELECT s.account_id FROM turn, reach, sessions s
                  WHERE s.started_at > turn.since - ${OVERLAP} AND s.started_at <= reach.counted_to) a
    ), gone AS (
      DELETE FROM session_counts WHERE account_id = ANY(ARRAY(SELECT account_id FROM counted WHERE sessions <= ${NOT_KEPT}))
    ), kept AS (
      INSERT INTO session_counts AS c (account_id, sessions) SELECT account_id, sessions FROM counted WHERE sessions > ${NOT_KEPT}
      ON CONFLICT (account_id) DO UPDATE SET sessions = EXCLUDED.sessions WHERE c.sessions <> EXCLUDED.sessions
    )
    UPDATE session_counting SET counted_to = reach.counted_to,
      due_at = CASE WHEN reach.counted_to < latchkey_now() THEN due_at ELSE latchkey_now() + make_interval(secs => ${COUNTS_EVERY_SECONDS - 1}) END,
      looked_again = CASE WHEN ${when === 'again'}
        THEN COALESCE((SELECT max(account_id) FROM again HAVING count(*) = ${ACCOUNTS_AT_ONCE}), '') ELSE looked_again END
    FROM reach WHERE id = 1
    RETURNING reach.counted_to < latchkey_now() AS more`
}

/** Of whom sessions are looked for. */
export interface Crowd {
  /** Whether they are so few that their sessions are found by them, and not on the way through all. */
  readonly few: boolean
  /** On the table `sessions` under the name `s`. */
  readonly condition: Prisma.Sql
}

/** Of more accounts it is not far from one session of theirs to the next, in the order of all sessions. */
const FEW_ACCOUNTS = 2000

/** The accounts that have more live sessions than so many. */
export async function crowdOf(db: Database, moreThan: number): Promise<Crowd> {
  const { few, ids, begun } = await selectCrowd(db, moreThan)
  if (few) return { few, condition: Prisma.sql`s.account_id = ANY(${ids}::text[])` }
  const exactly = hasMoreThan(moreThan, Prisma.sql`s.account_id`)
  if (begun.length > FEW_ACCOUNTS) return { few, condition: exactly }
  // Of most accounts what is kept tells that they have fewer, and theirs are not counted.
  const maybe = Prisma.sql`(s.account_id = ANY(${begun}::text[])
    OR (SELECT kept.sessions FROM session_counts kept WHERE kept.account_id = s.account_id) > ${moreThan})`
  return { few, condition: Prisma.sql`CASE WHEN ${maybe} THEN ${exactly} ELSE false END` }
}

function hasMoreThan(moreThan: number, accountId: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(SELECT count(*) FROM (
    SELECT FROM sessions o WHERE o.account_id = ${accountId} AND ${isLive('o')} LIMIT ${moreThan + 1}) live) > ${moreThan}`
}

interface CrowdRow {
  readonly few: boolean
  /** Who they are, when they are few. */
  readonly ids: string[]
  /** Otherwise those whose sessions have begun since there was counted; one more than few, where they are many. */
  readonly begun: string[]
}

async function selectCrowd(db: Database, moreThan: number): Promise<CrowdRow> {
  const { countedTo } = await db.sessionCounting.findUniqueOrThrow({ where: { id: 1 } })
  const [, rows] = await db.$transaction([
    // By the time that is asked for: an average one has a third of all sessions after it.
    db.$executeRaw(Prisma.sql`SET LOCAL plan_cache_mode = force_custom_plan`),
    db.$queryRaw<CrowdRow[]>(Prisma.sql`
      WITH begun AS MATERIALIZED (
        SELECT account_id, count(*) AS sessions FROM sessions
        WHERE started_at > LEAST(${countedTo}::timestamptz, latchkey_now()) - ${OVERLAP} GROUP BY account_id
      ), candidates AS MATERIALIZED (
        SELECT account_id FROM (
          (SELECT account_id FROM session_counts WHERE sessions > ${moreThan} LIMIT ${FEW_ACCOUNTS + 1})
          UNION SELECT begun.account_id FROM begun LEFT JOIN session_counts c ON c.account_id = begun.account_id
            WHERE begun.sessions + COALESCE(c.sessions, ${NOT_KEPT}) > ${moreThan}) either
        LIMIT ${FEW_ACCOUNTS + 1}
      ), counted AS MATERIALIZED (SELECT count(*) <= ${FEW_ACCOUNTS} AS few FROM candidates)
      SELECT few, ARRAY(SELECT account_id FROM candidates
                        WHERE few AND ${hasMoreThan(moreThan, Prisma.sql`candidates.account_id`)}) AS ids,
        ARRAY(SELECT account_id FROM begun WHERE NOT few LIMIT ${FEW_ACCOUNTS + 1}) AS begun
      FROM counted`),
  ])
  const [row] = rows
  if (row === undefined) throw new Error('a statement without a condition gave no row')
  return row
}
