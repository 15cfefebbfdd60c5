// A session audit as a file: for spreadsheets (RFC 4180), for programs, and as a page to print. It is written a few hundred findings at a
// time, and says beside each what has become of it.
import { csvCell } from '../audit/audit-export.ts'
import type { FindingPlace, NamedAccount, ReviewFinding, ReviewOutcome } from './review-standing.ts'
import type { SessionReview, SessionReviews } from './session-reviews.ts'

/** The formats. */
export const REVIEW_FORMATS = ['csv', 'json', 'html'] as const
export type ReviewFormat = (typeof REVIEW_FORMATS)[number]

/** What each is called. */
export const REVIEW_TYPES: { readonly [format in ReviewFormat]: string } = {
  csv: 'text/csv; charset=utf-8',
  json: 'application/json; charset=utf-8',
  html: 'text/html; charset=utf-8',
}

/** Writes the page to print, part by part. */
export interface ReviewDocument {
  begin(review: SessionReview, outcome: ReviewOutcome): string
  rows(findings: readonly ReviewFinding[]): string
  end(): string
}

/** Findings that are read at a time. */
const AT_ONCE = 500

/** The text of the file, some at a time: no more is read than is taken. @param review one that is made */
export async function* exportReview(
  deps: { readonly reviews: Pick<SessionReviews, 'findings' | 'outcome'>; readonly document: ReviewDocument },
  review: SessionReview,
  format: ReviewFormat,
): AsyncGenerator<string> {
  const outcome = await deps.reviews.outcome(review.id)
  const writer = WRITERS[format](deps.document)
  yield writer.begin(review, outcome)
  for (let after: FindingPlace | undefined, first = true; ; first = false) {
    const found = await deps.reviews.findings({
      ...{ reviewId: review.id, limit: AT_ONCE },
      ...(after === undefined ? {} : { after }),
    })
    if (found.length > 0) yield `${first ? '' : writer.between}${writer.rows(found)}`
    after = found.at(-1)
    if (after === undefined || found.length < AT_ONCE) break
  }
  yield writer.end()
}

/** A session audit as JSON has it, in exports as in the admin API. */
export function reviewJson(review: SessionReview, outcome?: ReviewOutcome) {
  const { signedOff } = review
  return {
    id: review.id,
    state: review.state,
    scheduled: review.scheduled,
    asked_by: accountJson(review.actor),
    created_at: review.createdAt.toISOString(),
    made_at: review.madeAt?.toISOString() ?? null,
    expires_at: review.expiresAt?.toISOString() ?? null,
    ages: {
      old_session: review.ages.session,
      dormant_grant: review.ages.grant,
      unused_refresh_token: review.ages.refreshToken,
      old_client_secret: review.ages.secret,
      unused_account: review.ages.account,
    },
    parts: review.parts.map((part) => ({ ...part })),
    outcome: outcome ?? null,
    signed_off:
      signedOff === undefined
        ? null
        : {
            at: signedOff.at.toISOString(),
            by: accountJson(signedOff.by),
            note: signedOff.note,
            outcome: signedOff.outcome,
          },
  }
}

/** A finding, likewise. */
export function findingJson(finding: ReviewFinding) {
  const { account, client, kept } = finding
  return {
    kind: finding.kind,
    number: finding.number,
    subject: finding.subject,
    account: account === undefined ? null : accountJson(account),
    client: client === undefined ? null : { client_id: client.id, name: client.name ?? null },
    device: finding.device ?? null,
    since: finding.since.toISOString(),
    used_at: finding.usedAt?.toISOString() ?? null,
    standing: finding.standing,
    changed_at: finding.changedAt?.toISOString() ?? null,
    kept: kept === undefined ? null : { at: kept.at.toISOString(), by: accountJson(kept.by), note: kept.note },
  }
}

function accountJson({ id, email }: NamedAccount) {
  return { id, email: email ?? null }
}

interface Writer extends ReviewDocument {
  /** What stands between two parts. */
  readonly between: string
}

const CSV_COLUMNS = [
  ...['kind', 'number', 'subject', 'account_id', 'account_email', 'client_id', 'client_name', 'device', 'since', 'used_at'],
  ...['standing', 'changed_at', 'kept_at', 'kept_by', 'kept_note'],
]

const WRITERS: { readonly [format in ReviewFormat]: (document: ReviewDocument) => Writer } = {
  csv: () => ({
    begin: () => `${CSV_COLUMNS.join(',')}\r\n`,
    rows: (findings) => findings.map(csvRow).join(''),
    between: '',
    end: () => '',
  }),
  json: () => ({
    begin: (review, outcome) => `{"review":${JSON.stringify(reviewJson(review, outcome))},"findings":[\n`,
    rows: (findings) => findings.map((finding) => JSON.stringify(findingJson(finding))).join(',\n'),
    between: ',\n',
    end: () => '\n]}\n',
  }),
  html: (document) => ({ ...document, between: '' }),
}

function csvRow(finding: ReviewFinding): string {
  const { kind, number, subject, account, client, device, since, used_at, standing, changed_at, kept } = findingJson(finding)
  const cells = [
    ...[kind, String(number), subject, account?.id, account?.email, client?.client_id, client?.name, device, since, used_at],
    ...[standing, changed_at, kept?.at, kept?.by.email ?? kept?.by.id, kept?.note],
  ]
  return `${cells.map((cell) => csvCell(cell ?? null)).join(',')}\r\n`
}
