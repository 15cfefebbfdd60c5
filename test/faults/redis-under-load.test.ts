// FT10: Redis is full, evicts, may only be read, asks for another password, and is failed over to a copy that lacks a second, one
// after the other, while people sign in, apps refresh and revoke, and APIs ask their guards. Everything is written down and held
// against the invariants.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { Browser } from '../support/browser.ts'
import { authorizationRequest, callbackParams, signIn } from '../support/oauth.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import type { Cluster } from './cluster.ts'
import { type RunOutcome, runFaults, type Scene } from './fault-run.ts'
import { startFront } from './front.ts'
import { type GuardedApi, gatherApis, startGuardedApi } from './guarded-apis.ts'
import type { Answer, Call, Entry, Fault, Operation } from './history.ts'
import { GUARD, PATIENT, PEOPLE } from './people.ts'
import { limitMemory, lock, makeReadOnly, makeWritable, memoryOf, type Replica, startReplica, unlock } from './redis-states.ts'
import { describeViolation } from './report.ts'

const CLIENTS = 12
/** Longer than a guard may go by what it knows. */
const STATE_LASTS_MS = 8000
const STALENESS_SECONDS = 5
const SIGN_IN_WITHIN_MS = 5000

const FULL = 'Redis was full'
const EVICTING = 'Redis evicted what it liked'
const READ_ONLY = 'Redis was a replica that may only be read'
const LOCKED = 'Redis asked for another password'
const FAILED_OVER = 'Redis was failed over, and lost a second'
const STATES = [FULL, EVICTING, READ_ONLY, LOCKED, FAILED_OVER] as const
/** Nothing can be kept there: nobody can sign in, and each process counts by itself. */
const USELESS = [FULL, READ_ONLY, LOCKED] as const

/** Who signs in before and after. */
const PERSON = PEOPLE[0] ?? { username: '', password: '' }

let folder: string
let outcome: RunOutcome
let admin: Redis | undefined
let replica: Replica | undefined
let evicted = 0
let newcomers = 0
/** Of the guards that go by Redis. */
const lines: TcpProxy[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-redis-under-load-'))
  try {
    outcome = await runFaults({ seed: 10, seconds: 0, clients: CLIENTS, folder, startGuards, trouble })
  } finally {
    admin?.disconnect()
    await replica?.stop()
  }
}, 300_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** One hears of ends by the feed, one by Redis alone, and one by Redis and, where that tells nothing, by the feed. */
async function startGuards({ issuer, members, redis }: Cluster) {
  const client = { id: GUARD.client_id, secret: GUARD.client_secret }
  const options = { issuer, maxStalenessSeconds: STALENESS_SECONDS }
  const overRedis = async (name: string, more: object): Promise<GuardedApi> => {
    const line = await startTcpProxy(redis.port)
    lines.push(line)
    const own = new Redis({ port: line.port, retryStrategy: () => 100 })
    own.on('error', () => undefined)
    return startGuardedApi(name, { ...options, redis: own, ...more }, () => {
      own.disconnect()
      line.close()
    })
  }
  const front = await startFront(issuer, members[0]?.port ?? 0)
  const byFeed = await startGuardedApi(BY_FEED, { ...options, client, fetch: front.fetch }, () => front.close())
  const apis = [byFeed, await overRedis(BY_REDIS, {}), await overRedis(BY_BOTH, { client })]
  return gatherApis(apis, STALENESS_SECONDS)
}

const BY_FEED = 'the guard by the feed'
const BY_REDIS = 'the guard by Redis'
const BY_BOTH = 'the guard by Redis and the feed'

/** Each state in turn. */
async function trouble(scene: Scene): Promise<void> {
  const { cluster } = scene
  const all = [...cluster.members.map(({ proxies }) => proxies.redis), ...lines]
  const redis = new Redis(cluster.redis.url, { retryStrategy: () => 50 })
  redis.on('error', () => undefined)
  admin = redis
  const free = () => limitMemory(redis, 0, 'noeviction')

  await during(scene, { name: FULL, withoutRedis: true }, () => limitMemory(redis, 1, 'noeviction'), free)
  const before = await memoryOf(redis)
  await during(scene, { name: EVICTING, redisEmptied: true }, () => limitMemory(redis, before.used, 'allkeys-random'), free)
  evicted = (await memoryOf(redis)).evicted - before.evicted
  const readOnly = { name: READ_ONLY, withoutRedis: true }
  await during(
    scene,
    readOnly,
    () => makeReadOnly(redis, cluster.redis),
    () => makeWritable(redis),
  )
  await during(
    scene,
    { name: LOCKED, withoutRedis: true },
    () => lock(redis, all),
    () => unlock(redis),
  )
  const copy = await startReplica(cluster.redis, redis)
  replica = copy
  await during(
    scene,
    { name: FAILED_OVER, redisEmptied: true },
    () => copy.failOver(all),
    async () => undefined,
  )
}

