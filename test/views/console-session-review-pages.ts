// The console's pages of session audits, made with one text in the place of everything that others write.

import { sessionReviewDetail } from '../../views/admin-console/session-review.ts'
import { keepFindings, signOffReview, unkeepFindings } from '../../views/admin-console/session-review-forms.ts'
import { type FindingView, type SessionReviewView, sessionReviewList } from '../../views/admin-console/session-reviews.ts'
import type { Html } from '../../views/html.ts'

const WHEN = new Date('2026-02-03T10:00:00Z')
const LATER = new Date('2026-03-03T10:00:00Z')
const DAY = 86_400

/** The pages by name. */
export function sessionReviewPages(text: string): readonly (readonly [name: string, body: Html])[] {
  const person = { id: text, email: text }
  const outcome = {
    old_session: { open: 2, kept: 1, used: 0, over: 9 },
    dormant_grant: { open: 0, kept: 0, used: 4, over: 1200 },
    unused_refresh_token: { open: 0, kept: 0, used: 0, over: 0 },
    old_client_secret: { open: 1, kept: 0, used: 0, over: 0 },
    unused_account: { open: 0, kept: 1, used: 1, over: 0 },
  }
  const part = (kind: keyof typeof outcome, found: number, done = true) => ({ kind, looked: found * 100, found, done })
  const review: SessionReviewView = {
    ...{ id: text, state: 'open', scheduled: true, actor: { id: 'system' }, createdAt: WHEN, madeAt: WHEN, expiresAt: LATER },
    ages: { session: DAY, grant: 14 * DAY, refreshToken: DAY, secret: 90 * DAY, account: 30 * DAY },
    parts: [
      part('old_session', 12),
      part('dormant_grant', 12_345),
      part('unused_refresh_token', 0),
      part('old_client_secret', 1),
      part('unused_account', 2),
    ],
  }
  const making: SessionReviewView = {
    ...{ ...review, id: `${text} 2`, state: 'making', scheduled: false, actor: person },
    parts: [part('old_session', 12), part('dormant_grant', 345, false), part('unused_refresh_token', 0, false)],
  }
  const { madeAt: _madeAt, ...unmade } = making
  const signed: SessionReviewView = {
    ...{ ...review, id: `${text} 3`, state: 'signed_off' },
    signedOff: { at: LATER, by: person, note: text, outcome },
  }
  const grant: FindingView = {
    ...{ kind: 'dormant_grant', number: 1, subject: text, account: person, client: { id: text, name: text } },
    ...{ since: WHEN, usedAt: WHEN, standing: 'there' },
  }
  const findings: readonly FindingView[] = [
    grant,
    { ...grant, number: 2, standing: 'used', changedAt: LATER, kept: { at: LATER, by: person, note: text } },
    { ...grant, number: 3, standing: 'over', changedAt: LATER },
  ]
  const session: FindingView = {
    kind: 'old_session',
    number: 1,
    subject: text,
    account: person,
    device: text,
    since: WHEN,
    standing: 'there',
  }
  const secret: FindingView = {
    kind: 'old_client_secret',
    number: 1,
    subject: text,
    client: { id: text },
    since: WHEN,
    standing: 'there',
  }
  const account: FindingView = {
    kind: 'unused_account',
    number: 1,
    subject: text,
    account: person,
    since: WHEN,
    standing: 'there',
  }
  const all = { mayKeep: true, maySignOff: true, mostFindings: 1000, exporting: { csrf: text, format: 'json' } }
  const detail = { review, outcome, ...all }
  const none = { open: 0, kept: 0, used: 0, over: 0 }
  const nothing = {
    ...{ old_session: none, dormant_grant: none, unused_refresh_token: none, old_client_secret: none, unused_account: none },
  }
  const ends = { endHref: '/admin/grants/revocation', endAllHref: '/admin/grants/revocation?filter=idle' }
  return [
    [
      'session audits',
      sessionReviewList({
        ...{ reviews: [unmade, review, signed], everySeconds: 30 * DAY, nextAt: LATER, csrf: text },
        ...{ firstHref: '/', nextHref: '/' },
      }),
    ],
    ['session audits, none', sessionReviewList({ reviews: [], everySeconds: 30 * DAY, nextAt: LATER, csrf: text })],
    ['session audits for those who look, none by itself', sessionReviewList({ reviews: [] })],
    ['session audit that is being made', sessionReviewDetail({ review: unmade, findings: [], ...all })],
    ['session audit, grants', sessionReviewDetail({ ...detail, kind: 'dormant_grant', findings, ...ends, nextHref: '/' })],
    [
      'session audit, sessions',
      sessionReviewDetail({ ...detail, kind: 'old_session', findings: [session], endHref: ends.endHref }),
    ],
    ['session audit, secrets', sessionReviewDetail({ ...detail, kind: 'old_client_secret', findings: [secret] })],
    [
      'session audit, accounts, for those who look',
      sessionReviewDetail({
        ...{ review, outcome, kind: 'unused_account', findings: [account], mostFindings: 1000 },
        ...{ mayKeep: false, maySignOff: false },
      }),
    ],
    [
      'session audit that was signed off',
      sessionReviewDetail({ ...detail, review: signed, kind: 'dormant_grant', findings, ...ends, firstHref: '/' }),
    ],
    [
      'session audit that has found nothing',
      sessionReviewDetail({
        ...detail,
        review: { ...review, parts: review.parts.map((one) => ({ ...one, found: 0 })) },
        outcome: nothing,
        findings: [],
      }),
    ],
    ['session audit, what stays', keepFindings({ review, kind: 'dormant_grant', findings, note: text, csrf: text, fault: text })],
    [
      'session audit, no note',
      keepFindings({ review, kind: 'dormant_grant', findings, note: '', noteMissing: true, csrf: text }),
    ],
    ['session audit, nothing selected', keepFindings({ review, kind: 'dormant_grant', findings: [], note: text, csrf: text })],
    [
      'session audit, kept no longer',
      unkeepFindings({ review, kind: 'dormant_grant', findings, note: text, csrf: text, fault: text }),
    ],
    ['session audit, nothing kept', unkeepFindings({ review, kind: 'dormant_grant', findings: [], note: text, csrf: text })],
    ['session audit, signing off', signOffReview({ review, outcome, action: '/admin/x', reason: text, csrf: text, fault: text })],
    [
      'session audit, signing off with nothing open',
      signOffReview({ review, outcome: nothing, action: '/admin/x', reason: '', reasonMissing: true, csrf: text }),
    ],
  ]
}
