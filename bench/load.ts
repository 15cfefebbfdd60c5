// Puts load on a server: a number of callers, each with a connection of its own, for a given time.

import { type Connection, openConnection } from './connection.ts'
import { usageBelow, usageOf } from './process-usage.ts'
import type { Target } from './targets.ts'

/** One step of a caller; it throws when the answer is not what it has to be. */
export type Step = (connection: Connection) => Promise<void>

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
  readonly residentBytes: number
}

/**
 * Runs the callers at the same time, each going on as soon as it is answered.
 * @param steps one for each caller
 */
export async function measure(target: Target, steps: readonly Step[], seconds: number): Promise<Measurement> {
  const connections = await Promise.all(steps.map(() => openConnection(target.issuer)))
  const latencies: number[] = []
  const before = totals(target)
  const start = performance.now()
  const end = start + seconds * 1000
  try {
    await Promise.all(steps.map((step, index) => runCaller(step, connectionAt(connections, index), end, latencies)))
  } finally {
    for (const connection of connections) connection.close()
  }
  const elapsedSeconds = (performance.now() - start) / 1000
  const after = totals(target)
  const count = latencies.length
  latencies.sort((one, other) => one - other)
  return {
    perSecond: count / elapsedSeconds,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    cpuPerStep: (after.server - before.server) / count,
    helperCpuPerStep: (after.helpers - before.helpers) / count,
    storeCpuPerStep: (after.stores - before.stores) / count,
    residentBytes: usageOf(target.pid).residentBytes,
  }
}

async function runCaller(step: Step, connection: Connection, end: number, latencies: number[]): Promise<void> {
  // At least one step, however short the time.
  for (;;) {
    const started = performance.now()
    await step(connection)
    const now = performance.now()
    latencies.push(now - started)
    if (now >= end) return
  }
}

function totals(target: Target): { server: number; helpers: number; stores: number } {
  const stores = target.storePids.map((pid) => usageOf(pid).cpuMicroseconds + usageBelow(pid).cpuMicroseconds)
  return {
    server: usageOf(target.pid).cpuMicroseconds,
    helpers: usageBelow(target.pid).cpuMicroseconds,
    stores: stores.reduce((sum, one) => sum + one, 0),
  }
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

function connectionAt(connections: readonly Connection[], index: number): Connection {
  const connection = connections[index]
  if (connection === undefined) throw new RangeError(`There is no connection ${index}.`)
  return connection
}
