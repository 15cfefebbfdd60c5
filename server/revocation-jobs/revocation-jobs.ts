// Ends of many things at once. What is to end is looked up when the job begins and written down, so that it is what the preview
// showed and nothing that came later; it ends a few hundred at a time, each batch one transaction with its audit events, so that
// nobody else waits. Most of the time of a batch is the disk's, which can look for several at once: so there are some lanes, in which
// one batch follows the other. A process that dies leaves the rest to the next one.
import { randomBytes } from 'node:crypto'
import { Prisma } from '../../prisma/client/client.ts'
import { type Change, recordChange } from '../audit/change.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import type { Ended, Ending, Endings } from '../tokens/ending.ts'
import { inLanes } from './lanes.ts'

/** What a job can end. */
export type JobNoun = 'sessions' | 'grants'

/** A job. */
export interface RevocationJob {
  readonly id: string
  readonly noun: JobNoun
  readonly state: 'waiting' | 'running' | 'done'
  /** How many there are to end; undefined until they were looked for. */
  readonly total?: number
  /** How many of them are left. */
  readonly left: number
  /** What was ended so far; `sequence` is 0 until it is done. */
  readonly ended: Ended
  readonly actor: string
  readonly reason?: string
  readonly createdAt: Date
  readonly finishedAt?: Date
  /** Since when nothing was heard of the process that works at it: it may be gone, and then another one goes on before long. */
  readonly silentSince?: Date
}

/** How one noun is ended by jobs. */
export interface JobWork {
  /** The rows to end, of those that were there when the job was begun, for `INSERT`: a query of one column, their ids. */
  targets(filter: Prisma.JsonValue, begunAt: Date): Prisma.Sql
  /** Ends some, and writes an audit event for each. */
  end(ending: Ending, ids: readonly string[], change: Change): Promise<void>
}

/** A filter that a job has kept as JSON, in which dates are text. */
export function filterOfJson<Filter extends { readonly since?: Date; readonly before?: Date }>(json: Prisma.JsonValue): Filter {
  const { since, before, ...rest } = json as Prisma.JsonObject
  const dates = Object.entries({ since, before }).flatMap(([name, date]) =>
    typeof date === 'string' ? [[name, new Date(date)]] : [],
  )
  // It was one when the job began, and nobody changes it.
  return { ...rest, ...Object.fromEntries(dates) } as Filter
}

/** The jobs of one database. */
export interface RevocationJobs {
  /** Begins a job; it goes on in the background. */
  begin(job: { readonly noun: JobNoun; readonly filter: object }, change: Change): Promise<RevocationJob>
  find(id: string): Promise<RevocationJob | undefined>
  /** The latest first. `nouns`: only ends of these; `after` is the last one of the page before. */
  list(page: {
    readonly limit: number
    readonly nouns?: readonly JobNoun[]
    readonly after?: Pick<RevocationJob, 'createdAt' | 'id'>
  }): Promise<RevocationJob[]>
  /** Works at what there is to do, until there is nothing more or `signal` says stop. */
  run(signal?: AbortSignal): Promise<void>
}

/** What is written down of each thing that ends: the same as when it had been ended by itself. */
const CAUSES: { readonly [noun in JobNoun]: string } = {
  sessions: 'session_revoked',
  grants: 'grant_revoked',
}

/** Ended in one transaction. Half a second's work at most, so that a request which needs the same rows does not give up. */
const MOST_AT_ONCE = 250

/** Longer than a batch takes. */
const LEASE_SECONDS = 30

/** A batch is noted each second or so. */
const SILENT_AFTER_SECONDS = 10

