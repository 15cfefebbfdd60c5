// Session audits in the console: made, walked through, and signed off. What is ended on the way is ended by the pages of what it is.
import { Readable } from 'node:stream'
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { sessionReviewDetail } from '../../views/admin-console/session-review.ts'
import { signOffReview } from '../../views/admin-console/session-review-forms.ts'
import { sessionReviewList } from '../../views/admin-console/session-reviews.ts'
import type { Change } from '../audit/change.ts'
import type { Cursors } from '../http/cursors.ts'
import type { Form } from '../http/form.ts'
import { HttpProblem } from '../http/problems.ts'
import { exportReview, REVIEW_FORMATS, REVIEW_TYPES, type ReviewDocument } from '../session-reviews/review-export.ts'
import { FINDING_KINDS, type FindingKind } from '../session-reviews/review-kinds.ts'
import { MOST_FINDINGS } from '../session-reviews/review-making.ts'
import type { ReviewFinding, ReviewOutcome } from '../session-reviews/review-standing.ts'
import type { SessionReview, SessionReviews } from '../session-reviews/session-reviews.ts'
import { asking } from './asking.ts'
import { endAllHref } from './bulk-ends.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref, readRows, SESSION_ROWS } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'
import { refusalOf } from './refusals.ts'
import { foundReview, REVIEWS_PATH, reviewHref, reviewKeepingPages } from './session-review-keeping.ts'

/** What the pages call. */
export interface SessionReviewPagesDeps {
  readonly cursors: Cursors
  readonly reviews: SessionReviews
  readonly document: ReviewDocument
  /** Seconds from one to the next; undefined: none is made by itself. */
  readonly everySeconds: number | undefined
  /** Writes down that a report was taken home. */
  readonly noteExport: (change: Change, detail: { readonly [name: string]: string }) => Promise<unknown>
}

const RULES = ACCESS.sessionReviews

/** Makes the pages. */
export function sessionReviewPages(deps: SessionReviewPagesDeps): ConsoleRoute[] {
  const { reviews } = deps
  return [
    { method: 'get', path: '/session-audits', access: RULES.read, handle: (ctx, visit) => showList(deps, ctx, visit) },
    {
      method: 'post',
      path: '/session-audits',
      access: RULES.write,
      back: () => REVIEWS_PATH,
      handle: (ctx, visit) => begin(deps, ctx, visit),
    },
    { method: 'get', path: '/session-audits/:id', access: RULES.read, handle: (ctx, visit) => showOne(deps, ctx, visit) },
    ...reviewKeepingPages(deps.reviews),
    ...asking({
      section: '/session-audits',
      what: 'sign-off',
      title: 'Sign off the report',
      access: RULES.signOff,
      find: (id) => foundReview(reviews, id),
      refusalOf,
      view: async ({ thing, ...view }) => signOffReview({ review: thing, outcome: await outcomeOf(reviews, thing), ...view }),
      async act({ id }, change) {
        await reviews.signOff(id, change)
        return 'Signed off. The report stays as it is.'
      },
    }),
    {
      method: 'post',
      path: '/session-audits/:id/export',
      access: RULES.export,
      back: (ctx, form) => listHref(reviewHref(String(ctx.params.id)), { format: form.get('format') }),
      handle: (ctx, visit, form) => takeHome(deps, ctx, visit, form),
    },
  ]
}

async function showList({ reviews, cursors, everySeconds }: SessionReviewPagesDeps, ctx: Context, visit: ConsoleVisit) {
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const { rows, ...hrefs } = await readRows<SessionReview>({
    ...{ cursors, path: REVIEWS_PATH, asked: {}, cursor },
    read: (limit, after) =>
      reviews.page({
        limit,
        ...(after === undefined ? {} : { after: { createdAt: new Date(Number(after[0])), id: String(after[1]) } }),
      }),
    placeOf: ({ createdAt, id }) => [createdAt.getTime(), id],
  })
  const nextAt = await reviews.nextAt()
  const body = sessionReviewList({
    ...{ reviews: rows, ...hrefs },
    ...(everySeconds === undefined ? {} : { everySeconds }),
    ...(nextAt === undefined ? {} : { nextAt }),
    ...(visit.may(RULES.write) ? { csrf: visit.csrf } : {}),
  })
  visit.show({ title: 'Session audit', section: REVIEWS_PATH, body })
}

