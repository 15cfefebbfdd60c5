// Three processes of the server, and three APIs with a guard each that listens to another of them, and one whose guard has nothing
// but Redis to go by. Tokens are got and ended all the time, at random processes; in the middle Redis is emptied, one process is
// killed, and one guard's line hangs.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import pg from 'pg'
import { createGuard, type Guard, type GuardOptions } from '../../guard/main.ts'
import { outcomeOf, until } from '../guard/trial.ts'
import { NOTES } from '../support/clients.ts'
import { type Borne, bearTokens, nameOf } from './bearers.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { createDice } from './dice.ts'
import { type Front, startFront } from './front.ts'
import { GUARD, PEOPLE, PROVISION } from './people.ts'
import { createRequests } from './requests.ts'

const SIZE = 3
const BEARERS = 4
const STALENESS_SECONDS = 15

/** The times of the run, in seconds from its beginning. */
const EMPTIED_AT = 3
const HANGS_AT = 4
const KILLED_AT = 5
const BEARERS_END_AT = 12
const HEALED_AT = 21

/** One guard, and how it judged each token. */
interface Watch {
  readonly guard: Guard
  readonly front: Front
  /** When a token was last let in: the time at which that verification began. */
  readonly accepted: Map<Borne, number>
  /** Those that were refused as revoked: when that had first been said, and how often it was. */
  readonly refused: Map<Borne, { readonly first: number; times: number }>
  /** Other outcomes, and how often. */
  readonly others: Map<string, number>
  /** While its line or its server is broken: whoever revokes then is not heard at once. */
  readonly broken: [number, number][]
}

let folder: string
let cluster: Cluster
let watches: Watch[] = []
let overRedis: Watch | undefined
let redis: Redis | undefined
const borne: Borne[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-three-guards-'))
  const settings = { LATCHKEY_RATE_LIMITS: 'off', LATCHKEY_ANSWER_WITHIN_MS: '10000' }
  cluster = await startCluster({ folder, size: SIZE, provision: PROVISION, settings })
  const client = { id: GUARD.client_id, secret: GUARD.client_secret }
  watches = await Promise.all(cluster.members.map(({ port }) => startWatch(port, { client })))
  const [first] = cluster.members
  redis = new Redis(cluster.redis.url)
  // It is emptied, not ended.
  redis.on('error', () => undefined)
  overRedis = await startWatch(first?.port ?? 0, { redis })
  await live()
}, 120_000)

afterAll(async () => {
  await Promise.all(everyone().map(({ guard }) => guard.close()))
  for (const { front } of everyone()) front.close()
  redis?.disconnect()
  await cluster?.stop()
  await rm(folder, { recursive: true, force: true })
})

const everyone = () => [...watches, ...(overRedis === undefined ? [] : [overRedis])]

/** A guard takes the issuer's address for everything; here each reaches another process, over a line of its own. */
async function startWatch(port: number, options: Partial<GuardOptions>): Promise<Watch> {
  const { issuer } = cluster
  const front = await startFront(issuer, port)
  const guard = await createGuard({
    issuer,
    audience: NOTES,
    maxStalenessSeconds: STALENESS_SECONDS,
    fetch: front.fetch,
    log: () => undefined,
    ...options,
  })
  return { guard, front, accepted: new Map(), refused: new Map(), others: new Map(), broken: [] }
}

/** The run. */
async function live(): Promise<void> {
  const ending = new AbortController()
  const watching = new AbortController()
  const dice = createDice('three guards')
  const ledger = { now: () => performance.now(), write: () => undefined, entries: [], close: async () => undefined }
  const requests = createRequests({ issuer: cluster.issuer, ports: cluster.members.map(({ port }) => port), ledger })
  const register = (one: Borne) => void borne.push(one)
  const bearers = PEOPLE.slice(0, BEARERS).map((person) => {
    const name = person.username
    const more = { dice: dice.for(name), requests, register, until: ending.signal }
    return bearTokens({ name, issuer: cluster.issuer, size: SIZE, person, ...more })
  })
  const judges = everyone().map((watch) => judge(watch, watching.signal))
  try {
    await trouble(ending)
    await Promise.all(bearers)
    await converge()
  } finally {
    ending.abort()
    watching.abort()
    await Promise.all([...bearers, ...judges])
    requests.close()
  }
}

async function trouble(ending: AbortController): Promise<void> {
  const began = performance.now()
  const at = (second: number) => wait(Math.max(0, began + second * 1000 - performance.now()))
  const [, second, third] = watches
  const [, killed] = cluster.members
  if (second === undefined || third === undefined || killed === undefined) throw new Error('there are not three')
  const now = () => performance.now()
  await at(EMPTIED_AT)
  await cluster.emptyRedis()
  await at(HANGS_AT)
  const hung = now()
  third.front.line.hang()
  await at(KILLED_AT)
  const died = now()
  await killed.kill()
  await wait(500)
  await killed.start()
  await until(() => second.guard.status().following === 'stream', 15_000)
  second.broken.push([died, now()])
  await at(BEARERS_END_AT)
  ending.abort()
  await at(HEALED_AT)
  third.front.line.heal()
  await until(() => third.guard.status().following === 'stream', 20_000)
  third.broken.push([hung, now()])
}

