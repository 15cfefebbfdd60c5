// Requests as they go over the wire, which no HTTP client would send.
import { connect } from 'node:net'

/** Sends the lines as they are, and the body after them; the whole answer. The server is asked to close the connection. */
export function rawRequest(server: { readonly issuer: string }, lines: readonly string[], body = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(server.issuer).port), '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    socket.on('error', reject)
    socket.write([...lines, 'Connection: close', '', body].join('\r\n'))
  })
}

/** The body of an answer. */
export function bodyOf(answer: string): string {
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
  return /^transfer-encoding: chunked/im.test(answer) ? unchunked(body) : body
}

function unchunked(body: string): string {
  const size = Number.parseInt(body, 16)
  const start = body.indexOf('\r\n') + 2
  return size > 0 ? body.slice(start, start + size) + unchunked(body.slice(start + size + 2)) : ''
}
