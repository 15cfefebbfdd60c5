// The first page of the console: what is to be done, what is live, what happens, and how old what should be replaced is. Each figure says of
// when it is.
import { type Html, html } from '../html.ts'
import { moment, spokenDuration } from '../moment.ts'
import { chart } from './chart.ts'
import { facts, nothingHere, standing, table } from './lists.ts'
import { count } from './tree.ts'

/** A duty. */
export interface DutyView {
  readonly name: string
  readonly question: string
  readonly state: 'done' | 'due' | 'overdue'
  readonly at?: Date
  readonly says: string
  readonly todo?: string
  readonly href: string
}

/** A number, and when it was counted. */
export interface FigureView {
  readonly count: number
  readonly asOf: Date
}

/** How much happened from a moment on. */
export interface BucketView {
  readonly at: Date
  readonly signedIn: number
  readonly failed: number
  readonly reused: number
}

/** What happened lately. */
export interface EventsView {
  readonly hours: readonly BucketView[]
  readonly days: readonly BucketView[]
  readonly asOf?: Date
}

/** A signing key. */
export interface KeyAgeView {
  readonly kid: string
  readonly alg: string
  readonly status: string
  readonly createdAt: Date
  readonly signingSince?: Date
  readonly due?: { readonly what: string; readonly at: Date }
}

/** The secrets of apps. */
export interface SecretAgesView {
  readonly clients: number
  readonly more: boolean
  readonly underMonth: number
  readonly underTwoMonths: number
  readonly underThreeMonths: number
  readonly older: number
}

/** What the page shows. What the one who looks may not see is not there. */
export interface OverviewView {
  readonly now: Date
  readonly events?: EventsView
  readonly sessions?: { readonly live?: FigureView }
  readonly grants?: { readonly live?: FigureView }
  readonly accounts?: { readonly locked?: FigureView }
  readonly keys?: readonly KeyAgeView[]
  readonly secrets?: SecretAgesView
  readonly duties: readonly DutyView[]
}

/** Makes it. */
export function overviewDetail(view: OverviewView): Html {
  const { events, keys, secrets } = view
  return html`<h1>Overview</h1>
${dutiesOf(view)}
${figuresOf(view)}
${events !== undefined && eventsOf(events)}
${
  (keys !== undefined || secrets !== undefined) &&
  html`<div class="beside">
${keys !== undefined && keysOf(keys, view.now)}
${secrets !== undefined && secretsOf(secrets)}
</div>`
}`
}

function dutiesOf({ duties, now }: OverviewView): Html {
  const open = duties.filter(({ state }) => state !== 'done')
  const done = duties.filter(({ state }) => state === 'done')
  return html`<section class="card" aria-labelledby="duties">
<header><h2 id="duties">To do</h2>
<p class="lead">${open.length === 0 ? 'Nothing is due.' : `${open.length} of ${count(duties.length, 'question')} ${open.length === 1 ? 'wants' : 'want'} somebody.`}</p></header>
${
  open.length > 0 &&
  html`<ul class="rows">
${open.map((duty) => dutyRow(duty, now))}</ul>`
}
${
  done.length > 0 &&
  html`<details class="done"${open.length === 0 && html` open`}><summary>Done (${done.length})</summary>
<ul class="rows">
${done.map((duty) => dutyRow(duty, now))}</ul>
</details>`
}
</section>`
}

function dutyRow({ question, state, at, says, todo, href }: DutyView, now: Date): Html {
  const left = at === undefined ? undefined : (at.getTime() - now.getTime()) / 1000
  const next = state === 'done' && left !== undefined && html` <span class="quiet">Due in ${spokenDuration(left)}.</span>`
  return html`<li><div class="row-main"><p><strong>${question}</strong> ${stateOf(state, left)}</p>
<p>${says}${next}${todo !== undefined && html` <span class="quiet">${todo}</span>`}</p></div>
<div class="row-end"><a${state !== 'done' && html` class="button small"`} href="${href}">Open<span class="visually-hidden">: ${question}</span></a></div></li>
`
}

/** In plain words. `left`: seconds until it is due. */
function stateOf(state: DutyView['state'], left: number | undefined): Html {
  if (state === 'done') return html`<span class="badge good">Done</span>`
  if (state === 'overdue')
    return html`<span class="badge bad">Overdue${left !== undefined && left < -60 && ` for ${spokenDuration(-left)}`}</span>`
  return html`<span class="badge">${left !== undefined && left > 0 ? `Due in ${spokenDuration(left)}` : 'To do now'}</span>`
}

function figuresOf({ sessions, grants, accounts, events }: OverviewView): Html {
  return html`<dl class="figures">
${sessions !== undefined && figure('Active sessions', '/admin/sessions?state=live', sessions.live)}
${grants !== undefined && figure('Active grants', '/admin/grants?state=live', grants.live)}
${accounts !== undefined && figure('Locked accounts', '/admin/blocks', accounts.locked)}
${events !== undefined && reusesOf(events)}</dl>`
}

