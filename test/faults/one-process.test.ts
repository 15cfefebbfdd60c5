// FT22: one process is cut off from one store, and its neighbour is not. What one cannot do it says, what the other does holds
// for both, and a client that goes to the neighbour loses nothing.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { API, SPA } from '../support/clients.ts'
import { introspect, refresh } from '../support/oauth.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import {
  IN_TIME,
  openSignIn,
  prepare,
  recovers,
  refreshes,
  revoke,
  saysNotNow,
  signedIn,
  staysDead,
  timely,
  worksWithoutRedis,
} from './under-fault.ts'

let database: TestDatabase
let lines: { readonly postgres: TcpProxy; readonly redis: TcpProxy }
let cutOff: TestServer
let neighbour: TestServer

beforeAll(async () => {
  database = await createDatabase()
  const redis = redisUrl()
  lines = {
    postgres: await startTcpProxy(Number(new URL(database.url).port)),
    redis: await startTcpProxy(Number(new URL(redis).port)),
  }
  neighbour = await startServer({ databaseUrl: database.url, redisUrl: redis, settings: IN_TIME })
  cutOff = await startServer({
    databaseUrl: through(lines.postgres, database.url),
    redisUrl: through(lines.redis, redis),
    settings: { ...IN_TIME, ISSUER: neighbour.issuer },
  })
})

afterAll(async () => {
  await cutOff?.stop()
  await neighbour?.stop()
  for (const line of Object.values(lines ?? {})) line.close()
  await database?.drop()
})

function through(line: TcpProxy, address: string): string {
  const url = new URL(address)
  url.host = `127.0.0.1:${line.port}`
  return url.href
}

describe.each(['refuse', 'hang'] as const)('its line %ss', (how) => {
  test('FT22: cut off from Redis: it refreshes and revokes, and the neighbour signs in', async () => {
    const tokens = await prepare(neighbour)
    lines.redis[how]()
    try {
      expect((await timely(() => openSignIn(cutOff))).status).toBe(503)
      expect((await signedIn(neighbour)).tokens.status).toBe(200)
      await worksWithoutRedis(cutOff, tokens)
      // What it revoked without Redis is dead at the neighbour.
      expect((await refresh(neighbour, SPA, tokens.toRevoke)).status).toBe(400)
      await staysDead(neighbour, tokens.revoked)
    } finally {
      lines.redis.heal()
    }
    await recovers(cutOff, tokens, neighbour)
  }, 60_000)

  test('FT22, I4: cut off from PostgreSQL: it says so, and the neighbour goes on with the same token', async () => {
    const tokens = await prepare(neighbour)
    lines.postgres[how]()
    let newest: { readonly refresh: string; readonly access: string }
    try {
      await saysNotNow(cutOff, tokens)
      newest = await refreshes(neighbour, tokens.kept)
      expect(await revoke(neighbour, tokens.toRevoke)).toBe(200)
      await staysDead(cutOff, tokens.revoked)
    } finally {
      lines.postgres.heal()
    }
    await recovers(cutOff, { ...tokens, kept: newest.refresh }, neighbour)
    expect(await introspect(cutOff, API, newest.access)).toMatchObject({ active: true })
    expect((await refresh(cutOff, SPA, tokens.toRevoke)).status).toBe(400)
  }, 60_000)
})
