// APIs in a process of their own: guards that listen to a server, and what is found out about them. The benchmark tells what to do by
// messages, and is told the outcome. Times are milliseconds since 1970 with fractions: both processes have the same clock.

import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { createGuard, type Guard, InvalidToken } from '../../guard/main.ts'
import { median } from '../report/medians.ts'
import type { Asked, Told } from './messages.ts'

const guards: Guard[] = []

/** How often a token is shown to a guard while it is waited for the refusal: as an API is called again and again. */
const SHOWN_EVERY_MS = 2
const PATIENCE_MS = 10_000

process.on('message', (asked: Asked) => {
  answer(asked).then(tell, (error: unknown) => {
    tell({ told: 'failed', why: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  })
})

async function answer(asked: Asked): Promise<Told> {
  switch (asked.ask) {
    case 'listen': {
      const before = heapBytes()
      // One after the other: that many at once would be a flood of its own.
      for (let made = 0; made < asked.count; made += 1) guards.push(await createGuard({ ...asked.options, log: () => undefined }))
      await untilAllFollow()
      const status = guards.at(-1)?.status()
      return { told: 'listening', entries: status?.entries ?? 0, bytes: heapBytes() - before, by: status?.following ?? 'nothing' }
    }
    case 'watch':
      return { told: 'refused', id: asked.id, at: await untilRefused(guardAt(asked.guard), asked.token) }
    case 'compare':
      return { told: 'compared', ratio: await compare(guardAt(0), asked) }
    case 'hear':
      return { told: 'heard', entries: await untilAllHeard(asked.entries) }
    case 'close':
      await Promise.all(guards.map((guard) => guard.close()))
      process.disconnect()
      return { told: 'closed' }
  }
}

/** A guard takes the list first, and then the stream. */
async function untilAllFollow(): Promise<void> {
  const since = performance.now()
  while (guards.some((guard) => guard.status().following !== 'stream') && performance.now() - since < PATIENCE_MS) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function untilAllHeard(entries: number): Promise<number> {
  const since = performance.now()
  const least = () => Math.min(...guards.map((guard) => guard.status().entries))
  while (least() < entries && performance.now() - since < PATIENCE_MS) await new Promise((resolve) => setTimeout(resolve, 50))
  return least()
}

function tell(told: Told): void {
  if (process.connected) process.send?.(told)
}

function guardAt(index: number): Guard {
  const guard = guards[index % guards.length]
  if (guard === undefined) throw new RangeError('There is no guard.')
  return guard
}

async function untilRefused(guard: Guard, token: string): Promise<number | undefined> {
  const since = performance.now()
  while (performance.now() - since < PATIENCE_MS) {
    try {
      await guard.verify(token)
    } catch (error) {
      if (error instanceof InvalidToken) return performance.timeOrigin + performance.now()
      throw error
    }
    await new Promise((resolve) => setTimeout(resolve, SHOWN_EVERY_MS))
  }
  return undefined
}

/**
 * How much longer a guard takes over a token than jose alone: the medians of single checks. The two take turns with each check, and
 * the one that is first changes with each pair, so that whatever else the machine does slows both down alike.
 */
async function compare(guard: Guard, { token, issuer, audience, pairs }: Extract<Asked, { ask: 'compare' }>): Promise<number> {
  const keys = createLocalJWKSet((await (await fetch(`${issuer}/jwks`)).json()) as JSONWebKeySet)
  const checks = [
    { took: [] as number[], check: () => guard.verify(token) as Promise<unknown> },
    { took: [], check: () => jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] }) },
  ]
  for (let pair = 0; pair < pairs; pair += 1) {
    for (const { took, check } of pair % 2 === 0 ? checks : checks.toReversed()) {
      const began = performance.now()
      await check()
      // The first ones are slow for both, before the code has been compiled.
      if (pair >= pairs / 10) took.push(performance.now() - began)
    }
  }
  const [guarded = Number.NaN, bare = Number.NaN] = checks.map(({ took }) => median(took))
  return guarded / bare
}

function heapBytes(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
