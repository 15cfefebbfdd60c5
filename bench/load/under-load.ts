// What something large costs those who ask for something else meanwhile; and how an administrator's program gets in.

import { refreshChains, tokensOf } from '../scenarios/code-flow.ts'
import { discover, type Endpoints } from '../scenarios/scenario.ts'
import type { Target } from '../targets/target.ts'
import { ADMINISTRATOR } from '../the-world.ts'
import { type Connection, openConnection, requestText } from './connection.ts'
import { quantile } from './load.ts'
import { insist } from './steps.ts'

/** What was seen. Times in milliseconds. */
export interface Looked {
  readonly took: number
  /** Of token requests of others: before, and from its beginning until some seconds after. */
  readonly quietP99: number
  readonly p99: number
}

/** How long others are looked at before it, and after it. */
export interface LookOptions {
  readonly quietMs: number
  readonly afterwardsMs: number
}

const LOOKERS = 8

/** Does something while others refresh their tokens, at a rate that leaves the machine room for it. */
export async function underLoad<Done>(
  target: Target,
  work: () => Promise<Done>,
  { quietMs, afterwardsMs }: LookOptions,
): Promise<Looked & { readonly done: Done }> {
  const endpoints = await discover(target.issuer)
  const { steps } = await refreshChains({ endpoints, answersForJwts: target.answersForJwts }, LOOKERS)
  const connections = await Promise.all(steps.map(() => openConnection(endpoints.issuer)))
  const latencies: { readonly at: number; readonly took: number }[] = []
  let over = false
  const load = Promise.all(
    steps.map(async (step, index) => {
      const [connection] = connections.slice(index, index + 1)
      while (!over && connection !== undefined) {
        const began = performance.now()
        await insist(() => step(connection))
        latencies.push({ at: began, took: performance.now() - began })
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }),
  )
  const pause = (milliseconds: number) => Promise.race([load, new Promise((resolve) => setTimeout(resolve, milliseconds))])
  let began = 0
  let took = 0
  let done: Done
  try {
    await pause(quietMs)
    began = performance.now()
    done = await work()
    took = performance.now() - began
    await pause(afterwardsMs)
  } finally {
    // Also when it fails: nobody must ask a server that is being stopped.
    over = true
    await load
    for (const connection of connections) connection.close()
  }
  const p99 = (some: typeof latencies) =>
    quantile(
      some.map((each) => each.took).sort((one, other) => one - other),
      0.99,
    )
  return {
    done,
    took,
    quietP99: p99(latencies.filter(({ at }) => at < began)),
    p99: p99(latencies.filter(({ at }) => at >= began)),
  }
}

/** The header of the administrator's requests. */
export async function authorizeAdministrator(endpoints: Endpoints, connection: Connection): Promise<string> {
  const { id, secret, scope } = ADMINISTRATOR
  const basic = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const form = { grant_type: 'client_credentials', scope, resource: `${endpoints.issuer}/admin/api` }
  const request = requestText('POST', new URL(endpoints.token_endpoint), { Authorization: basic }, form)
  const { access_token: token } = await insist(async () => tokensOf(await connection.send(request)))
  return `Bearer ${token}`
}
