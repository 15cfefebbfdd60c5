// What stays of a session audit's findings, in the console: said, and taken back, until the report is signed off.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { isStorable } from '../../config/plain-text.ts'
import { keepFindings, unkeepFindings } from '../../views/admin-console/session-review-forms.ts'
import type { Form } from '../http/form.ts'
import { HttpProblem } from '../http/problems.ts'
import { MOST_ENDED_AT_ONCE } from '../revocation-jobs/bulk-ends.ts'
import { FINDING_KINDS, type FindingKind } from '../session-reviews/review-kinds.ts'
import { MOST_FINDINGS } from '../session-reviews/review-making.ts'
import type { SessionReview, SessionReviews } from '../session-reviews/session-reviews.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { redirectWithNotice } from './notices.ts'
import { refusalOf } from './refusals.ts'

/** Where the reports are. */
export const REVIEWS_PATH = '/admin/session-audits'

/** What is done: that findings stay, or that it is taken back that they do. */
type Deed = 'kept' | 'unkept'

/** Makes the pages. */
export function reviewKeepingPages(reviews: SessionReviews): ConsoleRoute[] {
  const { write: access } = ACCESS.sessionReviews
  return (['kept', 'unkept'] as const).flatMap((deed): ConsoleRoute[] => [
    {
      method: 'get',
      path: `/session-audits/:id/${deed}`,
      access,
      handle: (ctx, visit) => ask(reviews, deed, ctx, visit, asked(ctx)),
    },
    {
      method: 'post',
      path: `/session-audits/:id/${deed}`,
      access,
      back: (ctx, form) => hrefOf(deed, ctx, sent(form)),
      handle: (ctx, visit, form) => act(reviews, deed, ctx, visit, sent(form)),
    },
  ])
}

/** The page of one. */
export function reviewHref(id: string): string {
  return `${REVIEWS_PATH}/${encodeURIComponent(id)}`
}

/** The one of an address. @throws HttpProblem 404 */
export async function foundReview(reviews: Pick<SessionReviews, 'find'>, id: string): Promise<SessionReview> {
  const review = isStorable(id) ? await reviews.find(id) : undefined
  if (review === undefined)
    throw new HttpProblem(404, 'No such report', 'It may have been kept for as long as LATCHKEY_SESSION_REVIEW_RETENTION says.')
  return review
}

/** Which findings, and why. */
interface Asked {
  readonly kind: string
  readonly subjects: readonly string[]
  readonly note: string
}

function asked({ query }: Context): Asked {
  return {
    kind: typeof query.kind === 'string' ? query.kind : '',
    subjects: [query.id ?? []].flat(),
    note: typeof query.note === 'string' ? query.note.slice(0, 1000) : '',
  }
}

function sent(form: Form): Asked {
  return { kind: form.get('kind'), subjects: form.get('subjects').split(' '), note: form.get('note').trim() }
}

function hrefOf(deed: Deed, ctx: Context, { kind, subjects, note }: Asked): string {
  const query = new URLSearchParams({ kind, note })
  for (const subject of subjects) if (subject !== '') query.append('id', subject)
  return `${reviewHref(String(ctx.params.id))}/${deed}?${query}`
}

async function ask(
  reviews: SessionReviews,
  deed: Deed,
  ctx: Context,
  visit: ConsoleVisit,
  { kind: wanted, subjects, note }: Asked,
  { fault, noteMissing = false }: { readonly fault?: string; readonly noteMissing?: boolean } = {},
): Promise<void> {
  const review = await foundReview(reviews, String(ctx.params.id))
  const kind = kindOf(wanted)
  // The address alone: of very much, nothing goes through a sign-in.
  if (wanted === '' && subjects.length === 0) return redirectWithNotice(ctx, reviewHref(review.id), NOTHING_TICKED)
  if (kind === undefined) throw new HttpProblem(400, 'No such kind', 'Go back to the report, and tick what is meant.')
  const named = subjects.filter((subject) => subject !== '' && isStorable(subject)).slice(0, MOST_ENDED_AT_ONCE)
  const all = await reviews.findings({ reviewId: review.id, kind, subjects: named, limit: MOST_FINDINGS })
  const view = { review, kind, note, noteMissing, csrf: visit.csrf, ...(fault === undefined ? {} : { fault }) }
  const [title, body] =
    deed === 'kept'
      ? ['Keep what was found', keepFindings({ ...view, findings: all })]
      : ['Keep no longer', unkeepFindings({ ...view, findings: all.filter(({ kept }) => kept !== undefined) })]
  visit.show({ title, section: REVIEWS_PATH, body }, noteMissing ? 400 : fault === undefined ? 200 : 409)
}

async function act(reviews: SessionReviews, deed: Deed, ctx: Context, visit: ConsoleVisit, form: Asked): Promise<void> {
  const { id } = await foundReview(reviews, String(ctx.params.id))
  const kind = kindOf(form.kind)
  const subjects = form.subjects.filter((subject) => subject !== '')
  // Why it stays is what the report is for; why it does not is for the audit log, as every reason.
  const isUnsaid = deed === 'kept' && form.note === ''
  if (kind === undefined || subjects.length === 0) return ask(reviews, deed, ctx, visit, form)
  if (isUnsaid) return ask(reviews, deed, ctx, visit, form, { noteMissing: true })
  const change = visit.change(form.note.slice(0, 1000))
  let notice: string
  try {
    notice =
      deed === 'kept'
        ? keptNotice(await reviews.keep(id, { kind, subjects }, change))
        : unkeptNotice(await reviews.unkeep(id, { kind, subjects }, change))
  } catch (error) {
    return ask(reviews, deed, ctx, visit, form, { fault: refusalOf(error) })
  }
  redirectWithNotice(ctx, `${reviewHref(id)}?kind=${kind}`, notice)
}

const NOTHING_TICKED = 'Nothing is selected: tick what is meant.'

function keptNotice(kept: number | undefined): string {
  return kept === 1 ? 'It stays, and the report says why.' : `${kept} stay, and the report says why.`
}

function unkeptNotice(unkept: number | undefined): string {
  return unkept === 1 ? 'It is open again.' : `${unkept} are open again.`
}

function kindOf(text: string): FindingKind | undefined {
  return FINDING_KINDS.find((one) => one === text)
}
