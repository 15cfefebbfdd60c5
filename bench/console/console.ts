// How long the console takes over a database in which there is very much, and how long the end of very many sessions takes.

import { setTimeout as wait } from 'node:timers/promises'
import { Browser, formsOf, type Page } from '../../test/support/browser.ts'
import { openConnection } from '../load/connection.ts'
import { quantile } from '../load/load.ts'
import { authorizeAdministrator, type Looked, type LookOptions, underLoad } from '../load/under-load.ts'
import { discover } from '../scenarios/scenario.ts'
import type { StoreAddresses, Target } from '../targets/target.ts'
import { OWNER } from '../the-world.ts'
import { type ConsoleSize, fillForConsole } from './fill-console.ts'
import { LISTS, type Question, questions } from './questions.ts'

/** One kind of question. Times in milliseconds. */
export interface Answered {
  readonly what: string
  readonly p50: number
  readonly p95: number
  readonly bytes: number
}

/** What was found. Times in milliseconds. */
export interface ConsoleFigures extends ConsoleSize {
  readonly answered: readonly Answered[]
  /** The end of all sessions that a filter finds. `took` until all have ended. */
  readonly job: Looked & { readonly sessions: number; readonly answeredIn: number }
}

/** When that was done which the times of what was filled in are counted from. */
export interface Filled {
  readonly filledAt: number
}

/** How it is done. */
export interface ConsoleOptions extends ConsoleSize, LookOptions {
  /** How often each question is asked. */
  readonly times: number
  /** How many sessions the filter of the job finds. */
  readonly ended: number
}

export const CONSOLE_DEFAULTS: ConsoleOptions = {
  sessions: 1_000_000,
  auditEvents: 10_000_000,
  times: 40,
  ended: 100_000,
  quietMs: 4000,
  afterwardsMs: 4000,
}

/** Fills the database of a server of its own, and asks. */
export async function measureConsole(
  target: Target,
  addresses: StoreAddresses,
  options: ConsoleOptions,
  say: (line: string) => void,
): Promise<ConsoleFigures> {
  await fillForConsole(target, addresses.databaseUrl, options, say)
  return askConsole(target, { ...options, filledAt: Date.now() }, say)
}

/** Asks, where all is filled in. */
export async function askConsole(
  target: Target,
  options: ConsoleOptions & Filled,
  say: (line: string) => void,
): Promise<ConsoleFigures> {
  const browser = new Browser()
  const signIn = await browser.open(`${target.issuer}/admin`)
  const first = await browser.submit(signIn, OWNER)
  if (first.status !== 200) throw new Error(`the console answers ${first.status} at ${first.url}`)
  const answered: Answered[] = []
  const search = formsOf(first).find(({ action }) => action.endsWith('/admin/search'))
  for (const question of questions(options.sessions)) {
    say(`asking: ${question.what} …`)
    answered.push(await ask(browser, { issuer: target.issuer, csrf: search?.fields.csrf ?? '' }, question, options.times))
  }
  for (const list of LISTS) answered.push(await leaf(browser, target.issuer, list, options.times))
  const { sessions, auditEvents } = options
  return { sessions, auditEvents, answered, job: await endMany(target, options, say) }
}

async function ask(
  browser: Browser,
  { issuer, csrf }: { readonly issuer: string; readonly csrf: string },
  { what, path, q }: Question,
  times: number,
): Promise<Answered> {
  const pages: Timed[] = []
  // The first one finds plans unmade and pages unread, and counts for nothing.
  for (let n = 0; n <= times; n += 1) {
    const sent = q === undefined ? {} : { body: new URLSearchParams({ csrf, q: q(n) }).toString() }
    pages.push(await timed(browser, `${issuer}${path(n)}`, sent))
  }
  return summed(what, pages.slice(1))
}

async function leaf(browser: Browser, issuer: string, { what, path }: Question, times: number): Promise<Answered> {
  const pages: Timed[] = []
  let next: string | undefined = path(0)
  while (next !== undefined && pages.length < times) {
    const page: Timed = await timed(browser, `${issuer}${next}`)
    pages.push(page)
    next = /href="([^"]*[?;&]cursor=[^"]*)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&')
  }
  return summed(what, pages)
}

interface Timed extends Page {
  readonly took: number
}

async function timed(browser: Browser, url: string, sent: { readonly body?: string } = {}): Promise<Timed> {
  const began = performance.now()
  const page = await browser.fetch(url, sent)
  const took = performance.now() - began
  // What the search box finds is often shown at once.
  const expected = sent.body === undefined ? [200] : [200, 302, 303]
  // The database gave up: it would have taken longer than a statement may.
  if (page.status === 503) return { ...page, took: Math.max(took, GIVEN_UP_MS) }
  if (!expected.includes(page.status))
    throw new Error(`${url} is answered ${page.status}${sent.body === undefined ? '' : ` when sent ${String(sent.body)}`}`)
  return { ...page, took }
}

const GIVEN_UP_MS = 1000

function summed(what: string, pages: readonly Timed[]): Answered {
  const sorted = pages.map(({ took }) => took).sort((one, other) => one - other)
  const bytes = Math.max(...pages.map(({ body }) => Buffer.byteLength(body)))
  return { what, p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), bytes }
}

interface Job {
  readonly state: string
  readonly ended: { readonly sessions: number }
}

/** Ends the sessions of some days by a filter, as one request of an administrator's program, and looks until all have ended. */
async function endMany(
  target: Target,
  options: ConsoleOptions & Filled,
  say: (line: string) => void,
): Promise<ConsoleFigures['job']> {
  const endpoints = await discover(target.issuer)
  const connection = await openConnection(target.issuer)
  const authorization = await authorizeAdministrator(endpoints, connection)
  // Of three sessions one has ended already. Those of the last minute are of the others who are looked at.
  const before = options.filledAt - 60_000
  const filter = { since: new Date(before - options.ended * 1.5 * 2500).toISOString(), before: new Date(before).toISOString() }
  const api = (path: string) => new URL(`/admin/api/v1${path}`, endpoints.issuer)
  say(`ending ${options.ended} sessions by one request …`)
  const { done, ...looked } = await underLoad(
    target,
    async () => {
      const began = performance.now()
      const headers = { Authorization: authorization, 'Content-Type': 'application/json' }
      const body = JSON.stringify({ filter })
      const answer = await fetch(api('/sessions/revocations'), { method: 'POST', headers, body })
      const answeredIn = performance.now() - began
      if (answer.status !== 202) throw new Error(`${answer.status} came back from an end: ${await answer.text()}`)
      const { job: begun } = (await answer.json()) as { job: { id: string } }
      for (;;) {
        const job = (await (await fetch(api(`/revocation-jobs/${begun.id}`), { headers })).json()) as Job
        if (job.state === 'done') return { answeredIn, sessions: job.ended.sessions }
        await wait(200)
      }
    },
    options,
  )
  connection.close()
  return { ...looked, ...done }
}
