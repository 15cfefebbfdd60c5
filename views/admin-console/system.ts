// The system in the console: what is checked, what runs where, how far each process and each API has come with the revocations, and how
// work in the background goes.
import { type Html, html } from '../html.ts'
import { moment, spokenDuration } from '../moment.ts'
import { facts, nothingHere, standing, table } from './lists.ts'
import { count } from './tree.ts'

/** A check. */
export interface CheckView {
  readonly what: string
  readonly outcome: 'right' | 'look' | 'wrong'
  readonly says: string
  readonly todo?: string
  readonly href?: string
}

/** A process that serves. */
export interface ProcessView {
  readonly host: string
  readonly pid: number
  readonly version: string
  readonly startedAt: Date
  /** The number of the last revocation that it knows. */
  readonly sequence: number
  readonly heardSecondsAgo: number
  /** It has made this page. */
  readonly isThis: boolean
}

/** A store. */
export interface StoreView {
  readonly version: string
  readonly milliseconds: number
}

/** An end of many things. */
export interface JobRow {
  readonly id: string
  readonly noun: string
  readonly state: string
  readonly total?: number
  readonly left: number
  readonly createdAt: Date
  readonly finishedAt?: Date
}

/** A piece of background work. */
export interface TaskView {
  readonly task: string
  readonly everySeconds: number
  readonly doneAt?: Date
  readonly failedAt?: Date
  readonly fault?: string
}

/** What the page shows. */
export interface SystemView {
  readonly checks: readonly CheckView[]
  readonly version: string
  readonly node: string
  readonly platform: string
  readonly environment: string
  readonly postgres: (StoreView & { readonly embedded: boolean }) | undefined
  /** `memory`: there is none, and none is wanted. */
  readonly redis: (StoreView & { readonly mode: string }) | 'memory' | undefined
  /** `refused`: why they do not fit this program. */
  readonly migrations:
    | { readonly applied: readonly string[]; readonly pending: readonly string[]; readonly refused?: string }
    | undefined
  /** The number of the last revocation. */
  readonly newest: number
  readonly processes: readonly ProcessView[]
  /** Guards of APIs that were heard in the last day. */
  readonly listeners: { readonly all: number; readonly upToDate: number; readonly more: boolean }
  readonly jobs: readonly JobRow[]
  /** Of the process that has made this page. */
  readonly tasks: readonly TaskView[]
}

/** Makes it. */
export function systemDetail(view: SystemView): Html {
  return html`<h1>System</h1>
${checksOf(view.checks)}
<section class="card" aria-labelledby="runs">
<h2 id="runs">What runs</h2>
${facts([
  ['Latchkey', `${view.version}, for ${view.environment}`],
  ['Node', `${view.node} on ${view.platform}`],
  ['PostgreSQL', postgresOf(view.postgres)],
  ['Redis', redisOf(view.redis)],
  ['Migrations', migrationsOf(view.migrations)],
])}
</section>
${processesOf(view)}
${jobsOf(view.jobs)}
${tasksOf(view.tasks)}`
}

function checksOf(checks: readonly CheckView[]): Html {
  const [wrong, look] = ['wrong', 'look'].map((outcome) => checks.filter((check) => check.outcome === outcome).length)
  return html`${verdict(wrong ?? 0, look ?? 0)}
<section class="card" aria-labelledby="checks">
<h2 id="checks">Checks</h2>
<ul class="rows">
${['wrong', 'look', 'right'].flatMap((outcome) => checks.filter((check) => check.outcome === outcome)).map(checkRow)}</ul>
</section>`
}

function verdict(wrong: number, look: number): Html {
  if (wrong > 0)
    return html`<div class="notice error" role="status"><p>${wrong === 1 ? 'One thing does' : `${wrong} things do`} not do ${wrong === 1 ? 'its' : 'their'} work.</p></div>`
  if (look > 0)
    return html`<div class="notice warning" role="status"><p>It goes well, and ${look === 1 ? 'one thing wants' : `${look} things want`} a look.</p></div>`
  return html`<div class="notice success" role="status"><p>All that is checked is right.</p></div>`
}

function checkRow({ what, outcome, says, todo, href }: CheckView): Html {
  return html`<li><div class="row-main"><p><strong>${what}</strong> ${BADGES[outcome]}</p>
<p>${says}${todo !== undefined && html` <span class="quiet">${todo}</span>`}</p></div>
${href !== undefined && html`<div class="row-end"><a href="${href}">Open<span class="visually-hidden"> (${what})</span></a></div>`}</li>
`
}

const BADGES = {
  right: html`<span class="badge good">Right</span>`,
  look: html`<span class="badge">Look</span>`,
  wrong: html`<span class="badge bad">Wrong</span>`,
}

