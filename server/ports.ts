// Takes the ports on which the program listens.
import { createServer, type Server } from 'node:http'

/** Takes a port before anything is opened or written, so that a second start on the same machine changes nothing. */
export async function takePort(
  host: string,
  port: number,
  setting: string,
  // Node looks every 30 s, so that the limits below could be exceeded by as much.
  server = createServer({ connectionsCheckingInterval: 2000 }),
): Promise<Server> {
  // Slow or endless requests must not hold a connection for ever.
  server.headersTimeout = 10_000
  server.requestTimeout = 20_000
  server.keepAliveTimeout = 65_000
  server.maxHeadersCount = 100
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(Object.assign(error, { setting })))
    server.listen(port, host, resolve)
  })
  return server
}