/** Makes them. `patiently` runs a statement that may take long beside all requests. */
export function createRevocationJobs(deps: {
  readonly db: Database
  readonly endings: Endings
  readonly work: { readonly [noun in JobNoun]: JobWork }
  readonly patiently: <Result>(work: (db: Database) => Promise<Result>) => Promise<Result>
  /** Told that there is something to do. */
  readonly begun: () => void
}): RevocationJobs {
  const { db } = deps

  async function find(id: string): Promise<RevocationJob | undefined> {
    return (await select(db, Prisma.sql`WHERE j.id = ${id}`))[0]
  }

  return {
    async begin({ noun, filter }, change) {
      const { actor, through, reason, origin } = change
      const id = `job_${randomBytes(16).toString('base64url')}`
      const { address, userAgent, requestId } = origin ?? {}
      const asked = JSON.parse(JSON.stringify(filter))
      await db.$transaction(async (tx) => {
        await tx.revocationJob.create({
          data: { ...defined({ through, reason, address, userAgent, requestId }), id, noun, filter: asked, actor },
        })
        await recordChange(tx, 'revocation_job.begun', change, { detail: { job: id, noun, filter: asked } })
      })
      const begun = await find(id)
      if (begun === undefined) throw new Error('a job that was just written is not there')
      deps.begun()
      return begun
    },

    find,
    list: ({ limit, nouns, after }) =>
      select(
        db,
        Prisma.sql`WHERE ${nouns === undefined ? Prisma.sql`TRUE` : Prisma.sql`j.noun = ANY(${[...nouns]}::text[])`}
          ${after === undefined ? Prisma.empty : Prisma.sql`AND (j.created_at, j.id) < (${after.createdAt}::timestamptz, ${after.id})`}
          ORDER BY j.created_at DESC, j.id DESC LIMIT ${limit}`,
      ),

    async run(signal) {
      for (;;) {
        if (signal?.aborted) return
        const job = await claim(db)
        if (job === undefined) return
        if (job.total === null) await deps.patiently((patient) => gatherTargets(patient, job, deps.work[job.noun]))
        await inLanes(() => endBatch(deps, job, 'what is free'), signal)
        while (!signal?.aborted && !(await finish(db, job))) await endBatch(deps, job, 'what is left')
        if (signal?.aborted) await release(db, job)
      }
    },
  }
}

interface ClaimedJob {
  readonly id: string
  readonly noun: JobNoun
  readonly filter: Prisma.JsonValue
  readonly total: number | null
  /** What came later does not end, however long the job waited for its turn. */
  readonly createdAt: Date
  readonly actor: string
  readonly through: string | null
  readonly reason: string | null
  readonly address: string | null
  readonly userAgent: string | null
  readonly requestId: string | null
}

async function claim(db: Database): Promise<ClaimedJob | undefined> {
  const rows = await db.$queryRaw<ClaimedJob[]>(Prisma.sql`
    UPDATE revocation_jobs SET lease_until = latchkey_now() + make_interval(secs => ${LEASE_SECONDS})
    WHERE id = (SELECT id FROM revocation_jobs
                WHERE finished_at IS NULL AND (lease_until IS NULL OR lease_until <= latchkey_now())
                ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, noun, filter, total, created_at AS "createdAt", actor, through, reason, address, user_agent AS "userAgent", request_id AS "requestId"`)
  return rows[0]
}

async function release(db: Database, { id }: ClaimedJob): Promise<void> {
  await db.$executeRaw(Prisma.sql`UPDATE revocation_jobs SET lease_until = NULL WHERE id = ${id} AND finished_at IS NULL`)
}

/** One transaction, so that nobody finds half of the targets; and once, whoever had the job before. */
async function gatherTargets(db: Database, job: ClaimedJob, work: JobWork): Promise<void> {
  await db.$transaction(
    async (tx) => {
      if (!(await isToGather(tx, job))) return
      const total = await tx.$executeRaw(Prisma.sql`
        INSERT INTO revocation_job_targets (job_id, target_id) SELECT ${job.id}, found.id FROM (${work.targets(job.filter, job.createdAt)}) found (id)`)
      await tx.$executeRaw(Prisma.sql`
        UPDATE revocation_jobs SET total = ${total}, lease_until = latchkey_now() + make_interval(secs => ${LEASE_SECONDS})
        WHERE id = ${job.id}`)
    },
    { timeout: 120_000 },
  )
}

async function isToGather(tx: Transaction, { id }: ClaimedJob): Promise<boolean> {
  const rows = await tx.$queryRaw<{ total: number | null }[]>(Prisma.sql`
    SELECT total FROM revocation_jobs WHERE id = ${id} FOR UPDATE`)
  return rows[0] !== undefined && rows[0].total === null
}

/**
 * Ends some; false when there was nothing to take.
 * @param which `what is free`: what no other lane has in hand; `what is left`: waits for whoever else is at it
 */
async function endBatch(
  { endings, work }: Pick<Parameters<typeof createRevocationJobs>[0], 'endings' | 'work'>,
  job: ClaimedJob,
  which: 'what is free' | 'what is left',
): Promise<boolean> {
  let some = false
  await endings.run(CAUSES[job.noun], async (ending) => {
    const taken = await ending.tx.$queryRaw<{ id: string }[]>(Prisma.sql`
      DELETE FROM revocation_job_targets WHERE (job_id, target_id) IN (
        SELECT t.job_id, t.target_id FROM revocation_job_targets t WHERE t.job_id = ${job.id}
        ORDER BY t.target_id LIMIT ${MOST_AT_ONCE} FOR UPDATE ${which === 'what is free' ? Prisma.sql`SKIP LOCKED` : Prisma.empty})
      RETURNING target_id AS id`)
    some = taken.length > 0
    if (!some) return
    await work[job.noun].end(ending, taken.map(({ id }) => id).toSorted(), changeOf(job))
    await noteBatch(ending, job, taken.length)
  })
  return some
}