function figure(label: string, href: string, counted: FigureView | undefined): Html {
  return html`<div><dt><a href="${href}">${label}</a></dt>
<dd>${
    counted === undefined
      ? html`<strong>–</strong> <span class="quiet">counted within a minute of the start</span>`
      : html`<strong>${counted.count.toLocaleString('en-GB')}</strong> <span class="quiet">as of ${moment(counted.asOf)}</span>`
  }</dd></div>
`
}

const REUSES = '/admin/audit?name=refresh_token.reused%2Cauthorization_code.replayed'

function reusesOf({ hours, days, asOf }: EventsView): Html {
  const sum = (buckets: readonly BucketView[]) => buckets.reduce((total, { reused }) => total + reused, 0)
  const [day, week] = [sum(hours), sum(days)]
  return html`<div${week > 0 && html` class="alarm"`}><dt><a href="${REUSES}">Tokens used twice</a></dt>
<dd><strong>${day.toLocaleString('en-GB')}</strong> <span class="quiet">in 24 hours, ${week.toLocaleString('en-GB')} in 7 days${asOf !== undefined && html`, as of ${moment(asOf)}`}</span></dd></div>
`
}

function eventsOf({ hours, days, asOf }: EventsView): Html {
  const none = days.every(({ signedIn, failed }) => signedIn + failed === 0)
  const bars = (buckets: readonly BucketView[]) =>
    buckets.map(({ at, signedIn, failed }) => ({ at, above: signedIn, below: failed }))
  const names = { above: 'Signed in', below: 'Failed' }
  return html`<section class="card" aria-labelledby="sign-ins">
<header><h2 id="sign-ins">Sign-ins</h2>
${!none && html`<p class="lead">${asOf !== undefined && html`As of ${moment(asOf)}. `}Days are those of UTC. <a href="/admin/failed-sign-ins">Those that failed</a> · <a href="/admin/audit?name=sign_in.succeeded">those that did not</a></p>`}</header>
${
  none
    ? nothingHere(
        'No sign-ins in the last 7 days',
        html`As soon as an app is <a href="/admin/clients">registered</a> and somebody signs in to it, it shows here within half a minute. The quickstarts show how an app does that.`,
      )
    : html`<div class="charts">
${chart({ id: 'hours', title: '24 hours', names, bars: bars(hours), ends: ['a day ago', 'this hour'] })}
${chart({ id: 'days', title: '7 days', names, bars: bars(days), ends: ['a week ago', 'today'] })}
</div>`
}
</section>`
}

function keysOf(keys: readonly KeyAgeView[], now: Date): Html {
  const columns = [
    {
      label: 'Key',
      names: true,
      cell: ({ kid, alg, status }: KeyAgeView) =>
        html`<a href="/admin/keys/${kid}"><bdi>${alg}</bdi><span class="visually-hidden"> ${kid}</span></a> ${standing(status)}`,
    },
    {
      label: 'Age',
      cell: ({ createdAt, signingSince }: KeyAgeView) =>
        spokenDuration((now.getTime() - (signingSince ?? createdAt).getTime()) / 1000),
    },
    { label: 'To be replaced', cell: ({ due }: KeyAgeView) => (due?.what === 'rotate' ? dueOf(due.at, now) : undefined) },
  ]
  return html`<section class="card" aria-labelledby="keys">
<h2 id="keys">Signing keys</h2>
${keys.length === 0 ? nothingHere('No keys', 'The server makes its first keys when it starts.') : table<KeyAgeView>('Signing keys by age', columns, keys)}
</section>`
}

function dueOf(at: Date, now: Date): Html {
  const left = (at.getTime() - now.getTime()) / 1000
  if (left > 0) return html`in ${spokenDuration(left)}`
  return html`<span class="badge bad">Overdue for ${spokenDuration(-left)}</span>`
}

function secretsOf({ clients, more, underMonth, underTwoMonths, underThreeMonths, older }: SecretAgesView): Html {
  const apps = (number: number) => number.toLocaleString('en-GB')
  return html`<section class="card" aria-labelledby="secrets">
<header><h2 id="secrets">Client secrets</h2>
${clients > 0 && html`<p class="lead">How many apps have one of which age. Of each the newest counts${more && ', of the 5,000 oldest'}.</p>`}</header>
${
  clients === 0
    ? nothingHere('No secrets', 'An app with a server gets one when it is registered, by the admin API or a provision file.')
    : facts([
        [
          'Over 90 days',
          older === 0
            ? '0'
            : html`<span class="badge bad">${apps(older)}</span> <a href="/admin/secrets?state=due">Which they are</a>`,
        ],
        ['60 to 90 days', apps(underThreeMonths)],
        ['30 to 60 days', apps(underTwoMonths)],
        ['Under 30 days', apps(underMonth)],
      ])
}
</section>`
}
