// What a kind of work is, and what all of them share.

import { type Answer, type Connection, openConnection } from '../load/connection.ts'
import { insist, type Step, TurnedAway, type Work } from '../load/steps.ts'
import { MACHINE } from '../the-world.ts'

/** The addresses of a server, from its discovery document (RFC 8414). */
export interface Endpoints {
  readonly issuer: string
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly introspection_endpoint: string
  readonly revocation_endpoint: string
  readonly userinfo_endpoint: string
  readonly jwks_uri: string
}

/** A server as the work sees it. */
export interface Server {
  readonly endpoints: Endpoints
  /** Where it cannot answer for a JWT, an opaque token is used, and the row says so. */
  readonly answersForJwts: boolean
}

/** A kind of work. */
export interface Scenario {
  readonly name: string
  readonly what: string
  /** Measured when nobody says what to measure. */
  readonly main?: boolean
  /** Callers at once, where the work itself says how many; otherwise as many as were asked for. */
  readonly callers?: number
  /** That of Latchkey is about something that the bare library cannot do: what it does instead. */
  readonly bareInstead?: string
  /** Only Latchkey does it. */
  readonly latchkeyOnly?: boolean
  /** Makes what the callers need, and a step for each of them. */
  prepare(server: Server, callers: number): Promise<Work>
}

/** The header by which the machine authenticates (RFC 6749 §2.3.1). */
export const MACHINE_AUTHORIZATION = `Basic ${Buffer.from(`${MACHINE.clientId}:${MACHINE.clientSecret}`).toString('base64')}`

export const DISCOVERY_PATH = '/.well-known/openid-configuration'

/** Reads the discovery document. */
export async function discover(issuer: string): Promise<Endpoints> {
  const response = await fetch(new URL(DISCOVERY_PATH, issuer))
  return (await response.json()) as Endpoints
}

/**
 * @throws TurnedAway
 * @throws Error when the answer is not what it has to be: every figure would be worthless
 */
export function expectStatus(answer: Answer, status: number): void {
  if (answer.status === 503) throw new TurnedAway(answer.body.slice(0, 300))
  if (answer.status !== status) throw new Error(`${answer.status} came back, not ${status}: ${answer.body.slice(0, 300)}`)
}

/** The same step for each caller. */
export function same(callers: number, step: Step): Work {
  return { steps: Array.from({ length: callers }, () => step) }
}

/** Does something a number of times, a few at once, each on a connection. */
export async function several<T>(
  count: number,
  origin: string,
  work: (connection: Connection, index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const worker = async () => {
    const connection = await openConnection(origin)
    while (next < count) {
      const index = next++
      results[index] = await insist(() => work(connection, index))
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: Math.min(count, 8) }, worker))
  return results
}
