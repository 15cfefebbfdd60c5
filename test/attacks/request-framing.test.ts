// Requests of which a proxy in front and the server could read two different ends: the second half of one would be taken for
// a request of somebody else (RFC 9112 §6.3, §11.2). Each is refused, and nothing that is hidden in it is answered.
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

/** Sends bytes as they are, and waits until the server ends the connection. */
function send(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(server.issuer).port), '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
    })
    socket.on('end', () => resolve(answer))
    socket.on('error', reject)
    socket.write(bytes)
  })
}

const statusesOf = (answer: string) => [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))

const host = () => `Host: ${new URL(server.issuer).host}`
const HIDDEN = 'GET /jwks HTTP/1.1\r\nHost: x\r\n\r\n'

test.each([
  [
    'a length and chunks',
    () => ['POST /token HTTP/1.1', host(), 'Content-Length: 4', 'Transfer-Encoding: chunked', '', `0\r\n\r\n${HIDDEN}`],
  ],
  ['chunks by an unknown name', () => ['POST /token HTTP/1.1', host(), 'Transfer-Encoding: xchunked', '', `0\r\n\r\n${HIDDEN}`]],
  ['two lengths', () => ['POST /token HTTP/1.1', host(), 'Content-Length: 0', 'Content-Length: 34', '', HIDDEN]],
  ['a length that is no number', () => ['POST /token HTTP/1.1', host(), 'Content-Length: +5', '', HIDDEN]],
  ['a space before the colon', () => ['POST /token HTTP/1.1', host(), 'Content-Length : 34', '', HIDDEN]],
  [
    'a header that goes on in the next line',
    () => ['GET /jwks HTTP/1.1', host(), 'X-One: a', ' Content-Length: 34', 'Transfer-Encoding: x', '', HIDDEN],
  ],
  [
    'a chunk whose size is no number',
    () => ['POST /token HTTP/1.1', host(), 'Transfer-Encoding: chunked', '', `zz\r\n${HIDDEN}`],
  ],
  ['no host', () => ['GET /jwks HTTP/1.1', 'Accept: */*', '', '']],
])('WB8: %s', async (_name, lines) => {
  const answer = await send(lines().join('\r\n'))
  expect(statusesOf(answer)).toEqual([400])
  expect(answer).not.toContain('"keys"')
})

test('WB8: lines that end without a carriage return', async () => {
  expect(statusesOf(await send(`GET /jwks HTTP/1.1\n${host()}\nX-One: a\n\n`))).toEqual([400])
})
