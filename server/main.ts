// The program: read the configuration, take the ports, compose, listen, and leave in good order.
import './memory.ts'
import cluster from 'node:cluster'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Config, readConfig } from '../config/config.ts'
import type { Secrets } from '../config/secrets.ts'
import { createBanner } from './banner.ts'
import { compose, type Latchkey } from './compose.ts'
import { startExtras } from './composition/extras.ts'
import { createManagementServer, type ManagedProcess } from './http/management.ts'
import { collectSooner } from './memory.ts'
import { takePort } from './ports.ts'
import { explainStart } from './start-faults.ts'
import { answerFirstProcess } from './worker-line.ts'
import { runWorkers } from './workers.ts'

/** How long requests in flight may take to finish after SIGTERM. */
const DRAIN_SECONDS = 10
/** How long the rest may take; together it is less than the 30 seconds after which Kubernetes and others kill. */
const CLOSE_SECONDS = 15

/**
 * Runs the server until it is told to stop. What stands in the way of a start is told in one line, with exit code 1.
 * @returns the exit code
 */
export async function serve(): Promise<number> {
  try {
    const { config, makeSecrets } = readConfig()
    return config.workers > 1 && cluster.isPrimary
      ? await runWorkers(config.workers, config.management)
      : await serveHere(config, makeSecrets)
  } catch (error) {
    process.stderr.write(`${explainStart(error)}\n`)
    return 1
  }
}

async function serveHere(config: Config, makeSecrets: () => Secrets): Promise<number> {
  const ports: Server[] = []
  let end: NodeJS.Timeout | undefined
  try {
    const server = await takePort(config.host, config.port, 'PORT')
    ports.push(server)
    const starting = answerStarting(server)
    let latest: ManagedProcess = STARTING
    ports.push(
      ...(await answerManagement(config, {
        started: () => latest.started(),
        missing: () => latest.missing(),
        figures: () => latest.figures(),
      })),
    )
    await using latchkey = await compose(config, makeSecrets())
    latchkey.metrics.measureProcess()
    latest = latchkey.management
    await using extras = await startExtras({ config, latchkey })
    starting.replaceWith(latchkey.app.callback())
    collectSooner()
    latchkey.log.info({ issuer: config.issuer }, 'ready')
    if (config.log.format === 'pretty') process.stdout.write(createBanner({ config, latchkey, extras }))
    await untilToldToStop()
    const exitCode = await drain(latchkey, ports, config)
    end = endInTime(latchkey)
    return exitCode
  } finally {
    // Everything is closed; what is still open must not keep the program for ever either.
    end?.unref()
    for (const port of ports) {
      port.closeAllConnections()
      port.close()
    }
  }
}

const STARTING: ManagedProcess = {
  started: async () => false,
  missing: async () => ['the program is starting'],
  figures: async () => [],
}

/** Answers at the management port; of several processes the first has that port, and asks this one. */
async function answerManagement({ management }: Config, self: ManagedProcess): Promise<Server[]> {
  if (!cluster.isWorker)
    return [
      await takePort(
        management.host,
        management.port,
        'MANAGEMENT_PORT',
        createManagementServer(() => [self]),
      ),
    ]
  answerFirstProcess(self)
  return []
}

/** Until the program is ready, whoever comes is asked to come again. */
function answerStarting(server: Server): { replaceWith(listener: RequestListener): void } {
  const wait: RequestListener = (_request, response) => {
    response.writeHead(503, { 'Content-Type': 'text/plain; charset=utf-8', 'Retry-After': '2', 'Cache-Control': 'no-store' })
    response.end('Latchkey is starting. Try again in a moment.\n')
  }
  server.on('request', wait)
  return {
    replaceWith(listener) {
      server.off('request', wait)
      server.on('request', listener)
    },
  }
}

function untilToldToStop(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })
}

/** Lets requests in flight finish. A second signal, or too long a wait, ends the program with exit code 1. */
async function drain(latchkey: Latchkey, [server]: Server[], config: Config): Promise<number> {
  latchkey.drain()
  latchkey.log.info('shutting down: requests in flight are finished first')
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      latchkey.log.warn('told to stop a second time: requests in flight are cut off')
      process.exit(1)
    })
  }
  const address = server?.address() as AddressInfo | null
  const closed = new Promise<'closed'>((resolve) => server?.close(() => resolve('closed')))
  server?.closeIdleConnections()
  const late = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), DRAIN_SECONDS * 1000).unref())
  if ((await Promise.race([closed, late])) === 'closed') return 0
  latchkey.log.warn({ port: address?.port ?? config.port }, `requests were still in flight after ${DRAIN_SECONDS} s`)
  return 1
}

/** Whatever hangs, the program ends: nothing may keep it that is worth less than the next start. */
function endInTime(latchkey: Latchkey): NodeJS.Timeout {
  const tooLate = () => {
    latchkey.log.error({ waitsFor: latchkey.endWaitsFor() }, `the program did not end within ${CLOSE_SECONDS} s and is cut off`)
    process.exit(1)
  }
  return setTimeout(tooLate, CLOSE_SECONDS * 1000)
}

if (import.meta.main) {
  process.exitCode = await serve()
  // A worker's line to the process that started it would keep it alive.
  if (cluster.isWorker) process.disconnect()
}