function postgresOf(postgres: SystemView['postgres']): string {
  if (postgres === undefined) return 'does not answer'
  return `${postgres.embedded ? 'embedded, ' : ''}${postgres.version}, answers in ${postgres.milliseconds.toFixed(1)} ms`
}

function redisOf(redis: SystemView['redis']): string {
  if (redis === undefined) return 'does not answer'
  if (redis === 'memory') return 'none: sessions are in the memory of the process'
  return `${redis.version}, ${redis.mode}, answers in ${redis.milliseconds.toFixed(1)} ms`
}

function migrationsOf(migrations: SystemView['migrations']): Html {
  if (migrations === undefined) return html`the role of the server may not see them`
  const { applied, pending, refused } = migrations
  if (refused !== undefined) return html`do not fit this program`
  const last = applied.at(-1)
  return html`${applied.length} applied${last !== undefined && html`, the last <code>${last}</code>`}${
    pending.length > 0 && html`; not applied: ${pending.map((name) => html`<code>${name}</code> `)}`
  }`
}

function processesOf({ processes, newest, listeners }: SystemView): Html {
  const columns = [
    {
      label: 'Process',
      names: true,
      cell: ({ host, pid, isThis }: ProcessView) =>
        html`${pid} on <bdi>${host}</bdi>${isThis && html` <span class="badge">This one</span>`}`,
    },
    { label: 'Version', cell: ({ version }: ProcessView) => version },
    { label: 'Since', cell: ({ startedAt }: ProcessView) => moment(startedAt) },
    {
      label: 'Revocations',
      cell: ({ sequence }: ProcessView) =>
        sequence >= newest
          ? html`<span class="badge good">Up to date</span>`
          : html`<span class="badge">Behind</span> <span class="quiet">knows up to ${sequence}</span>`,
    },
    {
      label: 'Heard',
      cell: ({ isThis, heardSecondsAgo }: ProcessView) => (isThis ? 'now' : `${heardSecondsAgo} s ago`),
    },
  ]
  const more = listeners.more && ' or more'
  return html`<section class="card" aria-labelledby="processes">
<h2 id="processes">Who knows of the revocations</h2>
<p class="lead">The last revocation is number ${newest}. Each process says every five seconds how far it has come, and looks every second.</p>
${table<ProcessView>('Processes of this server', columns, processes)}
<p>${listeners.all === 0 ? 'No guard of an API was heard in the last day.' : html`Of ${count(listeners.all, 'guard')}${more} of APIs that were heard in the last day, ${listeners.upToDate} ${listeners.upToDate === 1 ? 'has' : 'have'} applied all of them.`}
<a href="/admin/tokens/listeners">Each by itself</a></p>
</section>`
}

function jobsOf(jobs: readonly JobRow[]): Html {
  const columns = [
    {
      label: 'Job',
      names: true,
      cell: ({ id, noun, total }: JobRow) =>
        html`<a href="/admin/jobs/${id}">End of ${total === undefined ? noun : count(total, noun.slice(0, -1))}</a>`,
    },
    {
      label: 'State',
      cell: ({ state, left, total }: JobRow) =>
        html`${standing(state)}${state !== 'done' && total !== undefined && html` <span class="quiet">${left} left</span>`}`,
    },
    { label: 'Begun', cell: ({ createdAt }: JobRow) => moment(createdAt) },
    { label: 'Done', cell: ({ finishedAt }: JobRow) => finishedAt && moment(finishedAt) },
  ]
  return html`<section class="card" aria-labelledby="jobs">
<h2 id="jobs">Ends of many things</h2>
${jobs.length === 0 ? nothingHere('No jobs', 'One begins when more is ended at once than a request can wait for.') : table<JobRow>('Jobs, the latest first', columns, jobs)}
</section>`
}

function tasksOf(tasks: readonly TaskView[]): Html {
  const columns = [
    {
      label: 'Work',
      names: true,
      cell: ({ task, everySeconds }: TaskView) => html`${task}<br><span class="quiet">${intervalOf(everySeconds)}</span>`,
    },
    {
      label: 'Outcome',
      cell: ({ failedAt, doneAt, fault }: TaskView) => {
        if (failedAt !== undefined) return html`<span class="badge bad">Fails</span><br><span class="quiet">${fault}</span>`
        return doneAt === undefined ? html`<span class="quiet">its turn comes</span>` : html`<span class="badge good">Done</span>`
      },
    },
    { label: 'Last done', cell: ({ doneAt }: TaskView) => doneAt && moment(doneAt) },
  ]
  return html`<section class="card" aria-labelledby="tasks">
<h2 id="tasks">Background work of this process</h2>
${table<TaskView>('Background work', columns, tasks)}
</section>`
}

function intervalOf(seconds: number): string {
  const spoken = seconds < 60 ? count(seconds, 'second') : spokenDuration(seconds)
  return `every ${spoken.replace(/^1 /, '')}`
}
