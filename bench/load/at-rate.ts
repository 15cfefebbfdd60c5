// Load at a rate that is given: requests come as people do, whatever has become of those before.

import type { Connection } from './connection.ts'
import { quantile } from './load.ts'
import { insist, type Step } from './steps.ts'

/** How long what was asked for took, in milliseconds. */
export interface Latencies {
  readonly p50: number
  readonly p99: number
}

/**
 * Does a step whenever one is due, and counts from when it was due: a server that stands still would otherwise be asked less and look
 * better.
 * @param steps one for each connection; there have to be more of them than steps under way
 */
export async function atRate(
  connections: readonly Connection[],
  steps: readonly Step[],
  { seconds, perSecond }: { readonly seconds: number; readonly perSecond: number },
): Promise<Latencies> {
  const latencies: number[] = []
  const start = performance.now()
  const count = Math.floor(seconds * perSecond)
  const lanes = steps.map(() => Promise.resolve())
  for (let sent = 0; sent < count; sent++) {
    const due = start + (sent * 1000) / perSecond
    await until(due)
    const lane = sent % steps.length
    const [step, connection] = [steps[lane], connections[lane]]
    if (step === undefined || connection === undefined) continue
    // What one caller does comes one after the other: one family cannot be refreshed twice at once.
    lanes[lane] = (lanes[lane] ?? Promise.resolve()).then(async () => {
      await insist(() => step(connection))
      latencies.push(performance.now() - due)
    })
  }
  await Promise.all(lanes)
  latencies.sort((one, other) => one - other)
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
}

async function until(due: number): Promise<void> {
  while (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now() - 1)))
}