/** One state, and what must go on in it; before it and after it people sign in at every process. */
async function during(
  scene: Scene,
  state: Pick<Fault, 'name' | 'withoutRedis' | 'redisEmptied'>,
  begin: () => Promise<unknown>,
  end: () => Promise<unknown>,
): Promise<void> {
  const { cluster, ledger } = scene
  const at = cluster.members.map(({ number }) => number)
  const [first] = await Promise.all(at.map((number) => signInAt(scene, number, `before ${state.name}`)))
  const asked = ledger.now()
  await begin()
  const start = ledger.now()
  await Promise.all([goOn(scene, first, state.name), wait(STATE_LASTS_MS)])
  // On a busy machine visitors come by less often: it lasts until each process was asked for all that must go on.
  for (let longer = 0; longer < STATE_LASTS_MS && !wasAsked(ledger.entries, at, start); longer += 200) await wait(200)
  const ended = ledger.now()
  await end()
  // What is lost may be lost from the first moment on; but nobody counts alone before it has begun.
  const times = state.redisEmptied === true ? { start: asked, end: ledger.now() } : { start, end: ended }
  ledger.write({ kind: 'fault', at, ...times, ...state })
  await Promise.all(at.map((number) => signInAt(scene, number, `after ${state.name}`)))
}

const GOES_ON = ['refresh', 'introspect', 'userinfo'] as const

function wasAsked(entries: readonly Entry[], at: readonly number[], since: number): boolean {
  const served = entries.filter(
    (entry) => entry.kind === 'call' && entry.start >= since && entry.answer?.status === 200,
  ) as Call[]
  return at.every((number) =>
    GOES_ON.every((operation) => served.some((call) => call.at === number && call.operation === operation)),
  )
}

/** FT12: somebody new signs in at one process, five seconds after all is well at the latest. */
async function signInAt({ cluster, ledger, requests }: Scene, at: number, when: string): Promise<Answer | null> {
  newcomers += 1
  const from = { who: `a newcomer ${when}`, address: `10.200.0.${newcomers}`, at }
  const until = ledger.now() + SIGN_IN_WITHIN_MS
  for (;;) {
    try {
      const session = `session of newcomer ${newcomers}`
      const about = { app: PATIENT.client_id, account: PERSON.username, session }
      const browser = new Browser({
        send: requests.browser(
          () => from,
          () => about,
        ),
      })
      const { url, verifier } = authorizationRequest({ issuer: cluster.issuer, ada: PERSON }, PATIENT)
      const { code = '' } = callbackParams(await signIn(browser, await browser.open(url), PERSON))
      const params = { grant_type: 'authorization_code', code, redirect_uri: PATIENT.redirect_uri, code_verifier: verifier }
      const answer = await requests.token(from, PATIENT, params, { code, ...about })
      expect(answer?.status).toBe(200)
      return answer
    } catch (error) {
      if (ledger.now() > until) throw error
      await wait(100)
    }
  }
}

/** An app that was there before refreshes at each process, and gives its tokens back; and somebody wants to sign in at each. */
async function goOn({ cluster, requests }: Scene, before: Answer | null | undefined, name: string): Promise<void> {
  let token = before?.refresh ?? ''
  for (const { number } of cluster.members) {
    const from = { who: `an app in ${name}`, address: '10.201.0.1', at: number }
    const params = { grant_type: 'refresh_token', refresh_token: token }
    const sent = { token, app: PATIENT.client_id }
    const answer = await untilServed(() => requests.token(from, PATIENT, params, sent))
    token = answer?.refresh ?? token
    const browser = new Browser({
      send: requests.browser(
        () => ({ ...from, who: `a browser in ${name}` }),
        () => ({}),
      ),
    })
    await browser.open(authorizationRequest({ issuer: cluster.issuer, ada: PERSON }, PATIENT).url).catch(() => undefined)
    if (number === cluster.members.length) await untilServed(() => requests.revoke(from, PATIENT, token))
  }
}

