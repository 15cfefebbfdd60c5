// Puts load on a server: a number of callers, each with a connection of its own, for a given time.

import type { Target } from '../targets/target.ts'
import { type Connection, openConnection } from './connection.ts'
import { residentBytes, usageOfServer, usageOfStore } from './process-usage.ts'
import { type Step, TurnedAway } from './steps.ts'

/** What one round measured. Times are in milliseconds, processor time in microseconds for each step. */
export interface Measurement {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly cpuPerStep: number
  /** Of the processes that the server starts, such as those that hash passwords. */
  readonly helperCpuPerStep: number
  /** Of PostgreSQL and Redis. */
  readonly storeCpuPerStep: number
  /** The most that was seen. */
  readonly residentBytes: number
  /** The share of requests that were turned away, which count as nothing else. */
  readonly turnedAway: number
}

const LOOK_EVERY_MS = 250

/**
 * Runs the callers at the same time, each going on as soon as it is answered.
 * @param steps one for each caller
 */
export async function measure(target: Target, steps: readonly Step[], seconds: number): Promise<Measurement> {
  const connections = await Promise.all(steps.map(() => openConnection(target.issuer)))
  const seen: Seen = { latencies: [], turnedAway: 0 }
  let most = residentBytes(target.pid)
  const look = setInterval(() => {
    most = Math.max(most, residentBytes(target.pid))
  }, LOOK_EVERY_MS)
  const before = totals(target)
  const start = performance.now()
  const end = start + seconds * 1000
  try {
    await Promise.all(steps.map((step, index) => runCaller(step, connectionAt(connections, index), end, seen)))
  } finally {
    clearInterval(look)
    for (const connection of connections) connection.close()
  }
  const elapsedSeconds = (performance.now() - start) / 1000
  const after = totals(target)
  const { latencies, turnedAway } = seen
  const count = latencies.length
  latencies.sort((one, other) => one - other)
  return {
    perSecond: count / elapsedSeconds,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    cpuPerStep: (after.server - before.server) / count,
    helperCpuPerStep: (after.helpers - before.helpers) / count,
    storeCpuPerStep: (after.stores - before.stores) / count,
    residentBytes: most,
    turnedAway: turnedAway / (count + turnedAway),
  }
}

/** The value below which that share of the others lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

interface Seen {
  readonly latencies: number[]
  turnedAway: number
}

async function runCaller(step: Step, connection: Connection, end: number, seen: Seen): Promise<void> {
  // At least one step, however short the time.
  do {
    const started = performance.now()
    try {
      if ((await step(connection)) === false) return
      seen.latencies.push(performance.now() - started)
    } catch (error) {
      if (!(error instanceof TurnedAway)) throw error
      seen.turnedAway += 1
    }
  } while (performance.now() < end)
}

function totals(target: Target): { readonly server: number; readonly helpers: number; readonly stores: number } {
  const stores = target.storePids.map(usageOfStore)
  return { ...usageOfServer(target.pid), stores: stores.reduce((sum, one) => sum + one, 0) }
}

function connectionAt(connections: readonly Connection[], index: number): Connection {
  const connection = connections[index]
  if (connection === undefined) throw new RangeError(`There is no connection ${index}.`)
  return connection
}
