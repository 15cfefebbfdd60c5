// Redis that is gone or hangs: every call fails soon and as what it is, and all goes on by itself when it is back.
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { systemClock } from '../../config/clock.ts'
import { Secret } from '../../config/secrets.ts'
import { StorageUnavailable } from '../../server/storage/errors.ts'
import type { LiveStore } from '../../server/storage/live-store.ts'
import { openRedis } from '../../server/storage/redis.ts'
import { createSealer } from '../../server/storage/sealing.ts'
import { startPrivateRedis, startPrivateSentinel } from '../support/redis.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { freePort, waitedForProcessor } from '../support/server-process.ts'

const sealer = createSealer([new Secret(Buffer.alloc(32, 1).toString('base64url'))])
const open = (url: string) => openRedis({ url, sealer, clock: systemClock })
const record = (id: string) => ({ model: 'Interaction', id, payload: { step: 1 }, ttlSeconds: 60 })

/**
 * Two commands at most stand behind a call, and the first that is not answered in 500 ms ends it. The time for which this
 * process wanted a processor and got none is not its own.
 */
const SOON_MS = 900

async function expectUnavailable(call: Promise<unknown>): Promise<void> {
  const begun = performance.now()
  const waitedBefore = waitedForProcessor(process.pid)
  const outcome = await call.then(
    () => 'answered',
    (error: unknown) => error,
  )
  expect(outcome).toBeInstanceOf(StorageUnavailable)
  expect(outcome).toMatchObject({ store: 'redis' })
  const waited = waitedForProcessor(process.pid) - waitedBefore
  expect(performance.now() - begun - waited).toBeLessThan(SOON_MS)
}

function everyCall(store: LiveStore): Promise<unknown>[] {
  const session = { cookieId: 'c', uid: 'u', payload: {}, ttlSeconds: 60, removed: [] }
  return [
    store.ping(),
    store.put(record('a')),
    store.find('Interaction', 'a'),
    store.findByUid('Interaction', 'a'),
    store.findByUserCode('Interaction', 'a'),
    store.consume('Interaction', 'a'),
    store.destroy('Interaction', 'a'),
    store.saveSession(session),
    store.findSession('c'),
    store.findSessionByUid('u'),
    store.dropSessionPointer('c'),
    store.endSession('u'),
  ]
}

async function untilItAnswers(store: LiveStore): Promise<void> {
  for (;;) {
    try {
      return await store.ping()
    } catch {
      await wait(20)
    }
  }
}

describe('a Redis that runs, then not', () => {
  let server: RedisServer
  let store: LiveStore

  beforeAll(async () => {
    server = await startPrivateRedis()
    store = (await open(server.url)).store
  })

  afterAll(async () => {
    await store.close()
    await server.stop()
  })

  test('that hangs: each call fails in time; when it goes on, so do we', async () => {
    await store.put(record('kept'))
    server.pause()
    try {
      await Promise.all(everyCall(store).map(expectUnavailable))
      await expectUnavailable(store.find('Interaction', 'kept'))
    } finally {
      server.resume()
    }
    await untilItAnswers(store)
    expect(await store.find('Interaction', 'kept')).toMatchObject({ step: 1 })
  })

  test('that hangs for longer than a connection is kept: we connect again', async () => {
    server.pause()
    await expectUnavailable(store.ping())
    await wait(3500)
    server.resume()
    await untilItAnswers(store)
    await store.put(record('later'))
    expect(await store.find('Interaction', 'later')).toBeDefined()
  })

  test('that was killed: each call fails at once; when another is there, we are back, without anything of old', async () => {
    await store.put(record('lost'))
    await server.kill()
    await Promise.all(everyCall(store).map(expectUnavailable))
    await server.restart()
    await untilItAnswers(store)
    expect(await store.find('Interaction', 'lost')).toBeUndefined()
    await store.put(record('new'))
    expect(await store.consume('Interaction', 'new')).toBe(true)
  })

  test('that refuses to write is unavailable, and reading goes on', async () => {
    const admin = new Redis(server.url)
    await store.put(record('readable'))
    await admin.config('SET', 'min-replicas-to-write', '3')
    await expectUnavailable(store.put(record('other')))
    expect(await store.find('Interaction', 'readable')).toBeDefined()
    await admin.config('SET', 'min-replicas-to-write', '0')
    await store.put(record('other'))
    admin.disconnect()
  })

  test('its failures tell nothing of what was sent', async () => {
    server.pause()
    const failure = await store.put(record('a-code-that-is-secret')).catch((error: unknown) => error)
    server.resume()
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('a-code-that-is-secret')
    expect(failure).not.toHaveProperty('command')
    await untilItAnswers(store)
  })
})

describe('a Redis that is not there at the start', () => {
  test('is told in one line that names the reason', async () => {
    const port = await freePort()
    const failure = await open(`redis://127.0.0.1:${port}`).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StorageUnavailable)
    expect(String(failure)).toContain(`ECONNREFUSED 127.0.0.1:${port}`)
    expect(String(failure)).not.toContain('\n')
  })

  test('so is one that asks for a password', async () => {
    const guarded = await startPrivateRedis(['--requirepass', 'the-password'])
    const failure = await open(guarded.url).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StorageUnavailable)
    expect(String(failure)).toMatch(/NOAUTH|Authentication/i)
    const { store } = await open(guarded.url.replace('//', '//:the-password@'))
    await store.ping()
    await store.close()
    await guarded.stop()
  })
})

describe('behind Sentinel', () => {
  test('the master is found by its name', async () => {
    const master = await startPrivateRedis()
    const sentinel = await startPrivateSentinel(master)
    const { store } = await open(`redis+sentinel://127.0.0.1:${sentinel.port}/main/0`)
    await store.put(record('x'))
    const raw = new Redis(master.url)
    expect(await raw.dbsize()).toBe(1)
    raw.disconnect()
    await store.close()
    await sentinel.stop()
    await master.stop()
  })
})
