// Session audits: a report of what nobody uses or what is older than it should be, which somebody walks through and signs off. What is
// ended on the way ends by the functions of sessions, grants, clients and accounts; here it is only said what was found, what is to stay,
// and that it was looked at.
import { randomBytes } from 'node:crypto'
import type { ReviewAges, SessionReviewPolicy } from '../../config/session-reviews.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { type Change, recordChange } from '../audit/change.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { type FindingChoice, keepFindings, lockOpen, unkeepFindings } from './review-keeping.ts'
import { FINDING_KINDS, type FindingKind } from './review-kinds.ts'
import { type MakingDeps, makeReviews } from './review-making.ts'
import {
  type FindingPlace,
  type NamedAccount,
  named,
  type ReviewFinding,
  type ReviewOutcome,
  selectFindings,
  selectOutcome,
} from './review-standing.ts'

/** How far one kind was looked for. */
export interface ReviewPart {
  readonly kind: FindingKind
  /** How many were looked at. */
  readonly looked: number
  /** How many are meant; of these the oldest MOST_FINDINGS are findings. */
  readonly found: number
  readonly done: boolean
}

/** A session audit. */
export interface SessionReview {
  readonly id: string
  readonly state: 'making' | 'open' | 'signed_off'
  /** It was due; otherwise somebody asked for it. */
  readonly scheduled: boolean
  /** Who asked: an account, a client, or `system`. */
  readonly actor: NamedAccount
  readonly ages: ReviewAges
  readonly createdAt: Date
  readonly madeAt?: Date
  readonly parts: readonly ReviewPart[]
  readonly signedOff?: { readonly at: Date; readonly by: NamedAccount; readonly note: string; readonly outcome: ReviewOutcome }
  /** When it goes; undefined: never. */
  readonly expiresAt?: Date
}

/** The last one that was signed off. */
export interface SignedOffReview {
  readonly id: string
  readonly signedOffAt: Date
  /** An account's id. */
  readonly signedOffBy: string
}

/** The session audits of one database. */
export interface SessionReviews {
  /**
   * Begins one; it is made in the background. One that is under way, or was begun less than a minute ago, is answered in its place:
   * `begun` says which it is.
   */
  begin(change: Change): Promise<{ readonly review: SessionReview; readonly begun: boolean }>
  /** Begins one if it is due. @returns whether it was */
  beginDue(): Promise<boolean>
  find(id: string): Promise<SessionReview | undefined>
  /** The latest first. `after` is the last one of the page before. */
  page(query: { readonly limit: number; readonly after?: Pick<SessionReview, 'id' | 'createdAt'> }): Promise<SessionReview[]>
  /** When the next one is made by itself; undefined: none is. */
  nextAt(): Promise<Date | undefined>
  /** Findings of one that is made, the oldest of each kind first. None of one that is under way. */
  findings(query: FindingQuery): Promise<ReviewFinding[]>
  /** What has become of them by now. */
  outcome(id: string): Promise<ReviewOutcome>
  /**
   * Says of some findings of a kind that they stay, and why. @returns how many; undefined: there is no such audit
   * @throws SessionReviewRefused when it is under way or signed off, or has no such finding
   */
  keep(id: string, which: FindingChoice, change: Change): Promise<number | undefined>
  /**
   * Takes back of some findings of a kind that they stay. @returns how many; undefined: there is no such audit
   * @throws SessionReviewRefused when it is under way or signed off, or one of them is not kept
   */
  unkeep(id: string, which: FindingChoice, change: Change): Promise<number | undefined>
  /**
   * Signs it off, once; the reason of the change is the note. @returns undefined: there is no such audit
   * @throws SessionReviewRefused when it is under way, or was signed off already
   */
  signOff(id: string, change: Change): Promise<SessionReview | undefined>
  /** The one that was signed off last, by whomever; undefined: none ever was. */
  latestSignedOff(): Promise<SignedOffReview | undefined>
  /** Works at what is to be made. */
  run(signal?: AbortSignal): Promise<void>
}

/** Which findings. */
export interface FindingQuery {
  readonly reviewId: string
  readonly kind?: FindingKind
  /** Only those of these subjects. */
  readonly subjects?: readonly string[]
  readonly limit: number
  readonly after?: FindingPlace
}