/** Asks about every token, over and over again; seldom about those that were refused often enough. */
async function judge(watch: Watch, stop: AbortSignal): Promise<void> {
  for (let round = 0; !stop.aborted; round += 1) {
    const began = performance.now()
    for (const one of [...borne]) {
      if ((watch.refused.get(one)?.times ?? 0) < 5 || round % 10 === 0) await judgeOne(watch, one)
    }
    // Three guards, the clients and the servers share two processors.
    await wait(Math.max(30, 2 * (performance.now() - began)))
  }
}

async function judgeOne({ guard, accepted, refused, others }: Watch, one: Borne): Promise<void> {
  const at = performance.now()
  const outcome = await outcomeOf(guard, one.token)
  if (outcome === 'good') accepted.set(one, at)
  else if (outcome !== 'InvalidToken: revoked') others.set(outcome, (others.get(outcome) ?? 0) + 1)
  else {
    const known = refused.get(one) ?? { first: performance.now(), times: 0 }
    known.times += 1
    refused.set(one, known)
  }
}

/** All guards know everything that was ever committed. */
async function converge(): Promise<void> {
  const client = new pg.Client(cluster.postgres.url)
  await client.connect()
  try {
    const { rows } = await client.query('SELECT sequence FROM revocation_counter')
    const sequence = Number(rows[0]?.sequence)
    await until(() => everyone().every(({ guard }) => guard.status().sequence === sequence), 15_000)
  } finally {
    await client.end()
  }
}

const revoked = () => borne.filter(({ answered }) => answered !== undefined)
const living = () => borne.filter(({ asked }) => asked === undefined)

/** For how long after the answer each revoked token was still let in, in milliseconds, of those that count. */
function latenesses({ accepted, broken }: Watch, counts: (at: number, broken: readonly [number, number][]) => boolean): number[] {
  return revoked()
    .filter(({ answered = 0 }) => counts(answered, broken))
    .map((one) => Math.max(0, (accepted.get(one) ?? 0) - (one.answered ?? 0)))
    .sort((one, other) => one - other)
}

const always = () => true
const outside = (at: number, broken: readonly [number, number][]) => broken.every(([from, to]) => at < from - 1000 || at > to)

describe('RV11: three processes, three guards, Redis emptied, a process killed, a line that hangs', () => {
  test('tokens were ended in every way, and some were not', () => {
    const ways = Map.groupBy(revoked(), ({ way }) => way)
    for (const way of ['access token', 'refresh token', 'sign-out'] as const) {
      expect([way, (ways.get(way)?.length ?? 0) > 0]).toEqual([way, true])
    }
    expect(revoked().length).toBeGreaterThan(20)
    expect(living().length).toBeGreaterThan(5)
  })

  test('no guard ever lets a token in that was ended longer ago than its bound', () => {
    for (const watch of everyone()) {
      const latest = latenesses(watch, always).at(-1) ?? 0
      expect(latest).toBeLessThanOrEqual(STALENESS_SECONDS * 1000)
    }
  })

  test('a guard that is cut off lets tokens in for a while, and then nobody', () => {
    const [, , third] = watches
    if (third === undefined) throw new Error('there is no third')
    expect(latenesses(third, always).at(-1)).toBeGreaterThan(1000)
    expect(third.others.get('FeedUnavailable')).toBeGreaterThan(0)
    const names = watches.flatMap(({ others }) => [...others.keys()])
    expect(new Set(names)).toEqual(new Set(['FeedUnavailable']))
  })

  test('a guard whose line and process are well refuses within a second, as a rule', () => {
    const all = watches.map((watch) => latenesses(watch, outside))
    // The other two were broken for the most part.
    expect(all[0]?.length).toBeGreaterThan(5)
    for (const each of all) expect(each[Math.floor(each.length * 0.9)] ?? 0).toBeLessThanOrEqual(1000)
  })

  test('a guard that goes by Redis refuses within a second, as a rule, though Redis was emptied; it always knew', () => {
    if (overRedis === undefined) throw new Error('there is none')
    const all = latenesses(overRedis, always)
    expect(all[Math.floor(all.length * 0.9)] ?? 0).toBeLessThanOrEqual(1000)
    expect(overRedis.others).toEqual(new Map())
  })

  test('no guard refuses a token that nobody has ended', () => {
    for (const { refused } of everyone()) {
      const wrong = [...refused]
        .filter(([{ asked }, { first }]) => asked === undefined || first < asked)
        .map(([one]) => nameOf(one))
      expect(wrong).toEqual([])
    }
  })

  test('when all is well again, all guards know the same, refuse what was ended, and let the others in', async () => {
    expect(new Set(everyone().map(({ guard }) => guard.status().sequence)).size).toBe(1)
    for (const { guard } of everyone()) {
      for (const one of revoked()) expect(await outcomeOf(guard, one.token)).toBe('InvalidToken: revoked')
      for (const one of living()) expect(await outcomeOf(guard, one.token)).toBe('good')
    }
  })
})
