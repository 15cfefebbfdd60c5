// One session audit in the console: how far it has come, what it has found, and what has become of that.
import { type Html, type HtmlValue, html } from '../html.ts'
import { moment } from '../moment.ts'
import { facts, nothingHere, pager, table } from './lists.ts'
import { FINDING_KIND_WORDS, FINDING_WORDS, type FindingKindWord, STANDING_WORDS } from './session-review-words.ts'
import {
  askedBy,
  type FindingCountsView,
  type FindingView,
  nameOf,
  number,
  type ReviewOutcomeView,
  type SessionReviewView,
  stateOf,
  titleOf,
  who,
} from './session-reviews.ts'
import { count } from './tree.ts'
import { saidAloud, underWay } from './under-way.ts'

const PATH = '/admin/session-audits'

/** What the page of one shows. */
export interface SessionReviewDetailView {
  readonly review: SessionReviewView
  /** What has become of the findings by now, or had when it was signed off; undefined while it is being made. */
  readonly outcome?: ReviewOutcomeView
  /** The kind whose findings are listed; undefined when nothing was found. */
  readonly kind?: FindingKindWord
  readonly findings: readonly FindingView[]
  /** So many of a kind are kept at most. */
  readonly mostFindings: number
  /** Where what is ticked is ended; undefined where that is done on the page of each, and for those who may not. */
  readonly endHref?: string
  /** Where all that are so by now are ended, likewise. */
  readonly endAllHref?: string
  readonly mayKeep: boolean
  readonly maySignOff: boolean
  /** Undefined for those who may take nothing home. */
  readonly exporting?: { readonly csrf: string; readonly format: string }
  readonly firstHref?: string
  readonly nextHref?: string
}

/** Makes it. */
export function sessionReviewDetail(view: SessionReviewDetailView): Html {
  const { review, outcome } = view
  return html`<p class="crumbs"><a href="${PATH}">Session audit</a></p>
<h1>${titleOf(review)}</h1>
${underWay(
  outcome === undefined ? `${PATH}/${review.id}` : undefined,
  html`${reportOf(view)}
${outcome === undefined ? progressOf(review) : foundOf(view, outcome)}`,
)}`
}

function reportOf({ review, maySignOff }: SessionReviewDetailView): Html {
  const { signedOff } = review
  return html`<section class="card" aria-labelledby="report">
<h2 id="report">Report</h2>
${facts([
  ['State', saidAloud(stateOf(review))],
  ['Asked for by', askedBy(review)],
  review.madeAt && ['Made', moment(review.madeAt)],
  signedOff && ['Signed off', html`by ${who(signedOff.by)}, ${moment(signedOff.at)}`],
  signedOff && ['Note', html`<bdi>${signedOff.note}</bdi>`],
  ['Kept until', review.expiresAt === undefined ? 'for ever' : moment(review.expiresAt)],
])}
${
  maySignOff &&
  review.state === 'open' &&
  html`<p class="actions"><a class="button primary" href="${PATH}/${review.id}/sign-off">Sign it off…</a></p>`
}
</section>`
}

function progressOf({ parts }: SessionReviewView): Html {
  const done = parts.filter((part) => part.done).length
  return html`<section class="card" aria-labelledby="progress">
<h2 id="progress">Being made</h2>
<progress max="${parts.length}" value="${done}" aria-labelledby="progress"></progress>
<ul class="rows">
${parts.map(
  (part) => html`<li><div class="row-main"><p>${FINDING_WORDS[part.kind].title}</p>
<p class="quiet">${part.done ? 'done' : part.looked === 0 ? 'its turn comes' : 'under way'} · ${number(part.looked)} looked at · ${number(part.found)} found</p></div></li>
`,
)}</ul>
<p class="quiet">You may leave this page: the report is made all the same.</p>
</section>`
}

type Part = SessionReviewView['parts'][number]

function foundOf(view: SessionReviewDetailView, outcome: ReviewOutcomeView): Html {
  const { review, kind, exporting } = view
  const parts = FINDING_KIND_WORDS.flatMap((word) => review.parts.filter((part) => part.kind === word))
  return html`<section class="console-part" aria-labelledby="found">
<h2 id="found">What was found, and what has become of it</h2>
<ul class="rows">
${parts.map(
  (
    part,
  ) => html`<li><div class="row-main"><p>${part.found === 0 ? FINDING_WORDS[part.kind].title : html`<a href="${PATH}/${review.id}?kind=${part.kind}"${part.kind === kind && html` aria-current="true"`}>${FINDING_WORDS[part.kind].title}</a>`}</p>
<p class="quiet">${countsOf(part, outcome[part.kind])}</p></div><div class="row-end">${openOf(outcome[part.kind])}</div></li>
`,
)}</ul>
${review.signedOff !== undefined && html`<p class="quiet">Counted when it was signed off.${kind !== undefined && ' Below stands what is so by now.'}</p>`}
${exporting !== undefined && exportForm(review, exporting)}
</section>
${
  kind === undefined
    ? nothingHere(
        'Nothing was found',
        `Nothing is unused, and nothing older than it should be.${review.state === 'open' ? ' Sign it off: that is what an audit is for.' : ''}`,
      )
    : findingsOf(view, kind)
}`
}

function countsOf({ found }: Part, { kept, used, over }: FindingCountsView): string {
  if (found === 0) return 'none found'
  const states = [
    [over, 'ended'],
    [used, 'used since'],
    [kept, 'kept'],
  ] as const
  const facts = states.filter(([many]) => many > 0).map(([many, what]) => `${number(many)} ${what}`)
  return [`${number(found)} found`, ...facts].join(' · ')
}