/** What they take. */
export interface SessionReviewDeps {
  readonly db: Database
  readonly patiently: MakingDeps['patiently']
  readonly policy: SessionReviewPolicy
  readonly refreshIdleSeconds: number
}

/** Whoever asks again so soon gets the one that there is. */
const JUST_NOW_SECONDS = 60

/** Makes them. */
export function createSessionReviews(deps: SessionReviewDeps): SessionReviews {
  const { db, refreshIdleSeconds } = deps
  const find = async (id: string) => (await select(db, Prisma.sql`WHERE r.id = ${id}`))[0]
  return {
    async begin(change) {
      const { id, begun } = await db.$transaction(async (tx) => {
        await lockReviews(tx)
        const [recent] = await tx.$queryRaw<{ id: string }[]>(Prisma.sql`
          SELECT id FROM session_reviews WHERE made_at IS NULL OR created_at > latchkey_now() - make_interval(secs => ${JUST_NOW_SECONDS})
          ORDER BY created_at DESC, id DESC LIMIT 1`)
        return recent === undefined ? { id: await insert(tx, deps, change, false), begun: true } : { ...recent, begun: false }
      })
      const review = await find(id)
      if (review === undefined) throw new Error('a session audit that was just written is not there')
      return { review, begun }
    },

    beginDue: () =>
      db.$transaction(async (tx) => {
        await lockReviews(tx)
        const { due } = await selectNext(tx, deps.policy)
        if (due) await insert(tx, deps, { actor: 'system' }, true)
        return due
      }),

    find,

    page({ limit, after }) {
      const beyond = after === undefined ? Prisma.sql`true` : Prisma.sql`(r.created_at, r.id) < (${after.createdAt}, ${after.id})`
      return select(db, Prisma.sql`WHERE ${beyond} ORDER BY r.created_at DESC, r.id DESC LIMIT ${limit}`)
    },

    nextAt: async () => (await selectNext(db, deps.policy)).at,

    async findings(query) {
      const review = await db.sessionReview.findUnique({ where: { id: query.reviewId }, select: { madeAt: true } })
      return review?.madeAt == null ? [] : selectFindings(db, { ...query, refreshIdleSeconds })
    },

    outcome: (reviewId) => selectOutcome(db, { reviewId, refreshIdleSeconds }),

    keep: (id, which, change) => db.$transaction((tx) => keepFindings(tx, id, which, change)),
    unkeep: (id, which, change) => db.$transaction((tx) => unkeepFindings(tx, id, which, change)),

    signOff: (id, change) =>
      db.$transaction(async (tx) => {
        if (!(await lockOpen(tx, id))) return undefined
        const outcome = await selectOutcome(tx, { reviewId: id, refreshIdleSeconds })
        await tx.$executeRaw(Prisma.sql`
          UPDATE session_reviews SET signed_off_at = latchkey_now(), signed_off_by = ${change.actor},
            sign_off_note = ${change.reason ?? ''}, outcome = ${JSON.stringify(outcome)}::jsonb
          WHERE id = ${id}`)
        await recordChange(tx, 'session_review.signed_off', change, { detail: { review: id, outcome: jsonOf(outcome) } })
        return (await select(tx, Prisma.sql`WHERE r.id = ${id}`))[0]
      }),

    latestSignedOff: () => latestSignedOff(db),
    run: async (signal) => void (await makeReviews(deps, signal)),
  }
}

/** The one that was signed off last; undefined: none ever was. */
export async function latestSignedOff(db: Database): Promise<SignedOffReview | undefined> {
  const [row] = await db.$queryRaw<SignedOffReview[]>(Prisma.sql`
    SELECT id, signed_off_at AS "signedOffAt", signed_off_by AS "signedOffBy" FROM session_reviews
    WHERE signed_off_at IS NOT NULL ORDER BY signed_off_at DESC LIMIT 1`)
  return row
}

/** Those who begin one wait for one another: nobody makes a second one of the same. */
async function lockReviews(tx: Transaction): Promise<void> {
  await tx.$executeRaw(Prisma.sql`SELECT pg_advisory_xact_lock(hashtextextended('latchkey session reviews', 0))`)
}

