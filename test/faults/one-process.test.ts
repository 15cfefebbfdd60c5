// FT22: one process is cut off from one store, and its neighbour is not. What one cannot do it says, what the other does holds
// for both, and a client that goes to the neighbour loses nothing.
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createGuard, type Guard } from '../../guard/main.ts'
import { outcomeOf, until } from '../guard/trial.ts'
import { API, NOTES, SPA } from '../support/clients.ts'
import { clientRequest, introspect, refresh } from '../support/oauth.ts'
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

const GUARD = { client_id: 'guard', client_secret: 'a-secret-of-the-guard-that-is-long-enough' }
const STALENESS_SECONDS = 4

let database: TestDatabase
let lines: { readonly postgres: TcpProxy; readonly redis: TcpProxy }
let cutOff: TestServer
let neighbour: TestServer
const guards: Guard[] = []

beforeAll(async () => {
  database = await createDatabase()
  const redis = redisUrl()
  lines = {
    postgres: await startTcpProxy(Number(new URL(database.url).port)),
    redis: await startTcpProxy(Number(new URL(redis).port)),
  }
  const provision = { clients: [{ ...GUARD, grant_types: ['client_credentials'], scope: 'revocations:read' }] }
  neighbour = await startServer({ databaseUrl: database.url, redisUrl: redis, settings: IN_TIME, provision })
  cutOff = await startServer({
    databaseUrl: through(lines.postgres, database.url),
    redisUrl: through(lines.redis, redis),
    settings: { ...IN_TIME, ISSUER: neighbour.issuer },
    provision,
  })
})

afterEach(async () => {
  await Promise.all(guards.splice(0).map((guard) => guard.close()))
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

  test('FT22: the feed of the one that is cut off from PostgreSQL says nothing, and its guard lets nobody in', async () => {
    const [near, far] = [await startGuard(cutOff), await startGuard(neighbour)]
    const [good, toRevoke] = [await signedIn(neighbour), await signedIn(neighbour)].map(({ tokens }) => tokens.body)
    const [living, dead] = [good?.access_token ?? '', toRevoke?.access_token ?? '']
    for (const guard of [near, far]) await until(async () => (await outcomeOf(guard, living)) === 'good')
    lines.postgres[how]()
    try {
      await ended(toRevoke?.refresh_token)
      const answered = performance.now()
      await until(async () => (await outcomeOf(far, dead)) === 'InvalidToken: revoked')
      let letIn = answered
      await until(async () => {
        const now = performance.now()
        const outcome = await outcomeOf(near, dead)
        if (outcome === 'good') letIn = now
        return outcome !== 'good'
      })
      expect(letIn - answered).toBeLessThanOrEqual(STALENESS_SECONDS * 1000)
      // It has not heard of the end, so it cannot say more than that it does not know; of none.
      for (const token of [living, dead]) expect(await outcomeOf(near, token)).toBe('FeedUnavailable')
      // The neighbour's guard goes on, for longer than this one did.
      const later = performance.now() + STALENESS_SECONDS * 1000
      while (performance.now() < later) {
        expect(await outcomeOf(far, living)).toBe('good')
        await wait(100)
      }
      expect(await outcomeOf(near, living)).toBe('FeedUnavailable')
    } finally {
      lines.postgres.heal()
    }
    await until(async () => (await outcomeOf(near, living)) === 'good', 20_000)
    expect(await outcomeOf(near, dead)).toBe('InvalidToken: revoked')
  }, 60_000)

  test('FT22: the feed of the one that is cut off from Redis goes on', async () => {
    const near = await startGuard(cutOff)
    const { tokens } = await signedIn(neighbour)
    const token = tokens.body.access_token ?? ''
    await until(() => near.status().following === 'stream')
    lines.redis[how]()
    try {
      expect(await outcomeOf(near, token)).toBe('good')
      await ended(tokens.body.refresh_token)
      await until(async () => (await outcomeOf(near, token)) === 'InvalidToken: revoked')
      expect(near.status()).toMatchObject({ stale: false, following: 'stream' })
    } finally {
      lines.redis.heal()
    }
  }, 60_000)
})

/** A guard that listens to one process: the issuer's address leads to that one. */
async function startGuard({ issuer: address }: TestServer): Promise<Guard> {
  const guard = await createGuard({
    issuer: neighbour.issuer,
    audience: NOTES,
    client: { id: GUARD.client_id, secret: GUARD.client_secret },
    maxStalenessSeconds: STALENESS_SECONDS,
    log: () => undefined,
    fetch: (asked, sends) => fetch(String(asked).replace(neighbour.issuer, address), sends),
  })
  guards.push(guard)
  return guard
}

async function ended(refreshToken: string | undefined): Promise<void> {
  expect((await clientRequest(neighbour, '/revoke', SPA, { token: refreshToken ?? '' })).status).toBe(200)
}
