// The pages that ask before something of a session audit is written down for good: that findings stay, and that it was walked through.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { facts, faultNotice } from './lists.ts'
import { FINDING_KIND_WORDS, FINDING_WORDS, type FindingKindWord } from './session-review-words.ts'
import { type FindingView, nameOf, type ReviewOutcomeView, type SessionReviewView, titleOf, who } from './session-reviews.ts'
import { count } from './tree.ts'

const PATH = '/admin/session-audits'

/** What the page shows that asks why findings stay. */
export interface KeepFindingsView {
  readonly review: SessionReviewView
  readonly kind: FindingKindWord
  readonly findings: readonly FindingView[]
  readonly note: string
  /** It was sent without one. */
  readonly noteMissing?: boolean
  readonly csrf: string
  /** Why it was refused. */
  readonly fault?: string
}

/** Makes it. */
export function keepFindings({ review, kind, findings, note, noteMissing = false, csrf, fault }: KeepFindingsView): Html {
  const href = `${PATH}/${review.id}?kind=${kind}`
  const subjects = [...new Set(findings.map(({ subject }) => subject))]
  return html`<p class="crumbs"><a href="${href}">${titleOf(review)}</a></p>
<h1>Keep what was found</h1>
${faultNotice(fault)}
<section class="card" aria-labelledby="what">
<h2 id="what">${FINDING_WORDS[kind].title}</h2>
${
  review.state === 'signed_off'
    ? html`${STAYS_AS_IT_IS}
${backTo(href)}`
    : findings.length === 0
      ? html`<p>Nothing is selected. Go back and tick what is to stay.</p>
${backTo(href)}`
      : html`<p>${subjects.length === 1 ? 'This stays' : 'These stay'}. Nothing of ${subjects.length === 1 ? 'it' : 'them'} is changed: the report says who decided it, and why.</p>
<ul class="reasons">
${findings.map((finding) => html`<li><bdi>${nameOf(finding)}</bdi></li>\n`)}</ul>
<form method="post" action="${PATH}/${review.id}/kept">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="kind" value="${kind}">
<input type="hidden" name="subjects" value="${subjects.join(' ')}">
${noteField('Why it stays', note, 'Whoever reads the report later was not here.', { name: 'note', missing: noteMissing })}
<p class="actions"><button class="button primary" type="submit">Keep ${subjects.length === 1 ? 'it' : 'them'}</button>
<a class="button" href="${href}">Leave it</a></p>
</form>`
}
</section>`
}

/** Makes the page that asks before they do not stay any more. `findings`: such as are kept. */
export function unkeepFindings({ review, kind, findings, note, csrf, fault }: KeepFindingsView): Html {
  const href = `${PATH}/${review.id}?kind=${kind}`
  const subjects = [...new Set(findings.map(({ subject }) => subject))]
  const isOne = subjects.length === 1
  return html`<p class="crumbs"><a href="${href}">${titleOf(review)}</a></p>
<h1>Keep no longer</h1>
${faultNotice(fault)}
<section class="card" aria-labelledby="what">
<h2 id="what">${FINDING_WORDS[kind].title}</h2>
${
  review.state === 'signed_off'
    ? html`${STAYS_AS_IT_IS}
${backTo(href)}`
    : findings.length === 0
      ? html`<p>Nothing is selected that is kept. Go back and tick what is not to stay.</p>
${backTo(href)}`
      : html`<p>${isOne ? 'This is' : 'These are'} open again in the report. That ${isOne ? 'it was' : 'they were'} kept, by whom and why, stands in the audit log alone.</p>
<ul class="reasons">
${findings.map((finding) => html`<li><bdi>${nameOf(finding)}</bdi>${finding.kept && html`: <q>${finding.kept.note}</q>`}</li>\n`)}</ul>
<form method="post" action="${PATH}/${review.id}/unkept">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="kind" value="${kind}">
<input type="hidden" name="subjects" value="${subjects.join(' ')}">
<div class="field">
<label for="note">Why</label>
<input id="note" name="note" type="text" value="${note}" maxlength="1000" autocomplete="off" aria-describedby="note-hint">
<p class="hint" id="note-hint">For the audit log.</p>
</div>
<p class="actions"><button class="button primary" type="submit">Open ${isOne ? 'it' : 'them'} again</button>
<a class="button" href="${href}">Leave ${isOne ? 'it' : 'them'} kept</a></p>
</form>`
}
</section>`
}

