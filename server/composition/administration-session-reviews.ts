// Builds session audits: what makes them and tells of them, their routes, and their pages in the console.
import type { Config } from '../../config/config.ts'
import { sessionReviewDueMail } from '../../views/mail/session-review-due.ts'
import { sessionReviewDocument } from '../../views/session-reviews/document.ts'
import type { ApiRoute } from '../admin-api/route.ts'
import { sessionReviewRoutes } from '../admin-api/session-reviews.ts'
import type { ConsoleRoute } from '../admin-console/console.ts'
import { sessionReviewPages } from '../admin-console/session-reviews.ts'
import { recordAudit } from '../audit/audit.ts'
import { type Change, eventOf } from '../audit/change.ts'
import type { Cursors } from '../http/cursors.ts'
import type { Task } from '../maintenance/schedule.ts'
import { type ReviewOwner, type ReviewReminder, remindOwners } from '../session-reviews/review-reminders.ts'
import { createSessionReviews, type SessionReviews } from '../session-reviews/session-reviews.ts'
import type { Transaction } from '../storage/postgres.ts'
import type { MailParts } from './mail.ts'
import type { OpenStores } from './stores.ts'

/** What administrators have of them. */
export interface SessionReviewParts {
  readonly reviews: SessionReviews
  readonly tasks: readonly Task[]
  readonly routes: readonly ApiRoute[]
  readonly pages: readonly ConsoleRoute[]
}

/** How often it is looked whether one is due: it comes some minutes late at most. */
const DUE_EVERY_SECONDS = 300

/** How often it is looked whether there is one to make. */
const MADE_EVERY_SECONDS = 2

/** Builds them. */
export function createSessionReviewParts(deps: {
  readonly config: Config
  readonly stores: Pick<OpenStores, 'db' | 'patiently'>
  readonly mail: Pick<MailParts, 'outbox'>
  readonly cursors: Cursors
}): SessionReviewParts {
  const { config, cursors } = deps
  const { db } = deps.stores
  const reviews = createSessionReviews({
    db,
    patiently: deps.stores.patiently,
    policy: config.sessionReviews,
    refreshIdleSeconds: config.lifetimes.refreshIdle,
  })
  const { everySeconds } = config.sessionReviews
  const shown = {
    ...{ cursors, reviews, document: sessionReviewDocument(config.issuer) },
    noteExport: (change: Change, detail: { readonly [name: string]: string }) =>
      recordAudit(db, eventOf('session_review.exported', change, { detail })),
  }
  return {
    reviews,
    tasks: [
      { name: 'session audits', everySeconds: MADE_EVERY_SECONDS, run: reviews.run },
      {
        name: 'session audits that are due',
        everySeconds: DUE_EVERY_SECONDS,
        async run() {
          await reviews.beginDue()
          if (everySeconds !== undefined) await remindOwners({ db, tell: (tx, owner, due) => tell(deps, tx, owner, due) })
        },
      },
    ],
    routes: sessionReviewRoutes(shown),
    pages: sessionReviewPages({ ...shown, everySeconds }),
  }
}

async function tell(
  { config: { issuer }, mail }: Pick<Parameters<typeof createSessionReviewParts>[0], 'config' | 'mail'>,
  tx: Transaction,
  owner: ReviewOwner,
  { reviewId, ...due }: ReviewReminder,
): Promise<void> {
  const url = `${issuer}/admin/session-audits/${reviewId}`
  const written = sessionReviewDueMail({ url, ...due, issuer })
  await mail.outbox.enqueue(tx, { kind: 'session_review_due', accountId: owner.id, to: owner.email, ...written })
}
