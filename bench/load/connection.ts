// One HTTP/1.1 connection that is kept: as little work for each request as can be, since the load and the servers share the
// processors. It understands what the measured servers send and no more.

import { connect, type Socket } from 'node:net'

/** What came back. */
export interface Answer {
  readonly status: number
  /** All values of a header, by its name in lower case. */
  headers(name: string): string[]
  readonly body: string
}

/** A connection; one request at a time. */
export interface Connection {
  /** @param request the whole request, head and body, as made by {@link requestText} */
  send(request: string): Promise<Answer>
  close(): void
}

interface KeptSocket extends Connection {
  isClosed(): boolean
}

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

const END_OF_HEAD = '\r\n\r\n'

/**
 * Opens a connection to a server on this machine. One that the server closes while nothing is asked, as servers do with
 * connections that were idle for some seconds, is opened again when it is needed.
 */
export async function openConnection(origin: string): Promise<Connection> {
  const { port } = new URL(origin)
  let kept = await openSocket(Number(port))
  return {
    async send(request) {
      if (kept.isClosed()) kept = await openSocket(Number(port))
      return await kept.send(request)
    },
    close: () => kept.close(),
  }
}

async function openSocket(port: number): Promise<KeptSocket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return keep(socket)
}

/** Makes the text of a request. */
export function requestText(
  method: 'GET' | 'POST',
  url: URL,
  headers: { readonly [name: string]: string } = {},
  form?: { readonly [name: string]: string },
): string {
  const body = form === undefined ? '' : new URLSearchParams(form).toString()
  const all: { [name: string]: string } = { Host: url.host, ...headers }
  if (form !== undefined) all['Content-Type'] = 'application/x-www-form-urlencoded'
  if (form !== undefined) all['Content-Length'] = String(Buffer.byteLength(body))
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n${body}`
}

function keep(socket: Socket): KeptSocket {
  // Bytes are read as latin1, one character each, so that lengths are right; bodies that matter here are ASCII.
  socket.setEncoding('latin1')
  let received = ''
  let waiting: Waiting | undefined
  const fail = (error: Error) => {
    waiting?.reject(error)
    waiting = undefined
  }
  socket.on('data', (data: string) => {
    // What comes unasked is a farewell (408) to a connection that nothing was sent on.
    if (waiting === undefined) return
    received += data
    const answer = readAnswer(received)
    if (answer === undefined) return
    if (answer instanceof Error) return fail(answer)
    const { resolve } = waiting
    waiting = undefined
    received = ''
    resolve(answer)
  })
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('The server closed the connection.')))
  return {
    isClosed: () => socket.destroyed || socket.readableEnded,
    send(request) {
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.write(request)
      })
    },
    close: () => socket.destroy(),
  }
}

function readAnswer(text: string): Answer | Error | undefined {
  const end = text.indexOf(END_OF_HEAD)
  if (end < 0) return undefined
  const head = text.slice(0, end + 2)
  const status = Number(head.slice(9, 12))
  const rest = text.slice(end + END_OF_HEAD.length)
  const body = readBody(head, rest, status)
  if (body === undefined || body instanceof Error) return body
  return { status, body, headers: (name) => valuesOf(head, name) }
}

/** The body, or nothing while some of it is on its way. */
function readBody(head: string, rest: string, status: number): string | Error | undefined {
  if (status === 204 || status === 304) return ''
  const [length] = valuesOf(head, 'content-length')
  if (length !== undefined) return rest.length >= Number(length) ? rest : undefined
  if (valuesOf(head, 'transfer-encoding')[0] === 'chunked') return rest.endsWith('0\r\n\r\n') ? joinChunks(rest) : undefined
  return new Error(`An answer (${status}) without a length.`)
}

function joinChunks(text: string): string {
  let at = 0
  let body = ''
  for (;;) {
    const line = text.indexOf('\r\n', at)
    const size = Number.parseInt(text.slice(at, line), 16)
    if (!(size > 0)) return body
    body += text.slice(line + 2, line + 2 + size)
    at = line + 2 + size + 2
  }
}

function valuesOf(head: string, name: string): string[] {
  const lower = head.toLowerCase()
  const values: string[] = []
  for (let at = lower.indexOf(`\r\n${name}:`); at >= 0; at = lower.indexOf(`\r\n${name}:`, at + 2)) {
    const start = at + name.length + 3
    values.push(head.slice(start, head.indexOf('\r\n', start)).trim())
  }
  return values
}
