// Whether tokens come as quickly while many people sign in at once: a fixed, modest rate of token requests, with and without
// a flood of sign-ins that are hashed.

import { atRate, type Latencies } from '../load/at-rate.ts'
import { openConnection } from '../load/connection.ts'
import { TurnedAway } from '../load/steps.ts'
import { median } from '../report/medians.ts'
import { refreshChains, signIn } from '../scenarios/code-flow.ts'
import { discover, type Endpoints } from '../scenarios/scenario.ts'
import { clientCredentials } from '../scenarios/tokens.ts'
import type { Target } from '../targets/target.ts'
import { HASHED_PEOPLE, NOTES, personAt } from '../the-world.ts'

/** What was found. */
export interface Flood {
  readonly perSecond: number
  /** Of token requests: medians of the rounds. */
  readonly quiet: Latencies
  readonly flooded: Latencies
  /** In the flooded rounds together. */
  readonly signIns: number
  readonly signInsTurnedAway: number
}

/** How it is done. */
export interface FloodOptions {
  readonly seconds: number
  readonly rounds: number
  /** Token requests per second: half of them client credentials, half refreshes. */
  readonly perSecond: number
  /** People who sign in at once, each again as soon as he has. */
  readonly people: number
}

export const FLOOD_DEFAULTS = { perSecond: 200, people: 32 }

const FAMILIES = 32

/** Runs it: quiet and flooded rounds take turns. */
export async function measureFlood(target: Target, options: FloodOptions): Promise<Flood> {
  const endpoints = await discover(target.issuer)
  const server = { endpoints, answersForJwts: target.answersForJwts }
  const families = await refreshChains(server, FAMILIES)
  const { steps: machines } = await clientCredentials(server, FAMILIES, NOTES)
  const steps = families.steps.flatMap((refresh, index) => [refresh, machines[index] ?? refresh])
  const connections = await Promise.all(steps.map(() => openConnection(endpoints.issuer)))
  const quiet: Latencies[] = []
  const flooded: Latencies[] = []
  const counts = { signIns: 0, turnedAway: 0 }
  try {
    await atRate(connections, steps, { ...options, seconds: Math.min(2, options.seconds) })
    for (let round = 0; round < options.rounds; round++) {
      quiet.push(await atRate(connections, steps, options))
      const flood = startFlood(endpoints, options.people, counts)
      flooded.push(await atRate(connections, steps, options))
      await flood.stop()
    }
  } finally {
    for (const connection of connections) connection.close()
  }
  const { signIns, turnedAway } = counts
  return {
    perSecond: options.perSecond,
    quiet: medianOf(quiet),
    flooded: medianOf(flooded),
    signIns,
    signInsTurnedAway: turnedAway,
  }
}

function startFlood(
  endpoints: Endpoints,
  people: number,
  counts: { signIns: number; turnedAway: number },
): { stop(): Promise<void> } {
  const ended = new AbortController()
  const signInAgainAndAgain = async (index: number) => {
    const connection = await openConnection(endpoints.issuer)
    while (!ended.signal.aborted) {
      try {
        await signIn(connection, endpoints, personAt(HASHED_PEOPLE, index))
        counts.signIns += 1
      } catch (error) {
        if (!(error instanceof TurnedAway)) throw error
        counts.turnedAway += 1
      }
    }
    connection.close()
  }
  const all = Promise.all(Array.from({ length: people }, (_, index) => signInAgainAndAgain(index)))
  all.catch(() => undefined)
  return {
    async stop() {
      ended.abort()
      await all
    },
  }
}

function medianOf(rounds: readonly Latencies[]): Latencies {
  return { p50: median(rounds.map(({ p50 }) => p50)), p99: median(rounds.map(({ p99 }) => p99)) }
}
