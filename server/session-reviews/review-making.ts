// How a session audit is made: in the background, some thousand rows at a time and each time one transaction, so that nobody waits for
// it. How far it has come stands in the database: of a process that dies the next one goes on where it was, and until all is looked
// through nobody is shown anything but that.
import { setTimeout as wait } from 'node:timers/promises'
import type { ReviewAges } from '../../config/session-reviews.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { recordAudit } from '../audit/audit.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { type FindingKind, KIND_SEARCHES } from './review-kinds.ts'

/** Of each kind so many are kept, the oldest; all of them are counted. */
export const MOST_FINDINGS = 1000

/** Rows of a transaction: some ten milliseconds of work. */
const ROWS_AT_ONCE = 400

/** Longer than such a transaction takes. */
const LEASE_SECONDS = 30
const AS_LONG_AS_THE_LEASE = { timeout: LEASE_SECONDS * 1000 }

/** What making takes. */
export interface MakingDeps {
  readonly db: Database
  /** Runs statements that may take longer than those of requests, beside all requests: a slow disk must not keep it from ever being made. */
  readonly patiently: <Result>(work: (db: Database) => Promise<Result>) => Promise<Result>
  /** How long a refresh token lives without use. */
  readonly refreshIdleSeconds: number
  readonly rowsAtOnce?: number
}

/** Makes what is to be made, until there is nothing more or `signal` says stop; how many were made. */
export async function makeReviews(deps: MakingDeps, signal?: AbortSignal): Promise<number> {
  for (let made = 0; ; made++) {
    if (signal?.aborted) return made
    const id = await claim(deps.db)
    if (id === undefined) return made
    await deps.patiently(async (db) => {
      while (!signal?.aborted && (await lookOn({ ...deps, db }, id)));
    })
    if (signal?.aborted) {
      await deps.db.$executeRaw(Prisma.sql`UPDATE session_reviews SET lease_until = NULL WHERE id = ${id}`)
      return made
    }
  }
}

async function claim(db: Database): Promise<string | undefined> {
  const rows = await db.$queryRaw<{ id: string }[]>(Prisma.sql`
    UPDATE session_reviews SET lease_until = latchkey_now() + make_interval(secs => ${LEASE_SECONDS})
    WHERE id = (SELECT id FROM session_reviews WHERE made_at IS NULL AND (lease_until IS NULL OR lease_until <= latchkey_now())
                ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id`)
  return rows[0]?.id
}

/** Looks at some more; false when there was nothing left, and it is made. */
async function lookOn(deps: MakingDeps, id: string): Promise<boolean> {
  const startedAt = performance.now()
  const goesOn = await deps.db.$transaction(async (tx) => {
    // Whoever took it over waits here, and then finds how far it has come.
    const [review] = await tx.$queryRaw<{ createdAt: Date; ages: Prisma.JsonValue; made: boolean }[]>(Prisma.sql`
      SELECT created_at AS "createdAt", ages, made_at IS NOT NULL AS made FROM session_reviews WHERE id = ${id} FOR UPDATE`)
    if (review === undefined || review.made) return false
    const [part] = await tx.$queryRaw<Part[]>(Prisma.sql`
      SELECT kind, found, after_at AS "afterAt", after_id AS "afterId" FROM session_review_parts
      WHERE review_id = ${id} AND NOT done ORDER BY place LIMIT 1`)
    if (part === undefined) {
      await finish(tx, id)
      return false
    }
    // They were written when it was begun, and nobody changes them.
    await look(tx, { ...deps, id, part, createdAt: review.createdAt, ages: review.ages as unknown as ReviewAges })
    return true
  }, AS_LONG_AS_THE_LEASE)
  // Three quarters of the time belong to the others.
  if (goesOn) await wait(Math.min(1000, 3 * (performance.now() - startedAt)), undefined, { ref: false })
  return goesOn
}

interface Part {
  readonly kind: FindingKind
  readonly found: number
  readonly afterAt: Date | null
  readonly afterId: string | null
}

async function look(
  tx: Transaction,
  asked: MakingDeps & { readonly id: string; readonly part: Part; readonly createdAt: Date; readonly ages: ReviewAges },
): Promise<void> {
  const { id, part, createdAt, ages, refreshIdleSeconds, rowsAtOnce = ROWS_AT_ONCE } = asked
  const { kind, found, afterAt, afterId } = part
  const search = KIND_SEARCHES[kind]
  const ageSeconds = ages[search.age]
  const before = new Date(createdAt.getTime() - ageSeconds * 1000)
  const beyond = afterAt === null ? Prisma.sql`true` : Prisma.sql`(${search.at}, x.id) > (${afterAt}, ${afterId})`
  await tx.$executeRaw(Prisma.sql`
    WITH looked AS MATERIALIZED (
      SELECT x.id, ${search.at} AS at FROM ${search.table} x WHERE ${search.among} AND ${search.at} <= ${before} AND ${beyond}
      ORDER BY ${search.at}, x.id LIMIT ${rowsAtOnce}
    ), found AS MATERIALIZED (${search.found({ ageSeconds, refreshIdleSeconds, before })}
    ), kept AS (
      INSERT INTO session_review_findings (review_id, kind, number, subject, account_id, client_id, since, used_at)
      SELECT ${id}, ${kind}, ${found}::int + row_number() OVER (ORDER BY at, id, since), subject, account_id, client_id, since, used_at
      FROM found ORDER BY at, id, since LIMIT ${Math.max(0, MOST_FINDINGS - found)}
    ), last AS (SELECT at, id FROM looked ORDER BY at DESC, id DESC LIMIT 1)
    UPDATE session_review_parts SET looked = looked + (SELECT count(*) FROM looked), found = found + (SELECT count(*) FROM found),
      after_at = COALESCE((SELECT at FROM last), after_at), after_id = COALESCE((SELECT id FROM last), after_id),
      done = (SELECT count(*) FROM looked) < ${rowsAtOnce}
    WHERE review_id = ${id} AND kind = ${kind}`)
  await tx.$executeRaw(Prisma.sql`
    UPDATE session_reviews SET lease_until = latchkey_now() + make_interval(secs => ${LEASE_SECONDS}) WHERE id = ${id}`)
}

async function finish(tx: Transaction, id: string): Promise<void> {
  await tx.$executeRaw(Prisma.sql`UPDATE session_reviews SET made_at = latchkey_now(), lease_until = NULL WHERE id = ${id}`)
  const parts = await tx.$queryRaw<{ kind: FindingKind; found: number }[]>(Prisma.sql`
    SELECT kind, found FROM session_review_parts WHERE review_id = ${id} ORDER BY place`)
  const found = Object.fromEntries(parts.map((part) => [part.kind, part.found]))
  await recordAudit(tx, { name: 'session_review.made', actor: 'system', detail: { review: id, found } })
}