async function insert(tx: Transaction, { policy }: SessionReviewDeps, change: Change, scheduled: boolean): Promise<string> {
  const id = `rev_${randomBytes(16).toString('base64url')}`
  const kept = policy.keptSeconds === undefined ? null : policy.keptSeconds
  await tx.$executeRaw(Prisma.sql`
    INSERT INTO session_reviews (id, scheduled, actor, ages, expires_at) VALUES (${id}, ${scheduled}, ${change.actor},
      ${JSON.stringify(policy.ages)}::jsonb, latchkey_now() + make_interval(secs => ${kept}::float8))`)
  await tx.sessionReviewPart.createMany({ data: FINDING_KINDS.map((kind, place) => ({ reviewId: id, kind, place })) })
  await recordChange(tx, 'session_review.begun', change, { detail: { review: id, scheduled } })
  return id
}

/** When the next one is due: a while after the last one, or after there were people. One that is under way is the next one. */
async function selectNext(
  db: Database | Transaction,
  { everySeconds }: SessionReviewPolicy,
): Promise<{ readonly at: Date | undefined; readonly due: boolean }> {
  if (everySeconds === undefined) return { at: undefined, due: false }
  const [row] = await db.$queryRaw<{ at: Date | null; due: boolean | null }[]>(Prisma.sql`
    SELECT at, at <= latchkey_now() AND NOT EXISTS (SELECT FROM session_reviews WHERE made_at IS NULL) AS due FROM (
      SELECT COALESCE(
        (SELECT max(created_at) FROM session_reviews),
        (SELECT created_at FROM accounts WHERE status <> 'deleted' ORDER BY created_at, id LIMIT 1)
      ) + make_interval(secs => ${everySeconds}) AS at) next`)
  return { at: row?.at ?? undefined, due: row?.due === true }
}

interface ReviewRow {
  readonly id: string
  readonly scheduled: boolean
  readonly actor: string
  readonly actorEmail: string | null
  readonly ages: ReviewAges
  readonly createdAt: Date
  readonly madeAt: Date | null
  readonly signedOffAt: Date | null
  readonly signedOffBy: string | null
  readonly signedOffEmail: string | null
  readonly note: string | null
  readonly outcome: ReviewOutcome | null
  readonly expiresAt: Date | null
  readonly parts: readonly ReviewPart[]
}

async function select(db: Database | Transaction, which: Prisma.Sql): Promise<SessionReview[]> {
  const rows = await db.$queryRaw<ReviewRow[]>(Prisma.sql`
    SELECT r.id, r.scheduled, r.actor, a.email AS "actorEmail", r.ages, r.created_at AS "createdAt", r.made_at AS "madeAt",
      r.signed_off_at AS "signedOffAt", r.signed_off_by AS "signedOffBy", s.email AS "signedOffEmail", r.sign_off_note AS note,
      r.outcome, r.expires_at AS "expiresAt",
      (SELECT jsonb_agg(jsonb_build_object('kind', p.kind, 'looked', p.looked, 'found', p.found, 'done', p.done) ORDER BY p.place)
       FROM session_review_parts p WHERE p.review_id = r.id) AS parts
    FROM session_reviews r
    LEFT JOIN accounts a ON a.id = r.actor AND a.status <> 'deleted'
    LEFT JOIN accounts s ON s.id = r.signed_off_by AND s.status <> 'deleted' ${which}`)
  return rows.map(reviewOf)
}

function reviewOf(row: ReviewRow): SessionReview {
  const { madeAt, expiresAt, signedOffAt, signedOffBy, outcome } = row
  return {
    ...{ id: row.id, scheduled: row.scheduled, actor: named(row.actor, row.actorEmail), ages: row.ages },
    ...{ createdAt: row.createdAt, parts: row.parts },
    state: signedOffAt !== null ? 'signed_off' : madeAt !== null ? 'open' : 'making',
    ...(madeAt === null ? {} : { madeAt }),
    ...(expiresAt === null ? {} : { expiresAt }),
    ...(signedOffAt === null || signedOffBy === null || outcome === null
      ? {}
      : { signedOff: { at: signedOffAt, by: named(signedOffBy, row.signedOffEmail), note: row.note ?? '', outcome } }),
  }
}

function jsonOf(outcome: ReviewOutcome): Prisma.InputJsonObject {
  return Object.fromEntries(Object.entries(outcome).map(([kind, counts]) => [kind, { ...counts }]))
}
