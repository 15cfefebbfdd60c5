// The delivery of logout notifications: tried for a day, told at least once and by one process at a time, and never held up by
// an app that hangs.
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { createLogoutOutbox } from '../../server/logout-notifications/outbox.ts'
import { quickest } from '../support/in-time.ts'
import { ACCEPT, HANG, type LogoutApp, startLogoutApp, until, withStatus } from '../support/logout-app.ts'
import { createDatabase, moveDatabaseClock, run } from '../support/postgres.ts'
import { freePorts, startProgram } from '../support/program.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'

const KEY = Buffer.alloc(32, 3).toString('base64url')

let app: LogoutApp
let hanging: LogoutApp
let server: TestServer
/** Another process on the same database. */
let neighbour: TestServer
let sessions = 0

beforeAll(async () => {
  app = await startLogoutApp()
  hanging = await startLogoutApp()
  hanging.answer = HANG
  server = await startServer()
  neighbour = await startServer({ databaseUrl: server.databaseUrl, settings: { ISSUER: server.issuer } })
  await register(server.databaseUrl, 'app', app.uri)
  await register(server.databaseUrl, 'hanging', hanging.uri)
})

afterEach(async () => {
  app.answer = ACCEPT
  await deliver()
  app.received.length = 0
  hanging.received.length = 0
  await server.latchkey.stores.db.logoutNotification.deleteMany()
})

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
  await app?.stop()
  await hanging?.stop()
})

async function register(databaseUrl: string, id: string, uri: string): Promise<void> {
  await run(databaseUrl, 'INSERT INTO clients (id, metadata) VALUES ($1, $2)', [id, { backchannel_logout_uri: uri }])
}

/** Puts notifications in, as an end of sessions does. */
async function enqueue(databaseUrl: string, clientId: string, count = 1): Promise<void> {
  sessions += count
  await run(
    databaseUrl,
    `INSERT INTO logout_notifications (id, session_id, client_id, account_id, sid, cause, give_up_at)
     SELECT 'lgo_' || $1 || n, 'ses_' || n, $1, 'acc_1', 'sid ' || n, 'signed_out', latchkey_now() + interval '1 day'
     FROM generate_series($2::int, $3::int) AS n`,
    [clientId, sessions - count + 1, sessions],
  )
}

const list = () => server.latchkey.logout.notifications.list()
/** Delivers what is due, and waits also for what the neighbour was quicker to take. */
const deliver = async () => {
  await Promise.all([server, neighbour].map(({ latchkey }) => latchkey.logout.delivery.run()))
}
const events = (name: string) => server.latchkey.stores.db.auditEvent.findMany({ where: { name }, orderBy: { id: 'asc' } })

test('an app that is down for an hour is told when it is back, once', async () => {
  app.answer = withStatus(503)
  await enqueue(server.databaseUrl, 'app')
  await deliver()
  const [first] = await list()
  expect(first).toMatchObject({ state: 'retrying', attempts: 1, lastStatus: 503 })
  const firstWait = ((first?.nextAttemptAt?.getTime() ?? 0) - (first?.lastAttemptAt?.getTime() ?? 0)) / 1000
  expect(firstWait).toBeGreaterThan(0.9)
  expect(firstWait).toBeLessThan(5.1)
  for (let minutes = 0; minutes < 60; minutes += 5) {
    await server.advance(300)
    await deliver()
  }
  const tries = app.received.length
  // Often at first, and then ever more seldom.
  expect(tries).toBeGreaterThan(3)
  expect(tries).toBeLessThan(12)
  app.answer = ACCEPT
  await server.advance(3600)
  await deliver()
  expect(app.received).toHaveLength(tries + 1)
  expect(await list()).toMatchObject([{ state: 'delivered', attempts: tries + 1, lastStatus: 200, lastError: undefined }])
  await server.advance(3600)
  await deliver()
  expect(app.received).toHaveLength(tries + 1)
  // Each token is one of its own: an app that remembers identifiers does not refuse the second try.
  expect(new Set(app.received.map(({ claims }) => claims.jti)).size).toBe(tries + 1)
  expect(new Set(app.received.map(({ claims }) => claims.sid)).size).toBe(1)
})

test('something waits for an app until it was told, or has been given up', async () => {
  const { waiting, claim } = createLogoutOutbox({ db: server.latchkey.stores.db })
  const asked = () => waiting(['app', 'hanging', 'app-that-never-was'])
  expect(await asked()).toEqual([])
  app.answer = withStatus(503)
  await enqueue(server.databaseUrl, 'app')
  expect(await asked()).toEqual(['app'])
  await deliver()
  expect(await list()).toMatchObject([{ state: 'retrying' }])
  expect(await asked()).toEqual(['app'])
  await server.advance(60)
  // While somebody tells it, it waits for the answer.
  expect(await claim({ places: 1, perEndpoint: 1, endpoints: [], doubtful: 1 })).toHaveLength(1)
  expect(await asked()).toEqual(['app'])
  await server.advance(86_401)
  await deliver()
  expect(await list()).toMatchObject([{ state: 'failed' }])
  expect(await asked()).toEqual([])
})

