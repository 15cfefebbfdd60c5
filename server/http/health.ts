// Health probes and nothing else, on the management port: they are for the machine that runs the server, not for
// the network, and so are not bound to the issuer's host.
import { createServer, type Server } from 'node:http'

/** What the probes ask. */
export interface Health {
  /** Has the program started? */
  readonly started: () => boolean
  /** Should it be sent requests? Tells what is missing, if anything. */
  readonly ready: () => Promise<readonly string[]>
}

/**
 * Makes the server of the probes: `/livez` answers while the process can answer at all, `/startupz` once it has started,
 * `/readyz` while its stores answer and it is not shutting down.
 */
export function createHealthServer(health: Health): Server {
  return createServer((request, response) => {
    answer(request.url ?? '', health).then(
      ({ status, body }) => {
        response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
        response.end(`${JSON.stringify(body)}\n`)
      },
      () => response.writeHead(503).end(),
    )
  })
}

async function answer(url: string, health: Health): Promise<{ status: number; body: object }> {
  switch (url.split('?', 1)[0]) {
    case '/livez':
      return { status: 200, body: { status: 'ok' } }
    case '/startupz':
      return health.started() ? { status: 200, body: { status: 'ok' } } : { status: 503, body: { status: 'starting' } }
    case '/readyz': {
      const missing = await health.ready()
      return missing.length === 0
        ? { status: 200, body: { status: 'ok' } }
        : { status: 503, body: { status: 'not ready', missing } }
    }
    default:
      return { status: 404, body: { status: 'not found' } }
  }
}