function openOf({ open }: FindingCountsView): HtmlValue {
  return open === 0 ? html`<span class="badge good">None open</span>` : html`<span class="badge bad">${number(open)} open</span>`
}

function exportForm(
  { id }: SessionReviewView,
  { csrf, format: asked }: { readonly csrf: string; readonly format: string },
): Html {
  return html`<div class="take-away"><form method="post" action="${PATH}/${id}/export">
<input type="hidden" name="csrf" value="${csrf}">
<label for="format">The report as</label>
<select id="format" name="format">${EXPORTS.map(([format, label]) => html`<option value="${format}"${format === asked && html` selected`}>${label}</option>`)}</select>
<button class="button small" type="submit">Export</button>
</form></div>`
}

const EXPORTS = [
  ['csv', 'CSV, for spreadsheets'],
  ['json', 'JSON'],
  ['html', 'HTML, to print'],
] as const

function findingsOf(view: SessionReviewDetailView, kind: FindingKindWord): Html {
  const { review, findings, mostFindings } = view
  const found = review.parts.find((part) => part.kind === kind)?.found ?? 0
  return html`<section class="console-part" aria-labelledby="findings">
<h2 id="findings">${FINDING_WORDS[kind].title}</h2>
<p class="lead">${FINDING_WORDS[kind].says(review.ages)} ${ADVICE[kind]}</p>
${found > mostFindings && html`<div class="notice info"><p>${count(found, 'thing')} were found. The report has the ${number(mostFindings)} oldest.</p></div>`}
${rowsOf(view, kind, findings)}
${pager(view)}
</section>`
}

const ADVICE: { readonly [kind in FindingKindWord]: string } = {
  old_session: 'End those that nobody needs: their people sign in again.',
  dormant_grant: 'End those that nobody needs: whoever uses the app again is asked by it to sign in.',
  unused_refresh_token: 'What ends is the grant that they belong to.',
  old_client_secret: 'Give the app another one, on its page, and take this one away when it uses that.',
  unused_account: 'Suspend or delete, on its page, what nobody waits for.',
}

function rowsOf(view: SessionReviewDetailView, kind: FindingKindWord, findings: readonly FindingView[]): Html {
  const keeps = view.mayKeep && view.review.state === 'open'
  const ends = view.endHref !== undefined
  const select = {
    label: 'Select',
    cell: (finding: FindingView) =>
      // What is over has its place all the same: a column is as wide as its widest cell.
      finding.standing === 'over'
        ? html`<span class="select"></span>`
        : html`<label class="select"><input type="checkbox" name="id" value="${finding.subject}"><span class="visually-hidden">${finding.number}: ${nameOf(finding)}</span></label>`,
  }
  const list = table<FindingView>(FINDING_WORDS[kind].title, [...(keeps || ends ? [select] : []), ...FINDING_COLUMNS], findings)
  if (!keeps && !ends) return list
  const keepHref = `${PATH}/${view.review.id}/kept`
  return html`<form method="get" action="${keeps ? keepHref : view.endHref}" class="selection" autocomplete="off">
<input type="hidden" name="kind" value="${kind}">
<input type="hidden" name="back" value="${PATH}/${view.review.id}?kind=${kind}">
${list}
<p class="actions">
${keeps && html`<button class="button small" type="submit">Keep selected…</button>`}
${keeps && findings.some(({ kept }) => kept !== undefined) && html`<button class="button small" type="submit" formaction="${PATH}/${view.review.id}/unkept">Keep no longer…</button>`}
${ends && html`<button class="button danger small" type="submit" formaction="${view.endHref}">End selected…</button>`}
${view.endAllHref !== undefined && html`<a class="button small" href="${view.endAllHref}">End all that are so by now…</a>`}
</p>
</form>`
}

const FINDING_COLUMNS = [
  { label: 'What', names: true, cell: (finding: FindingView) => whatOf(finding) },
  { label: 'Since', cell: ({ since }: FindingView) => moment(since) },
  {
    label: 'Last used',
    cell: ({ kind, usedAt }: FindingView) =>
      usedAt === undefined ? (kind === 'old_client_secret' ? 'not known' : 'never') : moment(usedAt),
  },
  {
    label: 'By now',
    cell: ({ standing, changedAt }: FindingView) =>
      html`<span class="badge${standing !== 'there' && ' good'}">${STANDING_WORDS[standing]}</span>${changedAt !== undefined && html`<br><span class="quiet">${moment(changedAt)}</span>`}`,
  },
  {
    label: 'Kept',
    cell: ({ kept }: FindingView) =>
      kept && html`<bdi>${kept.note}</bdi><br><span class="quiet">${who(kept.by)}, ${moment(kept.at)}</span>`,
  },
]

function whatOf(finding: FindingView): Html {
  const { kind, subject, account, client } = finding
  const second =
    kind === 'old_client_secret' ? html`<code>${subject}</code>` : kind === 'unused_account' ? undefined : account && who(account)
  return html`<a href="${hrefOf(finding)}"><bdi>${kind === 'old_session' ? (finding.device ?? subject) : kind === 'unused_account' ? (account?.email ?? subject) : (client?.name ?? client?.id)}</bdi></a>${second !== undefined && html`<br><span class="quiet">${second}</span>`}`
}

function hrefOf({ kind, subject, client }: FindingView): string {
  if (kind === 'old_session') return `/admin/sessions/${encodeURIComponent(subject)}`
  if (kind === 'old_client_secret') return `/admin/clients/${encodeURIComponent(client?.id ?? '')}`
  if (kind === 'unused_account') return `/admin/accounts/${encodeURIComponent(subject)}`
  return `/admin/grants/${encodeURIComponent(subject)}`
}
