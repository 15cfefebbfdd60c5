// Refused requests between the answer and being written down. There is room for few, and it is shared out fairly between the places that
// they come from and the apps that they name: who has little of it never gives way to who has much, so that a flood, from one place or
// many, of one app or of names that are made up, pushes out only its like.
import { causeOf } from './cause-of.ts'
import type { Cause } from './causes.ts'
import type { Refusal } from './refusal.ts'

/** Some that are alike. */
export interface Gathered {
  readonly cause: Cause
  /** The first of them. */
  readonly refusal: Refusal
  /** Of which app; names that are made up are all one. */
  readonly client: string
  /** From where. */
  readonly place: string
  readonly requestIds: string[]
  times: number
}

/** Each is looked up, so there must not be many a second; those beyond are counted with their like, or not at all. */
const MOST_AT_ONCE = 20

/** Of one app, cause and place, each with what it brought; those beyond are counted with the first. */
const MOST_ALIKE = 5

/** What developers write into their apps: where one of these is another, so is the explanation. */
const SET_BY_THE_APP = [
  ...['redirect_uri', 'post_logout_redirect_uri', 'scope', 'resource', 'response_type', 'response_mode', 'grant_type', 'prompt'],
  ...['code_challenge_method', 'client_assertion_type'],
]

/** Ids of requests that find the same entry. */
const MOST_IDS = 20

/** Puts one with those that are alike, or gives it a place of its own. `placeOf` says what counts as one place. */
export function gather(gathered: Map<string, Gathered>, refusal: Refusal, placeOf: (address: string) => string): void {
  const cause = causeOf(refusal)
  const client = refusal.known ? (refusal.clientId ?? '') : ''
  const one: Gathered = { cause, refusal, client, place: placeOf(refusal.address), requestIds: [refusal.requestId], times: 1 }
  const key = JSON.stringify([client, cause, one.place, refusal.clientId, ...SET_BY_THE_APP.map((name) => refusal.params[name])])
  const found = gathered.get(key) ?? standsFor(gathered, one)
  if (found === undefined && (gathered.size < MOST_AT_ONCE || makeRoom(gathered, one))) {
    gathered.set(key, one)
  } else {
    const nearest = found ?? [...gathered.values()].find((other) => other.cause === cause && other.client === client)
    if (nearest !== undefined) count(nearest, one)
  }
}

/** One that stands for it, although what it brought was another: where there are many of their like, or of all. */
function standsFor(gathered: ReadonlyMap<string, Gathered>, one: Gathered): Gathered | undefined {
  const alike = [...gathered.values()].filter((other) => isLike(other, one))
  return alike.length >= MOST_ALIKE || gathered.size >= MOST_AT_ONCE ? alike[0] : undefined
}

function isLike(one: Gathered, { client, cause, place }: Gathered): boolean {
  return one.client === client && one.cause === cause && one.place === place
}

function count(found: Gathered, { requestIds, times }: Gathered): void {
  found.times += times
  found.requestIds.push(...requestIds.slice(0, MOST_IDS - found.requestIds.length))
}

/** Takes out one that has to give way to another, and counts it with its like if there is one. @returns whether there is room */
function makeRoom(gathered: Map<string, Gathered>, one: Gathered): boolean {
  const found = whoGivesWay([...gathered], one)
  if (found === undefined) return false
  const [key, leaving] = found
  gathered.delete(key)
  const like = [...gathered.values()].find((other) => isLike(other, leaving))
  if (like !== undefined) count(like, leaving)
  return true
}

/**
 * One whose place and app have more than those of the newcomer, or are the same, and one of the two by so much that they do not merely
 * change places. Of those, one of which there is most, rather with its like than without, and the last that came.
 */
function whoGivesWay(gathered: readonly [string, Gathered][], one: Gathered): [string, Gathered] | undefined {
  const places = counts(gathered.map(([, { place }]) => place))
  const clients = counts(gathered.map(([, { client }]) => client))
  let chosen: [string, Gathered] | undefined
  let most = 0
  for (const each of gathered) {
    const [, other] = each
    const morePlace = places(other.place) - places(one.place)
    const moreClient = clients(other.client) - clients(one.client)
    const hasNotLess = (other.place === one.place || morePlace > 0) && (other.client === one.client || moreClient > 0)
    if (!hasNotLess || Math.max(morePlace, moreClient) < 2) continue
    const alike = gathered.filter(([, another]) => isLike(another, other)).length
    const weight = places(other.place) + clients(other.client) + (alike > 1 ? 0.5 : 0)
    if (weight < most) continue
    chosen = each
    most = weight
  }
  return chosen
}

function counts(values: readonly string[]): (value: string) => number {
  const found = new Map<string, number>()
  for (const value of values) found.set(value, (found.get(value) ?? 0) + 1)
  return (value) => found.get(value) ?? 0
}
