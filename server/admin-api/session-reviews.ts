// Session audits by the admin API: made, walked through, and signed off. What is ended on the way is ended by the routes of what it is.
import { Readable } from 'node:stream'
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import { isStorable, NOT_STORABLE } from '../../config/plain-text.ts'
import type { Change } from '../audit/change.ts'
import type { Cursors } from '../http/cursors.ts'
import {
  exportReview,
  findingJson,
  REVIEW_FORMATS,
  REVIEW_TYPES,
  type ReviewDocument,
  reviewJson,
} from '../session-reviews/review-export.ts'
import { FINDING_KINDS, type FindingKind } from '../session-reviews/review-kinds.ts'
import { MOST_FINDINGS } from '../session-reviews/review-making.ts'
import type { ReviewFinding } from '../session-reviews/review-standing.ts'
import type { SessionReview, SessionReviews } from '../session-reviews/session-reviews.ts'
import { refusing } from './refusals.ts'
import { type ApiRoute, route } from './route.ts'
import { moment, name, notFound, pageOf, paging, readPage, reason, refused } from './shapes.ts'

/** What the routes call. */
export interface SessionReviewRoutesDeps {
  readonly cursors: Cursors
  readonly reviews: SessionReviews
  readonly document: ReviewDocument
  /** Writes down that a report was taken home. */
  readonly noteExport: (change: Change, detail: { readonly [name: string]: string }) => Promise<unknown>
}

const id = z.strictObject({ id: name })
const kind = z.enum(FINDING_KINDS, `it must be one of ${FINDING_KINDS.join(', ')}`)
const choice = {
  kind,
  subjects: z.array(name).min(1, 'it must name at least one').max(200, 'it must name 200 at most'),
}
const account = z.object({ id: z.string(), email: z.string().nullable() })
const counts = z.object({ open: z.int(), kept: z.int(), used: z.int(), over: z.int() })
const outcome = z.record(z.enum(FINDING_KINDS), counts)

const note = z
  .string('it must be text')
  .max(1000, 'it must have 1000 characters at most')
  .refine(isStorable, NOT_STORABLE)
  .refine((text) => text.trim() !== '', 'it must say something')

const reviewShape = z
  .object({
    id: z.string().meta({ example: 'rev_4bXk…' }),
    state: z.enum(['making', 'open', 'signed_off']),
    scheduled: z.boolean().meta({ description: 'It was due; otherwise somebody asked for it.' }),
    asked_by: account.meta({ description: 'An account, a client or `system`.' }),
    created_at: moment,
    made_at: moment.nullable().meta({ description: 'Null while it is under way.' }),
    expires_at: moment.nullable().meta({ description: 'When it goes; null: never.' }),
    ages: z.record(z.enum(FINDING_KINDS), z.int()).meta({ description: 'Seconds, counted back from `created_at`.' }),
    parts: z
      .array(z.object({ kind: z.enum(FINDING_KINDS), looked: z.int(), found: z.int(), done: z.boolean() }))
      .meta({ description: `How far each kind was looked for. Of those that were found the oldest ${MOST_FINDINGS} are kept.` }),
    outcome: outcome
      .nullable()
      .meta({ description: 'What has become of the findings by now; null in lists, and while it is under way.' }),
    signed_off: z.object({ at: moment, by: account, note: z.string(), outcome }).nullable(),
  })
  .meta({ id: 'SessionReview' })

const findingShape = z
  .object({
    kind: z.enum(FINDING_KINDS),
    number: z.int(),
    subject: z.string().meta({ description: 'The session, the grant, the secret or the account; of a refresh token its grant.' }),
    account: account.nullable(),
    client: z.object({ client_id: z.string(), name: z.string().nullable() }).nullable(),
    device: z.string().nullable(),
    since: moment,
    used_at: moment.nullable().meta({ description: 'Last used, as of when it was found.' }),
    standing: z.enum(['there', 'used', 'over']).meta({ description: 'What has become of it by now.' }),
    changed_at: moment.nullable(),
    kept: z.object({ at: moment, by: account, note: z.string() }).nullable(),
  })
  .meta({ id: 'SessionReviewFinding' })

