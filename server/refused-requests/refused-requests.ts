// The last requests that were refused, so that the developer of an app finds out why without reading logs. They are written down after
// the answer, at most once a second, and those of one app, cause and place together: a flood costs little, and pushes out only its like.
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../../config/clock.ts'
import type { Log } from '../http/log.ts'
import type { RecentEntry, RecentLog } from '../storage/recent-log.ts'
import { causeOf } from './cause-of.ts'
import type { Cause } from './causes.ts'
import { explain, type RefusedRequest, readRefusedRequest } from './explain.ts'
import type { Known } from './explanation.ts'
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
    readonly after?: { readonly at: number; readonly requestId: string }
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

/** Each is looked up, so there must not be many a second; those beyond are counted with their like, or not at all. */
const MOST_AT_ONCE = 20

/** Ids of requests that find the same entry. */
const MOST_IDS = 20

interface Gathered {
  readonly cause: Cause
  readonly refusal: Refusal
  readonly requestIds: string[]
  times: number
}

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

  async function all(): Promise<RefusedRequest[]> {
    await writeNow()
    const texts = await deps.recent.read()
    return texts.flatMap((text) => readRefusedRequest(text) ?? [])
  }

  return {
    record(refusal) {
      const isFirst = gathered.size === 0
      gather(gathered, refusal, deps.placeOf)
      if (isFirst) wait(GATHERED_MS, undefined, { ref: false }).then(writeNow, () => undefined)
    },
    find: async (requestId) => (await all()).find(({ requestIds }) => requestIds.includes(requestId)),
    async page({ filter, limit, after }) {
      const found = (await all()).filter((one) => fits(one, filter))
      const from = after === undefined ? 0 : placeAfter(found, after)
      return found.slice(from, from + limit)
    },
    close: writeNow,
  }
}

function gather(gathered: Map<string, Gathered>, refusal: Refusal, placeOf: RefusedRequestsDeps['placeOf']): void {
  const cause = causeOf(refusal)
  const client = clientOf(refusal)
  const key = JSON.stringify([client, cause, placeOf(refusal.address)])
  const alike = gathered.get(key) ?? (gathered.size < MOST_AT_ONCE ? undefined : anyLike(gathered, client, cause))
  if (alike !== undefined) {
    alike.times += 1
    if (alike.requestIds.length < MOST_IDS) alike.requestIds.push(refusal.requestId)
  } else if (gathered.size < MOST_AT_ONCE) {
    gathered.set(key, { cause, refusal, requestIds: [refusal.requestId], times: 1 })
  }
}

function anyLike(gathered: Map<string, Gathered>, client: string, cause: Cause): Gathered | undefined {
  return [...gathered.values()].find((one) => one.cause === cause && clientOf(one.refusal) === client)
}

/** Names that are made up are all one. */
function clientOf({ clientId, known }: Refusal): string {
  return known ? (clientId ?? '') : ''
}

async function entryOf({ lookUp }: RefusedRequestsDeps, { cause, refusal, requestIds, times }: Gathered): Promise<RecentEntry> {
  const explained = explain(cause, refusal, await lookUp(cause, refusal))
  const request: RefusedRequest = { ...explained, requestIds, times }
  return { kind: `${request.known ? (request.clientId ?? '') : ''} ${request.cause}`, text: JSON.stringify(request) }
}

function fits(request: RefusedRequest, { clientId, cause }: RefusedRequestFilter): boolean {
  return (clientId === undefined || request.clientId === clientId) && (cause === undefined || request.cause === cause)
}

/** Where a page begins. One that was pushed out meanwhile has left those that are older behind it. */
function placeAfter(found: readonly RefusedRequest[], after: { readonly at: number; readonly requestId: string }): number {
  const there = found.findIndex(({ requestIds }) => requestIds.includes(after.requestId))
  if (there >= 0) return there + 1
  const older = found.findIndex(({ at }) => at < after.at)
  return older < 0 ? found.length : older
}
