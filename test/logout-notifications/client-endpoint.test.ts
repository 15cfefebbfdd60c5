// The exchange with an app that is told of a sign-out: short, bounded, and worth no trust.
import { getEventListeners } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { createClientEndpoint } from '../../server/logout-notifications/client-endpoint.ts'
import { createAllowedAddresses } from '../../server/outbox/allowed-addresses.ts'
import { createPost } from '../../server/outbox/endpoint.ts'
import { until } from '../support/logout-app.ts'
import { freePort } from '../support/server-process.ts'

const servers: Server[] = []
const sockets = new Set<Socket>()

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve))
})

async function listen(server: Server): Promise<string> {
  servers.push(server)
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/backchannel-logout`
}

const app = (listener: RequestListener) => listen(createServer(listener))

function post(uri: string, longestExchangeMs = 10_000, signal = new AbortController().signal) {
  const addresses = createAllowedAddresses({ ranges: ['127.0.0.0/8'], setting: 'A_SETTING' })
  return createClientEndpoint({ post: createPost({ addresses, longestExchangeMs }) })(uri, 'a.logout.token', signal)
}

test.each([200, 204])('%s is a yes', async (status) => {
  const uri = await app((_request, response) => response.writeHead(status).end())
  expect(await post(uri)).toEqual({ accepted: true, status })
})

test.each([
  [201, 'it answered 201'],
  [400, 'it refuses the logout token (400)'],
  [404, 'it answered 404'],
  [500, 'it answered 500'],
])('%s is a no', async (status, error) => {
  const uri = await app((_request, response) => response.writeHead(status).end('{"error":"a long story of the app’s own"}'))
  expect(await post(uri)).toEqual({ accepted: false, status, error })
})

test.each([301, 302, 303, 307, 308])('%s is not followed', async (status) => {
  let requests = 0
  const uri = await app((_request, response) => {
    requests += 1
    response.writeHead(status, { Location: '/elsewhere' }).end()
  })
  expect(await post(uri)).toEqual({ accepted: false, status, error: `it redirects (${status}), which is not followed` })
  expect(requests).toBe(1)
})

test('an app that hangs is given up in time, wherever it does', async () => {
  const hanging = [
    await listen(createSocketServer()),
    await app(() => undefined),
    await app((_request, response) => void response.writeContinue()),
  ]
  for (const uri of hanging) {
    const begun = performance.now()
    expect(await post(uri, 400)).toEqual({ accepted: false, status: undefined, error: 'it did not answer within 0.4 seconds' })
    expect(performance.now() - begun).toBeLessThan(1500)
  }
})

const raw = (text: string, end = true) =>
  listen(
    createSocketServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => (end ? socket.end(text) : socket.write(text)))
    }),
  )

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'

test.each([
  ['with a word of which', SWITCHING],
  ['without', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
])('an app that switches to another protocol, %s, has not taken it, and keeps nobody', async (_how, text) => {
  for (const end of [false, true]) {
    const begun = performance.now()
    expect(await post(await raw(text, end), 2000)).toEqual({ accepted: false, status: 101, error: 'it answered 101' })
    expect(performance.now() - begun).toBeLessThan(1500)
  }
  // Nothing is left open.
  for (const socket of sockets) await new Promise((resolve) => (socket.closed ? resolve(true) : socket.once('close', resolve)))
})

test('the limit holds though nothing comes of what is begun', async () => {
  const addresses = { checkHost: () => undefined, lookup: () => undefined }
  const hanging = createPost({ addresses, longestExchangeMs: 300 })
  const answer = hanging('http://app.example/', { body: '', headers: {} }, new AbortController().signal)
  expect(await answer).toEqual({ status: undefined, error: 'it did not answer within 0.3 seconds' })
  const over = AbortSignal.abort()
  expect(await post(await app(() => undefined), 400, over)).toMatchObject({ accepted: false, status: undefined })
})

test('a body that never ends is not waited for, and not taken in', async () => {
  let written = 0
  const uri = await app((_request, response) => {
    response.writeHead(200)
    const timer = setInterval(() => {
      written += 65_536
      response.write(Buffer.alloc(65_536))
    }, 1)
    response.on('close', () => clearInterval(timer))
    response.on('error', () => undefined)
  })
  expect(await post(uri)).toEqual({ accepted: true, status: 200 })
  await new Promise((resolve) => setTimeout(resolve, 600))
  const after = written
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(written).toBe(after)
})

test('what is not HTTP, and a head without end, are no answers', async () => {
  for (const text of ['SSH-2.0-OpenSSH_9\r\n', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, ''])
    expect(await post(await raw(text))).toMatchObject({ accepted: false, status: undefined })
})

test('an address without anybody, a name without an address, and a certificate of nobody’s', async () => {
  expect(await post(`http://127.0.0.1:${await freePort()}/`)).toMatchObject({
    error: 'nobody listens at its address (ECONNREFUSED)',
  })
  expect(await post('https://app.invalid/', 4000)).toMatchObject({ error: expect.stringMatching(/^its host name /) })
  // Without a certificate of its own it cannot even begin to speak.
  const tls = await listen(createTlsServer())
  expect(await post(tls.replace('http:', 'https:'))).toMatchObject({
    error: expect.stringMatching(/^it cannot be reached|^it broke/),
  })
})

test('it is broken off when the program ends', async () => {
  const end = new AbortController()
  const uri = await app(() => end.abort())
  expect(await post(uri, 5000, end.signal)).toMatchObject({ accepted: false, status: undefined })
})

test('the signal that ends the program, which lives on, holds nothing of an exchange that is over, however it ended', async () => {
  const { signal } = new AbortController()
  const held = () => getEventListeners(signal, 'abort').length
  const ways: RequestListener[] = [
    (_request, response) => void response.end('a body'),
    (request) => void request.socket.destroy(),
    () => undefined,
    // Its body drips: that is over when the time is.
    (_request, response) => void response.writeHead(200).write('a'),
  ]
  for (const way of ways) {
    const exchange = post(await app(way), 300, signal)
    expect(held()).toBe(1)
    await exchange
    await until(() => held() === 0)
  }
  await post('https://', 300, signal)
  expect(held()).toBe(0)
})