test('after a day it is given up, which is recorded; the operator may have it tried again', async () => {
  app.answer = withStatus(400)
  await enqueue(server.databaseUrl, 'app')
  await deliver()
  // So that no second attempt is under way when the day passes, however slow the machine.
  await run(server.databaseUrl, "UPDATE logout_notifications SET next_attempt_at = next_attempt_at + interval '1 hour'")
  expect(await list()).toMatchObject([{ state: 'retrying', lastStatus: 400, lastError: 'it refuses the logout token (400)' }])
  await server.advance(86_401)
  await deliver()
  const [given] = await list()
  expect(given).toMatchObject({ state: 'failed', attempts: 2, nextAttemptAt: undefined, finishedAt: expect.any(Date) })
  expect((await events('logout_notification.failed')).at(-1)).toMatchObject({
    actor: 'system',
    clientId: 'app',
    accountId: 'acc_1',
    sessionId: given?.sessionId,
    reason: 'it refuses the logout token (400)',
    detail: { notification: given?.id, attempts: 2 },
  })
  app.answer = ACCEPT
  expect(await server.latchkey.logout.notifications.retry(given?.id ?? '', { actor: 'acc_admin', reason: 'repaired' })).toBe(true)
  await until(async () => (await list())[0]?.state === 'delivered')
  expect((await events('logout_notification.retried')).at(-1)).toMatchObject({ actor: 'acc_admin', reason: 'repaired' })
  expect(await server.latchkey.logout.notifications.retry(given?.id ?? '', { actor: 'acc_admin' })).toBe(false)
})

test('a client that no longer listens is not waited for', async () => {
  await run(server.databaseUrl, "INSERT INTO clients (id, metadata) VALUES ('deaf', '{}')")
  await enqueue(server.databaseUrl, 'deaf')
  await enqueue(server.databaseUrl, 'gone')
  await deliver()
  const error = 'the client no longer has a backchannel_logout_uri'
  expect(await list()).toMatchObject([
    { state: 'failed', lastError: error },
    { state: 'failed', lastError: error },
  ])
})

test('an app that hangs has few places, and the others are told at once', async () => {
  const places = { taken: 0, most: 0 }
  hanging.answer = (response) => {
    places.taken += 1
    places.most = Math.max(places.most, places.taken)
    response.on('close', () => {
      places.taken -= 1
    })
  }
  try {
    await enqueue(server.databaseUrl, 'hanging', 300)
    await server.latchkey.logout.delivery.look()
    await until(() => hanging.received.length > 0)
    const took = await quickest(4000, async () => {
      app.received.length = 0
      await enqueue(server.databaseUrl, 'app', 200)
      await server.latchkey.logout.delivery.look()
      await until(async () => (await list()).filter(({ state }) => state === 'delivered').length >= 100)
      await until(() => app.received.length === 200)
    })
    expect(took).toBeLessThan(4000)
    // This process and its neighbour, two places each.
    expect(places.most).toBeLessThanOrEqual(4)
  } finally {
    hanging.answer = withStatus(500)
    await run(server.databaseUrl, "UPDATE logout_notifications SET next_attempt_at = NULL WHERE client_id = 'hanging'")
  }
}, 60_000)

test('of two processes that deliver at once, each notification is sent by one', async () => {
  await enqueue(server.databaseUrl, 'app', 250)
  await deliver()
  await until(() => app.received.length >= 250)
  await wait(100)
  expect(app.received).toHaveLength(250)
  expect(new Set(app.received.map(({ claims }) => claims.jti)).size).toBe(250)
  expect((await list()).every(({ state, attempts }) => state === 'delivered' && attempts === 1)).toBe(true)
})

test('a process that dies after it claimed a notification has it delivered by the next one', async () => {
  const database = await createDatabase()
  await register(database.url, 'app', app.uri)
  const settings = { DATABASE_URL: database.url, REDIS_URL: redisUrl(), ENCRYPTION_KEY: KEY }
  app.answer = HANG
  const first = await startProgram(await freePorts(), settings)
  await enqueue(database.url, 'app')
  await until(() => app.received.length === 1)
  await first.kill()
  app.answer = ACCEPT
  const second = await startProgram(await freePorts(), settings)
  await wait(1500)
  expect(app.received).toHaveLength(1)
  await moveDatabaseClock(database.url, 16)
  await until(() => app.received.length === 2)
  await wait(1500)
  expect(app.received).toHaveLength(2)
  expect(await second.end()).toBe(0)
  const rows = await run(database.url, 'SELECT state, attempts FROM logout_notifications')
  expect(rows).toEqual([{ state: 'delivered', attempts: 2 }])
  await database.drop()
}, 60_000)

test('SD1: a process that is told to end waits for no app, and leaves what it was telling to the next one', async () => {
  const database = await createDatabase()
  await register(database.url, 'app', app.uri)
  const settings = { DATABASE_URL: database.url, REDIS_URL: redisUrl(), ENCRYPTION_KEY: KEY }
  app.answer = HANG
  const first = await startProgram(await freePorts(), settings)
  await enqueue(database.url, 'app', 3)
  await until(() => app.received.length === 2)
  const begun = performance.now()
  expect(await first.end()).toBe(0)
  expect(performance.now() - begun).toBeLessThan(4000)
  app.answer = ACCEPT
  const second = await startProgram(await freePorts(), settings)
  // No lease has to run out for it.
  await until(() => app.received.length === 5)
  expect(await second.end()).toBe(0)
  expect(new Set(app.received.map(({ claims }) => claims.sid)).size).toBe(3)
  await database.drop()
}, 60_000)