/** The last before the entries: lanes wait for each other from here on. */
async function noteBatch({ tx, counts }: Ending, { id }: ClaimedJob, taken: number): Promise<void> {
  await tx.$executeRaw(Prisma.sql`
    UPDATE revocation_jobs SET taken = taken + ${taken}, sessions = sessions + ${counts.sessions}, grants = grants + ${counts.grants},
      refresh_families = refresh_families + ${counts.refreshFamilies},
      logout_notifications = logout_notifications + ${counts.logoutNotifications},
      lease_until = latchkey_now() + make_interval(secs => ${LEASE_SECONDS})
    WHERE id = ${id}`)
}

/** Whether all have ended. A target is there until its batch is committed, and then the entries of that batch have their numbers. */
async function finish(db: Database, { id }: ClaimedJob): Promise<boolean> {
  const rows = await db.$queryRaw<unknown[]>(Prisma.sql`
    UPDATE revocation_jobs SET finished_at = COALESCE(finished_at, latchkey_now()),
      sequence = CASE WHEN finished_at IS NULL THEN (SELECT c.sequence FROM revocation_counter c) ELSE sequence END
    WHERE id = ${id} AND NOT EXISTS (SELECT FROM revocation_job_targets t WHERE t.job_id = ${id})
    RETURNING id`)
  return rows.length === 1
}

function changeOf({ actor, through, reason, address, userAgent, requestId }: ClaimedJob): Change {
  return {
    actor,
    ...(through === null ? {} : { through }),
    ...(reason === null ? {} : { reason }),
    origin: defined({ address: address ?? undefined, userAgent: userAgent ?? undefined, requestId: requestId ?? undefined }),
  }
}

interface JobRow extends Omit<RevocationJob, 'total' | 'ended' | 'reason' | 'finishedAt' | 'silentSince'> {
  readonly total: number | null
  readonly sessions: number
  readonly grants: number
  readonly refreshFamilies: number
  readonly logoutNotifications: number
  readonly sequence: bigint
  readonly reason: string | null
  readonly finishedAt: Date | null
  readonly silentSince: Date | null
}

async function select(db: Database, which: Prisma.Sql): Promise<RevocationJob[]> {
  const rows = await db.$queryRaw<JobRow[]>(Prisma.sql`
    SELECT j.id, j.noun, j.total, j.sessions, j.grants, j.refresh_families AS "refreshFamilies",
      j.logout_notifications AS "logoutNotifications", j.sequence, j.actor, j.reason, j.created_at AS "createdAt",
      j.finished_at AS "finishedAt",
      -- To look for what is to end takes as long as it takes.
      (SELECT heard.at FROM (SELECT j.lease_until - make_interval(secs => ${LEASE_SECONDS}) AS at) heard
       WHERE j.finished_at IS NULL AND j.total IS NOT NULL AND heard.at < latchkey_now() - make_interval(secs => ${SILENT_AFTER_SECONDS}))
        AS "silentSince",
      CASE WHEN j.finished_at IS NOT NULL THEN 'done' WHEN j.lease_until IS NULL THEN 'waiting' ELSE 'running' END AS state,
      CASE WHEN j.finished_at IS NOT NULL THEN 0 ELSE COALESCE(j.total - j.taken, 0) END AS left
    FROM revocation_jobs j ${which}`)
  return rows.map(
    ({ total, reason, finishedAt, silentSince, sessions, grants, refreshFamilies, logoutNotifications, sequence, ...row }) => ({
      ...row,
      ...defined({ total: total ?? undefined, reason: reason ?? undefined, finishedAt: finishedAt ?? undefined }),
      ...defined({ silentSince: silentSince ?? undefined }),
      ended: {
        sessions,
        grants,
        refresh_families: refreshFamilies,
        logout_notifications: logoutNotifications,
        sequence: Number(sequence),
      },
    }),
  )
}

/** Without what is not there. */
function defined<Members extends { readonly [name: string]: unknown }>(
  members: Members,
): { [name in keyof Members]?: NonNullable<Members[name]> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [name in keyof Members]?: NonNullable<Members[name]>
  }
}
