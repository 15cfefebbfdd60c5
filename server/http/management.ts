// The management port: health probes and metrics. They are for the machine that runs the server, not for the network, and
// so are not bound to the issuer's host.
import { createServer, type Server } from 'node:http'
import { type Figures, METRICS_TYPE, metricsText } from './metrics.ts'

/** What a process tells of itself; undefined when it does not answer. */
export interface ManagedProcess {
  /** Has it started? */
  started(): Promise<boolean | undefined>
  /** What is missing for it to be sent requests. */
  missing(): Promise<readonly string[] | undefined>
  /** What it has counted. */
  figures(): Promise<Figures | undefined>
}

/**
 * Makes the server: `/livez` is 200 while requests can be answered at all, `/startupz` once the program has started, `/readyz`
 * while its stores answer and it is not shutting down; `/metrics`. Several processes are asked together.
 */
export function createManagementServer(processes: () => readonly ManagedProcess[]): Server {
  return createServer((request, response) => {
    answer(request.url ?? '', processes()).then(
      ({ status, type = 'application/json', body }) => {
        response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' })
        response.end(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`)
      },
      () => response.writeHead(503).end(),
    )
  })
}

interface Answer {
  readonly status: number
  readonly type?: string
  readonly body: object | string
}

const OK: Answer = { status: 200, body: { status: 'ok' } }

async function answer(url: string, processes: readonly ManagedProcess[]): Promise<Answer> {
  switch (url.split('?', 1)[0]) {
    case '/livez': {
      // One that hangs is told by /readyz; a restart of all helps only when all hang.
      const answers = await Promise.all(processes.map((each) => each.started()))
      return answers.some((answered) => answered !== undefined) ? OK : { status: 503, body: { status: 'not answering' } }
    }
    case '/startupz': {
      const answers = await Promise.all(processes.map((each) => each.started()))
      return answers.length > 0 && answers.every((started) => started) ? OK : { status: 503, body: { status: 'starting' } }
    }
    case '/readyz': {
      // Each of them takes connections, so all must be able to answer.
      const answers = await Promise.all(processes.map((each) => each.missing()))
      const told =
        answers.length === 0 ? ['no process runs'] : answers.flatMap((answered) => answered ?? ['a process does not answer'])
      const missing = [...new Set(told)]
      return missing.length === 0 ? OK : { status: 503, body: { status: 'not ready', missing } }
    }
    case '/metrics': {
      const answers = await Promise.all(processes.map((each) => each.figures()))
      const body = await metricsText(answers.filter((figures) => figures !== undefined))
      return { status: 200, type: METRICS_TYPE, body }
    }
    default:
      return { status: 404, body: { status: 'not found' } }
  }
}
