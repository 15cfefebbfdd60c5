// Session audits in the console: what one is, and which there are.
import { type Html, html } from '../html.ts'
import { moment, momentText, spokenDuration } from '../moment.ts'
import { nothingHere, pager, table } from './lists.ts'
import type { FindingKindWord, ReviewAgesView } from './session-review-words.ts'

/** Who, as they are called now. */
export interface NamedAccountView {
  readonly id: string
  readonly email?: string
}

/** How many findings of a kind are in which state. */
export interface FindingCountsView {
  readonly open: number
  readonly kept: number
  readonly used: number
  readonly over: number
}

export type ReviewOutcomeView = { readonly [kind in FindingKindWord]: FindingCountsView }

/** An audit. */
export interface SessionReviewView {
  readonly id: string
  readonly state: 'making' | 'open' | 'signed_off'
  readonly scheduled: boolean
  readonly actor: NamedAccountView
  readonly ages: ReviewAgesView
  readonly createdAt: Date
  readonly madeAt?: Date
  readonly parts: readonly {
    readonly kind: FindingKindWord
    readonly looked: number
    readonly found: number
    readonly done: boolean
  }[]
  readonly signedOff?: {
    readonly at: Date
    readonly by: NamedAccountView
    readonly note: string
    readonly outcome: ReviewOutcomeView
  }
  readonly expiresAt?: Date
}

/** Something that it found. */
export interface FindingView {
  readonly kind: FindingKindWord
  readonly number: number
  readonly subject: string
  readonly account?: NamedAccountView
  readonly client?: { readonly id: string; readonly name?: string }
  readonly device?: string
  readonly since: Date
  readonly usedAt?: Date
  readonly standing: 'there' | 'used' | 'over'
  readonly changedAt?: Date
  readonly kept?: { readonly at: Date; readonly by: NamedAccountView; readonly note: string }
}

const PATH = '/admin/session-audits'

/** What the list shows. */
export interface SessionReviewListView {
  readonly reviews: readonly SessionReviewView[]
  /** Seconds from one to the next; undefined: none is made by itself. */
  readonly everySeconds?: number
  readonly nextAt?: Date
  /** Undefined for those who may not have one made. */
  readonly csrf?: string
  readonly firstHref?: string
  readonly nextHref?: string
}

/** Makes the list. */
export function sessionReviewList(view: SessionReviewListView): Html {
  const { reviews, csrf, everySeconds, nextAt } = view
  return html`<h1>Session audit</h1>
<p class="lead">What nobody uses, and what is older than it should be: walk through it, end what is not needed, say what stays and why, and sign it off.</p>
<p>${
    everySeconds === undefined
      ? html`None is made by itself: <code>LATCHKEY_SESSION_REVIEW_EVERY</code> is off.`
      : html`One is made every ${spokenDuration(everySeconds)}, and the owners are mailed that it waits.${nextAt !== undefined && html` The next: ${moment(nextAt)}.`}`
  }</p>
${
  csrf !== undefined &&
  html`<form method="post" action="${PATH}">
<input type="hidden" name="csrf" value="${csrf}">
<p class="actions"><button class="button primary" type="submit">Make a report now</button></p>
</form>`
}
${
  reviews.length === 0
    ? nothingHere(
        'No reports yet',
        csrf === undefined
          ? 'An owner, an operator or an auditor can have one made.'
          : 'Make one now: it takes a moment, or some minutes where there is very much. It ends nothing by itself.',
      )
    : table<SessionReviewView>('Session audits, the latest first', COLUMNS, reviews)
}
${pager(view)}`
}

const COLUMNS = [
  {
    label: 'Report',
    names: true,
    cell: (review: SessionReviewView) => html`<a href="${PATH}/${review.id}">${titleOf(review)}</a>`,
  },
  { label: 'State', cell: stateOf },
  { label: 'Asked for by', cell: askedBy },
  { label: 'Found', cell: (review: SessionReviewView) => (review.madeAt === undefined ? '' : number(foundIn(review))) },
  {
    label: 'Signed off',
    cell: ({ signedOff }: SessionReviewView) =>
      signedOff && html`${who(signedOff.by)}<br><span class="quiet">${moment(signedOff.at)}</span>`,
  },
]

/** What a report is called: by its day. */
export function titleOf({ createdAt }: Pick<SessionReviewView, 'createdAt'>): string {
  return `Report of ${momentText(createdAt)}`
}

/** How it stands. */
export function stateOf({ state }: SessionReviewView): Html {
  if (state === 'making') return html`<span class="badge">Being made</span>`
  if (state === 'open') return html`<span class="badge bad">To be signed off</span>`
  return html`<span class="badge good">Signed off</span>`
}

/** Who asked for it. */
export function askedBy({ scheduled, actor }: SessionReviewView): Html | string {
  return scheduled ? 'The schedule' : who(actor)
}

/** Somebody who may be no more. */
export function who({ id, email }: NamedAccountView): Html {
  return html`<bdi>${email ?? id}</bdi>`
}

function foundIn({ parts }: SessionReviewView): number {
  return parts.reduce((sum, { found }) => sum + found, 0)
}

/** A number as people read it. */
export function number(value: number): string {
  return value.toLocaleString('en-GB')
}

/** What one is called where there is no room for more. */
export function nameOf({ subject, account, client, device }: FindingView): string {
  return (
    [client?.name ?? client?.id ?? device, account?.email ?? account?.id].filter((part) => part !== undefined).join(', ') ||
    subject
  )
}
