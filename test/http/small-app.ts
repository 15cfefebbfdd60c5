// A small app on a port of its own, with the door of the real one: request log, security headers, error pages.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa, { type Middleware } from 'koa'
import { systemClock } from '../../config/clock.ts'
import { createClientAddress } from '../../server/http/client-address.ts'
import { createErrorPages } from '../../server/http/error-pages.ts'
import { createLog, type Log } from '../../server/http/log.ts'
import { createRequestLog } from '../../server/http/request-log.ts'
import { createSecurityHeaders } from '../../server/http/security-headers.ts'
import { LogLines } from '../support/log-lines.ts'

/** A running app. */
export interface SmallApp {
  readonly url: string
  readonly lines: LogLines
  stop(): Promise<void>
}

/** A log that a test reads. */
export function testLog(): { readonly log: Log; readonly lines: LogLines } {
  const lines = new LogLines()
  return { log: createLog({ level: 'debug', format: 'json', destination: lines }), lines }
}

/** Starts it. `build` is told the address and gives what stands behind the door. */
export async function startSmallApp(
  build: (url: string, log: Log) => readonly Middleware[],
  options: { readonly trustProxy?: readonly string[]; readonly secure?: boolean } = {},
): Promise<SmallApp> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { log, lines } = testLog()
  const app = new Koa()
  app.keys = ['a key for the cookies of this test only']
  // The tests' own errors are looked for in the log lines.
  app.silent = true
  app.use(createRequestLog({ log, clock: systemClock, clientAddress: createClientAddress(options.trustProxy ?? []) }))
  app.use(createSecurityHeaders({ secure: options.secure ?? false }))
  app.use(createErrorPages({ log }))
  for (const middleware of build(url, log)) app.use(middleware)
  server.on('request', app.callback())
  return {
    url,
    lines,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