/** Makes the routes. */
export function sessionReviewRoutes(deps: SessionReviewRoutesDeps): ApiRoute[] {
  return [
    listRoute(deps),
    beginRoute(deps),
    getRoute(deps),
    findingsRoute(deps),
    keepRoute(deps),
    unkeepRoute(deps),
    signOffRoute(deps),
    exportRoute(deps),
  ]
}

function listRoute({ reviews, cursors }: SessionReviewRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/session-audits',
    name: 'listSessionReviews',
    tag: 'Session audits',
    summary: 'List session audits, the latest first',
    access: ACCESS.sessionReviews.read,
    query: z.strictObject(paging),
    outcomes: { 200: { description: 'A page.', schema: pageOf(reviewShape) } },
    async handle({ query: { limit, cursor } }) {
      const body = await readPage<SessionReview>({
        ...{ cursors, list: 'session-reviews', limit, cursor },
        read: (most, after) =>
          reviews.page({
            limit: most,
            ...(after === undefined ? {} : { after: { createdAt: new Date(Number(after[0])), id: String(after[1]) } }),
          }),
        placeOf: (review) => [review.createdAt.getTime(), review.id],
        show: (review) => reviewJson(review),
      })
      return { body }
    },
  })
}

function beginRoute({ reviews }: SessionReviewRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/session-audits',
    name: 'beginSessionReview',
    tag: 'Session audits',
    summary: 'Have a session audit made',
    description:
      'It is made in the background. While one is under way, and for a minute after one was begun, that one is the answer.',
    access: ACCESS.sessionReviews.write,
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: { 202: { description: 'It is being made.', schema: reviewShape, headers: ['Location'] } },
    async handle({ body, change }) {
      const { review } = await reviews.begin(change(body.reason))
      return { status: 202, body: reviewJson(review), headers: { Location: `/admin/api/v1/session-audits/${review.id}` } }
    },
  })
}

function getRoute({ reviews }: SessionReviewRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/session-audits/:id',
    name: 'getSessionReview',
    tag: 'Session audits',
    summary: 'A session audit, and what has become of what it found',
    access: ACCESS.sessionReviews.read,
    params: id,
    outcomes: { 200: { description: 'The audit.', schema: reviewShape } },
    async handle({ params }) {
      const review = await found(reviews, params.id)
      return { body: reviewJson(review, review.madeAt === undefined ? undefined : await reviews.outcome(review.id)) }
    },
  })
}

function findingsRoute({ reviews, cursors }: SessionReviewRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/session-audits/:id/findings',
    name: 'listSessionReviewFindings',
    tag: 'Session audits',
    summary: 'What a session audit has found, the oldest of each kind first',
    description:
      'They are ended by the routes of sessions, grants, clients and accounts. While the audit is under way there are none.',
    access: ACCESS.sessionReviews.read,
    params: id,
    query: z.strictObject({ kind: kind.optional(), ...paging }),
    outcomes: { 200: { description: 'A page.', schema: pageOf(findingShape) } },
    async handle({ params, query: { kind: asked, limit, cursor } }) {
      const review = await found(reviews, params.id)
      const body = await readPage<ReviewFinding>({
        ...{ cursors, list: `session-review ${review.id} ${asked ?? ''}`, limit, cursor },
        read: (most, after) =>
          reviews.findings({
            ...{ reviewId: review.id, limit: most },
            ...(asked === undefined ? {} : { kind: asked }),
            // Only what was written here is read again.
            ...(after === undefined ? {} : { after: { kind: after[0] as FindingKind, number: Number(after[1]) } }),
          }),
        placeOf: (finding) => [finding.kind, finding.number],
        show: findingJson,
      })
      return { body }
    },
  })
}

