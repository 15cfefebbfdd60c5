// The feed under load: a thousand listeners, one that does not read, and more entries at once than fit into one answer.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { metricsText } from '../../server/http/metrics.ts'
import { writeRevocations } from '../../server/tokens/revocations.ts'
import { SPA } from '../support/clients.ts'
import { samplesOf } from '../support/metrics.ts'
import { claimsOf, clientRequest, obtainTokens, tokenRequest } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type FeedListener, listen } from './listener.ts'

const GUARD = { client_id: 'guard', client_secret: 'a-secret-of-the-guard-that-is-long-enough' }
const MANY = 1000
const AT_ONCE = 50

/** Generous: others use this machine as well. */
const WITHIN_MS = 20_000

let server: TestServer
let token: string
const raw: Socket[] = []
const listeners: FeedListener[] = []

beforeAll(async () => {
  const clients = [{ ...GUARD, grant_types: ['client_credentials'], scope: 'revocations:read' }]
  server = await startServer({ provision: { clients } })
  const asks = { grant_type: 'client_credentials', resource: `${server.issuer}/revocations`, scope: 'revocations:read' }
  token = (await tokenRequest(server, GUARD, asks)).body.access_token ?? ''
})

afterEach(async () => {
  for (const socket of raw.splice(0)) socket.destroy()
  for (const listener of listeners.splice(0)) listener.close()
  await until(() => count() === 0)
})

afterAll(async () => {
  await server?.stop()
})

const count = () => server.latchkey.revocations.listeners.count
const resets = async () =>
  samplesOf(await metricsText([await server.latchkey.metrics.figures()])).get('latchkey_feed_resets_total') ?? 0

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + WITHIN_MS
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`it never came to ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** A listener as cheap as can be: what came, as text. */
async function listenRaw(after: number): Promise<{ readonly socket: Socket; readonly text: () => string }> {
  const socket = connect(Number(new URL(server.issuer).port), '127.0.0.1')
  raw.push(socket)
  let text = ''
  socket.setEncoding('utf8')
  socket.on('error', () => undefined)
  socket.on('data', (data) => {
    text += data
  })
  await once(socket, 'connect')
  const { host } = new URL(server.issuer)
  const head = [`GET /revocations?after=${after} HTTP/1.1`, `Host: ${host}`, 'Accept: text/event-stream']
  socket.write(`${[...head, `Authorization: Bearer ${token}`].join('\r\n')}\r\n\r\n`)
  await until(() => text.includes('event: heartbeat'))
  return { socket, text: () => text }
}

async function listenWell(after: number): Promise<FeedListener> {
  const listener = await listen(`${server.issuer}/revocations?after=${after}`, { authorization: `Bearer ${token}` })
  listeners.push(listener)
  await listener.until(({ events }) => events.length > 0)
  return listener
}

/** Writes so many entries in one transaction; the number of the last. */
function write(entries: number, name: string): Promise<number> {
  const values = Array.from({ length: entries }, (_, index) => ({ kind: 'jti' as const, value: `${name} ${index}` }))
  const options = { timeout: 30_000, maxWait: 30_000 }
  return server.latchkey.stores.db.$transaction(
    (tx) => writeRevocations(tx, values, { lifeSeconds: 900, reason: 'tried' }),
    options,
  )
}

test('a thousand listeners at one process all hear of a revocation, and people sign in meanwhile', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  const many: Awaited<ReturnType<typeof listenRaw>>[] = []
  while (many.length < MANY) many.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => listenRaw(0)))))
  expect(count()).toBe(MANY)
  const revocable = tokens.body.access_token ?? ''
  const said = `"value":"${claimsOf(revocable).jti}"`
  const [revoked, signedIn] = await Promise.all([
    clientRequest(server, '/revoke', SPA, { token: revocable }),
    obtainTokens(server, SPA, { person: server.grace }),
  ])
  expect([revoked.status, signedIn.tokens.status]).toEqual([200, 200])
  await until(() => many.every(({ text }) => text().includes(said)))
  // Each of them would acknowledge it: the process asks for a hundred a second in all.
  const acknowledged = await fetch(`${server.issuer}/revocations/acknowledgements`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ sequence: 0, instance: 'one' }),
  })
  expect([acknowledged.status, acknowledged.headers.get('latchkey-again-after')]).toEqual([204, '10.00'])
  // And nobody twice.
  for (const { text } of many) expect(text().split(said)).toHaveLength(2)
}, 60_000)

test('ten thousand entries of one transaction come in order, and all of them, to whoever listens', async () => {
  const from = await write(1, 'the last before')
  const listener = await listenWell(from)
  const to = await write(10_000, 'at once')
  await listener.until(() => listener.entries().length === 10_000)
  expect(listener.entries().map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: to - from }, (_, index) => from + 1 + index),
  )
  expect(listener.entries().map(({ value }) => value)).toEqual(Array.from({ length: 10_000 }, (_, index) => `at once ${index}`))
}, 60_000)

test('a listener that does not read holds up nobody: it is told to begin again, or is cut off', async () => {
  const from = await write(1, 'the last before')
  const [pausing, never, reading] = [await listenRaw(from), await listenRaw(from), await listenWell(from)]
  pausing.socket.pause()
  never.socket.pause()
  const before = await resets()
  // So long that no buffer on the way takes all of it.
  const length = 600
  for (const part of ['1', '2', '3']) await write(10_000, part.repeat(length))
  await until(() => reading.entries().length === 30_000)
  expect(reading.entries().map(({ sequence }) => Number(sequence) - from)).toEqual(
    Array.from({ length: 30_000 }, (_, index) => index + 1),
  )
  expect(await resets()).toBe(before)

  pausing.socket.resume()
  await until(() => pausing.text().includes('event: reset'))
  await until(() => pausing.socket.readableEnded || pausing.socket.destroyed)
  // What it was sent until then had no gap in it.
  const numbers = [...pausing.text().matchAll(/^id: (\d+)$/gm)].map(([, number]) => Number(number) - from)
  expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  expect(numbers.length).toBeLessThan(20_000)
  expect(await resets()).toBe(before + 1)

  for (let beats = 0; beats < 8; beats += 1) server.latchkey.revocations.listeners.beat(true)
  await until(() => count() === 1)
  expect(await resets()).toBe(before + 2)
  expect(reading.ended).toBe(false)
  expect((await obtainTokens(server, SPA)).tokens.status).toBe(200)
}, 90_000)
