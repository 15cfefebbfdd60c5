// A session audit as a page of its own, to be printed or kept as a file: it needs nothing from elsewhere, and is written part by part.

import { FINDING_KIND_WORDS, FINDING_WORDS, type FindingKindWord, STANDING_WORDS } from '../admin-console/session-review-words.ts'
import {
  type FindingView,
  nameOf,
  type ReviewOutcomeView,
  type SessionReviewView,
  titleOf,
} from '../admin-console/session-reviews.ts'
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'

/** Writes it, part by part: the parts one after the other are the document. */
export interface SessionReviewDocument {
  begin(review: SessionReviewView, outcome: ReviewOutcomeView): string
  rows(findings: readonly FindingView[]): string
  end(): string
}

/** Makes it. @param issuer whose sessions they are */
export function sessionReviewDocument(issuer: string): SessionReviewDocument {
  return {
    begin: (review, outcome) => String(head(issuer, review, outcome)),
    rows: (findings) => String(html`${findings.map((finding) => row(finding))}`),
    end: () => String(FOOT),
  }
}

function head(issuer: string, review: SessionReviewView, outcome: ReviewOutcomeView): Html {
  const { signedOff } = review
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${titleOf(review)} – Latchkey</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
${STYLE}
</head>
<body>
<main>
<h1>Session audit</h1>
<p>${titleOf(review)}, of <bdi>${issuer}</bdi></p>
<dl>
<div><dt>Asked for by</dt><dd>${review.scheduled ? 'the schedule' : html`<bdi>${review.actor.email ?? review.actor.id}</bdi>`}</dd></div>
${review.madeAt !== undefined && html`<div><dt>Made</dt><dd>${moment(review.madeAt)}</dd></div>`}
<div><dt>Signed off</dt><dd>${signedOff === undefined ? 'not yet' : html`<bdi>${signedOff.by.email ?? signedOff.by.id}</bdi>, ${moment(signedOff.at)}<br><bdi>${signedOff.note}</bdi>`}</dd></div>
<div><dt>Id</dt><dd><code>${review.id}</code></dd></div>
</dl>
<h2>What was found, and what has become of it</h2>
<table>
<thead><tr><th scope="col">What</th><th scope="col">Found</th><th scope="col">Open</th><th scope="col">Kept</th><th scope="col">Used since</th><th scope="col">Ended</th></tr></thead>
<tbody>
${FINDING_KIND_WORDS.map((kind) => summary(kind, review, signedOff?.outcome ?? outcome))}</tbody>
</table>
<p class="small">${signedOff === undefined ? 'Counted when this file was made.' : 'Counted when it was signed off.'} Below stands what was so when this file was made.</p>
<h2>Findings</h2>
<table>
<thead><tr><th scope="col">Kind</th><th scope="col">What</th><th scope="col">Since</th><th scope="col">Last used</th><th scope="col">By now</th><th scope="col">Kept</th></tr></thead>
<tbody>
`
}

function summary(kind: FindingKindWord, review: SessionReviewView, outcome: ReviewOutcomeView): Html {
  const { open, kept, used, over } = outcome[kind]
  const found = review.parts.find((part) => part.kind === kind)?.found ?? 0
  const { title, says } = FINDING_WORDS[kind]
  return html`<tr><th scope="row">${title}<br><span class="small">${says(review.ages)}</span></th><td>${found}</td><td>${open}</td><td>${kept}</td><td>${used}</td><td>${over}</td></tr>
`
}

function row(finding: FindingView): Html {
  const { kind, number, subject, since, usedAt, standing, changedAt, kept } = finding
  return html`<tr><td>${FINDING_WORDS[kind].title} ${number}</td><th scope="row"><bdi>${nameOf(finding)}</bdi><br><code>${subject}</code></th><td>${moment(since)}</td><td>${usedAt === undefined ? '–' : moment(usedAt)}</td><td>${STANDING_WORDS[standing]}${changedAt !== undefined && html`<br>${moment(changedAt)}`}</td><td>${kept !== undefined && html`<bdi>${kept.note}</bdi><br><span class="small"><bdi>${kept.by.email ?? kept.by.id}</bdi>, ${moment(kept.at)}</span>`}</td></tr>
`
}

const FOOT = html`</tbody>
</table>
</main>
</body>
</html>
`

/** Of its own, since a file has no style sheet beside it. Nothing of it is made of values. */
const STYLE = html`<style>
:root { color-scheme: light; }
body { margin: 2rem auto; padding: 0 1rem; max-width: 70rem; font: 1rem/1.45 system-ui, sans-serif; color: #1d2421; background: #fff; }
h1 { margin: 0; font-size: 1.6em; }
h2 { margin: 1.5em 0 .5em; font-size: 1.15em; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid #bbb; text-align: start; vertical-align: top; overflow-wrap: anywhere; }
thead { display: table-header-group; }
thead th { overflow-wrap: normal; }
tbody th { font-weight: 600; }
.small, thead th { font-size: .9em; font-weight: 400; color: #4a514d; }
dl > div { display: grid; grid-template-columns: 10rem 1fr; padding: .15rem 0; }
dt { color: #4a514d; }
dd { margin: 0; }
code { font: .85em ui-monospace, monospace; }
@page { margin: 15mm; }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: 9.5pt; } tr { break-inside: avoid; } h2 { break-after: avoid; } }
</style>`
