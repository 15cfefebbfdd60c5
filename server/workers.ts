// Several processes on one machine (WORKERS): they share the port and nothing else; what they must agree on is in
// PostgreSQL and Redis, as with several machines. The first process serves nobody; it answers at the management port for
// all of them.
import cluster, { type Worker } from 'node:cluster'
import { createManagementServer } from './http/management.ts'
import { takePort } from './ports.ts'
import { askedWorker } from './worker-line.ts'

/** A worker that ends sooner than this after its start is not replaced: it would only end again. */
const LIVES_AT_LEAST_MS = 5000

/**
 * Starts the workers and replaces those that die, until the program is told to stop.
 * @returns the exit code: that of a worker that could not start, else 0 when all left in good order
 */
export async function runWorkers(
  count: number,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> {
  const running = new Set<Worker>()
  const asked = () => [...running].map(askedWorker)
  const management = await takePort(host, port, 'MANAGEMENT_PORT', createManagementServer(asked))
  try {
    return await keepRunning(running, count)
  } finally {
    management.closeAllConnections()
    management.close()
  }
}

function keepRunning(running: Set<Worker>, count: number): Promise<number> {
  let stopping = false
  let exitCode = 0
  return new Promise((resolve) => {
    const fork = () => {
      const worker = cluster.fork()
      const startedAt = performance.now()
      running.add(worker)
      worker.once('exit', (code) => {
        running.delete(worker)
        if (code !== 0) exitCode = stopping ? Math.max(exitCode, 1) : exitCode
        if (!stopping && performance.now() - startedAt < LIVES_AT_LEAST_MS) {
          // The worker has said why. The others cannot do better, so none goes on.
          exitCode = code === 0 ? 1 : (code ?? 1)
          stop('SIGTERM')
        } else if (!stopping) {
          process.stderr.write('A worker of Latchkey ended and is replaced.\n')
          fork()
        }
        if (running.size === 0) resolve(exitCode)
      })
    }
    const stop = (signal: NodeJS.Signals) => {
      stopping = true
      for (const worker of running) worker.process.kill(signal)
    }
    // A second signal goes through as well: workers then end at once.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal))
    for (let started = 0; started < count; started += 1) fork()
  })
}
