// What a request of the guard leaves behind when it is over: nothing. The signal that ends all of them lives as long as the API does; what
// it still reached of a request that is over, it would hold.
import { getEventListeners } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { createRequests, RequestFailed, type Requests } from '../../guard/requests.ts'
import { workSignal } from '../../guard/work-signal.ts'

const server = createServer((request, response) => {
  if (request.url === '/hanging') return
  if (request.url === '/away') return void request.socket.destroy()
  if (request.url === '/stream') return void response.writeHead(200).write('begun')
  response.end('{}')
})
let url: string
let closing: AbortController
let requests: Requests
/** The signals that requests were sent with. */
let signals: AbortSignal[]

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

beforeEach(() => {
  closing = new AbortController()
  signals = []
  const send: typeof fetch = (input, init) => {
    if (init?.signal) signals.push(init.signal)
    return fetch(input, init)
  }
  requests = createRequests(send, closing.signal)
})

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

test('requests that were answered, or failed, are not reached by what ends all of them', async () => {
  const before = listeners(closing.signal)
  for (let count = 0; count < 20; count += 1) {
    expect((await requests.send(url)).status).toBe(200)
    await expect(requests.send(`${url}/away`)).rejects.toBeInstanceOf(RequestFailed)
    await expect(requests.open(`${url}/away`, {}, new AbortController().signal)).rejects.toBeInstanceOf(RequestFailed)
  }
  expect(listeners(closing.signal)).toBe(before)
  closing.abort()
  expect(signals).toHaveLength(60)
  expect(signals.filter(({ aborted }) => aborted)).toEqual([])
})

test('nor are streams that were ended, or were never opened', async () => {
  const before = listeners(closing.signal)
  for (let count = 0; count < 5; count += 1) {
    const connection = workSignal(closing.signal)
    const { body } = await requests.open(`${url}/stream`, {}, connection.signal)
    expect(listeners(closing.signal)).toBe(before + 1)
    const reader = body?.getReader()
    await reader?.read()
    connection.abort()
    await expect(reader?.read()).rejects.toThrow()
  }
  expect(listeners(closing.signal)).toBe(before)
  const ends = signals.map(({ reason }) => reason)
  closing.abort(new Error('closed'))
  expect(signals.map(({ reason }) => reason)).toEqual(ends)
  expect(ends).toHaveLength(5)
})

test('what is under way it ends, many at once, and what comes after it', async () => {
  const body = (await requests.open(`${url}/stream`, {}, workSignal(closing.signal).signal)).body
  const hanging = Array.from({ length: 12 }, () => requests.send(`${url}/hanging`))
  const ends = Promise.allSettled(hanging)
  // Ten listeners at one signal are what Node 20 lets pass without a warning.
  expect(listeners(closing.signal)).toBeLessThan(10)
  closing.abort(new Error('closed'))
  expect(new Set((await ends).map((end) => end.status === 'rejected' && end.reason.message))).toEqual(
    new Set([`${url}/hanging cannot be reached (closed)`]),
  )
  await expect(new Response(body).text()).rejects.toThrow('closed')
  await expect(requests.send(url)).rejects.toThrow('closed')
  await expect(requests.open(url, {}, new AbortController().signal)).rejects.toThrow('closed')
})

test('what is not answered in time is given up, and not reached either', async () => {
  await expect(requests.send(`${url}/hanging`, {}, 100)).rejects.toThrow('no answer in time')
  closing.abort()
  expect(signals.map(({ reason }) => (reason as Error).message)).toEqual(['no answer in time'])
})
