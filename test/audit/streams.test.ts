// How listeners to the audit log are told: whoever is behind as fast as it takes, and nobody at the cost of the others. The log is made
// up, and looked at only when a test says so.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import type { AuditEntry } from '../../server/audit/audit-entry.ts'
import type { FedEntry, FeedPlace } from '../../server/audit/audit-feed.ts'
import type { AuditFilter } from '../../server/audit/audit-filter.ts'
import { type AuditStreams, createAuditStreams } from '../../server/audit/audit-streams.ts'
import { beginEventStream } from '../../server/http/event-stream.ts'
import { until } from '../support/logout-app.ts'

const MANY = 6000

let log: AuditEntry[]
let reads: number
let reachable: boolean
let streams: AuditStreams
let http: Server
let asked: { readonly filter: AuditFilter; readonly after: FeedPlace }
const sockets: Socket[] = []

const event = (id: number, more: Partial<AuditEntry> = {}): AuditEntry => ({
  ...{ id: BigInt(id), at: new Date('2026-11-20T10:00:00Z'), name: 'session.expired', outcome: 'succeeded', actor: 'system' },
  detail: { text: 'x'.repeat(300) },
  ...more,
})

/** Each event has a seal of its own. */
async function after({ seal }: FeedPlace, limit: number): Promise<FedEntry[]> {
  reads += 1
  await new Promise(setImmediate)
  if (!reachable) throw new Error('the log is away')
  const from = Number(seal)
  return log.slice(from, from + limit).map((entry, index) => ({ entry, place: { seal: BigInt(from + index + 1), position: 1 } }))
}

beforeEach(async () => {
  log = []
  reads = 0
  reachable = true
  streams = createAuditStreams({ feed: { after } })
  const app = new Koa()
  app.use((ctx) => streams.open(beginEventStream(ctx), { caller: 'acc_1', stillAllowed: async () => undefined, ...asked }))
  http = createServer(app.callback())
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done))
})

afterEach(async () => {
  streams.close()
  for (const socket of sockets.splice(0)) socket.destroy()
  http.closeAllConnections()
  await new Promise((resolve) => http.close(resolve))
})

/** Listens; what has come so far is read from the ids of the events. */
async function listen({ filter = {}, after: from = 0n }: { filter?: AuditFilter; after?: bigint } = {}) {
  asked = { filter, after: { seal: from, position: 0 } }
  const before = streams.count
  const socket = connect((http.address() as AddressInfo).port, '127.0.0.1')
  sockets.push(socket)
  await once(socket, 'connect')
  let text = ''
  socket.on('data', (some) => {
    text += some.toString()
  })
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await until(() => streams.count === before + 1)
  const events = () => [...text.matchAll(/data: \{"id":"(\d+)"/g)].map(([, id]) => Number(id))
  return { socket, text: () => text, events }
}

const numbers = (count: number, from = 1) => Array.from({ length: count }, (_, index) => from + index)

describe('one that is behind', () => {
  beforeEach(() => {
    log = numbers(MANY).map((id) => event(id))
  })

  test('is told everything, each once and in order, at one look', async () => {
    const listener = await listen()
    await streams.look()
    await until(() => listener.events().length >= MANY)
    expect(listener.events()).toEqual(numbers(MANY))
    // Nobody goes on asking when there is no more.
    const asked = reads
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate)
    expect(reads).toBe(asked)
    log.push(event(MANY + 1))
    await streams.look()
    await until(() => listener.events().length > MANY)
    expect(listener.events()).toEqual(numbers(MANY + 1))
  })

  test('also where little of it is what it asks for', async () => {
    log[MANY - 1] = event(MANY, { name: 'session.revoked' })
    const listener = await listen({ filter: { names: ['session.revoked'] } })
    await streams.look()
    await until(() => listener.events().length === 1)
    expect(listener.events()).toEqual([MANY])
  })

  test('is told on at the next look when the log was away', async () => {
    const listener = await listen()
    reachable = false
    await expect(streams.look()).rejects.toThrow('the log is away')
    reachable = true
    await streams.look()
    reachable = false
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate)
    reachable = true
    await streams.look()
    await until(() => listener.events().length >= MANY)
    expect(listener.events()).toEqual(numbers(MANY))
  })

  test('and takes nothing is read no more, keeps nobody waiting, and is cut off after a minute of looks', async () => {
    log = numbers(MANY).map((id) => event(id, { detail: { text: 'x'.repeat(4000) } }))
    const silent = await listen()
    silent.socket.pause()
    const near = await listen({ after: BigInt(MANY - 10) })
    await streams.look()
    await until(() => near.events().length === 10)
    const readAtLook: number[] = []
    while (streams.count === 2 && readAtLook.length < 1000) {
      const before = reads
      await streams.look()
      readAtLook.push(reads - before)
    }
    expect(streams.count).toBe(1)
    expect(readAtLook.length).toBeGreaterThan(60)
    // Only for the other one.
    expect(readAtLook.slice(-40)).toEqual(Array.from({ length: 40 }, () => 1))
  })
})

describe('an event that cannot be shown', () => {
  test('is not left out: who has come to it stays there, hears nothing more, and the others are told', async () => {
    log = numbers(10).map((id) => event(id))
    log[4] = event(5, { at: new Date(Number.NaN) })
    const listener = await listen()
    const other = await listen({ after: 5n })
    for (let looks = 0; looks < 5; looks += 1) await expect(streams.look()).rejects.toThrow('Invalid time value')
    await until(() => other.text().includes('event: heartbeat'))
    expect([listener.events(), other.events()]).toEqual([numbers(4), numbers(5, 6)])
    expect(listener.text()).not.toContain('event: heartbeat')
    log[4] = event(5)
    await streams.look()
    await until(() => listener.events().length === 10)
    expect(listener.events()).toEqual(numbers(10))
  })
})
