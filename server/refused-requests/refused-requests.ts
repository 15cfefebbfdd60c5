// The last requests that were refused, so that the developer of an app finds out why without reading logs. They are written down after
// the answer, at most once a second, and those that are alike together (gathering.ts): a flood costs little, and pushes out only its like.
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../../config/clock.ts'
import type { Log } from '../http/log.ts'
import type { RecentEntry, RecentLog } from '../storage/recent-log.ts'
import type { Cause } from './causes.ts'
import { explain, type RefusedRequest, readRefusedRequest } from './explain.ts'
import type { Known } from './explanation.ts'
import { type Gathered, gather } from './gathering.ts'
import type { Refusal } from './refusal.ts'

/** How many are kept, of all processes together, and for how long. */
export const REFUSED_REQUESTS_KEPT = { most: 1000, lifeSeconds: 7 * 86_400 } as const

/** Which are wanted. */
export interface RefusedRequestFilter {
  readonly clientId?: string
  readonly cause?: Cause
}

/** The refused requests. */
export interface RefusedRequests {
  /** Writes one down, soon. Never fails, and is not waited for. */
  record(refusal: Refusal): void
  /** The one with a request's id. */
  find(requestId: string): Promise<RefusedRequest | undefined>
  /** The latest first. `after` is the last one of the page before. */
  page(query: {
    readonly filter: RefusedRequestFilter
    readonly limit: number
    readonly after?: Place
  }): Promise<RefusedRequest[]>
  /** Writes down what is not written yet. */
  close(): Promise<void>
}

/** What it needs. */
export interface RefusedRequestsDeps {
  readonly recent: RecentLog
  readonly lookUp: (cause: Cause, refusal: Refusal) => Promise<Known>
  /** What counts as one place. */
  readonly placeOf: (address: string) => string
  readonly clock: Clock
  readonly log: Log
}

/** How long those that are alike are gathered. */
const GATHERED_MS = 1000

/** Makes them. */
export function createRefusedRequests(deps: RefusedRequestsDeps): RefusedRequests {
  let gathered = new Map<string, Gathered>()
  let writing: Promise<void> | undefined
  let reachable = true

  async function write(): Promise<void> {
    const taken = [...gathered.values()]
    gathered = new Map()
    if (taken.length === 0) return
    try {
      const entries: RecentEntry[] = []
      for (const one of taken) entries.push(await entryOf(deps, one))
      await deps.recent.add(entries)
      reachable = true
    } catch (error) {
      if (reachable) deps.log.warn({ err: error, requests: taken.length }, 'refused requests were not written down')
      reachable = false
    }
  }

  /** One after the other, so that they stand in their order. */
  function writeNow(): Promise<void> {
    const before = writing ?? Promise.resolve()
    const now = before.then(write)
    writing = now
    return now
  }

  async function* all(filter: RefusedRequestFilter = {}): AsyncIterable<RefusedRequest> {
    await writeNow()
    for await (const text of deps.recent.read((kind) => mayFit(kind, filter))) {
      const request = readRefusedRequest(text)
      if (request !== undefined && fits(request, filter)) yield request
    }
  }

  return {
    record(refusal) {
      const isFirst = gathered.size === 0
      gather(gathered, refusal, deps.placeOf)
      if (isFirst) wait(GATHERED_MS, undefined, { ref: false }).then(writeNow, () => undefined)
    },
    async find(requestId) {
      for await (const request of all()) if (request.requestIds.includes(requestId)) return request
      return undefined
    },
    page: ({ filter, limit, after }) => take(all(filter), limit, after),
    close: writeNow,
  }
}

async function entryOf({ lookUp }: RefusedRequestsDeps, { cause, refusal, requestIds, times }: Gathered): Promise<RecentEntry> {
  const explained = explain(cause, refusal, await lookUp(cause, refusal))
  const request: RefusedRequest = { ...explained, requestIds, times }
  return { kind: kindOf(request), text: JSON.stringify(request) }
}

/** No `client_id` has a space. */
function kindOf({ known, clientId = '', cause }: RefusedRequest): string {
  return `${known ? clientId : ''} ${cause}`
}

/** Whether those of a kind need to be looked at; of clients that are not registered the kind does not say which. */
function mayFit(kind: string, { clientId, cause }: RefusedRequestFilter): boolean {
  const [client = '', why] = kind.split(' ')
  return (clientId === undefined || client === '' || client === clientId) && (cause === undefined || why === cause)
}

function fits(request: RefusedRequest, { clientId, cause }: RefusedRequestFilter): boolean {
  return (clientId === undefined || request.clientId === clientId) && (cause === undefined || request.cause === cause)
}

interface Place {
  readonly at: number
  readonly requestId: string
}

/** A page of them. When the last one of the page before was pushed out meanwhile, those that are older come after it. */
async function take(found: AsyncIterable<RefusedRequest>, limit: number, after: Place | undefined): Promise<RefusedRequest[]> {
  const page: RefusedRequest[] = []
  const older: RefusedRequest[] = []
  let begun = after === undefined
  for await (const request of found) {
    if (page.length === limit) break
    if (begun) page.push(request)
    else if (request.requestIds.includes(after?.requestId ?? '')) begun = true
    else if (older.length < limit && request.at < (after?.at ?? 0)) older.push(request)
  }
  return begun ? page : older
}
