// What stands before one process, as a load balancer would: whoever asks there asks under the issuer's name, over a line of its own
// that can be broken.
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

/** A front. */
export interface Front {
  readonly line: TcpProxy
  /** Sends a request for the issuer there instead. */
  readonly fetch: typeof fetch
  close(): void
}

/** Starts one for the process at a port of this machine. */
export async function startFront(issuer: string, port: number): Promise<Front> {
  const line = await startTcpProxy(port)
  const { host } = new URL(issuer)
  const server = createServer((asked, answer) => {
    const { method, url: path, headers } = asked
    const sends = { host: '127.0.0.1', port: line.port, agent: false, method, path, headers: { ...headers, host } } as const
    const sent = request(sends, (got) => {
      answer.writeHead(got.statusCode ?? 500, got.headers)
      answer.flushHeaders()
      got.on('error', () => answer.destroy())
      got.pipe(answer)
    })
    sent.on('error', () => answer.destroy())
    answer.on('close', () => sent.destroy())
    asked.pipe(sent)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    line,
    fetch: (asked, sends) => {
      const { pathname, search } = new URL(String(asked))
      return fetch(`${address}${pathname}${search}`, sends)
    },
    close() {
      line.close()
      server.closeAllConnections()
      server.close()
    },
  }
}
