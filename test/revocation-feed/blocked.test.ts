// A listener that takes nothing of what it is sent: once it may no longer listen, its connection is closed, though the end of the
// answer can never reach it. To revocations as well as to the audit log.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { createAuditStreams } from '../../server/audit/audit-streams.ts'
import { beginEventStream } from '../../server/http/event-stream.ts'
import { createFeedListeners, type FeedCaller, type FeedListeners } from '../../server/revocation-feed/listeners.ts'
import { until } from '../support/logout-app.ts'
import { startServer, type TestServer } from '../support/server.ts'

const GUARD = 'guard'
const CALLER: FeedCaller = { clientId: GUARD, jti: 'jti', kid: undefined, issuedAt: 0, expiresAt: 4_000_000_000 }

/** More than all buffers on the way to a peer that does not read. */
const TOO_MUCH = Buffer.alloc(64 * 1024 * 1024, '\n')

let server: TestServer
let http: Server
let listeners: FeedListeners
const sockets: Socket[] = []

beforeAll(async () => {
  const clients = [
    {
      ...{ client_id: GUARD, client_secret: 'a-secret-of-the-guard-that-is-long-enough' },
      ...{ grant_types: ['client_credentials'], scope: 'revocations:read' },
    },
  ]
  server = await startServer({ provision: { clients } })
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  http.closeAllConnections()
  await new Promise((resolve) => http.close(resolve))
})

afterAll(() => server?.stop())

const connections = () => new Promise<number>((resolve) => http.getConnections((_, count) => resolve(count)))

/** Listens over a socket that reads nothing; resolves when the server has sent more than is on its way. */
async function listenBlocked(open: (response: Koa.Context['res']) => void): Promise<void> {
  const app = new Koa()
  const { promise: opened, resolve } = Promise.withResolvers<void>()
  app.use((ctx) => {
    const response = beginEventStream(ctx)
    response.write(TOO_MUCH)
    open(response)
    resolve()
  })
  http = createServer(app.callback())
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done))
  const socket = connect((http.address() as AddressInfo).port, '127.0.0.1').pause()
  sockets.push(socket)
  await once(socket, 'connect')
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await opened
  expect(await connections()).toBe(1)
}

describe('to revocations', () => {
  const listen = (caller: Partial<FeedCaller> = {}) => {
    const { follower } = server.latchkey.revocations
    listeners = createFeedListeners({ follower })
    const place = { after: follower.log.sequence, admittedAt: follower.log.sequence }
    return listenBlocked((response) => listeners.open(response, { ...CALLER, ...caller }, place))
  }

  afterEach(() => listeners.close())

  test('its connection is closed when its client is suspended', async () => {
    await listen()
    listeners.beat(true)
    await server.latchkey.nouns.events.clients.suspend(GUARD, { actor: 'system' })
    await until(() => listeners.count === 0)
    await until(async () => (await connections()) === 0)
  })

  test('and when its token expires', async () => {
    await listen({ expiresAt: server.latchkey.revocations.follower.databaseNow() + 60 })
    listeners.beat(true)
    expect([listeners.count, await connections()]).toEqual([1, 1])
    await server.advance(61)
    await server.latchkey.revocations.follower.catchUp()
    listeners.beat(true)
    expect(listeners.count).toBe(0)
    await until(async () => (await connections()) === 0)
  })

  test('one that took all of it a moment ago has until the next beat but one', async () => {
    await listen()
    listeners.close()
    expect([listeners.count, await connections()]).toEqual([0, 1])
    listeners.beat(true)
    expect(await connections()).toBe(1)
    listeners.beat(true)
    await until(async () => (await connections()) === 0)
  })
})

describe('to the audit log', () => {
  let streams: ReturnType<typeof createAuditStreams>

  const listen = (stillAllowed: () => Promise<void>) => {
    streams = createAuditStreams({ feed: { after: async () => [] } })
    const listening = { caller: 'acc_1', filter: {}, after: { seal: 0n, position: 0 }, stillAllowed }
    return listenBlocked((response) => streams.open(response, listening))
  }

  test('its connection is closed when it may no longer listen', async () => {
    let allowed = true
    await listen(async () => {
      if (!allowed) throw new Error('not any more')
    })
    for (let looks = 0; looks < 5; looks += 1) await streams.look()
    expect([streams.count, await connections()]).toEqual([1, 1])
    allowed = false
    for (let looks = 0; looks < 5; looks += 1) await streams.look()
    expect(streams.count).toBe(0)
    await until(async () => (await connections()) === 0)
  })

  test('one that took all of it a moment ago has five looks', async () => {
    await listen(async () => undefined)
    streams.close()
    expect([streams.count, await connections()]).toEqual([0, 1])
    for (let looks = 0; looks < 4; looks += 1) await streams.look()
    expect(await connections()).toBe(1)
    await streams.look()
    await until(async () => (await connections()) === 0)
  })
})