/** What the page shows that asks before a report is signed off. */
export interface SignOffView {
  readonly review: SessionReviewView
  readonly outcome: ReviewOutcomeView
  readonly action: string
  readonly reason: string
  /** It was sent without one. */
  readonly reasonMissing?: boolean
  readonly csrf: string
  readonly fault?: string
}

/** Makes it. */
export function signOffReview(view: SignOffView): Html {
  const { review, fault } = view
  const href = `${PATH}/${review.id}`
  return html`<p class="crumbs"><a href="${href}">${titleOf(review)}</a></p>
<h1>Sign off the report</h1>
${faultNotice(fault)}
${review.signedOff === undefined ? whatIsSigned(view, href) : whatWasSigned(view, review.signedOff, href)}`
}

function whatIsSigned({ outcome, action, reason, reasonMissing, csrf }: SignOffView, href: string): Html {
  const open = sumOf(outcome, 'open')
  return html`<section class="card" aria-labelledby="what">
<h2 id="what">What you sign</h2>
<p>That you have walked through it. The report then stays as it is, with your name, the time and your note.</p>
${
  open > 0 &&
  html`<div class="notice warning"><p>${count(open, 'finding')} ${open === 1 ? 'is' : 'are'} still open: neither ended, nor used since, nor kept. Say in the note what is to become of ${open === 1 ? 'it' : 'them'}.</p></div>`
}
${sums(outcome)}
<form method="post" action="${action}">
<input type="hidden" name="csrf" value="${csrf}">
${noteField('Your note', reason, 'What you looked at, and what is left to do.', { name: 'reason', missing: reasonMissing === true })}
<p class="actions"><button class="button primary" type="submit">Sign it off</button>
<a class="button" href="${href}">Not yet</a></p>
</form>
</section>`
}

/** It is signed off once. A note that somebody else wrote meanwhile is given back with the page, to be kept elsewhere. */
function whatWasSigned(
  { outcome, reason }: SignOffView,
  { at, by, note }: NonNullable<SessionReviewView['signedOff']>,
  href: string,
): Html {
  return html`<section class="card" aria-labelledby="what">
<h2 id="what">What was signed</h2>
<p>${who(by)} signed it off, ${moment(at)}: <q>${note}</q></p>
${reason !== '' && html`<p>Your note was not written down: <q>${reason}</q></p>`}
${sums(outcome)}
${backTo(href)}
</section>`
}

function sums(outcome: ReviewOutcomeView): Html {
  return facts([
    ['Ended', sumOf(outcome, 'over').toLocaleString('en-GB')],
    ['Used since', sumOf(outcome, 'used').toLocaleString('en-GB')],
    ['Kept', sumOf(outcome, 'kept').toLocaleString('en-GB')],
    ['Still open', sumOf(outcome, 'open').toLocaleString('en-GB')],
  ])
}

function sumOf(outcome: ReviewOutcomeView, state: 'open' | 'kept' | 'used' | 'over'): number {
  return FINDING_KIND_WORDS.reduce((all, kind) => all + outcome[kind][state], 0)
}

/** Whoever comes too late is offered nothing that would be refused. */
const STAYS_AS_IT_IS = html`<p>The report was signed off. Nothing in it is kept, or opened again, any more.</p>`

function backTo(href: string): Html {
  return html`<p class="actions"><a class="button" href="${href}">Back to the report</a></p>`
}

function noteField(
  label: string,
  value: string,
  hint: string,
  { name, missing }: { readonly name: string; readonly missing: boolean },
): Html {
  return html`<div class="field">
<label for="note">${label}</label>
<input id="note" name="${name}" type="text" value="${value}" maxlength="1000" required autocomplete="off" aria-describedby="note-hint${missing && ' note-missing'}"${missing && html` aria-invalid="true" autofocus`}>
<p class="hint" id="note-hint">${hint}</p>
${missing && html`<p class="error" id="note-missing">Nothing was done: write a note.</p>`}
</div>`
}