/** Whoever is told to come again does. */
async function untilServed(ask: () => Promise<Answer | null>): Promise<Answer | null> {
  for (let tries = 1; ; tries += 1) {
    const answer = await ask()
    if ((answer !== null && answer.status < 500) || tries === 10) return answer
    await wait(200)
  }
}

const calls = (operation?: Operation) =>
  outcome.history.filter(
    (entry): entry is Call => entry.kind === 'call' && (operation === undefined || entry.operation === operation),
  )
const faults = () => outcome.history.filter((entry) => entry.kind === 'fault')
const within = (name: string, all: readonly Call[]) => {
  const { start = 0, end = 0 } = faults().find((fault) => fault.name === name) ?? {}
  return all.filter((call) => start <= call.start && call.end <= end)
}
const servedAt = (all: readonly Call[], status = 200) =>
  [...new Set(all.filter(({ answer }) => answer?.status === status).map(({ at }) => at))].toSorted()
const by = (who: string, all = calls()) => all.filter((call) => call.who === who)

describe('FT10: sign-ins, refreshes, revocations and guarded calls while Redis is of no use', () => {
  test('FT11, FT12: no invariant is violated, and all is well again by itself', () => {
    const [first] = outcome.violations
    expect(first === undefined ? '' : describeViolation(first, outcome.history)).toBe('')
    expect(outcome.missing).toBe('')
    expect(faults().map(({ name }) => name)).toEqual(STATES)
    expect(evicted).toBeGreaterThan(20)
  })

  test('what cannot be done is said in words, with when to come again; nothing is an error of the server', () => {
    const failed = calls().filter(({ operation, answer }) => operation !== 'verify' && (answer?.status ?? 0) >= 500)
    expect(failed.length).toBeGreaterThan(0)
    for (const { operation, answer } of failed) {
      expect({ operation, ...answer }).toMatchObject({ operation, status: 503, retryAfter: expect.stringMatching(/^[1-9]$/) })
      if (operation === 'page') expect(['Not available right now', 'Very busy right now']).toContain(answer?.error)
      if (operation === 'redeem' || operation === 'refresh') expect(answer?.error).toBe('temporarily_unavailable')
    }
  })

  test.each(STATES)('%s: apps refresh and revoke at every process', (state) => {
    const load = within(state, calls())
    for (const operation of GOES_ON)
      expect([operation, servedAt(load.filter((call) => call.operation === operation))]).toEqual([operation, [1, 2]])
    const app = by(`an app in ${state}`, load)
    // What it was told stands beside it, for whoever sees this fail.
    const told = app.map(({ operation, at, answer }) => [operation, at, answer?.status, answer?.error])
    for (const [operation, at] of [
      ['refresh', [1, 2]],
      ['revoke', [2]],
    ] as const)
      expect({ operation, told, at: servedAt(app.filter((call) => call.operation === operation)) }).toEqual({
        operation,
        told,
        at,
      })
  })

  test.each(USELESS)('%s: nobody signs in, and whoever wants to is told to come again', (state) => {
    const load = within(state, calls())
    expect(servedAt(by(`a browser in ${state}`, load), 503)).toEqual([1, 2])
    expect(servedAt(load.filter(({ operation }) => operation === 'redeem'))).toEqual([])
  })

  test.each([EVICTING, FAILED_OVER])('%s: people sign in', (state) => {
    expect(servedAt(within(state, calls('redeem')))).toEqual([1, 2])
  })

  test.each(STATES)('%s: guards that hear of ends otherwise go on, and one that does not lets nobody in', (state) => {
    const verified = within(state, calls('verify'))
    for (const who of [BY_FEED, BY_BOTH]) {
      const statuses = by(who, verified).map(({ answer }) => answer?.status)
      expect([who, statuses.includes(200), statuses.includes(401)]).toEqual([who, true, true])
    }
    // Towards its end it has been longer than the guard may go by what it knows. What it knows to be revoked it may refuse as such.
    const late = by(BY_REDIS, verified)
      .slice(-10)
      .map(({ answer }) => answer?.status)
    const isUseless = USELESS.some((useless) => useless === state)
    expect({ lets: late.includes(200), knowsNothing: late.includes(503) }).toMatchObject(
      isUseless ? { lets: false, knowsNothing: true } : { knowsNothing: false },
    )
  })
})