function keepRoute({ reviews }: SessionReviewRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/session-audits/:id/kept',
    name: 'keepSessionReviewFindings',
    tag: 'Session audits',
    summary: 'Say of what was found that it stays, and why',
    description: 'Said again, it replaces what was said before.',
    access: ACCESS.sessionReviews.write,
    params: id,
    body: z.strictObject({ ...choice, note }),
    outcomes: { 200: { description: 'How many stay.', schema: z.object({ kept: z.int() }) } },
    async handle({ params, body, change }) {
      const kept = await refusing('session audit', () => reviews.keep(params.id, body, change(body.note)))
      if (kept === undefined) throw notFound('session audit')
      return { body: { kept } }
    },
  })
}

function unkeepRoute({ reviews }: SessionReviewRoutesDeps): ApiRoute {
  return route({
    method: 'delete',
    path: '/session-audits/:id/kept',
    name: 'unkeepSessionReviewFindings',
    tag: 'Session audits',
    summary: 'Take back that what was found stays',
    description: 'They are open again, until the audit is signed off. What was said before stands in the audit log.',
    access: ACCESS.sessionReviews.write,
    params: id,
    body: z.strictObject({ ...choice, reason }),
    outcomes: { 200: { description: 'How many do not stay any more.', schema: z.object({ unkept: z.int() }) } },
    async handle({ params, body, change }) {
      const unkept = await refusing('session audit', () => reviews.unkeep(params.id, body, change(body.reason)))
      if (unkept === undefined) throw notFound('session audit')
      return { body: { unkept } }
    },
  })
}

function signOffRoute({ reviews }: SessionReviewRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/session-audits/:id/sign-off',
    name: 'signOffSessionReview',
    tag: 'Session audits',
    summary: 'Say that a session audit was walked through',
    description: 'A person says so, once. What had become of the findings by then is kept with it.',
    access: ACCESS.sessionReviews.signOff,
    params: id,
    body: z.strictObject({ note }),
    outcomes: { 200: { description: 'The audit.', schema: reviewShape } },
    async handle({ params, body, caller, change }) {
      const { id: reviewId } = await found(reviews, params.id)
      // A program has looked at nothing.
      if (caller.roles === undefined) throw refused('a session audit is signed off by a person, not by a client for itself')
      const review = await refusing('session audit', () => reviews.signOff(reviewId, change(body.note)))
      if (review === undefined) throw notFound('session audit')
      return { body: reviewJson(review, review.signedOff?.outcome) }
    },
  })
}

function exportRoute({ reviews, document, noteExport }: SessionReviewRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/session-audits/:id/export',
    name: 'exportSessionReview',
    tag: 'Session audits',
    summary: 'A session audit as a file',
    description:
      '`csv` is for spreadsheets, `json` for programs, and `html` a page to print. That it was exported is an event in the audit log.',
    access: ACCESS.sessionReviews.export,
    params: id,
    query: z.strictObject({ format: z.enum(REVIEW_FORMATS, `it must be one of ${REVIEW_FORMATS.join(', ')}`).default('csv') }),
    outcomes: {
      200: {
        description: 'The file.',
        headers: ['Content-Disposition'],
        types: Object.values(REVIEW_TYPES).map((type) => type.split(';')[0] ?? ''),
      },
    },
    async handle({ params, query: { format }, change }) {
      const review = await found(reviews, params.id)
      if (review.madeAt === undefined) throw refused('the audit is still being made')
      await noteExport(change(), { review: review.id, format })
      return {
        headers: {
          'Content-Type': REVIEW_TYPES[format],
          'Content-Disposition': `attachment; filename="session-audit-${review.madeAt.toISOString().slice(0, 10)}.${format}"`,
        },
        stream: Readable.from(exportReview({ reviews, document }, review, format)),
      }
    },
  })
}

async function found(reviews: SessionReviews, reviewId: string): Promise<SessionReview> {
  const review = await reviews.find(reviewId)
  if (review === undefined) throw notFound('session audit')
  return review
}