async function begin({ reviews }: SessionReviewPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { review, begun } = await reviews.begin(visit.change())
  redirectWithNotice(
    ctx,
    reviewHref(review.id),
    begun
      ? 'The report is being made. It ends nothing by itself.'
      : 'This report was begun just now: no other one is made beside it.',
  )
}

async function showOne(deps: SessionReviewPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { reviews, cursors } = deps
  const review = await foundReview(reviews, String(ctx.params.id))
  const may = {
    mayKeep: visit.may(RULES.write),
    maySignOff: visit.may(RULES.signOff),
    mostFindings: MOST_FINDINGS,
    ...(visit.may(RULES.export) ? { exporting: { csrf: visit.csrf, format: String(ctx.query.format ?? '') } } : {}),
  }
  const title = 'Session audit'
  if (review.madeAt === undefined) {
    const body = sessionReviewDetail({ review, findings: [], ...may })
    return visit.show({ title, section: REVIEWS_PATH, body })
  }
  const asked = FINDING_KINDS.find((one) => one === ctx.query.kind)
  const kind = asked ?? review.parts.find((part) => part.found > 0)?.kind
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const page =
    kind === undefined
      ? { rows: [] }
      : await readRows<ReviewFinding>({
          ...{ cursors, path: reviewHref(review.id), asked: { kind }, cursor },
          ...(kind === 'old_session' ? { rows: SESSION_ROWS } : {}),
          read: (limit, after) =>
            reviews.findings({
              ...{ reviewId: review.id, kind, limit },
              ...(after === undefined ? {} : { after: { kind, number: Number(after[0]) } }),
            }),
          placeOf: ({ number }) => [number],
        })
  const { rows: findings, ...hrefs } = page
  const body = sessionReviewDetail({
    ...{ review, outcome: await outcomeOf(reviews, review), findings, ...hrefs, ...may },
    ...(kind === undefined ? {} : { kind, ...endsOf(review, kind, visit) }),
  })
  visit.show({ title, section: REVIEWS_PATH, body })
}

/** What somebody has put their name to stays as they saw it, whatever ends later. */
async function outcomeOf(reviews: SessionReviews, { id, signedOff }: SessionReview): Promise<ReviewOutcome> {
  return signedOff?.outcome ?? reviews.outcome(id)
}

/** The pages on which findings are ended: those of the lists that have them as well. */
function endsOf(
  review: SessionReview,
  kind: FindingKind,
  visit: ConsoleVisit,
): { readonly endHref?: string; readonly endAllHref?: string } {
  const { ages, createdAt } = review
  const back = `${reviewHref(review.id)}?kind=${kind}`
  // What somebody has said stays is not ended with the others.
  const others = { state: 'live', not_kept_in: review.id }
  if (kind === 'old_session' && visit.may(ACCESS.sessions.revoke)) {
    const before = new Date(createdAt.getTime() - ages.session * 1000).toISOString()
    return {
      endHref: '/admin/sessions/revocation',
      endAllHref: endAllHref('/sessions', `${new URLSearchParams({ ...others, before })}`, back),
    }
  }
  if (!visit.may(ACCESS.grants.revoke)) return {}
  if (kind === 'unused_refresh_token') return { endHref: '/admin/grants/revocation' }
  if (kind !== 'dormant_grant') return {}
  const idle = String(ages.grant)
  return {
    endHref: '/admin/grants/revocation',
    endAllHref: endAllHref('/grants', `${new URLSearchParams({ ...others, idle })}`, back),
  }
}

async function takeHome(deps: SessionReviewPagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const review = await foundReview(deps.reviews, String(ctx.params.id))
  const format = REVIEW_FORMATS.find((one) => one === form.get('format'))
  if (format === undefined) throw new HttpProblem(400, 'No such format', `A report is exported as ${REVIEW_FORMATS.join(', ')}.`)
  if (review.madeAt === undefined) throw new HttpProblem(409, 'Not yet', 'The report is still being made.')
  await deps.noteExport(visit.change(), { review: review.id, format })
  ctx.set('Cache-Control', 'no-store')
  ctx.set('Content-Disposition', `attachment; filename="session-audit-${review.madeAt.toISOString().slice(0, 10)}.${format}"`)
  ctx.set('Content-Type', REVIEW_TYPES[format])
  ctx.status = 200
  ctx.body = Readable.from(exportReview(deps, review, format))
}
