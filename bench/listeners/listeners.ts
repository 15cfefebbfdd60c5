// What those who listen to revocations cost those who sign in: the same sign-ins, at the same rate and with the same revocations going,
// while nobody listens and while a thousand guards do.

import { setTimeout as wait } from 'node:timers/promises'
import { atRate, type Latencies } from '../load/at-rate.ts'
import { openConnection, requestText } from '../load/connection.ts'
import { insist, type Step } from '../load/steps.ts'
import { median } from '../report/medians.ts'
import { startGuards } from '../revocation/guard-process.ts'
import { obtainAsMachine } from '../revocation/machine-tokens.ts'
import { signIn } from '../scenarios/code-flow.ts'
import { discover, type Endpoints, expectStatus, MACHINE_AUTHORIZATION } from '../scenarios/scenario.ts'
import type { Target } from '../targets/target.ts'
import { LISTENER, NOTES, PEOPLE, personAt } from '../the-world.ts'

/** What was found: latencies of whole sign-ins, medians of the rounds. */
export interface ListenerFigures {
  readonly listeners: number
  readonly signInsPerSecond: number
  readonly revocationsPerSecond: number
  /** While nobody listened: in rounds before the guards came, and after they had gone. */
  readonly quiet: Latencies
  readonly listened: Latencies
  /** How many revocations the guards were told in all. */
  readonly told: number
}

/** How it is done. */
export interface ListenerOptions {
  readonly listeners: number
  readonly signInsPerSecond: number
  readonly revocationsPerSecond: number
  /** Of each round; there are as many with listeners as without. */
  readonly seconds: number
  readonly rounds: number
}

export const LISTENER_DEFAULTS: ListenerOptions = {
  listeners: 1000,
  signInsPerSecond: 5,
  revocationsPerSecond: 1,
  seconds: 20,
  rounds: 4,
}

/** So many sign-ins may be under way. */
const LANES = 16
const WARM_UP_SECONDS = 5

/** Runs it, on a server of its own. */
export async function measureListeners(
  target: Target,
  options: ListenerOptions,
  say: (line: string) => void,
): Promise<ListenerFigures> {
  const { listeners, rounds, signInsPerSecond, revocationsPerSecond } = options
  const endpoints = await discover(target.issuer)
  const half = Math.ceil(rounds / 2)
  const callers = await openCallers(endpoints)
  const round = (seconds = options.seconds) => runRound(endpoints, callers, { ...options, seconds })
  const guards = startGuards()
  try {
    await round(Math.min(WARM_UP_SECONDS, options.seconds))
    say('people sign in, and nobody listens …')
    const quiet = await inTurn(half, round)
    say(`${listeners} guards begin to listen …`)
    const { by, entries: before } = await guards.listen(listeners, {
      ...{ issuer: endpoints.issuer, audience: NOTES.identifier, client: LISTENER },
    })
    if (by !== 'stream') throw new Error(`The guards follow by ${by}, not by the stream.`)
    say(`people sign in, and ${listeners} guards listen …`)
    const listened = await inTurn(rounds, round)
    const revoked = rounds * revocationsIn(options)
    const told = (await guards.hear(before + revoked)) - before
    if (told < revoked) throw new Error(`A guard was told ${told} of ${revoked} revocations.`)
    await guards.close()
    say('people sign in, and nobody listens any more …')
    quiet.push(...(await inTurn(rounds - half, round)))
    return { listeners, signInsPerSecond, revocationsPerSecond, told, quiet: medianOf(quiet), listened: medianOf(listened) }
  } finally {
    await guards.close()
    for (const connection of callers.connections) connection.close()
  }
}

async function openCallers(endpoints: Endpoints) {
  const steps: Step[] = Array.from({ length: LANES }, (_, index) => (connection) => {
    return signIn(connection, endpoints, personAt(PEOPLE, index))
  })
  return { steps, connections: await Promise.all(steps.map(() => openConnection(endpoints.issuer))) }
}

async function inTurn<Found>(times: number, work: () => Promise<Found>): Promise<Found[]> {
  const found: Found[] = []
  while (found.length < times) found.push(await work())
  return found
}

function revocationsIn({ seconds, revocationsPerSecond }: ListenerOptions): number {
  return Math.floor(seconds * revocationsPerSecond)
}

/** Sign-ins at their rate, and revocations at theirs. */
async function runRound(
  endpoints: Endpoints,
  { connections, steps }: Awaited<ReturnType<typeof openCallers>>,
  options: ListenerOptions,
): Promise<Latencies> {
  const tokens = await obtainAsMachine(endpoints, revocationsIn(options))
  const connection = await openConnection(endpoints.issuer)
  const url = new URL(endpoints.revocation_endpoint)
  const start = performance.now()
  const revoke = async () => {
    for (const [index, token] of tokens.entries()) {
      await wait(Math.max(0, start + (index * 1000) / options.revocationsPerSecond - performance.now()))
      const request = requestText('POST', url, { Authorization: MACHINE_AUTHORIZATION }, { token })
      await insist(async () => expectStatus(await connection.send(request), 200))
    }
  }
  const { seconds, signInsPerSecond: perSecond } = options
  try {
    const [latencies] = await Promise.all([atRate(connections, steps, { seconds, perSecond }), revoke()])
    return latencies
  } finally {
    connection.close()
  }
}

function medianOf(rounds: readonly Latencies[]): Latencies {
  return { p50: median(rounds.map(({ p50 }) => p50)), p99: median(rounds.map(({ p99 }) => p99)) }
}
