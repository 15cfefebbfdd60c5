// Who hangs up while it is asked whether they may listen is no listener: neither to revocations nor to the audit log.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import Koa, { type Middleware } from 'koa'
import { createAuditStreams } from '../../server/audit/audit-streams.ts'
import { beginEventStream } from '../../server/http/event-stream.ts'
import { createFeedListeners } from '../../server/revocation-feed/listeners.ts'
import { createRevocationFeed } from '../../server/revocation-feed/routes.ts'
import { until } from '../support/logout-app.ts'
import { startServer, type TestServer } from '../support/server.ts'

const MANY = 50

let server: TestServer
let http: Server | undefined
const sockets: Socket[] = []

beforeAll(async () => {
  server = await startServer()
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  http?.closeAllConnections()
  await new Promise((resolve) => http?.close(resolve))
})

afterAll(() => server?.stop())

/** Requests that are let through together. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>()
  let waiting = 0
  const pass = async () => {
    waiting += 1
    await promise
  }
  return { pass, open: resolve, waiting: () => waiting }
}

/** So many ask; all but the last hang up before the gate opens. Resolves when each request has been seen to. */
async function askAndHangUp(path: string, listen: Middleware, { open, waiting }: ReturnType<typeof gate>): Promise<void> {
  let [closed, over] = [0, 0]
  const app = new Koa()
  // That somebody hung up is what this is about.
  app.silent = true
  app.use(async (ctx, next) => {
    ctx.res.once('close', () => {
      closed += 1
    })
    await next()
    over += 1
  })
  app.use(listen)
  http = createServer(app.callback())
  await new Promise<void>((resolve) => http?.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  for (let index = 0; index < MANY; index += 1) {
    const socket = connect(port, '127.0.0.1')
    sockets.push(socket)
    await once(socket, 'connect')
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`)
  }
  await until(() => waiting() === MANY)
  for (const socket of sockets.slice(0, -1)) socket.destroy()
  await until(() => closed === MANY - 1)
  open()
  await until(() => over === MANY)
}

test('who hung up before being let in does not listen to revocations, and who stayed does until they hang up', async () => {
  const { follower, acknowledgements } = server.latchkey.revocations
  const listeners = createFeedListeners({ follower })
  const door = gate()
  const caller = { clientId: 'guard', jti: 'jti', kid: undefined, issuedAt: 0, expiresAt: 4_000_000_000 }
  const feed = createRevocationFeed({
    ...{ follower, listeners, acknowledgements },
    async authorize() {
      await door.pass()
      return caller
    },
  })
  await askAndHangUp('/revocations', feed, door)
  expect(listeners.count).toBe(1)
  sockets.at(-1)?.destroy()
  await until(() => listeners.count === 0)
  listeners.close()
})

test('nor to the audit log, where they would keep the places that a person has', async () => {
  const streams = createAuditStreams({ feed: { after: async () => [] } })
  const door = gate()
  await askAndHangUp(
    '/',
    async (ctx) => {
      await door.pass()
      streams.open(beginEventStream(ctx), {
        caller: 'acc_1',
        filter: {},
        after: { seal: 0n, position: 0 },
        stillAllowed: async () => undefined,
      })
    },
    door,
  )
  expect(streams.count).toBe(1)
  sockets.at(-1)?.destroy()
  await until(() => streams.count === 0)
})
