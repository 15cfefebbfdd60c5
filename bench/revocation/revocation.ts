// From an administrator's click to the refusal: how long APIs that check tokens by themselves go on taking one that was revoked, what
// the check costs them, and what a large end costs everybody else.

import { setTimeout as wait } from 'node:timers/promises'
import { openConnection, requestText } from '../load/connection.ts'
import { quantile } from '../load/load.ts'
import { insist } from '../load/steps.ts'
import { signIn } from '../scenarios/code-flow.ts'
import { discover, type Endpoints, expectStatus, MACHINE_AUTHORIZATION } from '../scenarios/scenario.ts'
import type { StoreAddresses, Target } from '../targets/target.ts'
import { LISTENER, NOTES, PEOPLE, personAt } from '../the-world.ts'
import { type BulkEnd, type BulkOptions, measureBulkEnds } from './bulk-ends.ts'
import { fillRevocations } from './fill-revocations.ts'
import { type GuardProcess, startGuards } from './guard-process.ts'
import { obtainAsMachine } from './machine-tokens.ts'

/** What was found. Times in milliseconds. */
export interface RevocationFigures {
  readonly guards: number
  readonly perSecond: number
  readonly revocations: number
  /** From the answer to the revocation to the first refusal. */
  readonly refusedAfter: { readonly p50: number; readonly p99: number; readonly most: number }
  /** With so many entries in the guard's set. */
  readonly entries: number
  /** How many times as long a guard takes over a token as jose alone. */
  readonly checkRatio: number
  readonly bytesPerEntry: number
  readonly bulkEnds: readonly BulkEnd[]
}

/** How it is done. */
export interface RevocationOptions extends BulkOptions {
  readonly guards: number
  readonly perSecond: number
  readonly seconds: number
  readonly entries: number
  /** So often the check is compared with jose's. */
  readonly pairs: number
}

export const REVOCATION_DEFAULTS: RevocationOptions = {
  guards: 100,
  perSecond: 50,
  seconds: 20,
  entries: 100_000,
  pairs: 15_000,
  accountGrants: 10_000,
  clientGrants: 100_000,
  quietMs: 4000,
  afterwardsMs: 6000,
}

/** Runs it, on a server of its own. */
export async function measureRevocation(
  target: Target,
  addresses: StoreAddresses,
  options: RevocationOptions,
  say: (line: string) => void,
): Promise<RevocationFigures> {
  const endpoints = await discover(target.issuer)
  const listener = { issuer: endpoints.issuer, audience: NOTES.identifier, client: LISTENER }
  const clicks = await withGuards(async (guards) => {
    say(`${options.guards} guards listen, ${options.perSecond} tokens are revoked each second …`)
    const { by } = await guards.listen(options.guards, listener)
    if (by !== 'stream') throw new Error(`The guards follow by ${by}, not by the stream.`)
    return clickToRefusal(endpoints, guards, options)
  })
  const check = await withGuards(async (guards) => {
    say(`the check of a guard that knows ${options.entries} revocations …`)
    await fillRevocations(addresses.databaseUrl, options.entries)
    const { entries, bytes } = await guards.listen(1, listener)
    const token = await obtainAsPerson(endpoints)
    const compared = { token, issuer: endpoints.issuer, audience: NOTES.identifier, pairs: options.pairs }
    return { entries, bytesPerEntry: bytes / entries, checkRatio: await guards.compare(compared) }
  })
  const bulkEnds = await measureBulkEnds(target, addresses, options, say)
  return { guards: options.guards, perSecond: options.perSecond, ...clicks, ...check, bulkEnds }
}

async function withGuards<Found>(work: (guards: GuardProcess) => Promise<Found>): Promise<Found> {
  const guards = startGuards()
  try {
    return await work(guards)
  } finally {
    await guards.close()
  }
}

async function clickToRefusal(
  endpoints: Endpoints,
  guards: GuardProcess,
  { perSecond, seconds, guards: count }: RevocationOptions,
) {
  const tokens = await obtainAsMachine(endpoints, perSecond * seconds)
  const url = new URL(endpoints.revocation_endpoint)
  const connections = await Promise.all(Array.from({ length: 16 }, () => openConnection(endpoints.issuer)))
  const lanes = connections.map(() => Promise.resolve())
  const took: number[] = []
  const start = performance.now()
  await Promise.all(
    tokens.map(async (token, index) => {
      await wait(Math.max(0, start + (index * 1000) / perSecond - performance.now()))
      const refused = guards.watch(index % count, token)
      const lane = index % lanes.length
      const [connection] = connections.slice(lane, lane + 1)
      const answered = (lanes[lane] ?? Promise.resolve()).then(async () => {
        if (connection !== undefined) {
          const request = requestText('POST', url, { Authorization: MACHINE_AUTHORIZATION }, { token })
          await insist(async () => expectStatus(await connection.send(request), 200))
        }
        return performance.timeOrigin + performance.now()
      })
      lanes[lane] = answered.then(() => undefined)
      // A guard may hear of it before the one who asked for it is answered.
      took.push(Math.max(0, (await refused) - (await answered)))
    }),
  )
  for (const connection of connections) connection.close()
  took.sort((one, other) => one - other)
  return {
    revocations: took.length,
    refusedAfter: { p50: quantile(took, 0.5), p99: quantile(took, 0.99), most: took.at(-1) ?? 0 },
  }
}

/** An access token of a person, which has all the claims by which one can be named. */
async function obtainAsPerson(endpoints: Endpoints): Promise<string> {
  const connection = await openConnection(endpoints.issuer)
  const { access_token: token = '' } = await insist(() => signIn(connection, endpoints, personAt(PEOPLE, 0)))
  connection.close()
  return token
}
