// What parallel uses of one thing do: fifty refreshes with one token, fifty redemptions of one code, each over a connection of
// its own. Figures of requests per second say nothing about a server that gets this wrong.

import { type Answer, type Connection, openConnection } from '../load/connection.ts'
import { insist } from '../load/steps.ts'
import { authorize, refreshRequest, refreshTokenOf, signIn, tokensOf } from '../scenarios/code-flow.ts'
import { discover, type Endpoints } from '../scenarios/scenario.ts'
import { PEOPLE, personAt } from '../the-world.ts'

/** What one race came to. */
export interface Race {
  /** Requests that were answered with tokens. */
  readonly answers: number
  /** Requests that were told to come back (503). */
  readonly turnedAway: number
  /** Different refresh tokens in those answers. */
  readonly successors: number
  /** How many of these can be used afterwards. */
  readonly live: number
}

/** All rounds of the two races at one server. */
export interface Races {
  readonly refreshes: readonly Race[]
  readonly redemptions: readonly Race[]
}

export const PARALLEL = 50

/**
 * Runs them.
 * @param origins where the server is reached: more than one when it is several processes
 */
export async function runRaces(issuer: string, origins: readonly string[], rounds: number): Promise<Races> {
  const endpoints = await discover(issuer)
  const connections = await Promise.all(
    Array.from({ length: PARALLEL }, (_, index) => openConnection(origins[index % origins.length] ?? issuer)),
  )
  const refreshes: Race[] = []
  const redemptions: Race[] = []
  try {
    for (let round = 0; round < rounds; round++) {
      const person = personAt(PEOPLE, round)
      const first = await insist(() => signIn(connectionOf(connections), endpoints, person))
      refreshes.push(await race(connections, endpoints, refreshRequest(endpoints, refreshTokenOf(first))))
      const { redemption } = await insist(() => authorize(connectionOf(connections), endpoints, person))
      redemptions.push(await race(connections, endpoints, redemption))
    }
  } finally {
    for (const connection of connections) connection.close()
  }
  return { refreshes, redemptions }
}

async function race(connections: readonly Connection[], endpoints: Endpoints, request: string): Promise<Race> {
  const answers = await Promise.all(connections.map((connection) => connection.send(request)))
  const successes = answers.filter((answer) => answer.status === 200)
  const successors = new Set(successes.map((answer) => refreshTokenOf(tokensOf(answer))))
  let live = 0
  // One after the other, as their holders would use them.
  for (const token of successors)
    live += isSuccess(await connectionOf(connections).send(refreshRequest(endpoints, token))) ? 1 : 0
  const turnedAway = answers.filter((answer) => answer.status === 503).length
  return { answers: successes.length, turnedAway, successors: successors.size, live }
}

function isSuccess(answer: Answer): boolean {
  return answer.status === 200
}

function connectionOf(connections: readonly Connection[]): Connection {
  const [connection] = connections
  if (connection === undefined) throw new RangeError('There is no connection.')
  return connection
}
